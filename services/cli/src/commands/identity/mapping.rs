//! `tenantry identity mapping`: the entries of aws-auth.

use clap::{Args, Subcommand};
use tenantry_proto::identity::v1::{
    CreateIdentityMappingRequest, DeleteIdentityMappingRequest, IdentityMapping,
    ListIdentityMappingsRequest,
};

use super::created;
use crate::{
    error::Error,
    session::Session,
    view::{Column, View},
};

/// Entries of aws-auth: an IAM principal and its names in the cluster.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Map an IAM user or role to a name and groups in the cluster.
    Create(Create),
    /// List the entries in effect.
    List {
        /// Only entries of this ARN.
        #[arg(long)]
        arn: Option<String>,
    },
    /// Remove every entry of an ARN.
    Delete {
        /// ARN of the IAM user or role.
        #[arg(long)]
        arn: String,
        /// Check everything, change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Map an IAM user or role to a name and groups in the cluster.
#[derive(Debug, Args)]
pub struct Create {
    /// ARN of the IAM user or role.
    #[arg(long)]
    arn: String,
    /// Name in the cluster.
    #[arg(long)]
    username: String,
    /// Group in the cluster; repeat it, or separate by commas.
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<String>,
    /// Give an ARN that is mapped already these names; without it that is refused.
    #[arg(long)]
    replace: bool,
    /// What eksctl calls the refusal, which happens anyway.
    #[arg(long, hide = true, conflicts_with = "replace")]
    no_duplicate_arns: bool,
    /// Check everything, change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        match self {
            Self::Create(command) => create(session, command).await,
            Self::List { arn } => list(session, arn.unwrap_or_default()).await,
            Self::Delete { arn, dry_run } => delete(session, arn, dry_run).await,
        }
    }
}

async fn create(session: &Session, command: Create) -> Result<(), Error> {
    let Create {
        arn,
        username,
        groups,
        replace,
        no_duplicate_arns: _,
        dry_run,
    } = command;
    let name = format!("mapping/{arn}");
    let mapping = IdentityMapping {
        arn,
        username: username.clone(),
        groups,
    };
    let request = CreateIdentityMappingRequest {
        mapping: Some(mapping),
        replace,
        validate_only: dry_run,
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.create_identity_mapping(request).await
        })
        .await?;
    for warning in &reply.warnings {
        session.out.talk(format!("warning: {warning}"));
    }
    session.out.wrote(
        &reply,
        &name,
        if dry_run {
            "would be created"
        } else {
            created(reply.is_created)
        },
    )?;
    session.out.talk(format!("Next: make {username} a member of a tenant: tenantry tenant create NAME --quota QUOTA --owner {username}"));
    Ok(())
}

async fn list(session: &Session, arn: String) -> Result<(), Error> {
    let request = ListIdentityMappingsRequest { arn };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.list_identity_mappings(request).await
        })
        .await?;
    let view = View {
        columns: vec![
            Column::text("ARN"),
            Column::text("USERNAME"),
            Column::text("GROUPS"),
        ],
        rows: reply.mappings.iter().map(row).collect(),
        names: reply
            .mappings
            .iter()
            .map(|mapping| format!("mapping/{}", mapping.arn))
            .collect(),
        empty: "No mappings. Make one: tenantry identity mapping create --arn ARN --username NAME"
            .to_owned(),
    };
    session.out.show(&reply, &view)
}

async fn delete(session: &Session, arn: String, validate_only: bool) -> Result<(), Error> {
    let name = format!("mapping/{arn}");
    let request = DeleteIdentityMappingRequest { arn, validate_only };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.delete_identity_mapping(request).await
        })
        .await?;
    let verb = if validate_only {
        "would be deleted"
    } else {
        "deleted"
    };
    session.out.wrote(
        &reply,
        &name,
        format_args!("{verb} (entries: {})", reply.removed_count),
    )
}

fn row(mapping: &IdentityMapping) -> Vec<String> {
    let IdentityMapping {
        arn,
        username,
        groups,
    } = mapping.clone();
    vec![arn, username, groups.join(",")]
}
