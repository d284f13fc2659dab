//! `tenantry identity user put-policy`, `get-policy`, `delete-policy`.

use std::path::Path;

use clap::Args;
use tenantry_proto::identity::v1::{
    DeleteUserPolicyRequest, GetUserPolicyRequest, PutUserPolicyRequest, UserPolicy,
};

use super::deleted;
use crate::{
    error::Error,
    manifest,
    session::Session,
    view::{Column, View},
};

/// Set an inline policy of a user.
#[derive(Debug, Args)]
pub struct Put {
    /// Name of the user.
    user: String,
    /// Name of the policy.
    #[arg(long)]
    policy_name: String,
    /// The policy: file://PATH, - for stdin, or JSON text.
    #[arg(long)]
    policy_document: String,
    /// Check everything, change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// An inline policy of a user.
#[derive(Debug, Args)]
pub struct Named {
    /// Name of the user.
    user: String,
    /// Name of the policy.
    #[arg(long)]
    policy_name: String,
}

pub(crate) async fn put(session: &Session, command: Put) -> Result<(), Error> {
    let Put {
        user,
        policy_name,
        policy_document,
        dry_run,
    } = command;
    let name = format!("policy/{user}/{policy_name}");
    let policy = UserPolicy {
        user_name: user.clone(),
        policy_name,
        policy_document: document(policy_document)?,
    };
    let request = PutUserPolicyRequest {
        policy: Some(policy),
        validate_only: dry_run,
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.put_user_policy(request).await
        })
        .await?;
    let done = match (dry_run, reply.is_changed) {
        (true, _) => "would be put",
        (false, true) => "put",
        (false, false) => "unchanged",
    };
    session.out.wrote(&reply, &name, done)?;
    session
        .out
        .talk(format!("Next: tenantry identity key create {user}"));
    Ok(())
}

pub(crate) async fn get(session: &Session, command: Named) -> Result<(), Error> {
    let request = GetUserPolicyRequest {
        user_name: command.user,
        policy_name: command.policy_name,
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.get_user_policy(request).await
        })
        .await?;
    let policies = reply.policy.as_slice();
    let view = View {
        columns: vec![
            Column::text("USER"),
            Column::text("POLICY"),
            Column::text("DOCUMENT"),
        ],
        rows: policies.iter().map(row).collect(),
        names: policies
            .iter()
            .map(|policy| format!("policy/{}/{}", policy.user_name, policy.policy_name))
            .collect(),
        empty: "No policy.".to_owned(),
    };
    session.out.show(&reply, &view)
}

pub(crate) async fn delete(session: &Session, command: Named) -> Result<(), Error> {
    let name = format!("policy/{}/{}", command.user, command.policy_name);
    let request = DeleteUserPolicyRequest {
        user_name: command.user,
        policy_name: command.policy_name,
    };
    let reply = session
        .identity()
        .await?
        .call(request, async |mut client, request| {
            client.delete_user_policy(request).await
        })
        .await?;
    session.out.wrote(&reply, &name, deleted(reply.is_deleted))
}

fn row(policy: &UserPolicy) -> Vec<String> {
    let UserPolicy {
        user_name,
        policy_name,
        policy_document,
    } = policy.clone();
    vec![user_name, policy_name, policy_document]
}

/// The document's text, given as the AWS CLI takes it.
fn document(given: String) -> Result<String, Error> {
    match given.strip_prefix("file://") {
        Some(path) => manifest::read(Path::new(path)),
        None if given == "-" => manifest::read(Path::new("-")),
        None if given.trim_start().starts_with('{') => Ok(given),
        None => Err(Error::Usage(format!(
            "--policy-document {given}: write file://{given}, - for stdin, or JSON text"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_from_files_or_as_text() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{}").unwrap();
        assert_eq!(
            document(format!("file://{}", file.path().display())).unwrap(),
            "{}"
        );
        assert_eq!(document("{\"a\":1}".to_owned()).unwrap(), "{\"a\":1}");
    }

    #[test]
    fn a_bare_path_gets_the_spelling_that_works() {
        assert!(
            document("policy.json".to_owned())
                .unwrap_err()
                .to_string()
                .contains("file://policy.json")
        );
    }
}
