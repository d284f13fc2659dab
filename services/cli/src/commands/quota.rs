//! `tenantry quota`.

use std::{collections::HashMap, path::PathBuf};

use clap::{Args, Subcommand};
use tenantry_proto::tenant::v1::{
    CreateQuotaRequest, DeleteQuotaRequest, GetQuotaRequest, GetQuotaResponse, ListQuotasRequest,
    ListQuotasResponse, Quota, QuotaSpec, TenantUsage,
};

use crate::{
    commands::page,
    error::Error,
    manifest, moment,
    session::Session,
    view::{Column, View},
};

mod update;

/// Quotas: the budgets that tenants name.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the quotas.
    List,
    /// Show a quota and how much of it each tenant uses.
    Get {
        /// Name of the quota.
        name: String,
    },
    /// Make a quota, from flags or a manifest.
    Create(Create),
    /// Change a quota: flags set single limits, a manifest replaces its spec.
    Update(update::Update),
    /// Delete a quota that no tenant names.
    Delete {
        /// Name of the quota.
        name: String,
        /// Check everything, change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Make a quota.
#[derive(Debug, Args)]
pub struct Create {
    /// Name of the quota; with -f the manifest has it.
    #[arg(required_unless_present = "file")]
    name: Option<String>,
    /// Quota manifest, or - for stdin.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["name", "hard"])]
    file: Option<PathBuf>,
    /// Budget of one resource, such as memory=8Gi; repeat it, or separate by commas.
    #[arg(long, value_name = "RESOURCE=QUANTITY", value_delimiter = ',', value_parser = pair)]
    hard: Vec<(String, String)>,
    /// Check everything, change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        match self {
            Self::List => list(session).await,
            Self::Get { name } => get(session, name).await,
            Self::Create(command) => create(session, command).await,
            Self::Update(command) => update::run(session, command).await,
            Self::Delete { name, dry_run } => delete(session, name, dry_run).await,
        }
    }
}

async fn list(session: &Session) -> Result<(), Error> {
    let tenants = session.tenant().await?;
    let quotas = page::all(async |page_token| {
        let request = ListQuotasRequest {
            page_size: page::SIZE,
            page_token,
        };
        let reply = tenants
            .call(request, async |mut client, request| {
                client.list_quotas(request).await
            })
            .await?;
        Ok((reply.quotas, reply.next_page_token))
    });
    let reply = ListQuotasResponse {
        quotas: quotas.await?,
        next_page_token: String::new(),
    };
    session.out.show(&reply, &view(session, &reply.quotas))
}

async fn fetch(session: &Session, name: String) -> Result<GetQuotaResponse, Error> {
    let request = GetQuotaRequest { name };
    session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.get_quota(request).await
        })
        .await
}

async fn get(session: &Session, name: String) -> Result<(), Error> {
    let reply = fetch(session, name).await?;
    session
        .out
        .show(&reply, &view(session, reply.quota.as_slice()))?;
    for usage in reply.quota.iter().flat_map(|quota| &quota.tenants) {
        session.out.talk(budget(usage));
    }
    Ok(())
}

async fn create(session: &Session, command: Create) -> Result<(), Error> {
    let validate_only = command.dry_run;
    let quota = match &command.file {
        Some(path) => manifest::quota(&manifest::read(path)?)?,
        None => from_flags(command.name.unwrap_or_default(), command.hard),
    };
    let name = quota.name.clone();
    let request = CreateQuotaRequest {
        quota: Some(quota),
        validate_only,
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.create_quota(request).await
        })
        .await?;
    session.out.wrote(
        &reply,
        &format!("quota/{name}"),
        if validate_only {
            "would be created"
        } else {
            "created"
        },
    )?;
    session.out.talk(format!(
        "Next: tenantry tenant create NAME --quota {name} --owner USER --namespace dev"
    ));
    Ok(())
}

fn from_flags(name: String, hard: Vec<(String, String)>) -> Quota {
    let hard: HashMap<String, String> = hard.into_iter().collect();
    Quota {
        name,
        spec: Some(QuotaSpec {
            hard: hard.into_iter().collect(),
            limitrange: None,
        }),
        ..Default::default()
    }
}

async fn delete(session: &Session, name: String, dry_run: bool) -> Result<(), Error> {
    let request = DeleteQuotaRequest {
        name: name.clone(),
        etag: String::new(),
        validate_only: dry_run,
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.delete_quota(request).await
        })
        .await?;
    session.out.wrote(
        &reply,
        &format!("quota/{name}"),
        if dry_run {
            "would be deleted"
        } else {
            "deleted"
        },
    )
}

fn view(session: &Session, quotas: &[Quota]) -> View {
    View {
        columns: vec![
            Column::text("NAME"),
            Column::text("HARD"),
            Column::number("TENANTS"),
            Column::text("AGE"),
            Column::text("USED BY").wide(),
        ],
        rows: quotas.iter().map(|quota| row(session, quota)).collect(),
        names: quotas
            .iter()
            .map(|quota| format!("quota/{}", quota.name))
            .collect(),
        empty: "No quotas. Make one: tenantry quota create small --hard memory=8Gi,configmaps=10"
            .to_owned(),
    }
}

fn row(session: &Session, quota: &Quota) -> Vec<String> {
    let spec = quota.spec.clone().unwrap_or_default();
    let mut hard: Vec<String> = spec
        .hard
        .iter()
        .map(|(resource, quantity)| format!("{resource}={quantity}"))
        .collect();
    hard.sort();
    let tenants: Vec<&str> = quota
        .tenants
        .iter()
        .map(|usage| usage.tenant.as_str())
        .collect();
    let age = moment::age(quota.create_time.as_ref(), session.now);
    vec![
        quota.name.clone(),
        hard.join(","),
        tenants.len().to_string(),
        age,
        tenants.join(","),
    ]
}

fn budget(usage: &TenantUsage) -> String {
    let lines = usage
        .resources
        .iter()
        .map(|line| format!("{} {} of {}", line.resource, line.used, line.hard));
    format!(
        "{} uses {}",
        usage.tenant,
        lines.collect::<Vec<_>>().join(", ")
    )
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((resource, quantity)) if !resource.is_empty() && !quantity.is_empty() => {
            Ok((resource.to_owned(), quantity.to_owned()))
        }
        _ => Err("write RESOURCE=QUANTITY, such as memory=8Gi".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_pairs() {
        assert_eq!(
            pair("memory=8Gi"),
            Ok(("memory".to_owned(), "8Gi".to_owned()))
        );
        assert!(pair("memory").is_err() && pair("=8Gi").is_err());
    }
}
