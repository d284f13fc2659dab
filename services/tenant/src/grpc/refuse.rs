//! Failures to statuses, in one place.

use tenantry_domain::NameError;
use tenantry_proto::common::v1::Reason;
use tenantry_runtime::{Chain, status};
use tonic::{Code, Status};

use crate::{cluster, convert::Unfit};

/// What was being done, to tell an existing thing from a lost update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Reading,
    Creating,
    Changing,
}

/// What the apiserver said about `thing` (such as `tenant logistics`).
pub(super) fn cluster(failure: &cluster::Error, thing: &str, doing: Doing) -> Status {
    let words = match failure {
        cluster::Error::Call(kube::Error::Api(status)) => status.message.clone(),
        cluster::Error::Call(_) | cluster::Error::Elapsed => String::new(),
    };
    match (failure.code(), doing) {
        (Some(404), _) => not_found(thing),
        (Some(409), Doing::Creating) => {
            let message = format!("{thing} exists already; update it, or choose another name");
            told(Code::AlreadyExists, Reason::AlreadyExists, message, thing)
        }
        (Some(409), _) => conflict(thing),
        (Some(400 | 422), _) => told(Code::InvalidArgument, Reason::ClusterRefused, words, thing),
        (Some(403), _) => told(
            Code::FailedPrecondition,
            Reason::ClusterRefused,
            words,
            thing,
        ),
        _ => {
            tracing::warn!(thing, error = %Chain(failure), "The apiserver did not answer a call.");
            unavailable(thing)
        }
    }
}

/// Nobody can say now what there is of `thing`.
pub(super) fn unavailable(thing: &str) -> Status {
    let message = format!("the apiserver cannot be asked about {thing} now; try again in a moment");
    told(
        Code::Unavailable,
        Reason::ClusterUnavailable,
        message,
        thing,
    )
}

pub(super) fn not_found(thing: &str) -> Status {
    told(
        Code::NotFound,
        Reason::NotFound,
        format!("{thing} does not exist; list what there is"),
        thing,
    )
}

pub(super) fn conflict(thing: &str) -> Status {
    let message = format!("{thing} changed since it was read; read it again and repeat the change");
    told(Code::Aborted, Reason::Conflict, message, thing)
}

pub(super) fn quota_missing(quota: &str) -> Status {
    let message =
        format!("quota {quota} does not exist; create it or name another in tenant.spec.quota");
    status::with_reason(
        Code::FailedPrecondition,
        Reason::QuotaNotFound,
        message,
        [("quota", quota.to_owned())],
    )
}

pub(super) fn quota_in_use(quota: &str, tenants: &[String]) -> Status {
    let tenants = tenants.join(", ");
    let message =
        format!("quota {quota} is used by tenants: {tenants}; give them another one first");
    let metadata = [("quota", quota.to_owned()), ("tenants", tenants)];
    status::with_reason(
        Code::FailedPrecondition,
        Reason::QuotaInUse,
        message,
        metadata,
    )
}

pub(super) fn unfit(unfit: &Unfit) -> Status {
    status::invalid_field(
        unfit.field,
        format!("does not fit the CRD: {}", unfit.source),
    )
}

/// The name at `field`. Nothing else gets into a URL or a selector.
pub(super) fn name<N>(field: &'static str, text: &str) -> Result<N, Status>
where
    N: TryFrom<String, Error = NameError>,
{
    N::try_from(text.to_owned()).map_err(|fault| status::invalid_field(field, fault.to_string()))
}

pub(super) fn missing(field: &'static str) -> Status {
    status::invalid_field(field, "is missing; give it")
}

fn told(code: Code, reason: Reason, message: String, thing: &str) -> Status {
    status::with_reason(code, reason, message, [("resource", thing.to_owned())])
}
