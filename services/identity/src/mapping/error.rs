use crate::{aws_auth::Refusal, store};

/// Why a mapping was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text or a rule forbids it; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The apiserver does not answer.
    #[error("{operation} aws-auth")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// What is known.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The apiserver refuses.
    #[error("{operation} aws-auth: {words}")]
    Forbidden {
        /// What was tried.
        operation: &'static str,
        /// The apiserver's words.
        words: String,
    },
    /// Others were faster each time.
    #[error("aws-auth is being changed by others")]
    Contended,
    /// The object was there and is not any more.
    #[error("aws-auth was deleted meanwhile")]
    Vanished,
    /// The database did not take the intent or the outcome.
    #[error(transparent)]
    History(#[from] store::Error),
}
