//! What each command does: one file per noun.

use jiff::Timestamp;

use crate::{
    args::{Cli, Command},
    error::Error,
    session::Session,
};

pub mod audit;
pub mod completion;
pub mod cost;
pub mod identity;
mod page;
pub mod quota;
pub mod status;
pub mod tenant;
pub mod version;
pub mod whoami;

/// Runs the command.
pub async fn run(cli: Cli, now: Timestamp) -> Result<(), Error> {
    let session = Session::new(cli.settings, now);
    match cli.command {
        Command::Identity(command) => Box::pin(command.run(&session)).await,
        Command::Tenant(command) => Box::pin(command.run(&session)).await,
        Command::Quota(command) => Box::pin(command.run(&session)).await,
        Command::Cost(command) => command.run(&session).await,
        Command::Audit(command) => Box::pin(command.run(&session)).await,
        Command::Whoami(command) => command.run(&session).await,
        Command::Status(command) => command.run(&session).await,
        Command::Version(command) => command.run(&session),
        Command::Completion(command) => command.run(),
    }
}
