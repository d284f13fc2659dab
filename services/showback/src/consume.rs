//! Tenant events in, ownership intervals out.

use sqlx::PgConnection;
use tenantry_domain::TenantName;
use tenantry_events::{ApplyError, ConsumerSpec, Envelope, Projection};
use tenantry_proto::tenant::v1::{
    NamespaceCreated, NamespaceReleased, OwnedNamespace, TenantDeleted,
};
use uuid::Uuid;

use crate::store::{self, Owned, Store};

/// What showback wants to hear of tenants.
pub fn spec() -> ConsumerSpec {
    ConsumerSpec {
        durable: "showback-ownership".into(),
        subjects: vec!["tenant.v1.namespace.*".into(), "tenant.v1.tenant.*".into()],
    }
}

/// Who owned which namespace when.
#[derive(Debug, Clone, Copy)]
pub struct Ownership;

impl Projection for Ownership {
    async fn apply(&self, conn: &mut PgConnection, event: &Envelope) -> Result<(), ApplyError> {
        let at_s = event.time.as_second();
        match event.kind() {
            "NamespaceCreated" => {
                let message: NamespaceCreated = event.message()?;
                let owned = owned(event, message.namespace)?;
                Store::begin_ownership(conn, &owned, event.revision, at_s)
                    .await
                    .map_err(failure)
            }
            "NamespaceReleased" => {
                let message: NamespaceReleased = event.message()?;
                let owned = owned(event, message.namespace)?;
                let ended = Store::end_ownership(conn, &owned, event.revision, at_s);
                // An interval needs its beginning: the event overtook it and waits, however long.
                if ended.await.map_err(failure)? {
                    Ok(())
                } else {
                    Err(sqlx::Error::RowNotFound.into())
                }
            }
            "TenantDeleted" => {
                let message: TenantDeleted = event.message()?;
                let tenant = message
                    .tenant
                    .ok_or_else(|| nonsense(event, "it names no tenant"))?;
                let tenant_uid = uid(event, &tenant.uid)?;
                Store::delete_tenant(conn, tenant_uid, at_s)
                    .await
                    .map_err(failure)
            }
            "TenantCreated" | "TenantUpdated" | "TenantApplied" | "TenantPaused"
            | "TenantResumed" => Ok(()),
            _ => Err(nonsense(event, "its kind is unknown")),
        }
    }
}

fn owned(event: &Envelope, message: Option<OwnedNamespace>) -> Result<Owned, ApplyError> {
    let message = message.ok_or_else(|| nonsense(event, "it names no namespace"))?;
    let tenant = TenantName::parse(message.tenant)
        .map_err(|broken| nonsense(event, &format!("its tenant's name {broken}")))?;
    Ok(Owned {
        namespace_uid: uid(event, &message.namespace_uid)?,
        namespace: message.namespace,
        tenant,
        tenant_uid: uid(event, &message.tenant_uid)?,
    })
}

fn uid(event: &Envelope, text: &str) -> Result<Uuid, ApplyError> {
    text.parse()
        .map_err(|broken| nonsense(event, &format!("{text:?} is no uid: {broken}")))
}

fn nonsense(event: &Envelope, why: &str) -> ApplyError {
    ApplyError::Nonsense {
        id: event.id,
        why: why.to_owned(),
    }
}

fn failure(failure: store::Error) -> ApplyError {
    match failure {
        store::Error::Sql { source, .. } => ApplyError::Store(source),
        store::Error::Record(source) => ApplyError::Record(source),
    }
}
