//! Why a command failed, and the exit code that says so.

use std::{path::PathBuf, process::ExitCode};

use tonic::{Code, Status};

use crate::token;

/// A command that could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(String),
    /// The address of a service is not configured.
    #[error("the address of the {service} service is not known")]
    AddressMissing {
        /// Which service.
        service: &'static str,
    },
    /// The address of a service, or its TLS settings, cannot be used.
    #[error("connecting to the {service} service at {url}")]
    AddressInvalid {
        /// Which service.
        service: &'static str,
        /// Its address as given.
        url: String,
        /// What is wrong with it.
        #[source]
        source: tonic::transport::Error,
    },
    /// A token would cross the network readable.
    #[error("{url} is not encrypted and not on this machine, so your token was not sent")]
    PlainText {
        /// The address.
        url: String,
    },
    /// No token of the caller could be had.
    #[error(transparent)]
    Token(#[from] token::Error),
    /// The cluster did not answer as it should.
    #[error("asking the cluster who you are")]
    Cluster {
        /// What it answered.
        #[source]
        source: Box<kube::Error>,
    },
    /// A tenant's isolation could not be tried.
    #[error(transparent)]
    Conformance(#[from] tenantry_conformance::Error),
    /// A service refused or failed.
    #[error("{}", .status.message())]
    Rpc {
        /// Which service.
        service: &'static str,
        /// Its address.
        url: String,
        /// Id of the call, as in the service's log.
        request_id: String,
        /// What it answered.
        status: Box<Status>,
    },
    /// A service did not answer in time.
    #[error("the {service} service did not answer within {timeout_seconds} s")]
    Timeout {
        /// Which service.
        service: &'static str,
        /// The time it had.
        timeout_seconds: String,
    },
    /// A file could not be read or written.
    #[error("{action} {}", .path.display())]
    File {
        /// What was tried, such as reading.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A manifest is not what the command takes.
    #[error("reading the manifest: {0}")]
    Manifest(String),
    /// The answer could not be printed.
    #[error("printing the answer")]
    Print(#[source] std::io::Error),
    /// The answer could not be encoded.
    #[error("encoding the answer: {0}")]
    Encode(String),
    /// What would change, or whether a tenant is isolated, could not be told.
    #[error(transparent)]
    NotCompared {
        /// Why.
        source: Box<Error>,
    },
    /// Some services answered and others did not.
    #[error("the answer is incomplete: {} of 3 services failed", .failures.len())]
    Incomplete {
        /// One failure per service.
        failures: Vec<Error>,
    },
}

/// Exit codes that scripts branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Anything without a code of its own.
    Failed = 1,
    /// The arguments or a field are wrong.
    Usage = 2,
    /// The named thing does not exist.
    NotFound = 3,
    /// Not logged in, or not allowed.
    Forbidden = 4,
    /// The thing exists, changed meanwhile, or is in use.
    Conflict = 5,
    /// No answer in time.
    Timeout = 6,
    /// The service cannot be reached.
    Unavailable = 7,
    /// `diff` and `conformance` could not tell; 1 means a difference there.
    NotCompared = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Error {
    /// The single place where a failure becomes an exit code.
    pub fn exit_code(&self) -> Exit {
        match self {
            Self::Usage(_)
            | Self::AddressMissing { .. }
            | Self::AddressInvalid { .. }
            | Self::Manifest(_) => Exit::Usage,
            Self::PlainText { .. } | Self::Token(_) => Exit::Forbidden,
            Self::Cluster { source } => of_cluster(source),
            Self::Conformance(error) => of_conformance(error),
            Self::Rpc { status, .. } => of_code(status.code()),
            Self::Timeout { .. } => Exit::Timeout,
            Self::File { .. } | Self::Print(_) | Self::Encode(_) => Exit::Failed,
            Self::NotCompared { source } => match source.exit_code() {
                Exit::Failed => Exit::NotCompared,
                other => other,
            },
            Self::Incomplete { failures } => failures.first().map_or(Exit::Failed, Self::exit_code),
        }
    }
}

fn of_code(code: Code) -> Exit {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Exit::Usage,
        Code::NotFound => Exit::NotFound,
        Code::Unauthenticated | Code::PermissionDenied => Exit::Forbidden,
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => Exit::Conflict,
        Code::DeadlineExceeded | Code::Cancelled => Exit::Timeout,
        Code::Unavailable => Exit::Unavailable,
        Code::Ok
        | Code::Unknown
        | Code::ResourceExhausted
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => Exit::Failed,
    }
}

fn of_cluster(error: &kube::Error) -> Exit {
    match error {
        kube::Error::Api(status) if status.code == 401 || status.code == 403 => Exit::Forbidden,
        kube::Error::Api(_) => Exit::Failed,
        _ => Exit::Unavailable,
    }
}

fn of_conformance(error: &tenantry_conformance::Error) -> Exit {
    use tenantry_conformance::{Error, cluster::Failure};
    match error {
        Error::Unfit(_) => Exit::Usage,
        Error::Impersonation { .. } => Exit::Forbidden,
        Error::Cluster { source, .. } => match source {
            Failure::Deadline(_) => Exit::Timeout,
            Failure::Kube(error) => match error.as_ref() {
                kube::Error::Api(status) if status.code == 404 => Exit::NotFound,
                other => of_cluster(other),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Code, expected: Exit) {
        let status = Box::new(Status::new(code, "no"));
        let error = Error::Rpc {
            service: "tenant",
            url: String::new(),
            request_id: String::new(),
            status,
        };
        assert_eq!(error.exit_code(), expected, "{code:?}");
    }

    #[test]
    fn every_documented_exit_code_is_reached() {
        check(Code::Internal, Exit::Failed);
        check(Code::InvalidArgument, Exit::Usage);
        check(Code::NotFound, Exit::NotFound);
        check(Code::Unauthenticated, Exit::Forbidden);
        check(Code::PermissionDenied, Exit::Forbidden);
        check(Code::AlreadyExists, Exit::Conflict);
        check(Code::FailedPrecondition, Exit::Conflict);
        check(Code::DeadlineExceeded, Exit::Timeout);
        check(Code::Unavailable, Exit::Unavailable);
    }

    #[test]
    fn a_failed_comparison_never_looks_like_a_difference() {
        let not_compared = |source: Error| Error::NotCompared {
            source: Box::new(source),
        };
        let failed = not_compared(Error::Encode("no".to_owned()));
        assert_eq!(failed.exit_code(), Exit::NotCompared);
        let usage = not_compared(Error::Usage("no".to_owned()));
        assert_eq!(usage.exit_code(), Exit::Usage);
    }

    #[test]
    fn partial_answers_end_with_the_first_failures_code() {
        let failures = vec![Error::Timeout {
            service: "tenant",
            timeout_seconds: "1".to_owned(),
        }];
        assert_eq!(Error::Incomplete { failures }.exit_code(), Exit::Timeout);
    }
}
