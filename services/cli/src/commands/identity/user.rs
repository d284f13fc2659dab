//! `tenantry identity user`.

use clap::Subcommand;
use tenantry_proto::identity::v1::{
    CreateUserRequest, DeleteUserRequest, GetUserRequest, GetUserResponse, ListUsersRequest,
    ListUsersResponse, User,
};

use super::{created, deleted, policy};
use crate::{
    commands::page,
    confirm,
    error::Error,
    moment,
    session::Session,
    view::{Column, View},
};

/// IAM users and their policies.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an IAM user.
    Create {
        /// Name of the user.
        name: String,
        /// IAM path, such as /teams/.
        #[arg(long, default_value = "/")]
        path: String,
        /// Check everything, change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show a user with groups, keys and policies.
    Get {
        /// Name of the user.
        name: String,
    },
    /// List the users.
    List,
    /// Delete a user with its keys, policies and memberships.
    Delete {
        /// Name of the user.
        name: String,
        /// The name again, instead of being asked for it.
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Set an inline policy of a user.
    PutPolicy(policy::Put),
    /// Show an inline policy of a user.
    GetPolicy(policy::Named),
    /// Delete an inline policy of a user.
    DeletePolicy(policy::Named),
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
            Self::PutPolicy(command) => policy::put(session, command).await,
            Self::GetPolicy(command) => policy::get(session, command).await,
            Self::DeletePolicy(command) => policy::delete(session, command).await,
        }
    }
}

async fn create(
    session: &Session,
    name: String,
    path: String,
    validate_only: bool,
) -> Result<(), Error> {
    let user = User {
        user_name: name.clone(),
        path,
        ..Default::default()
    };
    let request = CreateUserRequest {
        user: Some(user),
        validate_only,
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.create_user(request).await
        })
        .await?;
    let arn = reply
        .user
        .as_ref()
        .map(|user| user.arn.as_str())
        .unwrap_or_default();
    let done = if validate_only {
        "would be created".to_owned()
    } else {
        format!("{} ({arn})", created(reply.is_created))
    };
    session.out.wrote(&reply, &format!("user/{name}"), done)?;
    session.out.talk(format!(
        "Next: tenantry identity group add-user GROUP {name}"
    ));
    Ok(())
}

async fn get(session: &Session, user_name: String) -> Result<(), Error> {
    let request = GetUserRequest { user_name };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.get_user(request).await
        })
        .await?;
    session
        .out
        .show(&reply, &view(session, reply.user.as_slice()))?;
    session.out.talk(belongings(&reply));
    Ok(())
}

fn belongings(reply: &GetUserResponse) -> String {
    let or_none = |names: Vec<&str>| {
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    let groups = or_none(
        reply
            .groups
            .iter()
            .map(|group| group.group_name.as_str())
            .collect(),
    );
    let keys = or_none(
        reply
            .access_keys
            .iter()
            .map(|key| key.access_key_id.as_str())
            .collect(),
    );
    let policies = or_none(reply.policy_names.iter().map(String::as_str).collect());
    format!("Groups: {groups}\nKeys: {keys}\nPolicies: {policies}")
}

async fn list(session: &Session) -> Result<(), Error> {
    let identity = session.identity().await?;
    let users = page::all(async |page_token| {
        let request = ListUsersRequest {
            page_size: page::SIZE,
            page_token,
        };
        let reply = identity
            .call(request, async |mut client, request| {
                client.list_users(request).await
            })
            .await?;
        Ok((reply.users, reply.next_page_token))
    });
    let reply = ListUsersResponse {
        users: users.await?,
        next_page_token: String::new(),
    };
    session.out.show(&reply, &view(session, &reply.users))
}

async fn delete(session: &Session, name: String, confirmed: Option<String>) -> Result<(), Error> {
    let what = format!("Deleting user {name} also deletes its keys, policies and memberships.");
    confirm::severe(&what, &name, confirmed.as_deref())?;
    let request = DeleteUserRequest {
        user_name: name.clone(),
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.delete_user(request).await
        })
        .await?;
    session
        .out
        .wrote(&reply, &format!("user/{name}"), deleted(reply.is_deleted))
}

fn view(session: &Session, users: &[User]) -> View {
    View {
        columns: vec![
            Column::text("NAME"),
            Column::text("ARN"),
            Column::text("ID").wide(),
            Column::text("PATH").wide(),
            Column::text("AGE"),
        ],
        rows: users.iter().map(|user| row(session, user)).collect(),
        names: users
            .iter()
            .map(|user| format!("user/{}", user.user_name))
            .collect(),
        empty: "No users. Make one: tenantry identity user create NAME".to_owned(),
    }
}

fn row(session: &Session, user: &User) -> Vec<String> {
    let User {
        user_name,
        path,
        user_id,
        arn,
        create_time,
    } = user.clone();
    vec![
        user_name,
        arn,
        user_id,
        path,
        moment::age(create_time.as_ref(), session.now),
    ]
}
