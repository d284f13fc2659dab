//! `tenantry identity`: IAM and who is who in the cluster.

use clap::Subcommand;

use crate::{error::Error, session::Session};

pub mod group;
pub mod key;
pub mod mapping;
pub mod policy;
pub mod user;

/// IAM users, groups, policies and keys, and who they are in the cluster.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// IAM groups and their members.
    #[command(subcommand)]
    Group(group::Command),
    /// IAM users and their policies.
    #[command(subcommand)]
    User(user::Command),
    /// Access keys of IAM users.
    #[command(subcommand)]
    Key(key::Command),
    /// Entries of aws-auth: an IAM principal and its names in the cluster.
    #[command(subcommand)]
    Mapping(mapping::Command),
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        match self {
            Self::Group(command) => command.run(session).await,
            Self::User(command) => command.run(session).await,
            Self::Key(command) => command.run(session).await,
            Self::Mapping(command) => command.run(session).await,
        }
    }
}

/// `created`, or that it was there before.
pub(crate) fn created(is_created: bool) -> &'static str {
    if is_created { "created" } else { "unchanged" }
}

/// `deleted`, or that it was gone before.
pub(crate) fn deleted(is_deleted: bool) -> &'static str {
    if is_deleted {
        "deleted"
    } else {
        "was not there"
    }
}
