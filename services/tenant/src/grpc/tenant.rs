use std::sync::Arc;

use kube::{Client, ResourceExt as _};
use tenantry_domain::{QuotaName, TenantName};
use tenantry_k8s::{Tenant, TenantSpec};
use tenantry_proto::tenant::v1::{
    CreateTenantRequest, CreateTenantResponse, DeleteTenantRequest, DeleteTenantResponse,
    GetTenantResponse, ListTenantsRequest, ListTenantsResponse, UpdateTenantRequest,
    UpdateTenantResponse,
};
use tenantry_runtime::{auth::Authority, status};
use tonic::Status;

use super::{
    Service,
    list::Wanted,
    mask, refuse,
    resource::{self, Deletion, Update},
    sight::Sight,
};
use crate::convert::{tenant_message, tenant_spec};

pub(super) async fn create(
    client: &Client,
    authority: &Authority,
    request: CreateTenantRequest,
) -> Result<CreateTenantResponse, Status> {
    let message = request.tenant.ok_or_else(|| refuse::missing("tenant"))?;
    let name: TenantName = refuse::name("tenant.name", &message.name)?;
    let spec = message.spec.ok_or_else(|| refuse::missing("tenant.spec"))?;
    let spec = tenant_spec(&spec).map_err(|fault| refuse::unfit(&fault))?;
    check_quota(&spec)?;
    let tenant = Tenant::new(name.as_str(), spec);
    let created =
        resource::create(client, tenant, &authority.actor(), request.validate_only).await?;
    Ok(CreateTenantResponse {
        tenant: Some(tenant_message(&created)),
    })
}

/// Reads the tenant that `authority` was given for.
pub(super) async fn get(
    client: &Client,
    authority: &Authority,
) -> Result<GetTenantResponse, Status> {
    let name: TenantName = refuse::name("name", &authority.access().name)?;
    let tenant = resource::get::<Tenant>(client, name.as_str()).await?;
    Ok(GetTenantResponse {
        tenant: Some(tenant_message(&tenant)),
    })
}

/// A page of the tenants in sight, by name.
pub(super) async fn list(
    service: &Service,
    sight: &Sight,
    request: &ListTenantsRequest,
) -> Result<ListTenantsResponse, Status> {
    let page = Wanted::parse(request.page_size, &request.page_token, "tenants")?;
    let all = service.indexes.tenants.now().await?;
    let candidates = sight.candidates(&all);
    let (tenants, next_page_token) = page
        .reviewed(&candidates, |tenant: Arc<Tenant>| async move {
            let is_seen = service.sees(sight, &tenant.name_any()).await?;
            Ok(is_seen.then(|| tenant_message(&tenant)))
        })
        .await?;
    Ok(ListTenantsResponse {
        tenants,
        next_page_token,
    })
}

pub(super) async fn update(
    client: &Client,
    authority: &Authority,
    request: UpdateTenantRequest,
) -> Result<UpdateTenantResponse, Status> {
    let message = request.tenant.ok_or_else(|| refuse::missing("tenant"))?;
    let name: TenantName = refuse::name("tenant.name", &message.name)?;
    let mask = request.update_mask.as_ref();
    let given = mask::given(message.spec, mask, "tenant.spec")?;
    let change = |tenant: Tenant| {
        let before = tenant_message(&tenant).spec.unwrap_or_default();
        let wanted = mask::tenant(before, &given, mask)?;
        let spec = tenant_spec(&wanted).map_err(|fault| refuse::unfit(&fault))?;
        Ok(Tenant { spec, ..tenant })
    };
    let there = resource::get::<Tenant>(client, name.as_str()).await?;
    let wanted = change(there.clone())?;
    check_quota(&wanted.spec)?;
    let actor = authority.actor();
    let update = Update {
        etag: &message.etag,
        actor: &actor,
        dry_run: request.validate_only,
        change,
    };
    let tenant = resource::update(client, there, update).await?;
    Ok(UpdateTenantResponse {
        tenant: Some(tenant_message(&tenant)),
    })
}

pub(super) async fn delete(
    client: &Client,
    authority: &Authority,
    request: DeleteTenantRequest,
) -> Result<DeleteTenantResponse, Status> {
    let name: TenantName = refuse::name("name", &request.name)?;
    let deletion = Deletion {
        name: name.as_str(),
        etag: &request.etag,
        actor: &authority.actor(),
        dry_run: request.validate_only,
    };
    resource::delete::<Tenant>(client, deletion).await?;
    Ok(DeleteTenantResponse {})
}

/// Whether the quota's name can be one. Whether there is such a quota, the webhook says.
fn check_quota(spec: &TenantSpec) -> Result<(), Status> {
    const FIELD: &str = "tenant.spec.quota";
    if spec.quota.is_empty() {
        return Err(status::invalid_field(FIELD, "is empty; name a Quota"));
    }
    refuse::name::<QuotaName>(FIELD, &spec.quota).map(drop)
}
