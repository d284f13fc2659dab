use std::collections::BTreeSet;

use kube::{Api, Client, ResourceExt, api::ListParams};
use tenantry_domain::QuotaName;
use tenantry_k8s::{Quota, Tenant};
use tenantry_proto::tenant::v1::{
    self as proto, CreateQuotaRequest, CreateQuotaResponse, DeleteQuotaRequest,
    DeleteQuotaResponse, GetQuotaResponse, ListQuotasRequest, ListQuotasResponse,
    UpdateQuotaRequest, UpdateQuotaResponse,
};
use tenantry_runtime::{auth::Authority, page, status};
use tonic::Status;

use super::{
    mask,
    refuse::{self, Doing},
    resource::{self, Update},
    sight::Sight,
};
use crate::{
    cluster::within,
    convert::{quota_message, quota_spec},
    reconcile::Tenants,
};

/// Query that page tokens are bound to.
const QUERY: &str = "quotas";

pub(super) async fn create(
    client: &Client,
    authority: &Authority,
    request: CreateQuotaRequest,
) -> Result<CreateQuotaResponse, Status> {
    let message = request.quota.ok_or_else(|| refuse::missing("quota"))?;
    let name = QuotaName::parse(&message.name)
        .map_err(|fault| status::invalid_field("quota.name", fault.to_string()))?;
    let spec = message.spec.ok_or_else(|| refuse::missing("quota.spec"))?;
    let spec = quota_spec(&spec, None).map_err(|fault| refuse::unfit(&fault))?;
    let quota = Quota::new(name.as_str(), spec);
    let created =
        resource::create(client, quota, &authority.actor(), request.validate_only).await?;
    Ok(CreateQuotaResponse {
        quota: Some(quota_message(&created)),
    })
}

/// Reads the quota that `authority` was given for; the use of tenants out of sight is left out.
pub(super) async fn get(
    client: &Client,
    authority: &Authority,
    sight: &Sight,
    tenants: &Tenants,
) -> Result<GetQuotaResponse, Status> {
    let quota = resource::get::<Quota>(client, &authority.access().name).await?;
    Ok(GetQuotaResponse {
        quota: Some(in_sight(&quota, sight, tenants)),
    })
}

/// Which quotas, and which tenants' use of them, a caller may see.
pub(super) struct Seen<'a> {
    pub(super) sees_all: bool,
    pub(super) sight: &'a Sight,
    pub(super) tenants: &'a Tenants,
}

/// A page of the quotas in sight, by name: all by right, or those that the caller's tenants name.
pub(super) async fn list(
    client: &Client,
    seen: Seen<'_>,
    request: &ListQuotasRequest,
) -> Result<ListQuotasResponse, Status> {
    let size = page::size(request.page_size)?;
    let after = page::cursor(&request.page_token, QUERY)?.unwrap_or_default();
    let all = within(Api::<Quota>::all(client.clone()).list(&ListParams::default())).await;
    let all = all
        .map_err(|failure| refuse::cluster(&failure, "quotas", Doing::Reading))?
        .items;
    let named: BTreeSet<String> = seen
        .tenants
        .state()
        .iter()
        .filter(|tenant| seen.sight.has(tenant))
        .map(|tenant| tenant.spec.quota.clone())
        .collect();
    let is_seen = |quota: &Quota| {
        quota.name_any() > after && (seen.sees_all || named.contains(&quota.name_any()))
    };
    let mut quotas: Vec<Quota> = all.into_iter().filter(is_seen).collect();
    quotas.sort_by_key(ResourceExt::name_any);
    let has_more = quotas.len() > size;
    quotas.truncate(size);
    let last = quotas
        .last()
        .map(ResourceExt::name_any)
        .filter(|_| has_more);
    Ok(ListQuotasResponse {
        quotas: quotas
            .iter()
            .map(|quota| in_sight(quota, seen.sight, seen.tenants))
            .collect(),
        next_page_token: last
            .map(|last| page::token(&last, QUERY))
            .unwrap_or_default(),
    })
}

/// What one tenant uses is nothing to another.
fn in_sight(quota: &Quota, sight: &Sight, tenants: &Tenants) -> proto::Quota {
    let visible: BTreeSet<String> = tenants
        .state()
        .iter()
        .filter(|tenant| sight.has(tenant))
        .map(|tenant| tenant.name_any())
        .collect();
    let mut message = quota_message(quota);
    message
        .tenants
        .retain(|usage| matches!(sight, Sight::All) || visible.contains(&usage.tenant));
    message
}

pub(super) async fn update(
    client: &Client,
    authority: &Authority,
    request: UpdateQuotaRequest,
) -> Result<UpdateQuotaResponse, Status> {
    let message = request.quota.ok_or_else(|| refuse::missing("quota"))?;
    let given = message.spec.unwrap_or_default();
    let change = |quota: Quota| {
        let before = quota_message(&quota).spec.unwrap_or_default();
        let wanted = mask::quota(before, &given, request.update_mask.as_ref())?;
        let spec = quota_spec(&wanted, Some(&quota.spec)).map_err(|fault| refuse::unfit(&fault))?;
        Ok(Quota { spec, ..quota })
    };
    let actor = authority.actor();
    let update = Update {
        name: &message.name,
        etag: &message.etag,
        actor: &actor,
        dry_run: request.validate_only,
        change,
    };
    let quota = resource::update(client, update).await?;
    Ok(UpdateQuotaResponse {
        quota: Some(quota_message(&quota)),
    })
}

pub(super) async fn delete(
    client: &Client,
    authority: &Authority,
    request: DeleteQuotaRequest,
) -> Result<DeleteQuotaResponse, Status> {
    let DeleteQuotaRequest {
        name,
        etag,
        validate_only,
    } = request;
    let params = ListParams::default().fields(&format!("spec.quota={name}"));
    let users = within(Api::<Tenant>::all(client.clone()).list(&params)).await;
    let users = users.map_err(|failure| refuse::cluster(&failure, "tenants", Doing::Reading))?;
    let names: Vec<String> = users.iter().map(ResourceExt::name_any).collect();
    if !names.is_empty() {
        return Err(refuse::quota_in_use(&name, &names));
    }
    resource::delete::<Quota>(client, &name, &etag, &authority.actor(), validate_only).await?;
    Ok(DeleteQuotaResponse {})
}
