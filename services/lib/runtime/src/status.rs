//! gRPC errors as Google's AIP-193 wants them: a code, an ErrorInfo reason, and what to do.

use std::collections::HashMap;

use tenantry_proto::common::v1::Reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Domain of every ErrorInfo.
pub const DOMAIN: &str = "tenantry.dev";

/// The reason as it is sent: without its prefix.
pub fn word(reason: Reason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("REASON_").unwrap_or(name)
}

/// The reason that `status` carries, as it is sent.
pub(crate) fn reason(status: &Status) -> Option<String> {
    let info = status.get_details_error_info();
    info.map(|info| info.reason)
}

/// A status with an ErrorInfo. `message` says the problem and the remedy; `metadata` holds its dynamic values.
pub fn with_reason<'a>(
    code: Code,
    reason: Reason,
    message: impl Into<String>,
    metadata: impl IntoIterator<Item = (&'a str, String)>,
) -> Status {
    let details = error_info(reason, metadata);
    Status::with_error_details(code, message, details)
}

/// INVALID_ARGUMENT for one field: its path in the request, the rule and the way out.
pub fn invalid_field(field: impl Into<String>, rule: impl Into<String>) -> Status {
    with_field(Reason::FieldInvalid, field, rule, [])
}

/// INVALID_ARGUMENT for one field, where `reason` says more than that the field breaks a rule.
pub fn with_field<'a>(
    reason: Reason,
    field: impl Into<String>,
    rule: impl Into<String>,
    metadata: impl IntoIterator<Item = (&'a str, String)>,
) -> Status {
    let (field, rule) = (field.into(), rule.into());
    let message = format!("{field} {rule}");
    let metadata = [("field", field.clone())].into_iter().chain(metadata);
    with_fields(reason, message, [(field, rule)], metadata)
}

/// INVALID_ARGUMENT for several fields, each with its path in the request and its rule.
pub fn with_fields<'a>(
    reason: Reason,
    message: impl Into<String>,
    fields: impl IntoIterator<Item = (String, String)>,
    metadata: impl IntoIterator<Item = (&'a str, String)>,
) -> Status {
    let mut details = error_info(reason, metadata);
    for (field, rule) in fields {
        details.add_bad_request_violation(field, rule);
    }
    Status::with_error_details(Code::InvalidArgument, message, details)
}

fn error_info<'a>(
    reason: Reason,
    metadata: impl IntoIterator<Item = (&'a str, String)>,
) -> ErrorDetails {
    let metadata: HashMap<String, String> = metadata
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    ErrorDetails::with_error_info(word(reason), DOMAIN, metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_field_carries_its_path_and_reason() {
        let status = invalid_field("tenant.spec.quota", "is empty; name a Quota");
        let details = status.get_error_details();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(details.error_info().unwrap().reason, "FIELD_INVALID");
        assert_eq!(
            details.bad_request().unwrap().field_violations[0].field,
            "tenant.spec.quota"
        );
    }
}
