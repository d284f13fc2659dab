//! `tenantry diff`: what a manifest would change, and nothing changed.

use std::path::PathBuf;

use clap::Args;
use tenantry_proto::tenant::v1::{
    ObjectChange, PlanQuotaRequest, PlanQuotaResponse, PlanTenantRequest, PlanTenantResponse,
    Quota, Tenant, TenantPlan,
};

use crate::{
    commands::Ending,
    error::Error,
    manifest::{self, Resource},
    session::Session,
};

pub(crate) mod text;

const EXIT_CODES: &str = "\
Exit codes:
  0 nothing would change   1 something would   more than 1: it could not be told (2 to 7 as elsewhere, 8 for what is 1 elsewhere)";

/// Show what manifests would change in the cluster: objects, access, namespaces that would go.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Command {
    /// Tenant and Quota manifests, any number in one file, or - for stdin.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Ending, Error> {
        match Box::pin(self.compare(session)).await {
            Ok(true) => Ok(Ending::Different),
            Ok(false) => Ok(Ending::Done),
            Err(failure) => Err(Error::NotCompared {
                source: Box::new(failure),
            }),
        }
    }

    async fn compare(self, session: &Session) -> Result<bool, Error> {
        let mut is_different = false;
        for resource in manifest::resources(&manifest::read(&self.file)?)? {
            is_different |= show(session, resource).await?;
        }
        if !is_different {
            session.out.talk("Nothing would change.");
        }
        Ok(is_different)
    }
}

/// Prints the plan of one resource. True if something would change.
pub(crate) async fn show(session: &Session, resource: Resource) -> Result<bool, Error> {
    match resource {
        Resource::Tenant(tenant) => show_tenant(session, *tenant).await,
        Resource::Quota(quota) => show_quota(session, *quota).await,
    }
}

/// Prints the plan of a tenant. True if something would change.
pub(crate) async fn show_tenant(session: &Session, tenant: Tenant) -> Result<bool, Error> {
    let reply: PlanTenantResponse = session
        .tenant()
        .await?
        .call(
            PlanTenantRequest {
                tenant: Some(tenant),
            },
            async |mut client, request| client.plan_tenant(request).await,
        )
        .await?;
    let plans = reply.plan.as_slice();
    let changes: Vec<&ObjectChange> = plans.iter().flat_map(|plan| &plan.changes).collect();
    session
        .out
        .text(&reply, &text::plan(plans), &names(&changes))?;
    troubles(session, plans);
    Ok(!changes.is_empty())
}

async fn show_quota(session: &Session, quota: Quota) -> Result<bool, Error> {
    let reply: PlanQuotaResponse = session
        .tenant()
        .await?
        .call(
            PlanQuotaRequest { quota: Some(quota) },
            async |mut client, request| client.plan_quota(request).await,
        )
        .await?;
    let inner = reply.tenants.iter().flat_map(|plan| &plan.changes);
    let changes: Vec<&ObjectChange> = reply.changes.iter().chain(inner).collect();
    let shown = text::changes(&reply.changes) + &text::plan(&reply.tenants);
    session.out.text(&reply, &shown, &names(&changes))?;
    troubles(session, &reply.tenants);
    if reply.is_partial {
        session
            .out
            .talk("Tenants that you may not see name this quota, too; what would change for them is not shown.");
    }
    Ok(!changes.is_empty())
}

fn names(changes: &[&ObjectChange]) -> Vec<String> {
    changes.iter().map(|change| text::name(change)).collect()
}

/// What could not be done is no part of the difference.
fn troubles(session: &Session, plans: &[TenantPlan]) {
    for plan in plans {
        for problem in &plan.problems {
            session.out.talk(format!(
                "{}: {}: {}",
                plan.tenant, problem.reason, problem.message
            ));
        }
    }
}
