//! Stopping to reconcile a tenant, and going on.

use serde_json::json;
use tenantry_domain::TenantName;
use tenantry_k8s::{Tenant, keys};
use tenantry_runtime::auth::Authority;
use tonic::Status;

use super::{
    Service, refuse,
    resource::{self, Annotation},
};
use crate::reconcile::pause::is_asked;

/// What is asked for of a tenant's pausing.
pub(super) struct Pause {
    pub(super) name: String,
    pub(super) etag: String,
    pub(super) dry_run: bool,
    pub(super) is_paused: bool,
}

/// Asks for `pause`, marked with who asked. The annotations stay when the tenant is resumed: of one that is gone, the
/// apiserver does not tell who took it away.
pub(super) async fn set(
    service: &Service,
    authority: &Authority,
    pause: Pause,
) -> Result<Tenant, Status> {
    let name: TenantName = refuse::name("name", &pause.name)?;
    let there = resource::get::<Tenant>(&service.client, name.as_str()).await?;
    resource::check(&there, &pause.etag, &format!("tenant {name}"))?;
    if is_asked(&there.metadata) == pause.is_paused {
        return Ok(there);
    }
    let annotation = Annotation {
        etag: &pause.etag,
        dry_run: pause.dry_run,
        values: json!({
            keys::PAUSED: pause.is_paused.to_string(), keys::PAUSED_BY: authority.actor().name,
        }),
    };
    resource::annotate(&service.client, &there, annotation).await
}
