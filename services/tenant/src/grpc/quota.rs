use kube::Client;
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
    index::{Indexes, Things},
    list::Wanted,
    mask, refuse,
    resource::{self, Deletion, Update},
    sight::Sight,
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
    client: &Client,
    authority: &Authority,
    sight: &Sight,
    indexes: &Indexes,
) -> Result<GetQuotaResponse, Status> {
    let name: QuotaName = refuse::name("name", &authority.access().name)?;
    let quota = resource::get::<Quota>(client, name.as_str()).await?;
    let tenants = indexes.tenants.now().await?;
    Ok(GetQuotaResponse {
        quota: Some(in_sight(&quota, sight, &tenants)),
    })
}

/// A page of the quotas, by name: all if `sees_all`, otherwise those that the tenants in sight name.
pub(super) async fn list(
    indexes: &Indexes,
    sees_all: bool,
    sight: &Sight,
    request: &ListQuotasRequest,
) -> Result<ListQuotasResponse, Status> {
    let page = Wanted::parse(request.page_size, &request.page_token, "quotas")?;
    let (all, tenants) = (indexes.quotas.now().await?, indexes.tenants.now().await?);
    let named = sight.quotas(&tenants);
    let seen = all
        .iter()
        .filter(|(name, _)| sees_all || named.contains(*name));
    let (quotas, next_page_token) = page.of(seen.map(|(name, quota)| (name.clone(), quota)));
    Ok(ListQuotasResponse {
        quotas: quotas
            .into_iter()
            .map(|quota| in_sight(quota, sight, &tenants))
            .collect(),
        next_page_token,
    })
}

/// The quota without the use of tenants out of sight: what one tenant uses is nothing to another.
pub(super) fn in_sight(quota: &Quota, sight: &Sight, tenants: &Things<Tenant>) -> proto::Quota {
    let is_seen = |name: &String| {
        let tenant = tenants.get(name);
        matches!(sight, Sight::All) || tenant.is_some_and(|tenant| sight.has(name, tenant))
    };
    let mut message = quota_message(quota);
    message.tenants.retain(|usage| is_seen(&usage.tenant));
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
