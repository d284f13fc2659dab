//! Failures to statuses, in one place.

use tenantry_domain::NameError;
use tenantry_proto::common::v1::Reason;
use tenantry_runtime::{Chain, status};
use tonic::{Code, Status};

use crate::{
    admission::verdict::{Refused, Rule},
    cluster,
    convert::Unfit,
    store,
};

/// What was being done, to tell an existing thing from a lost update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Reading,
    Creating,
    Changing,
}

/// What the apiserver said about `thing` (such as `tenant logistics`).
pub(super) fn cluster(failure: &cluster::Error, thing: &str, doing: Doing) -> Status {
    if let cluster::Error::Call(call) = failure
        && let Some(refused) = Refused::read(call)
    {
        return by_webhook(&refused, thing);
    }
    if let cluster::Error::Call(kube::Error::SerdeError(fault)) = failure {
        return outdated(thing, fault);
    }
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
        (Some(400 | 422), _) => invalid(failure, words, thing),
        (Some(403), _) => {
            let message = format!(
                "the apiserver refuses {thing}: {words}; satisfy the policy it names, or check the rights of \
                 Tenantry's own account (deploy/rbac/tenant.yaml)"
            );
            told(
                Code::FailedPrecondition,
                Reason::ClusterRefused,
                message,
                thing,
            )
        }
        _ => {
            tracing::warn!(thing, error = %Chain(failure), "The apiserver did not answer a call.");
            unavailable(thing)
        }
    }
}

/// The apiserver's complaint about fields of an object, with their paths in the request.
fn invalid(failure: &cluster::Error, words: String, thing: &str) -> Status {
    let causes = match failure {
        cluster::Error::Call(kube::Error::Api(status)) => status.details.as_ref(),
        cluster::Error::Call(_) | cluster::Error::Elapsed => None,
    };
    let causes = causes.map(|details| details.causes.as_slice());
    let kind = thing.split(' ').next().unwrap_or_default();
    let fields = causes.unwrap_or_default().iter().map(|cause| {
        let rule = cause.message.clone();
        (path_in_request(kind, &cause.field), rule)
    });
    let message = format!("the apiserver refuses {thing}: {words}; correct the fields it names");
    let metadata = [("resource", thing.to_owned())];
    status::with_fields(Reason::ClusterRefused, message, fields, metadata)
}

/// `spec.accessControl.owners.users[0]` of a `tenant` as the contract spells it.
fn path_in_request(kind: &str, path: &str) -> String {
    let inside = match path.strip_prefix("metadata.") {
        Some("name") => "name",
        Some(_) | None => path,
    };
    let mut spelled = format!("{kind}.");
    for letter in inside.chars() {
        if letter.is_ascii_uppercase() {
            spelled.push('_');
        }
        spelled.push(letter.to_ascii_lowercase());
    }
    spelled
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

/// The tenant database did not answer.
pub(super) fn history(failure: &store::Error) -> Status {
    tracing::warn!(error = %Chain(failure), "History not read.");
    let message = "the history cannot be read now; try again in a moment";
    status::with_reason(Code::Unavailable, Reason::HistoryUnavailable, message, [])
}

/// A tenant that no code of ours can look at, as the apiserver gave it.
pub(super) fn unplannable(why: &str) -> Status {
    tracing::error!(
        error = why,
        "The apiserver gave a tenant that cannot be read."
    );
    let message = "the plan cannot be made; the service's log says why";
    status::with_reason(Code::Internal, Reason::Internal, message, [])
}

/// A spec that was written for another schema.
pub(super) fn outdated(thing: &str, fault: &serde_json::Error) -> Status {
    let message = format!("{thing} does not fit today's schema ({fault}); write the spec anew");
    told(
        Code::FailedPrecondition,
        Reason::ClusterRefused,
        message,
        thing,
    )
}

/// Our own webhook's verdict, as it judged for everybody.
fn by_webhook(refused: &Refused, thing: &str) -> Status {
    let kind = thing.split(' ').next().unwrap_or_default();
    let field = path_in_request(kind, &refused.field);
    let message = format!("{field}: {}", refused.message);
    let names = refused
        .names
        .iter()
        .map(|(what, name)| (what.as_str(), name.clone()));
    let metadata = names.chain([("resource", thing.to_owned())]);
    let (code, reason) = match refused.rule {
        Rule::QuotaExists => (Code::FailedPrecondition, Reason::QuotaNotFound),
        Rule::QuotaUnused => (Code::FailedPrecondition, Reason::QuotaInUse),
        Rule::NamespaceFree => (Code::FailedPrecondition, Reason::NamespaceTaken),
        Rule::ClusterKnown => (Code::Unavailable, Reason::ClusterUnavailable),
        Rule::FieldMeant => {
            let fields = [(field, refused.message.clone())];
            return status::with_fields(Reason::FieldInvalid, message, fields, metadata);
        }
    };
    status::with_reason(code, reason, message, metadata)
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

#[cfg(test)]
mod tests {
    use kube::core::response::{Status as Answer, StatusCause, StatusDetails};
    use tonic_types::StatusExt as _;

    use super::*;

    fn answer(code: u16, causes: Vec<StatusCause>) -> cluster::Error {
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes,
            retry_after_seconds: 0,
        };
        let answer = Answer {
            code,
            message: "is invalid".into(),
            details: Some(details),
            ..Answer::default()
        };
        cluster::Error::Call(kube::Error::Api(Box::new(answer)))
    }

    #[test]
    fn a_field_that_the_apiserver_refuses_has_its_path_in_the_request() {
        let cause = |field: &str| StatusCause {
            reason: "FieldValueInvalid".into(),
            message: "is no name".into(),
            field: field.into(),
        };
        let causes = ["spec.accessControl.owners.users[0]", "metadata.name"].map(cause);
        let refused = cluster(
            &answer(422, causes.to_vec()),
            "tenant logistics",
            Doing::Creating,
        );
        let details = refused.get_error_details();
        let fields = &details.bad_request().unwrap().field_violations;
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(details.error_info().unwrap().reason, "CLUSTER_REFUSED");
        assert_eq!(
            fields[0].field,
            "tenant.spec.access_control.owners.users[0]"
        );
        assert_eq!(fields[0].description, "is no name");
        assert_eq!(fields[1].field, "tenant.name");
    }

    #[test]
    fn a_policy_s_refusal_says_what_to_do() {
        let refused = cluster(&answer(403, vec![]), "quota small", Doing::Changing);
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(
            refused.message().contains("satisfy the policy"),
            "{refused}"
        );
    }

    fn check(status: &Status, code: Code, reason: &str) {
        let details = status.get_error_details();
        let found = details.error_info().map(|info| info.reason.as_str());
        assert_eq!((status.code(), found), (code, Some(reason)));
    }

    #[test]
    fn each_answer_of_the_apiserver_has_its_code_and_reason() {
        use Doing::{Changing, Creating, Reading};
        for (said, doing, code, reason) in [
            (404, Reading, Code::NotFound, "NOT_FOUND"),
            (409, Creating, Code::AlreadyExists, "ALREADY_EXISTS"),
            (409, Changing, Code::Aborted, "CONFLICT"),
            (400, Changing, Code::InvalidArgument, "CLUSTER_REFUSED"),
            (422, Creating, Code::InvalidArgument, "CLUSTER_REFUSED"),
            (403, Creating, Code::FailedPrecondition, "CLUSTER_REFUSED"),
            (429, Reading, Code::Unavailable, "CLUSTER_UNAVAILABLE"),
            (500, Changing, Code::Unavailable, "CLUSTER_UNAVAILABLE"),
        ] {
            let status = cluster(&answer(said, vec![]), "tenant x", doing);
            check(&status, code, reason);
        }
        let silence = cluster(&cluster::Error::Elapsed, "tenant x", Reading);
        check(&silence, Code::Unavailable, "CLUSTER_UNAVAILABLE");
    }
}
