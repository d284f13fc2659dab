use aws_sdk_iam::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use tenantry_runtime::Chain;

use crate::store;

/// Why an operation on IAM did not happen, as its caller must tell cases apart.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A named thing is not in IAM.
    #[error("{what} does not exist")]
    NotFound {
        /// The thing.
        what: String,
    },
    /// A thing of that name is there and differs.
    #[error("{what} exists and differs: {difference}")]
    AlreadyExists {
        /// The thing.
        what: String,
        /// What differs, with both values.
        difference: String,
    },
    /// A limit of the account.
    #[error("{operation}: limit exceeded")]
    Limit {
        /// What was tried.
        operation: String,
        /// IAM's own words, which name the limit.
        words: String,
    },
    /// A thing cannot go while others hang on it.
    #[error("{what} is still in use: {words}")]
    InUse {
        /// The thing.
        what: String,
        /// What hangs on it.
        words: String,
    },
    /// A mapping into the cluster would outlive its user and come to life with the next of that name.
    #[error("{arn} is still mapped")]
    Mapped {
        /// The user's ARN.
        arn: String,
    },
    /// Another key of the user is being made.
    #[error("an access key of user {user_name} is being made")]
    KeyInProgress {
        /// The user.
        user_name: String,
    },
    /// IAM does not take the policy document.
    #[error("{operation}: malformed policy document")]
    MalformedPolicy {
        /// What was tried.
        operation: String,
        /// IAM's own words.
        words: String,
    },
    /// IAM says no for another reason.
    #[error("{operation}: {code}")]
    Refused {
        /// What was tried.
        operation: String,
        /// IAM's code.
        code: String,
        /// IAM's own words.
        words: String,
    },
    /// The thing is being changed by somebody else; passes.
    #[error("{operation}: {code}")]
    Busy {
        /// What was tried.
        operation: String,
        /// IAM's code.
        code: String,
    },
    /// IAM is throttling, failing, or did not answer: whether it did anything is unknown.
    #[error("{operation}: no answer of IAM: {words}")]
    Unavailable {
        /// What was tried.
        operation: String,
        /// What is known, without bodies.
        words: String,
    },
    /// The database did not take the intent or the outcome.
    #[error(transparent)]
    History(#[from] store::Error),
    /// Whether the user is still mapped cannot be found out.
    #[error("looking for a mapping of {arn}")]
    MappingUnknown {
        /// The user's ARN.
        arn: String,
        /// What the cluster says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Sorts what IAM answered to `operation` on `what`.
    ///
    /// By code, not by the operation's own enum: one list for all operations, and the codes that the model of an operation
    /// leaves out (throttling, credentials) come along.
    pub(super) fn of<E>(operation: &str, what: &str, failure: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let operation = format!("{operation} {what}");
        // A success whose body cannot be read comes as an error of the service without a code: it may have done the work.
        let is_success = failure
            .raw_response()
            .is_some_and(|reply| reply.status().is_success());
        let Some(service) = failure.as_service_error().filter(|_| !is_success) else {
            // The SDK's own display of the context prints the raw reply, which may hold a secret key.
            let words = Chain(&failure).to_string();
            return Self::Unavailable { operation, words };
        };
        let code = service.code().unwrap_or("unknown").to_owned();
        let words = service.message().unwrap_or(&code).to_owned();
        let is_fault = failure
            .raw_response()
            .is_some_and(|reply| reply.status().is_server_error());
        match code.as_str() {
            "NoSuchEntity" => Self::NotFound {
                what: what.to_owned(),
            },
            "EntityAlreadyExists" => Self::AlreadyExists {
                what: what.to_owned(),
                difference: words,
            },
            "LimitExceeded" => Self::Limit { operation, words },
            "DeleteConflict" => Self::InUse {
                what: what.to_owned(),
                words,
            },
            "MalformedPolicyDocument" => Self::MalformedPolicy { operation, words },
            "ConcurrentModification" | "EntityTemporarilyUnmodifiable" => {
                Self::Busy { operation, code }
            }
            "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => {
                Self::Unavailable { operation, words }
            }
            _ if is_fault => Self::Unavailable { operation, words },
            _ => Self::Refused {
                operation,
                code,
                words,
            },
        }
    }

    /// Whether the same call may succeed in a moment, given that its subject `is_young`.
    pub(super) fn passes(&self, is_young: bool) -> bool {
        match self {
            Self::NotFound { .. } => is_young,
            Self::Busy { .. } => true,
            Self::AlreadyExists { .. }
            | Self::Limit { .. }
            | Self::InUse { .. }
            | Self::Mapped { .. }
            | Self::KeyInProgress { .. }
            | Self::MalformedPolicy { .. }
            | Self::Refused { .. }
            | Self::Unavailable { .. }
            | Self::History(_)
            | Self::MappingUnknown { .. } => false,
        }
    }
}
