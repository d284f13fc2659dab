use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use kube::{Client, ResourceExt as _};
use tenantry_domain::QuotaName;
use tenantry_k8s::{Quota, Tenant};
use tenantry_proto::tenant::v1::{
    self as proto, CreateQuotaRequest, CreateQuotaResponse, DeleteQuotaRequest,
    DeleteQuotaResponse, GetQuotaResponse, ListQuotasRequest, ListQuotasResponse,
    UpdateQuotaRequest, UpdateQuotaResponse,
};
use tenantry_runtime::auth::Authority;
use tonic::Status;

use super::{
    Service,
    list::Wanted,
    mask, refuse,
    resource::{self, Deletion, Update},
    sight::{Seen, Sight},
    state::Things,
};
use crate::convert::{quota_message, quota_spec};

pub(super) async fn create(
    client: &Client,
    authority: &Authority,
    request: CreateQuotaRequest,
) -> Result<CreateQuotaResponse, Status> {
    let message = request.quota.ok_or_else(|| refuse::missing("quota"))?;
    let name: QuotaName = refuse::name("quota.name", &message.name)?;
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
    service: &Service,
    authority: &Authority,
    sight: &Sight,
) -> Result<GetQuotaResponse, Status> {
    let name: QuotaName = refuse::name("name", &authority.access().name)?;
    let quota = resource::get::<Quota>(&service.client, name.as_str()).await?;
    Ok(GetQuotaResponse {
        quota: Some(in_sight(service, sight, &quota).await?),
    })
}

/// A page of the quotas, by name: all if `sees_all`, otherwise those that candidates name, as far as the caller may get each
/// by its name. Who sees every tenant sees what they name.
pub(super) async fn list(
    service: &Service,
    sees_all: bool,
    sight: &Sight,
    request: &ListQuotasRequest,
) -> Result<ListQuotasResponse, Status> {
    let page = Wanted::parse(request.page_size, &request.page_token, "quotas")?;
    let all = service.indexes.quotas.now().await?;
    let tenants = service.indexes.tenants.now().await?;
    let (candidates, reach) = match sees_all {
        true => (Cow::Borrowed(all.things()), Sight::All),
        false => {
            let named = named(&sight.candidates(&tenants), all.things());
            (Cow::Owned(named), sight.over("quotas"))
        }
    };
    let reach = &reach;
    let (quotas, next_page_token) = page
        .reviewed(&candidates, |quota: Arc<Quota>| async move {
            let is_seen = service.sees(reach, &quota.name_any()).await?;
            Ok(is_seen.then_some(quota))
        })
        .await?;
    let users = quotas.iter().flat_map(|quota| users(quota)).collect();
    let seen = service.seen(sight, &tenants, users).await?;
    Ok(ListQuotasResponse {
        quotas: quotas.iter().map(|quota| only(quota, &seen)).collect(),
        next_page_token,
    })
}

/// Those of `quotas` that one of `tenants` names.
fn named(tenants: &Things<Tenant>, quotas: &Things<Quota>) -> Things<Quota> {
    let named = tenants.values().map(|tenant| &tenant.spec.quota);
    named
        .filter_map(|name| quotas.get_key_value(name))
        .map(|(name, quota)| (name.clone(), quota.clone()))
        .collect()
}

/// The quota without the use of tenants out of sight: what one tenant uses is nothing to another.
pub(super) async fn in_sight(
    service: &Service,
    sight: &Sight,
    quota: &Quota,
) -> Result<proto::Quota, Status> {
    let tenants = service.indexes.tenants.now().await?;
    let seen = service.seen(sight, &tenants, users(quota)).await?;
    Ok(only(quota, &seen))
}

/// Names of the tenants whose use the quota tells.
fn users(quota: &Quota) -> BTreeSet<String> {
    let status = quota.status.iter();
    status
        .flat_map(|status| status.tenants.keys().cloned())
        .collect()
}

fn only(quota: &Quota, seen: &Seen) -> proto::Quota {
    let mut message = quota_message(quota);
    message.tenants.retain(|usage| seen.has(&usage.tenant));
    message
}

pub(super) async fn update(
    client: &Client,
    authority: &Authority,
    request: UpdateQuotaRequest,
) -> Result<UpdateQuotaResponse, Status> {
    let message = request.quota.ok_or_else(|| refuse::missing("quota"))?;
    let name: QuotaName = refuse::name("quota.name", &message.name)?;
    let mask = request.update_mask.as_ref();
    let given = mask::given(message.spec, mask, "quota.spec")?;
    let change = |quota: Quota| {
        let before = quota_message(&quota).spec.unwrap_or_default();
        let wanted = mask::quota(before, &given, mask)?;
        let spec = quota_spec(&wanted, Some(&quota.spec)).map_err(|fault| refuse::unfit(&fault))?;
        Ok(Quota { spec, ..quota })
    };
    let actor = authority.actor();
    let update = Update {
        etag: &message.etag,
        actor: &actor,
        dry_run: request.validate_only,
        change,
    };
    let there = resource::get::<Quota>(client, name.as_str()).await?;
    let quota = resource::update(client, there, update).await?;
    Ok(UpdateQuotaResponse {
        quota: Some(quota_message(&quota)),
    })
}

pub(super) async fn delete(
    client: &Client,
    authority: &Authority,
    request: DeleteQuotaRequest,
) -> Result<DeleteQuotaResponse, Status> {
    let name: QuotaName = refuse::name("name", &request.name)?;
    let deletion = Deletion {
        name: name.as_str(),
        etag: &request.etag,
        actor: &authority.actor(),
        dry_run: request.validate_only,
    };
    resource::delete::<Quota>(client, deletion).await?;
    Ok(DeleteQuotaResponse {})
}
