//! How a failure reads on stderr: what, why, how to fix, and the id to ask about.

use std::fmt::Write as _;

use tenantry_proto::common::v1::Reason;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{error::Error, hint, token};

/// The failure as lines for stderr, the last one ended.
pub fn report(error: &Error) -> String {
    if let Error::NotCompared { source } = error {
        return report(source);
    }
    if let Error::Incomplete { failures } = error {
        return format!("error: {error}\n{}", each(failures));
    }
    let mut text = what(error);
    whence(&mut text, error);
    text
}

/// Failures that say the same are told once, with every service that says so.
fn each(failures: &[Error]) -> String {
    let mut told: Vec<(String, String)> = Vec::new();
    for failure in failures {
        let what = what(failure);
        let index = told.iter().position(|(said, _)| *said == what);
        let index = index.unwrap_or_else(|| {
            told.push((what, String::new()));
            told.len() - 1
        });
        whence(&mut told[index].1, failure);
    }
    told.into_iter()
        .map(|(what, whence)| what + &whence)
        .collect()
}

fn what(error: &Error) -> String {
    let mut text = format!("error: {}\n", chain(error));
    match error {
        Error::Rpc { status, .. } => refusal(&mut text, status),
        other => line(&mut text, "fix", fix(other).unwrap_or_default()),
    }
    text
}

fn whence(text: &mut String, error: &Error) {
    if let Error::Rpc {
        service,
        url,
        request_id,
        ..
    } = error
    {
        line(text, "service", &format!("{service} at {url}"));
        line(text, "request", request_id);
    }
}

fn refusal(text: &mut String, status: &Status) {
    let details = status.get_error_details();
    for violation in details
        .bad_request()
        .into_iter()
        .flat_map(|bad| &bad.field_violations)
    {
        line(
            text,
            "field",
            &format!("{}: {}", violation.field, violation.description),
        );
    }
    let word = details
        .error_info()
        .map(|info| info.reason.as_str())
        .unwrap_or_default();
    let hint = Reason::from_str_name(&format!("REASON_{word}")).and_then(hint::of);
    line(
        text,
        "fix",
        hint.or_else(|| without_reason(status.code()))
            .unwrap_or_default(),
    );
    line(text, "reason", word);
}

/// The way out where the failure happened before a service could name a reason.
fn without_reason(code: Code) -> Option<&'static str> {
    match code {
        Code::Unavailable => Some(
            "is it running? `tenantry status` asks all three; `cargo dev up` starts the local stack",
        ),
        Code::DeadlineExceeded | Code::Cancelled => {
            Some("give it longer with --timeout 1m, or see `tenantry status`")
        }
        Code::Unimplemented => {
            Some("the service is older than this program, or the address is another service's")
        }
        _ => None,
    }
}

fn fix(error: &Error) -> Option<&'static str> {
    match error {
        Error::AddressMissing { service } => Some(match *service {
            "identity" => {
                "set TENANTRY_IDENTITY_URL or --identity-url; on the local stack: eval \"$(cargo dev env)\""
            }
            "tenant" => {
                "set TENANTRY_TENANT_URL or --tenant-url; on the local stack: eval \"$(cargo dev env)\""
            }
            _ => {
                "set TENANTRY_SHOWBACK_URL or --showback-url; on the local stack: eval \"$(cargo dev env)\""
            }
        }),
        Error::AddressInvalid { .. } => {
            Some("an address reads http://HOST:PORT or https://HOST:PORT")
        }
        Error::PlainText { .. } => Some("use https://, or a port-forward to this machine"),
        Error::Token(source) => token_fix(source),
        Error::Cluster { .. } => {
            Some("see that `kubectl auth whoami` works with the same --context and --kubeconfig")
        }
        Error::Conformance(tenantry_conformance::Error::Impersonation { .. }) => Some(
            "you need the verb impersonate on users and groups: `kubectl auth can-i impersonate users` and `... groups` tell; a platform admin can give it to you",
        ),
        Error::Conformance(tenantry_conformance::Error::Cluster { .. }) => Some(
            "`kubectl get tenants` shows whether you reach the cluster, may read them, and how they are called",
        ),
        Error::Timeout { .. } => without_reason(Code::DeadlineExceeded),
        Error::Manifest(_) => Some(
            "`kubectl explain tenant.spec` and `kubectl explain quota.spec` describe the fields",
        ),
        Error::Usage(_)
        | Error::Conformance(tenantry_conformance::Error::Unfit(_))
        | Error::Rpc { .. }
        | Error::File { .. }
        | Error::Print(_)
        | Error::Encode(_)
        | Error::NotCompared { .. }
        | Error::Incomplete { .. } => None,
    }
}

fn token_fix(error: &token::Error) -> Option<&'static str> {
    Some(match error {
        token::Error::Kubeconfig(_) => {
            "choose one with --kubeconfig and --context; `kubectl config get-contexts` lists contexts"
        }
        token::Error::ClientCertificate { .. } => {
            "use a user with a token: OIDC, `aws eks get-token`, or a ServiceAccount's (`kubectl create token NAME --audience tenantry`)"
        }
        token::Error::Absent { .. } | token::Error::Basic { .. } => {
            "give the user a token, a tokenFile or an exec plugin, or choose another --context"
        }
        token::Error::TokenFile { .. } => "log in again, or choose another --context",
        token::Error::Obtain { .. } => {
            "run the user's exec plugin by hand to see what it says; then log in again"
        }
    })
}

/// The error and its causes, joined by colons.
fn chain(error: &Error) -> String {
    match error {
        Error::Rpc {
            service, status, ..
        } if is_unreached(status) => causes(
            format!("the {service} service cannot be reached"),
            Some(status.as_ref()),
        ),
        Error::Rpc { status, .. } if status.message().is_empty() => {
            status.code().description().to_owned()
        }
        Error::Rpc { status, .. } => status.message().to_owned(),
        Error::Cluster { source } => match source.as_ref() {
            kube::Error::Api(status) => format!("{error}: {}", status.message),
            other => causes(error.to_string(), Some(other)),
        },
        other => causes(other.to_string(), std::error::Error::source(other)),
    }
}

/// True if the failure is the connection's: a service that answers gives a reason.
fn is_unreached(status: &Status) -> bool {
    status.code() == Code::Unavailable
        && status.details().is_empty()
        && std::error::Error::source(status).is_some()
}

fn causes(mut text: String, mut cause: Option<&(dyn std::error::Error + 'static)>) -> String {
    while let Some(source) = cause {
        let said = source
            .downcast_ref::<Status>()
            .map_or_else(|| source.to_string(), |status| status.message().to_owned());
        // Some libraries repeat the cause in their own message.
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = source.source();
    }
    text
}

fn line(text: &mut String, key: &str, value: &str) {
    if !value.is_empty() {
        let _ = writeln!(text, "  {:<9}{value}", format!("{key}:"));
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn rpc(status: Status) -> Error {
        Error::Rpc {
            service: "tenant",
            url: "http://127.0.0.1:1".to_owned(),
            request_id: "r-1".to_owned(),
            status: Box::new(status),
        }
    }

    #[test]
    fn a_refusal_says_what_why_and_how_to_fix() {
        let mut details = ErrorDetails::with_error_info(
            "QUOTA_NOT_FOUND",
            "tenantry.dev",
            [("quota", "smal")].map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
        details.add_bad_request_violation("tenant.spec.quota", "names no Quota");
        let status = Status::with_error_details(
            Code::FailedPrecondition,
            "quota \"smal\" does not exist",
            details,
        );
        assert_eq!(
            report(&rpc(status)),
            "error: quota \"smal\" does not exist\n  field:   tenant.spec.quota: names no Quota\n  \
             fix:     `tenantry quota list` shows the quotas; make one with `tenantry quota create -f FILE`\n  \
             reason:  QUOTA_NOT_FOUND\n  service: tenant at http://127.0.0.1:1\n  request: r-1\n"
        );
    }

    #[test]
    fn an_unreachable_service_is_named() {
        let text = report(&rpc(Status::unavailable("tcp connect error")));
        assert!(
            text.contains("tenantry status") && text.contains("tenant at http://127.0.0.1:1"),
            "{text}"
        );
    }

    #[test]
    fn what_several_services_say_is_told_once() {
        let denied = |service| Error::Rpc {
            service,
            url: "http://127.0.0.1:1".to_owned(),
            request_id: format!("r-{service}"),
            status: Box::new(Status::permission_denied("eve may not list tenants/audit")),
        };
        let failures = ["identity", "tenant"].map(denied).into();
        let text = report(&Error::Incomplete { failures });
        assert_eq!(text.matches("eve may not").count(), 1, "{text}");
        for said in ["identity at", "r-identity", "tenant at", "r-tenant"] {
            assert!(text.contains(said), "{text}");
        }
    }

    #[test]
    fn every_failure_of_a_partial_answer_is_told() {
        let failures = vec![
            Error::AddressMissing {
                service: "identity",
            },
            Error::AddressMissing { service: "tenant" },
        ];
        assert_eq!(
            report(&Error::Incomplete { failures })
                .matches("error: ")
                .count(),
            3
        );
    }
}
