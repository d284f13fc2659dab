//! What each command does: one file per noun.

use jiff::Timestamp;

use crate::{
    args::{Cli, Command},
    error::Error,
    session::Session,
};

pub mod access;
pub mod apply;
pub mod audit;
pub mod completion;
pub mod conformance;
pub mod cost;
pub mod diff;
pub mod identity;
mod own;
mod page;
pub mod quota;
pub mod status;
pub mod tenant;
pub mod version;
pub mod whoami;

/// How a command that did its work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As asked.
    Done,
    /// `diff` found a difference, `conformance` something that did not hold.
    Different,
    /// `conformance` could not tell.
    Inconclusive,
}

/// Runs the command.
pub async fn run(cli: Cli, now: Timestamp) -> Result<Ending, Error> {
    let session = &Session::new(cli.settings, now);
    let done = match cli.command {
        Command::Diff(command) => return Box::pin(command.run(session)).await,
        Command::Conformance(command) => return Box::pin(command.run(session)).await,
        Command::Identity(command) => Box::pin(command.run(session)).await,
        Command::Tenant(command) => Box::pin(command.run(session)).await,
        Command::Quota(command) => Box::pin(command.run(session)).await,
        Command::Apply(command) => Box::pin(command.run(session)).await,
        Command::Access(command) => command.run(session).await,
        Command::Cost(command) => command.run(session).await,
        Command::Audit(command) => Box::pin(command.run(session)).await,
        Command::Whoami(command) => command.run(session).await,
        Command::Status(command) => command.run(session).await,
        Command::Version(command) => command.run(session),
        Command::Completion(command) => command.run(),
    };
    done.map(|()| Ending::Done)
}
