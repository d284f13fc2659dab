//! Who may not see everybody's part of something is shown his own: that of the tenants he may see.

use tonic::Code;

use super::tenant;
use crate::{error::Error, session::Session};

/// Whether `failure` says that the caller may not see everybody's part.
pub(crate) fn is_denied(failure: &Error) -> bool {
    matches!(failure, Error::Rpc { status, .. } if status.code() == Code::PermissionDenied)
}

/// Names of the tenants that the caller may see; none where that is not known either.
pub(crate) async fn tenants(session: &Session) -> Vec<String> {
    let own = tenant::all(session).await.unwrap_or_default();
    own.into_iter().map(|tenant| tenant.name).collect()
}

/// Says that only a part is shown.
pub(crate) fn note(session: &Session, what: &str, tenants: &[String]) {
    let names = tenants.join(", ");
    session.out.talk(format!(
        "You may not see {what} of everybody; this is that of your tenants: {names}."
    ));
}

/// Where nothing was found about `tenant`: whether there is such a tenant at all.
///
/// Errors: NOT_FOUND, as the tenant service says it. That it cannot be asked is no reason to fail.
pub(crate) async fn require(session: &Session, tenant: &str) -> Result<(), Error> {
    match tenant::fetch(session, tenant.to_owned()).await {
        Err(failure @ Error::Rpc { .. }) if is_absent(&failure) => Err(failure),
        _ => Ok(()),
    }
}

fn is_absent(failure: &Error) -> bool {
    matches!(failure, Error::Rpc { status, .. } if status.code() == Code::NotFound)
}
