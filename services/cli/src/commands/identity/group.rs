//! `tenantry identity group`.

use clap::Subcommand;
use tenantry_proto::identity::v1::{
    AddUserToGroupRequest, CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, Group,
    ListGroupsRequest, ListGroupsResponse, Membership, RemoveUserFromGroupRequest,
};

use super::{created, deleted};
use crate::{
    commands::page,
    confirm,
    error::Error,
    moment,
    session::Session,
    view::{Column, View},
};

/// IAM groups and their members.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an IAM group.
    Create {
        /// Name of the group.
        name: String,
        /// IAM path, such as /teams/.
        #[arg(long, default_value = "/")]
        path: String,
        /// Check everything, change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show a group and its members.
    Get {
        /// Name of the group.
        name: String,
    },
    /// List the groups.
    List,
    /// Delete an empty group.
    Delete {
        /// Name of the group.
        name: String,
        /// The name again, instead of being asked for it.
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Put a user into a group.
    AddUser {
        /// Name of the group.
        group: String,
        /// Name of the user.
        user: String,
    },
    /// Take a user out of a group.
    RemoveUser {
        /// Name of the group.
        group: String,
        /// Name of the user.
        user: String,
    },
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        match self {
            Self::Create {
                name,
                path,
                dry_run,
            } => create(session, name, path, dry_run).await,
            Self::Get { name } => get(session, name).await,
            Self::List => list(session).await,
            Self::Delete { name, confirm } => delete(session, name, confirm).await,
            Self::AddUser { group, user } => {
                add_user(
                    session,
                    Membership {
                        group_name: group,
                        user_name: user,
                    },
                )
                .await
            }
            Self::RemoveUser { group, user } => {
                remove_user(
                    session,
                    Membership {
                        group_name: group,
                        user_name: user,
                    },
                )
                .await
            }
        }
    }
}

async fn create(
    session: &Session,
    name: String,
    path: String,
    validate_only: bool,
) -> Result<(), Error> {
    let group = Group {
        group_name: name.clone(),
        path,
        ..Default::default()
    };
    let request = CreateGroupRequest {
        group: Some(group),
        validate_only,
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.create_group(request).await
        })
        .await?;
    let arn = reply
        .group
        .as_ref()
        .map(|group| group.arn.as_str())
        .unwrap_or_default();
    let done = if validate_only {
        "would be created".to_owned()
    } else {
        format!("{} ({arn})", created(reply.is_created))
    };
    session.out.wrote(&reply, &format!("group/{name}"), done)?;
    session.out.talk(format!(
        "Next: tenantry identity group add-user {name} USER"
    ));
    Ok(())
}

async fn get(session: &Session, group_name: String) -> Result<(), Error> {
    let request = GetGroupRequest { group_name };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.get_group(request).await
        })
        .await?;
    let members: Vec<&str> = reply
        .users
        .iter()
        .map(|user| user.user_name.as_str())
        .collect();
    let members = if members.is_empty() {
        "none".to_owned()
    } else {
        members.join(", ")
    };
    let shown = view(session, reply.group.as_slice());
    session.out.show(&reply, &shown)?;
    session.out.talk(format!("Members: {members}"));
    Ok(())
}

async fn list(session: &Session) -> Result<(), Error> {
    let identity = session.identity().await?;
    let groups = page::all(async |page_token| {
        let request = ListGroupsRequest {
            page_size: page::SIZE,
            page_token,
        };
        let reply = identity
            .call(request, async |mut client, request| {
                client.list_groups(request).await
            })
            .await?;
        Ok((reply.groups, reply.next_page_token))
    });
    let reply = ListGroupsResponse {
        groups: groups.await?,
        next_page_token: String::new(),
    };
    session.out.show(&reply, &view(session, &reply.groups))
}

async fn delete(session: &Session, name: String, confirmed: Option<String>) -> Result<(), Error> {
    confirm::severe(
        &format!("Deleting group {name} ends what it stood for in IAM."),
        &name,
        confirmed.as_deref(),
    )?;
    let request = DeleteGroupRequest {
        group_name: name.clone(),
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.delete_group(request).await
        })
        .await?;
    session
        .out
        .wrote(&reply, &format!("group/{name}"), deleted(reply.is_deleted))
}

async fn add_user(session: &Session, membership: Membership) -> Result<(), Error> {
    let Membership {
        group_name,
        user_name,
    } = membership.clone();
    let request = AddUserToGroupRequest {
        membership: Some(membership),
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.add_user_to_group(request).await
        })
        .await?;
    session.out.wrote(
        &reply,
        &format!("membership/{group_name}/{user_name}"),
        "added",
    )?;
    session
        .out
        .talk(format!("Next: tenantry identity key create {user_name}"));
    Ok(())
}

async fn remove_user(session: &Session, membership: Membership) -> Result<(), Error> {
    let name = format!(
        "membership/{}/{}",
        membership.group_name, membership.user_name
    );
    let request = RemoveUserFromGroupRequest {
        membership: Some(membership),
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.remove_user_from_group(request).await
        })
        .await?;
    let done = if reply.is_removed {
        "removed"
    } else {
        "was not there"
    };
    session.out.wrote(&reply, &name, done)
}

fn view(session: &Session, groups: &[Group]) -> View {
    View {
        columns: vec![
            Column::text("NAME"),
            Column::text("ARN"),
            Column::text("ID").wide(),
            Column::text("PATH").wide(),
            Column::text("AGE"),
        ],
        rows: groups.iter().map(|group| row(session, group)).collect(),
        names: groups
            .iter()
            .map(|group| format!("group/{}", group.group_name))
            .collect(),
        empty: "No groups. Make one: tenantry identity group create NAME".to_owned(),
    }
}

fn row(session: &Session, group: &Group) -> Vec<String> {
    let Group {
        group_name,
        path,
        group_id,
        arn,
        create_time,
    } = group.clone();
    vec![
        group_name,
        arn,
        group_id,
        path,
        moment::age(create_time.as_ref(), session.now),
    ]
}
