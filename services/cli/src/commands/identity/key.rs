//! `tenantry identity key`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tenantry_proto::identity::v1::{
    AccessKey, CreateAccessKeyRequest, CreateAccessKeyResponse, DeleteAccessKeyRequest,
    ListAccessKeysRequest,
};

use super::deleted;
use crate::{
    credentials_file,
    error::Error,
    moment,
    session::Session,
    view::{Column, View},
};

/// Access keys of IAM users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an access key; its secret is shown once, or written to a profile.
    Create(Create),
    /// List the keys of a user, without secrets.
    List {
        /// Name of the user.
        user: String,
    },
    /// Delete a key.
    Delete {
        /// Name of the user.
        user: String,
        /// Id of the key (AKIA…).
        access_key_id: String,
    },
}

/// Make an access key.
#[derive(Debug, Args)]
pub struct Create {
    /// Name of the user.
    user: String,
    /// Write an AWS profile of this name instead of printing the secret.
    #[arg(long, value_name = "NAME")]
    write_profile: Option<String>,
    /// Shared-credentials file for --write-profile; unset means ~/.aws/credentials.
    #[arg(
        long,
        value_name = "PATH",
        env = "AWS_SHARED_CREDENTIALS_FILE",
        requires = "write_profile"
    )]
    credentials_file: Option<PathBuf>,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        match self {
            Self::Create(command) => create(session, command).await,
            Self::List { user } => list(session, user).await,
            Self::Delete {
                user,
                access_key_id,
            } => delete(session, user, access_key_id).await,
        }
    }
}

async fn create(session: &Session, command: Create) -> Result<(), Error> {
    let Create {
        user,
        write_profile,
        credentials_file,
    } = command;
    let Some(profile) = write_profile else {
        return hand_over(session, request(session, user).await?);
    };
    let path =
        credentials_file.or_else(|| dirs::home_dir().map(|home| home.join(".aws/credentials")));
    let path = path.ok_or_else(|| {
        Error::Usage("there is no home folder; name the file with --credentials-file".to_owned())
    })?;
    let prepared = credentials_file::prepare(path, &profile)?;
    let mut reply = request(session, user.clone()).await?;
    let id = reply
        .access_key
        .as_ref()
        .map(|key| key.access_key_id.clone())
        .unwrap_or_default();
    // Taken out, so that no output format can show it beside the file.
    let secret = std::mem::take(&mut reply.secret_access_key);
    let written = prepared.write(&id, &secret).inspect_err(|_| {
        session.out.talk(format!(
            "The key's secret is lost. Delete the key: tenantry identity key delete {user} {id}"
        ));
    })?;
    session.out.wrote(
        &reply,
        &format!("accesskey/{id}"),
        format_args!("created, profile {profile} in {}", written.display()),
    )?;
    session.out.talk(format!(
        "Next: aws sts get-caller-identity --profile {profile}"
    ));
    Ok(())
}

/// Asks for the key. Never repeated: each success is another key.
async fn request(session: &Session, user_name: String) -> Result<CreateAccessKeyResponse, Error> {
    let request = CreateAccessKeyRequest { user_name };
    session
        .identity()
        .await?
        .call_once(request, async |mut client, request| {
            client.create_access_key(request).await
        })
        .await
}

fn hand_over(session: &Session, reply: CreateAccessKeyResponse) -> Result<(), Error> {
    let id = reply
        .access_key
        .as_ref()
        .map(|key| key.access_key_id.clone())
        .unwrap_or_default();
    let view = View {
        columns: vec![
            Column::text("ACCESS KEY ID"),
            Column::text("SECRET ACCESS KEY"),
        ],
        rows: vec![vec![id.clone(), reply.secret_access_key.clone()]],
        names: vec![format!("accesskey/{id}")],
        empty: String::new(),
    };
    session.out.show(&reply, &view)?;
    session
        .out
        .talk("The secret is shown this once and kept nowhere. Next time: --write-profile NAME");
    Ok(())
}

async fn list(session: &Session, user_name: String) -> Result<(), Error> {
    let empty = format!("No keys. Make one: tenantry identity key create {user_name}");
    let request = ListAccessKeysRequest { user_name };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.list_access_keys(request).await
        })
        .await?;
    let view = View {
        columns: vec![
            Column::text("ACCESS KEY ID"),
            Column::text("USER"),
            Column::text("ACTIVE"),
            Column::text("AGE"),
        ],
        rows: reply
            .access_keys
            .iter()
            .map(|key| row(session, key))
            .collect(),
        names: reply
            .access_keys
            .iter()
            .map(|key| format!("accesskey/{}", key.access_key_id))
            .collect(),
        empty,
    };
    session.out.show(&reply, &view)
}

async fn delete(session: &Session, user_name: String, access_key_id: String) -> Result<(), Error> {
    let name = format!("accesskey/{access_key_id}");
    let request = DeleteAccessKeyRequest {
        user_name,
        access_key_id,
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.delete_access_key(request).await
        })
        .await?;
    session.out.wrote(&reply, &name, deleted(reply.is_deleted))
}

fn row(session: &Session, key: &AccessKey) -> Vec<String> {
    let AccessKey {
        user_name,
        access_key_id,
        is_active,
        create_time,
    } = key.clone();
    vec![
        access_key_id,
        user_name,
        is_active.to_string(),
        moment::age(create_time.as_ref(), session.now),
    ]
}
