use tenantry_proto::common::v1::Reason;
use tenantry_runtime::{
    Chain,
    status::{invalid_field, with_reason},
};
use tonic::{Code, Status};

use crate::iam::Error;

/// What a caller is told: the reason, the problem, and what to do.
pub(super) fn status(error: Error) -> Status {
    log_outage(&error);
    match error {
        Error::NotFound { what } => {
            let message = format!("{what} does not exist; create it first, or check the spelling");
            with_reason(Code::NotFound, Reason::NotFound, message, [("what", what)])
        }
        Error::AlreadyExists { what, difference } => {
            let message =
                format!("{what} exists already: {difference}; use it as it is, or delete it first");
            with_reason(
                Code::AlreadyExists,
                Reason::AlreadyExists,
                message,
                [("what", what), ("difference", difference)],
            )
        }
        Error::Limit { operation, words } => {
            let message = format!(
                "{operation}: a limit of IAM is reached ({words}); delete what is not used any more, or ask AWS to raise it"
            );
            with_reason(
                Code::ResourceExhausted,
                Reason::IamLimitExceeded,
                message,
                [("limit", words)],
            )
        }
        Error::InUse { what, words } => {
            let message = format!("{what} is still in use: {words}; take that away first");
            with_reason(
                Code::FailedPrecondition,
                Reason::InUse,
                message,
                [("what", what)],
            )
        }
        Error::Mapped { arn } => {
            let message = format!(
                "{arn} is still mapped into the cluster, and the next user of that name would inherit it; \
                                   delete the mapping first (tenantry identity mapping delete --arn {arn})"
            );
            with_reason(
                Code::FailedPrecondition,
                Reason::InUse,
                message,
                [("arn", arn)],
            )
        }
        Error::KeyInProgress { user_name } => {
            let message = format!(
                "another access key of user {user_name} is being made, or one whose reply was lost is being taken back; \
                                   try again in half a minute"
            );
            with_reason(
                Code::Aborted,
                Reason::Conflict,
                message,
                [("user", user_name)],
            )
        }
        Error::MalformedPolicy {
            operation: _,
            words,
        } => invalid_field(
            "policy.policy_document",
            format!("is refused by IAM: {words}"),
        ),
        Error::Refused {
            operation,
            code,
            words,
        } => {
            let message = format!(
                "{operation}: IAM refuses with {code}: {words}; \
                                   if that speaks of permissions, widen the policy of Tenantry's own role"
            );
            with_reason(
                Code::FailedPrecondition,
                Reason::IamRefused,
                message,
                [("code", code)],
            )
        }
        Error::Busy { operation, code } => {
            let message = format!(
                "{operation}: somebody else is changing it ({code}); try again in a moment"
            );
            with_reason(
                Code::Unavailable,
                Reason::IamUnavailable,
                message,
                [("code", code)],
            )
        }
        Error::Unavailable {
            operation,
            words: _,
        } => {
            let message =
                format!("{operation}: IAM does not answer or is throttling; try again in a moment");
            with_reason(Code::Unavailable, Reason::IamUnavailable, message, [])
        }
        Error::History(_) => {
            let message = "the history cannot be written now, and nothing is granted unrecorded; try again when the database is back";
            with_reason(Code::Unavailable, Reason::HistoryUnavailable, message, [])
        }
        Error::MappingUnknown { arn, source: _ } => {
            let message = format!(
                "whether {arn} is still mapped into the cluster cannot be found out now; try again in a moment"
            );
            with_reason(
                Code::Unavailable,
                Reason::ClusterUnavailable,
                message,
                [("arn", arn)],
            )
        }
    }
}

/// Outages are handled here and concern whoever runs this; refusals concern the caller, who is told.
fn log_outage(error: &Error) {
    if matches!(
        error,
        Error::Unavailable { .. } | Error::History(_) | Error::MappingUnknown { .. }
    ) {
        tracing::warn!(error = %Chain(error), "Call not done.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::StatusExt as _;

    fn check(error: Error, code: Code, reason: &str) {
        let status = status(error);
        let details = status.get_error_details();
        let found = details.error_info().map(|info| info.reason.as_str());
        assert_eq!((status.code(), found), (code, Some(reason)));
    }

    #[test]
    fn each_failure_has_its_code_and_reason() {
        let text = |text: &str| text.to_owned();
        let (what, words, code, arn) = (text("x"), text("y"), text("z"), text("arn"));
        let operation = text("creating user x");
        check(
            Error::NotFound { what: what.clone() },
            Code::NotFound,
            "NOT_FOUND",
        );
        let difference = words.clone();
        check(
            Error::AlreadyExists {
                what: what.clone(),
                difference,
            },
            Code::AlreadyExists,
            "ALREADY_EXISTS",
        );
        check(
            Error::Limit {
                operation: operation.clone(),
                words: words.clone(),
            },
            Code::ResourceExhausted,
            "IAM_LIMIT_EXCEEDED",
        );
        check(
            Error::InUse {
                what: what.clone(),
                words: words.clone(),
            },
            Code::FailedPrecondition,
            "IN_USE",
        );
        check(
            Error::Mapped { arn: arn.clone() },
            Code::FailedPrecondition,
            "IN_USE",
        );
        check(
            Error::KeyInProgress { user_name: what },
            Code::Aborted,
            "CONFLICT",
        );
        check(
            Error::MalformedPolicy {
                operation: operation.clone(),
                words: words.clone(),
            },
            Code::InvalidArgument,
            "FIELD_INVALID",
        );
        check(
            Error::Refused {
                operation: operation.clone(),
                code: code.clone(),
                words: words.clone(),
            },
            Code::FailedPrecondition,
            "IAM_REFUSED",
        );
        check(
            Error::Busy {
                operation: operation.clone(),
                code,
            },
            Code::Unavailable,
            "IAM_UNAVAILABLE",
        );
        check(
            Error::Unavailable { operation, words },
            Code::Unavailable,
            "IAM_UNAVAILABLE",
        );
        let history = crate::store::Error::Sql {
            operation: "recording",
            source: sqlx::Error::PoolTimedOut,
        };
        check(
            Error::History(history),
            Code::Unavailable,
            "HISTORY_UNAVAILABLE",
        );
        check(
            Error::MappingUnknown {
                arn,
                source: "no answer".into(),
            },
            Code::Unavailable,
            "CLUSTER_UNAVAILABLE",
        );
    }
}
