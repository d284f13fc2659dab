//! Writing an earlier spec again.

use kube::ResourceExt as _;
use tenantry_domain::TenantName;
use tenantry_k8s::Tenant;
use tenantry_proto::tenant::v1::{RevertTenantRequest, RevertTenantResponse};
use tenantry_runtime::auth::Authority;
use tonic::Status;

use super::{
    Service, refuse,
    resource::{self, Update},
};
use crate::{
    convert::{revision_spec, tenant_message},
    store::RevisionQuery,
};

/// Writes an earlier spec of the tenant that lives now: the way of every other write, so it is a new revision.
pub(super) async fn revert(
    service: &Service,
    authority: &Authority,
    request: RevertTenantRequest,
) -> Result<RevertTenantResponse, Status> {
    let name: TenantName = refuse::name("name", &request.name)?;
    let there = resource::get::<Tenant>(&service.client, name.as_str()).await?;
    let query = RevisionQuery {
        tenant: name.as_str(),
        uid: Some(
            there
                .uid()
                .and_then(|uid| uid.parse().ok())
                .unwrap_or_default(),
        ),
        generation: Some(request.generation),
        limit: 1,
        ..RevisionQuery::default()
    };
    let found = service.store.revisions(&query).await;
    let found = found.map_err(|failure| refuse::history(&failure))?;
    let thing = format!("revision {} of tenant {name}", request.generation);
    let revision = found.first().ok_or_else(|| refuse::not_found(&thing))?;
    let spec = revision_spec(revision).map_err(|fault| refuse::outdated(&thing, &fault))?;
    let actor = authority.actor();
    let update = Update {
        etag: &request.etag,
        actor: &actor,
        dry_run: request.validate_only,
        change: |there| {
            let spec = spec.clone();
            Ok(Tenant { spec, ..there })
        },
    };
    let tenant = resource::update(&service.client, there, update).await?;
    Ok(RevertTenantResponse {
        tenant: Some(tenant_message(&tenant)),
    })
}
