//! `tenantry whoami`.

use clap::Args;
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, UserInfo};
use kube::{Api, Client, api::PostParams};
use serde::Serialize;

use super::tenant;
use crate::{
    error::Error,
    session::Session,
    token,
    view::{Column, View},
};

/// Who the cluster says you are, and your tenants.
#[derive(Debug, Args)]
pub struct Command {}

/// Who the caller is; the one answer of ours that no service gives.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    username: String,
    groups: Vec<String>,
    /// Absent while the tenant service cannot say.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenants: Option<Vec<String>>,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        let user = review(session).await?;
        let (tenants, failure) = match tenant::all(session).await {
            Ok(tenants) => (
                Some(tenants.into_iter().map(|tenant| tenant.name).collect()),
                None,
            ),
            Err(Error::AddressMissing { .. }) => {
                session
                    .out
                    .talk("Your tenants are not known: TENANTRY_TENANT_URL is not set.");
                (None, None)
            }
            Err(failure) => (None, Some(failure)),
        };
        let identity = Identity {
            username: user.username.unwrap_or_default(),
            groups: user.groups.unwrap_or_default(),
            tenants,
        };
        session.out.show(&identity, &view(&identity))?;
        // Who you are is known even where your tenants are not; the exit code says that something is missing.
        failure.map_or(Ok(()), Err)
    }
}

async fn review(session: &Session) -> Result<UserInfo, Error> {
    let config = token::kubeconfig(&session.settings).await?;
    let asking = async {
        let client = Client::try_from(config)?;
        Api::<SelfSubjectReview>::all(client)
            .create(&PostParams::default(), &SelfSubjectReview::default())
            .await
    };
    let timeout = session.settings.timeout;
    let reply = tokio::time::timeout(timeout, asking)
        .await
        .map_err(|_elapsed| Error::Timeout {
            service: "cluster's own",
            timeout_seconds: timeout.as_secs().to_string(),
        })?
        .map_err(|source| Error::Cluster {
            source: Box::new(source),
        })?;
    Ok(reply
        .status
        .and_then(|status| status.user_info)
        .unwrap_or_default())
}

fn view(identity: &Identity) -> View {
    let tenants = identity
        .tenants
        .as_ref()
        .map_or_else(|| "unknown".to_owned(), |tenants| tenants.join(","));
    View {
        columns: vec![
            Column::text("USERNAME"),
            Column::text("GROUPS"),
            Column::text("TENANTS"),
        ],
        rows: vec![vec![
            identity.username.clone(),
            identity.groups.join(","),
            tenants,
        ]],
        names: vec![format!("user/{}", identity.username)],
        empty: String::new(),
    }
}
