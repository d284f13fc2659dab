use kube::{Client, ResourceExt};
use tenantry_domain::TenantName;
use tenantry_k8s::{Quota, Tenant, TenantSpec};
use tenantry_proto::tenant::v1::{
    CreateTenantRequest, CreateTenantResponse, DeleteTenantRequest, DeleteTenantResponse,
    GetTenantResponse, ListTenantsRequest, ListTenantsResponse, UpdateTenantRequest,
    UpdateTenantResponse,
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
    cluster,
    convert::{tenant_message, tenant_spec},
    reconcile::Tenants,
};

/// Query that page tokens are bound to.
const QUERY: &str = "tenants";

pub(super) async fn create(
    client: &Client,
    authority: &Authority,
    request: CreateTenantRequest,
) -> Result<CreateTenantResponse, Status> {
    let message = request.tenant.ok_or_else(|| refuse::missing("tenant"))?;
    let name = TenantName::parse(&message.name)
        .map_err(|fault| status::invalid_field("tenant.name", fault.to_string()))?;
    let spec = message.spec.ok_or_else(|| refuse::missing("tenant.spec"))?;
    let spec = tenant_spec(&spec).map_err(|fault| refuse::unfit(&fault))?;
    check_quota(client, &spec).await?;
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
    let tenant = resource::get::<Tenant>(client, &authority.access().name).await?;
    Ok(GetTenantResponse {
        tenant: Some(tenant_message(&tenant)),
    })
}

/// A page of the tenants in sight, by name.
pub(super) fn list(
    tenants: &Tenants,
    sight: &Sight,
    request: &ListTenantsRequest,
) -> Result<ListTenantsResponse, Status> {
    let size = page::size(request.page_size)?;
    let after = page::cursor(&request.page_token, QUERY)?.unwrap_or_default();
    let mut seen: Vec<_> = tenants
        .state()
        .into_iter()
        .filter(|tenant| tenant.name_any() > after && sight.has(tenant))
        .collect();
    seen.sort_by_key(|tenant| tenant.name_any());
    let has_more = seen.len() > size;
    seen.truncate(size);
    let last = seen
        .last()
        .map(|tenant| tenant.name_any())
        .filter(|_| has_more);
    Ok(ListTenantsResponse {
        tenants: seen.iter().map(|tenant| tenant_message(tenant)).collect(),
        next_page_token: last
            .map(|last| page::token(&last, QUERY))
            .unwrap_or_default(),
    })
}

pub(super) async fn update(
    client: &Client,
    authority: &Authority,
    request: UpdateTenantRequest,
) -> Result<UpdateTenantResponse, Status> {
    let message = request.tenant.ok_or_else(|| refuse::missing("tenant"))?;
    let given = message.spec.unwrap_or_default();
    let there = resource::get::<Tenant>(client, &message.name).await?;
    let change = |tenant: Tenant| {
        let before = tenant_message(&tenant).spec.unwrap_or_default();
        let wanted = mask::tenant(before, &given, request.update_mask.as_ref())?;
        let spec = tenant_spec(&wanted).map_err(|fault| refuse::unfit(&fault))?;
        Ok(Tenant { spec, ..tenant })
    };
    check_quota(client, &change(there)?.spec).await?;
    let actor = authority.actor();
    let update = Update {
        name: &message.name,
        etag: &message.etag,
        actor: &actor,
        dry_run: request.validate_only,
        change,
    };
    let tenant = resource::update(client, update).await?;
    Ok(UpdateTenantResponse {
        tenant: Some(tenant_message(&tenant)),
    })
}

pub(super) async fn delete(
    client: &Client,
    authority: &Authority,
    request: DeleteTenantRequest,
) -> Result<DeleteTenantResponse, Status> {
    let DeleteTenantRequest {
        name,
        etag,
        validate_only,
    } = request;
    resource::delete::<Tenant>(client, &name, &etag, &authority.actor(), validate_only).await?;
    Ok(DeleteTenantResponse {})
}

/// Tells a missing quota at once; one that goes later is a condition.
async fn check_quota(client: &Client, spec: &TenantSpec) -> Result<(), Status> {
    if spec.quota.is_empty() {
        return Err(status::invalid_field(
            "tenant.spec.quota",
            "is empty; name a Quota",
        ));
    }
    let found = cluster::find::<Quota>(client, &spec.quota).await;
    let found = found.map_err(|failure| {
        refuse::cluster(&failure, &format!("quota {}", spec.quota), Doing::Reading)
    })?;
    found
        .map(drop)
        .ok_or_else(|| refuse::quota_missing(&spec.quota))
}
