use tenantry_k8s::Tenant;

use super::{Whose, facts};
use crate::store::{Error, Store};

/// What is recorded about the pausing of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reconcile) enum Noted {
    /// It is recorded as it is.
    Known,
    /// The tenant itself is not recorded yet.
    Nothing,
}

/// Records that `tenant` is paused, or no longer, if that is new.
pub(in crate::reconcile) async fn paused(
    store: &Store,
    tenant: &Tenant,
    whose: &Whose,
    is_paused: bool,
) -> Result<Noted, Error> {
    let mut record = store.begin().await?;
    let known = match record.is_paused(whose.uid).await? {
        None => return Ok(Noted::Nothing),
        Some(known) => known,
    };
    if known != is_paused {
        let kind = if is_paused {
            "TenantPaused"
        } else {
            "TenantResumed"
        };
        record.tenant_paused(whose.uid, is_paused).await?;
        record.event(&facts::tenant(whose, kind, tenant)).await?;
        record.commit().await?;
    }
    Ok(Noted::Known)
}
