use tenantry_proto::{
    common::v1::Reason,
    identity::v1::{
        CreateIdentityMappingRequest, CreateIdentityMappingResponse, DeleteIdentityMappingRequest,
        DeleteIdentityMappingResponse, ListIdentityMappingsRequest, ListIdentityMappingsResponse,
    },
};
use tenantry_runtime::{
    Chain,
    status::{invalid_field, with_field, with_reason},
    to_completion,
};
use tonic::{Code, Request, Response, Status};

use super::{Identity, Reply, error, mode, required};
use crate::{
    aws_auth::{Duplicates, Mapping, MappingError, Principal, PrincipalError, Refusal},
    iam::{self, Cause},
    mapping::{self, Error},
};

/// Largest preview of a repair: details travel in a header, and clients take headers of 16 KiB.
const REPAIRED_BYTES_MAX: usize = 4096;

pub(super) async fn create(
    service: &Identity,
    request: Request<CreateIdentityMappingRequest>,
) -> Reply<CreateIdentityMappingResponse> {
    let authority = service.require(&request, "create").await?;
    let request = request.into_inner();
    let given = required("mapping", request.mapping)?;
    let principal = principal("mapping.arn", &given.arn)?;
    let wanted = Mapping::parse(principal, given.username, given.groups).map_err(bad_names)?;
    let duplicates = if request.replace {
        Duplicates::Replace
    } else {
        Duplicates::Refuse
    };
    let (mappings, cause) = (service.mappings.clone(), Cause::of(&authority));
    let (mode, entry) = (mode(request.validate_only), mapping::message(&wanted));
    let created =
        to_completion(async move { mappings.create(&cause, &wanted, duplicates, mode).await });
    let created = created.await.map_err(status)?;
    Ok(Response::new(CreateIdentityMappingResponse {
        mapping: Some(entry),
        is_created: created.is_created,
        warnings: created.warnings,
    }))
}

pub(super) async fn list(
    service: &Identity,
    request: Request<ListIdentityMappingsRequest>,
) -> Reply<ListIdentityMappingsResponse> {
    service.require(&request, "list").await?;
    let arn = request.into_inner().arn;
    let only = if arn.is_empty() {
        None
    } else {
        Some(principal("arn", &arn)?)
    };
    let mut entries = service.mappings.list().await.map_err(status)?;
    if let Some(only) = only {
        entries.retain(|entry| only.is(&entry.arn));
    }
    let mappings = entries.into_iter().map(mapping::entry).collect();
    Ok(Response::new(ListIdentityMappingsResponse { mappings }))
}

pub(super) async fn delete(
    service: &Identity,
    request: Request<DeleteIdentityMappingRequest>,
) -> Reply<DeleteIdentityMappingResponse> {
    let authority = service.require(&request, "delete").await?;
    let request = request.into_inner();
    let principal = principal("arn", &request.arn)?;
    let (mappings, cause) = (service.mappings.clone(), Cause::of(&authority));
    let mode = mode(request.validate_only);
    let removed = to_completion(async move { mappings.delete(&cause, &principal, mode).await });
    let removed = removed.await.map_err(status)?;
    let removed_count = i32::try_from(removed).unwrap_or(i32::MAX);
    Ok(Response::new(DeleteIdentityMappingResponse {
        removed_count,
    }))
}

/// Whether `arn` has an entry in aws-auth, in any spelling.
///
/// Errors: what is wrong with aws-auth, if it can be read and not understood; else that the cluster does not say.
pub(super) async fn is_mapped(service: &Identity, arn: &str) -> Result<bool, Status> {
    let mapped = service.mappings.is_mapped(arn).await;
    mapped.map_err(|failure| match failure {
        // Trying again would not help: somebody has to repair it.
        Error::Refused(Refusal::Unparseable { .. }) => status(failure),
        source => error::status(iam::Error::MappingUnknown {
            arn: arn.to_owned(),
            source: source.into(),
        }),
    })
}

fn principal(field: &str, arn: &str) -> Result<Principal, Status> {
    Principal::parse(arn).map_err(|error| match error {
        PrincipalError::Malformed(_) => invalid_field(field, error.to_string()),
        PrincipalError::Unsupported { .. } => with_field(
            Reason::PrincipalUnsupported,
            field,
            error.to_string(),
            [("arn", arn.to_owned())],
        ),
    })
}

fn bad_names(error: MappingError) -> Status {
    match error {
        MappingError::Field { field, rule } => invalid_field(format!("mapping.{field}"), rule),
        MappingError::Reserved {
            field,
            name,
            prefix,
        } => with_field(
            Reason::NameReserved,
            format!("mapping.{field}"),
            format!(
                "{name:?} begins with {prefix}, which belongs to the system; choose another name"
            ),
            [("name", name), ("prefix", prefix.to_owned())],
        ),
    }
}

/// What a caller is told about aws-auth: the reason, the problem, and what to do.
fn status(error: Error) -> Status {
    let message = error.to_string();
    match error {
        Error::Refused(refusal) => refused(&refusal, message),
        Error::Unavailable { .. } => {
            tracing::warn!(error = %Chain(&error), "Call not done.");
            let message =
                format!("{message}: the apiserver does not answer; try again in a moment");
            with_reason(Code::Unavailable, Reason::ClusterUnavailable, message, [])
        }
        Error::Forbidden {
            operation: _,
            words,
        } => {
            let message = format!(
                "{message}; check the rights of Tenantry's own account (deploy/rbac/identity.yaml)"
            );
            with_reason(
                Code::FailedPrecondition,
                Reason::ClusterRefused,
                message,
                [("words", words)],
            )
        }
        Error::Contended => with_reason(
            Code::Aborted,
            Reason::Conflict,
            format!("{message}; try again"),
            [],
        ),
        Error::Vanished => {
            let message =
                format!("{message}, and a new one would lock the nodes out; put it back first");
            with_reason(
                Code::FailedPrecondition,
                Reason::MappingGuarded,
                message,
                [],
            )
        }
        Error::History(failure) => error::status(failure.into()),
    }
}

fn refused(refusal: &Refusal, message: String) -> Status {
    let (code, reason, metadata) = match refusal {
        Refusal::Unparseable { fault, repaired } => {
            let mut metadata = vec![
                ("section", fault.section.to_string()),
                ("line", fault.flaw.line.to_string()),
                ("column", fault.flaw.column.to_string()),
            ];
            let repaired = repaired.clone().map(|text| ("repaired", text));
            metadata.extend(repaired.filter(|(_, text)| text.len() <= REPAIRED_BYTES_MAX));
            (
                Code::FailedPrecondition,
                Reason::MappingUnparseable,
                metadata,
            )
        }
        Refusal::Exists {
            arn,
            difference,
            advice: _,
        } => {
            let metadata = vec![("arn", arn.clone()), ("difference", difference.clone())];
            (Code::AlreadyExists, Reason::MappingExists, metadata)
        }
        Refusal::UsernameTaken { username, arn } => {
            let metadata = vec![("username", username.clone()), ("arn", arn.clone())];
            (Code::AlreadyExists, Reason::UsernameTaken, metadata)
        }
        Refusal::Guarded { why } => (
            Code::FailedPrecondition,
            Reason::MappingGuarded,
            vec![("why", why.clone())],
        ),
        Refusal::NotFound { arn } => (Code::NotFound, Reason::NotFound, vec![("arn", arn.clone())]),
    };
    with_reason(code, reason, message, metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_auth::{Fault, Flaw, Section};
    use tonic_types::StatusExt as _;

    fn check(status: &Status, code: Code, reason: &str) {
        let details = status.get_error_details();
        let found = details.error_info().map(|info| info.reason.as_str());
        assert_eq!((status.code(), found), (code, Some(reason)));
    }

    #[test]
    fn each_failure_has_its_code_and_reason() {
        let text = |text: &str| text.to_owned();
        let flaw = Flaw {
            line: 1,
            column: 1,
            problem: text("a tab"),
        };
        let unparseable = Refusal::Unparseable {
            fault: Fault {
                section: Section::Users,
                flaw,
            },
            repaired: None,
        };
        let exists = Refusal::Exists {
            arn: text("arn"),
            difference: text("groups"),
            advice: "delete it first",
        };
        let taken = Refusal::UsernameTaken {
            username: text("ada"),
            arn: text("arn"),
        };
        let guarded = Refusal::Guarded {
            why: text("nodes would go"),
        };
        let absent = Refusal::NotFound { arn: text("arn") };
        for (refusal, code, reason) in [
            (unparseable, Code::FailedPrecondition, "MAPPING_UNPARSEABLE"),
            (exists, Code::AlreadyExists, "MAPPING_EXISTS"),
            (taken, Code::AlreadyExists, "USERNAME_TAKEN"),
            (guarded, Code::FailedPrecondition, "MAPPING_GUARDED"),
            (absent, Code::NotFound, "NOT_FOUND"),
        ] {
            check(&status(Error::Refused(refusal)), code, reason);
        }
        let unavailable = Error::Unavailable {
            operation: "reading",
            source: "no answer".into(),
        };
        check(
            &status(unavailable),
            Code::Unavailable,
            "CLUSTER_UNAVAILABLE",
        );
        let forbidden = Error::Forbidden {
            operation: "writing",
            words: text("no"),
        };
        check(
            &status(forbidden),
            Code::FailedPrecondition,
            "CLUSTER_REFUSED",
        );
        check(&status(Error::Contended), Code::Aborted, "CONFLICT");
        check(
            &status(Error::Vanished),
            Code::FailedPrecondition,
            "MAPPING_GUARDED",
        );
        let history = crate::store::Error::Sql {
            operation: "recording",
            source: sqlx::Error::PoolTimedOut,
        };
        check(
            &status(Error::History(history)),
            Code::Unavailable,
            "HISTORY_UNAVAILABLE",
        );
    }

    #[test]
    fn a_name_or_principal_that_cannot_be_is_told_from_a_misspelt_one() {
        let reserved = MappingError::Reserved {
            field: "username".to_owned(),
            name: "system:masters".to_owned(),
            prefix: "system:",
        };
        check(&bad_names(reserved), Code::InvalidArgument, "NAME_RESERVED");
        let broken = MappingError::Field {
            field: "username".to_owned(),
            rule: "is empty".to_owned(),
        };
        check(&bad_names(broken), Code::InvalidArgument, "FIELD_INVALID");
        let group = principal("arn", "arn:aws:iam::630742778131:group/owls").unwrap_err();
        check(&group, Code::InvalidArgument, "PRINCIPAL_UNSUPPORTED");
        let nonsense = principal("arn", "owls").unwrap_err();
        check(&nonsense, Code::InvalidArgument, "FIELD_INVALID");
        assert!(principal("arn", "arn:aws:iam::630742778131:user/owl").is_ok());
    }
}
