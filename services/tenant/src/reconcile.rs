//! The pipe: dereference → validate → build → apply → record.

pub mod actor;
pub mod apply;
pub mod build;
pub mod dereference;
mod memory;
mod notice;
pub mod object;
pub mod quota;
pub mod record;
mod release;
mod run;
pub mod settings;
pub mod status;
pub mod validate;

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{controller::Action, events::Recorder},
};
use serde_json::json;
use tenantry_k8s::{Tenant, TenantStatus, keys};
use tenantry_runtime::Chain;

use crate::{
    cluster::{self, within},
    config::ClusterConfig,
    store::{self, Store},
};
use build::{Plan, build};
use dereference::{Observed, dereference};
use memory::Memory;
use object::{Key, MANAGER};
use record::Done;
pub use run::{Tenants, run};
use status::{Outcome, status};
use validate::{Invalid, Valid, validate};

/// Next look while something is under way that a watch would tell of, too.
const SOON: Duration = Duration::from_secs(5);
/// Next look where only somebody's change of rights could help, which no watch tells of.
const LATER: Duration = Duration::from_secs(60);

/// Why a reconcile did not come to its end. Each is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The apiserver did not do it.
    #[error("reconciling {name}")]
    Cluster {
        /// Which object.
        name: String,
        /// What the apiserver says.
        #[source]
        source: cluster::Error,
    },
    /// Postgres did not take it.
    #[error("recording {name}")]
    Store {
        /// Which object.
        name: String,
        /// What Postgres says.
        #[source]
        source: store::Error,
    },
    /// Not a tenant that the schema admits.
    #[error("reading the tenant {name}")]
    Invalid {
        /// Which object.
        name: String,
        /// What is wrong.
        #[source]
        source: Invalid,
    },
}

/// What every reconcile needs.
pub struct Context {
    /// The cluster.
    pub client: Client,
    /// The history.
    pub store: Store,
    /// Settings that concern the cluster.
    pub config: ClusterConfig,
    recorder: Recorder,
    memory: Memory,
}

/// Brings the cluster to what `tenant` wants.
async fn reconcile(tenant: Arc<Tenant>, context: Arc<Context>) -> Result<Action, Error> {
    let name = tenant.name_any();
    let failed = |source| Error::Cluster {
        name: name.clone(),
        source,
    };
    if tenant.metadata.deletion_timestamp.is_some() {
        return release::release(&tenant, &context).await;
    }
    hold(&tenant, &context).await.map_err(failed)?;
    let observed = dereference(&context.client, &tenant, &context.config.namespace)
        .await
        .map_err(failed)?;
    let valid = validate(&tenant, &observed).map_err(|source| Error::Invalid {
        name: name.clone(),
        source,
    })?;
    let mut plan = build(&valid, &observed);
    plan.drift.extend(context.memory.missing(valid.uid, &plan));
    let done = carry_out(&tenant, &valid, &observed, &plan, &context)
        .await
        .map_err(failed)?;
    let outcome = Outcome {
        valid: &valid,
        observed: &observed,
        plan: &plan,
        problems: done.problems,
        is_recorded: done.is_recorded,
    };
    context.memory.remember(valid.uid, &outcome);
    notice::publish(&context, &tenant, &outcome).await;
    write_status(
        &tenant,
        &context.client,
        status(&tenant, &outcome, Timestamp::now()),
    )
    .await
    .map_err(failed)?;
    Ok(next(&outcome))
}

/// What was carried out of a plan.
struct Carried {
    problems: Vec<validate::Problem>,
    is_recorded: bool,
}

/// Rights are taken before, and given after, everything else; no right is given that the history lacks.
async fn carry_out(
    tenant: &Tenant,
    valid: &Valid,
    observed: &Observed,
    plan: &Plan,
    context: &Context,
) -> Result<Carried, cluster::Error> {
    let Context { client, store, .. } = context;
    let intent = record::intent(store, tenant, valid).await;
    let taken = apply::revoke(client, plan).await;
    let mut applied = taken.and(apply::structure(client, plan).await);
    let mut is_recorded = intent.is_ok();
    let mut are_granted = plan.grants.is_empty();
    if let (Ok(()), false) = (&intent, are_granted) {
        match record::request(store, valid, plan).await {
            Ok(permit) => {
                applied = applied.and(apply::grant(client, plan, permit).await);
                are_granted = true;
            }
            Err(failure) => is_recorded = warn(valid, &failure),
        }
    }
    let granted = in_force(plan, &applied.refused);
    let is_known = are_granted && applied.transient.is_none();
    let problems: Vec<_> = valid
        .problems
        .iter()
        .cloned()
        .chain(applied.problems)
        .collect();
    let is_settled = problems.is_empty() && plan.is_settled();
    let done = Done {
        granted: is_known.then_some(granted.as_slice()),
        drift: &plan.drift,
        is_settled,
    };
    match intent {
        Err(failure) => is_recorded = warn(valid, &failure),
        Ok(()) => {
            if let Err(failure) = record::outcome(store, tenant, valid, observed, &done).await {
                is_recorded = warn(valid, &failure);
            }
        }
    }
    match applied.transient {
        Some(failure) => Err(failure),
        None => Ok(Carried {
            problems,
            is_recorded,
        }),
    }
}

fn warn(valid: &Valid, failure: &store::Error) -> bool {
    tracing::warn!(tenant = %valid.name, error = %Chain(failure), "History not recorded; it is tried again.");
    false
}

/// Grants of the plan whose every binding is there.
fn in_force(plan: &Plan, refused: &[Key]) -> Vec<build::Grant> {
    let is_refused = |grant: &build::Grant| {
        grant.cluster_roles.iter().any(|cluster_role| {
            let name = build::binding_name(grant.role, cluster_role);
            refused
                .iter()
                .any(|key| key.namespace == grant.namespace && key.name == name)
        })
    };
    plan.granted
        .iter()
        .filter(|grant| !is_refused(grant))
        .cloned()
        .collect()
}

/// When to look again, if nothing tells us to before.
fn next(outcome: &Outcome<'_>) -> Action {
    let needs_somebody = outcome
        .problems
        .iter()
        .any(|problem| ["RoleNotBindable", "ClusterRefused"].contains(&problem.reason));
    match () {
        () if !outcome.is_recorded => Action::requeue(SOON),
        () if outcome.is_settled() => Action::await_change(),
        () if needs_somebody => Action::requeue(LATER),
        () if outcome.plan.is_settled() => Action::await_change(),
        () => Action::requeue(SOON),
    }
}

/// Puts our finalizer on, so that a tenant does not go before what it granted.
async fn hold(tenant: &Tenant, context: &Context) -> Result<(), cluster::Error> {
    if tenant
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == keys::FINALIZER)
    {
        return Ok(());
    }
    set_finalizers::<Tenant>(&context.client, &tenant.name_any(), &[keys::FINALIZER]).await
}

/// Owns our finalizer by server-side apply, apart from what gRPC writes as the same manager.
async fn set_finalizers<K>(
    client: &Client,
    name: &str,
    finalizers: &[&str],
) -> Result<(), cluster::Error>
where
    K: kube::Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let patch = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()),
        "metadata": {"name": name, "finalizers": finalizers},
    });
    let params = PatchParams::apply(MANAGER).force();
    match within(Api::<K>::all(client.clone()).patch(name, &params, &Patch::Apply(patch))).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.code() == Some(404) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Writes the status where it differs from what is there.
async fn write_status(
    tenant: &Tenant,
    client: &Client,
    status: TenantStatus,
) -> Result<(), cluster::Error> {
    if tenant.status.as_ref() == Some(&status) {
        return Ok(());
    }
    write_status_of::<Tenant>(client, None, &tenant.name_any(), json!(status)).await
}

/// Replaces the status of an object as ours.
async fn write_status_of<K>(
    client: &Client,
    namespace: Option<&str>,
    name: &str,
    status: serde_json::Value,
) -> Result<(), cluster::Error>
where
    K: kube::Resource<DynamicType = ()>,
{
    let resource = kube::core::ApiResource::erase::<K>(&());
    let api: Api<kube::core::DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let patch = json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "status": status});
    let params = PatchParams::apply(MANAGER).force();
    match within(api.patch_status(name, &params, &Patch::Apply(patch))).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.code() == Some(404) => Ok(()),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests;
