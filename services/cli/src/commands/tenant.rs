//! `tenantry tenant`.

use clap::{Args, Subcommand};
use tenantry_proto::tenant::v1::{
    CreateTenantRequest, DeleteTenantRequest, GetTenantRequest, GetTenantResponse,
    ListTenantsRequest, ListTenantsResponse, Tenant, UpdateTenantRequest,
};

use crate::{commands::page, confirm, error::Error, moment::Moment, session::Session};

pub(crate) mod losses;
mod namespaces;
pub(crate) mod past;
mod pause;
mod spec;
mod table;
mod update;
mod watch;

/// Tenants: who shares the cluster.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tenants you may see.
    List,
    /// Show a tenant, as it is or as it was.
    Get(Get),
    /// Make a tenant, from flags or a manifest.
    Create(Box<spec::Create>),
    /// Change a tenant: flags add members and namespaces to those it has, a manifest replaces its spec.
    Update(Box<update::Update>),
    /// Delete a tenant; its namespaces stay unless it says otherwise.
    Delete(Delete),
    /// Show the tenants and then every change, until Ctrl-C.
    Watch {
        /// Only this tenant.
        name: Option<String>,
    },
    /// List every spec a tenant had, who wrote it and when it was in place.
    History {
        /// Name of the tenant, also of one that is gone.
        name: String,
    },
    /// Write an earlier spec again, as a new revision.
    Revert(past::Revert),
    /// List changes by others to what is the tenant's, as they were put back.
    Drift {
        /// Name of the tenant.
        name: String,
    },
    /// Stop applying a tenant's spec and putting back drift; its deletion is still carried out.
    Pause {
        /// Name of the tenant.
        name: String,
    },
    /// Go on applying a tenant's spec.
    Resume {
        /// Name of the tenant.
        name: String,
    },
    /// List the namespaces of a tenant, with their quota.
    Namespaces {
        /// Name of the tenant.
        name: String,
    },
}

/// Show a tenant.
#[derive(Debug, Args)]
pub struct Get {
    /// Name of the tenant.
    name: String,
    /// The spec it had at that time: 2026-11-24, 2026-11-24T08:00:00Z, or back from now such as 2h.
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
}

/// Delete a tenant.
#[derive(Debug, Args)]
pub struct Delete {
    /// Name of the tenant.
    name: String,
    /// The name again, instead of being asked for it.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// Check everything, change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        match self {
            Self::List => list(session).await,
            Self::Get(Get { name, at: None }) => get(session, name).await,
            Self::Get(Get { name, at: Some(at) }) => past::get_at(session, name, at).await,
            Self::Create(command) => create(session, *command).await,
            Self::Update(command) => Box::pin(update(session, *command)).await,
            Self::Delete(command) => delete(session, command).await,
            Self::Watch { name } => watch::run(session, name.unwrap_or_default()).await,
            Self::History { name } => past::history(session, name).await,
            Self::Revert(command) => Box::pin(past::revert(session, command)).await,
            Self::Drift { name } => past::drift(session, name).await,
            Self::Pause { name } => pause::pause(session, name).await,
            Self::Resume { name } => pause::resume(session, name).await,
            Self::Namespaces { name } => namespaces::list(session, name).await,
        }
    }
}

/// Every tenant the caller may see.
pub(crate) async fn all(session: &Session) -> Result<Vec<Tenant>, Error> {
    let tenants = session.tenant().await?;
    page::all(async |page_token| {
        let request = ListTenantsRequest {
            page_size: page::SIZE,
            page_token,
        };
        let reply = tenants
            .call(request, async |mut client, request| {
                client.list_tenants(request).await
            })
            .await?;
        Ok((reply.tenants, reply.next_page_token))
    })
    .await
}

async fn list(session: &Session) -> Result<(), Error> {
    let reply = ListTenantsResponse {
        tenants: all(session).await?,
        next_page_token: String::new(),
    };
    session
        .out
        .show(&reply, &table::view(&reply.tenants, session.now))
}

pub(crate) async fn fetch(session: &Session, name: String) -> Result<GetTenantResponse, Error> {
    let request = GetTenantRequest { name };
    session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.get_tenant(request).await
        })
        .await
}

async fn get(session: &Session, name: String) -> Result<(), Error> {
    let reply = fetch(session, name.clone()).await?;
    let tenants = reply.tenant.as_slice();
    session
        .out
        .show(&reply, &table::view(tenants, session.now))?;
    for told in tenants.iter().flat_map(table::troubles) {
        session.out.talk(told);
    }
    session
        .out
        .talk(format!("Next: tenantry tenant namespaces {name}"));
    Ok(())
}

async fn create(session: &Session, command: spec::Create) -> Result<(), Error> {
    let validate_only = command.is_dry_run();
    let tenant = command.into_tenant()?;
    let name = tenant.name.clone();
    let request = CreateTenantRequest {
        tenant: Some(tenant),
        validate_only,
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.create_tenant(request).await
        })
        .await?;
    session.out.wrote(
        &reply,
        &format!("tenant/{name}"),
        if validate_only {
            "would be created"
        } else {
            "created"
        },
    )?;
    session
        .out
        .talk(format!("Next: tenantry tenant watch {name}"));
    Ok(())
}

async fn update(session: &Session, command: update::Update) -> Result<(), Error> {
    let (validate_only, confirmed) = (command.is_dry_run(), command.confirmed());
    let (tenant, paths) = match command.manifest()? {
        Some(tenant) => (tenant, vec!["*".to_owned()]),
        None => {
            let there = fetch(session, command.name())
                .await?
                .tenant
                .unwrap_or_default();
            command.change(there)?
        }
    };
    if !validate_only {
        losses::confirm(session, &tenant, confirmed.as_deref()).await?;
    }
    let name = tenant.name.clone();
    let update_mask = Some(pbjson_types::FieldMask { paths });
    let request = UpdateTenantRequest {
        tenant: Some(tenant),
        update_mask,
        validate_only,
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.update_tenant(request).await
        })
        .await?;
    session.out.wrote(
        &reply,
        &format!("tenant/{name}"),
        if validate_only {
            "would be updated"
        } else {
            "updated"
        },
    )?;
    session
        .out
        .talk(format!("Next: tenantry tenant get {name}"));
    Ok(())
}

async fn delete(session: &Session, command: Delete) -> Result<(), Error> {
    let Delete {
        name,
        confirm,
        dry_run,
    } = command;
    if !dry_run {
        let what = format!(
            "Deleting tenant {name} ends its members' access; its namespaces go too if it purges them."
        );
        confirm::severe(&what, &name, confirm.as_deref())?;
    }
    let request = DeleteTenantRequest {
        name: name.clone(),
        etag: String::new(),
        validate_only: dry_run,
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.delete_tenant(request).await
        })
        .await?;
    session.out.wrote(
        &reply,
        &format!("tenant/{name}"),
        if dry_run {
            "would be deleted"
        } else {
            "deleted"
        },
    )?;
    session
        .out
        .talk(format!("Next: tenantry audit --tenant {name}"));
    Ok(())
}
