use std::time::Duration;

use serde_json::Value;

/// One command and what it must answer.
#[derive(Clone)]
pub(crate) struct Step {
    /// What a reader should know before he sees the command.
    pub(crate) title: &'static str,
    pub(crate) who: Who,
    /// A line for `sh`.
    pub(crate) command: String,
    pub(crate) expect: Expect,
    /// How long a step may be repeated until it answers so; zero for one try.
    pub(crate) patience: Duration,
}

/// Whose kubeconfig the command runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The platform's administrator.
    Admin,
    /// falcon@nordmart.com, an IAM user.
    Falcon,
    /// bear@nordmart.com, a user of Keycloak.
    Bear,
}

impl Who {
    /// The name of his kubeconfig, and his prompt.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Falcon => "falcon",
            Self::Bear => "bear",
        }
    }
}

/// What an answer is held against.
#[derive(Clone, Copy)]
pub(crate) enum Expect {
    /// Success.
    Success,
    /// Success, with standard output exactly this, but for white space at the ends.
    Prints(&'static str),
    /// Success, with each of these somewhere in standard output.
    Contains(&'static [&'static str]),
    /// Failure, with standard error exactly this line.
    Refuses(&'static str),
    /// Success, with JSON that passes.
    Json(fn(&Value) -> Result<(), String>),
}

impl Step {
    /// A step of the administrator that succeeds.
    pub(crate) fn new(title: &'static str, command: impl Into<String>) -> Self {
        Self {
            title,
            who: Who::Admin,
            command: command.into(),
            expect: Expect::Success,
            patience: Duration::ZERO,
        }
    }

    /// The same step by somebody else.
    pub(crate) fn by(self, who: Who) -> Self {
        Self { who, ..self }
    }

    /// The same step, held against `expect`.
    pub(crate) fn expect(self, expect: Expect) -> Self {
        Self { expect, ..self }
    }

    /// The same step, repeated for up to `seconds`: for what becomes true a moment later.
    pub(crate) fn within(self, seconds: u64) -> Self {
        Self {
            patience: Duration::from_secs(seconds),
            ..self
        }
    }
}
