//! `tenantry apply`: makes or changes what manifests say.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use tenantry_proto::tenant::v1::{
    CreateQuotaRequest, CreateTenantRequest, Quota, Tenant, UpdateQuotaRequest, UpdateTenantRequest,
};
use tonic::Code;

use crate::{
    commands::{diff, tenant::losses},
    error::Error,
    manifest::{self, Resource},
    session::Session,
};

/// Make or change tenants and quotas as manifests say; the spec replaces the whole.
#[derive(Debug, Args)]
pub struct Command {
    /// Tenant and Quota manifests, any number in one file, or - for stdin.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Check everything at the service, show what would change, and change nothing.
    #[arg(long, value_name = "WHERE", value_enum, num_args = 0..=1, default_missing_value = "server", require_equals = true)]
    dry_run: Option<DryRun>,
    /// Name of a tenant whose namespaces may go and whose members may lose roles; repeat it. Otherwise you are asked.
    #[arg(long, value_name = "NAME")]
    confirm: Vec<String>,
}

/// Where a dry run happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRun {
    /// By the service and the apiserver.
    Server,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        for resource in manifest::resources(&manifest::read(&self.file)?)? {
            match (self.dry_run, resource) {
                (Some(DryRun::Server), resource) => {
                    diff::show(session, resource).await?;
                }
                (None, Resource::Tenant(tenant)) => {
                    let confirmed = self.confirm.iter().find(|name| **name == tenant.name);
                    losses::confirm(session, &tenant, confirmed.map(String::as_str)).await?;
                    apply_tenant(session, *tenant).await?;
                }
                (None, Resource::Quota(quota)) => apply_quota(session, *quota).await?,
            }
        }
        Ok(())
    }
}

async fn apply_tenant(session: &Session, tenant: Tenant) -> Result<(), Error> {
    let (service, name) = (session.tenant().await?, format!("tenant/{}", tenant.name));
    let request = UpdateTenantRequest {
        tenant: Some(tenant.clone()),
        update_mask: Some(whole()),
        validate_only: false,
    };
    let updated = service
        .call(request, async |mut client, request| {
            client.update_tenant(request).await
        })
        .await;
    if let Some(reply) = unless_absent(updated)? {
        return told(session, &reply, &name, "configured");
    }
    let request = CreateTenantRequest {
        tenant: Some(tenant),
        validate_only: false,
    };
    let reply = service
        .call(request, async |mut client, request| {
            client.create_tenant(request).await
        })
        .await?;
    told(session, &reply, &name, "created")
}

async fn apply_quota(session: &Session, quota: Quota) -> Result<(), Error> {
    let (service, name) = (session.tenant().await?, format!("quota/{}", quota.name));
    let request = UpdateQuotaRequest {
        quota: Some(quota.clone()),
        update_mask: Some(whole()),
        validate_only: false,
    };
    let updated = service
        .call(request, async |mut client, request| {
            client.update_quota(request).await
        })
        .await;
    if let Some(reply) = unless_absent(updated)? {
        return told(session, &reply, &name, "configured");
    }
    let request = CreateQuotaRequest {
        quota: Some(quota),
        validate_only: false,
    };
    let reply = service
        .call(request, async |mut client, request| {
            client.create_quota(request).await
        })
        .await?;
    told(session, &reply, &name, "created")
}

fn whole() -> pbjson_types::FieldMask {
    pbjson_types::FieldMask {
        paths: vec!["*".to_owned()],
    }
}

/// The reply; none if there is no such thing yet.
fn unless_absent<R>(reply: Result<R, Error>) -> Result<Option<R>, Error> {
    match reply {
        Err(Error::Rpc { status, .. }) if status.code() == Code::NotFound => Ok(None),
        reply => reply.map(Some),
    }
}

fn told(session: &Session, reply: &impl Serialize, name: &str, done: &str) -> Result<(), Error> {
    session.out.wrote(reply, name, done)
}
