//! The pipe: dereference → validate → build → apply → record.

pub mod actor;
pub mod apply;
pub mod build;
pub mod dereference;
mod finalizer;
mod former;
mod haste;
mod leftovers;
mod memory;
mod notice;
pub mod object;
mod pace;
pub(crate) mod pause;
pub mod plan;
mod privileged;
pub mod quota;
pub mod record;
mod release;
mod roll;
mod run;
pub mod settings;
pub mod status;
mod unreadable;
mod usage;
pub mod validate;
mod violations;

use std::{collections::HashSet, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
    core::DynamicObject,
    runtime::{controller::Action, events::Recorder},
};
use serde_json::json;
use tenantry_k8s::{IntegrationConfig, Quota, Tenant, TenantStatus, integration_config};
use tenantry_runtime::Chain;
use uuid::Uuid;

use crate::{
    cluster::{self, within},
    config::ClusterConfig,
    metrics,
    shard::Shards,
    store::{self, Store},
    view::{NotListed, Queue, View},
};
use apply::{Applied, Failure};
use build::{Plan, build};
use dereference::{Observed, dereference};
use haste::{Haste, Next};
use leftovers::Collecting;
use memory::Memory;
use object::{Key, MANAGER};
use pace::Pace;
use record::{Done, Recorded};
use roll::Roll;
pub use run::run;
use status::{Outcome, status};
use validate::{Invalid, Valid, validate};
use violations::Looks;

/// Next look where something breaks the rules.
const RULES: Duration = Duration::from_secs(10);
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
    /// There is nothing to go by yet.
    #[error(transparent)]
    NotListed(#[from] NotListed),
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
    /// Another replica may look after it by now, and know more than this one.
    #[error("{name} is not this replica's any more")]
    Lost {
        /// Which object.
        name: String,
    },
}

impl Error {
    /// When to try again: when the apiserver wants it, if it says so.
    fn retry_after(&self) -> Duration {
        let asked = match self {
            Self::Cluster { source, .. } => source.retry_after(),
            Self::NotListed(_) | Self::Store { .. } | Self::Invalid { .. } | Self::Lost { .. } => {
                None
            }
        };
        asked.unwrap_or(SOON)
    }
}

/// What every reconcile needs.
pub struct Context {
    /// The cluster.
    pub client: Client,
    /// What is there.
    pub view: Arc<View>,
    /// Which tenants are ours to look after.
    pub shards: Shards,
    /// The history.
    pub store: Store,
    /// Settings that concern the cluster.
    pub config: ClusterConfig,
    recorder: Recorder,
    memory: Memory,
    haste: Haste,
    pace: Pace,
    looks: Looks,
    quotas: quota::Quotas,
    roll: Roll,
    collecting: Collecting,
}

/// Looks at `tenant` if it is ours to look after.
async fn reconcile(tenant: Arc<Tenant>, context: Arc<Context>) -> Result<Action, Error> {
    let name = tenant.name_any();
    if !context.shards.owns(&name) {
        return Ok(Action::await_change());
    }
    context.view.listed().await?;
    let end = Box::pin(bring(&tenant, &context)).await;
    context.roll.note(&name, || context.owned());
    match end {
        // Who has it now looks at it by himself; and if it comes back, everything is looked at.
        Err(failure) if !context.shards.owns(&name) => {
            tracing::info!(tenant = name, error = %Chain(&failure), "Look given up; the tenant may be another replica's.");
            Ok(Action::await_change())
        }
        end => end,
    }
}

/// Brings the cluster to what `tenant` wants.
async fn bring(tenant: &Tenant, context: &Context) -> Result<Action, Error> {
    let name = tenant.name_any();
    let failed = |source| Error::Cluster {
        name: name.clone(),
        source,
    };
    if tenant.metadata.deletion_timestamp.is_some() {
        return release::release(tenant, context).await;
    }
    if let Some(pause) = context.pace.pause(tenant) {
        return Ok(Action::requeue(pause));
    }
    let faults = &context.view.faults;
    if let Some(fault) = faults.of::<IntegrationConfig>(integration_config::NAME) {
        return pause::wait(tenant, &fault, context).await.map_err(failed);
    }
    if !pause::is_asked(&tenant.metadata) && !finalizer::is_on(tenant) {
        let held = finalizer::put_on(&context.client, &name).await;
        context.note_tenant(held.map_err(failed)?);
    }
    let observed = dereference(&context.view, tenant, &context.config.namespace);
    let valid = validate(tenant, &observed).map_err(|source| Error::Invalid {
        name: name.clone(),
        source,
    })?;
    if pause::is_asked(&tenant.metadata) {
        return pause::rest(tenant, &valid, &observed, context)
            .await
            .map_err(failed);
    }
    let mut plan = build(&valid, &observed);
    let missing = context.memory.missing(valid.uid, &plan, &observed);
    plan.drift.extend(missing);
    let done = carry_out(tenant, &valid, &observed, &plan, context).await?;
    let outcome = Outcome {
        valid: &valid,
        observed: &observed,
        plan: &plan,
        problems: done.problems,
        undone: done.undone,
        is_recorded: done.is_recorded && pause::note(tenant, &valid, context).await,
    };
    context.memory.remember(valid.uid, &outcome);
    // Nobody wants to read of work that is done in a moment.
    let deeds = match context.haste.next(valid.uid, &outcome) {
        Next::Look(pause) => return Ok(Action::requeue(pause)),
        Next::Tell(deeds) => deeds,
    };
    notice::publish(context, tenant, &outcome, &deeds).await;
    let violations = context.looks.now(&context.client, &valid).await;
    let found = violations.as_ref().map(|seen| &seen.found);
    let told = status(tenant, &outcome, found, Timestamp::now());
    write_status(tenant, context, told).await.map_err(failed)?;
    let is_violated = violations.is_none_or(|seen| seen.may_change());
    Ok(next(&outcome, is_violated))
}

/// What was carried out of a plan.
struct Carried {
    problems: Vec<validate::Problem>,
    undone: Vec<Key>,
    is_recorded: bool,
}

/// Rights are taken before, and given after, everything else; no right is given that the history lacks.
async fn carry_out(
    tenant: &Tenant,
    valid: &Valid,
    observed: &Observed,
    plan: &Plan,
    context: &Context,
) -> Result<Carried, Error> {
    let Context { store, .. } = context;
    let name = valid.name.as_str();
    let failed = |failure: Failure| failure.of(name);
    let late = |source| Error::Store {
        name: name.to_owned(),
        source,
    };
    let taken = apply::revoke(context, name, observed, plan).await;
    // A right that could not be taken lasts: no end of it is recorded.
    let is_taken = taken.undone.is_empty();
    // After revoking: an absent Postgres takes seconds to say so.
    let known = context.recorded(valid.uid).await;
    let (known, intent) = match known {
        Ok(Some(known)) if known.generation >= valid.generation => (Some(known), Ok(())),
        Ok(known) => (known, intent(tenant, valid, observed, context).await),
        Err(failure) => (None, Err(failure)),
    };
    let mut applied = taken.and(apply::structure(context, name, observed, plan).await);
    in_trust(&applied, name, context).map_err(failed)?;
    let mut is_recorded = intent.is_ok();
    let mut are_granted = plan.grants.is_empty();
    if let (Ok(()), false) = (&intent, are_granted) {
        match record::request(store, valid, plan).await {
            Ok(permit) => {
                applied = applied.and(apply::grant(context, name, plan, permit).await);
                are_granted = true;
            }
            Err(failure) => is_recorded = unrecorded(valid, failure).map_err(late)?,
        }
    }
    in_trust(&applied, name, context).map_err(failed)?;
    if !are_granted {
        applied
            .undone
            .extend(plan.grants.iter().map(|object| object.key.clone()));
    }
    let granted = in_force(plan, &applied.undone);
    let drift = put_back(plan, &applied.undone);
    metrics::put_back(&drift);
    let is_known = are_granted && is_taken && applied.transient.is_none();
    let problems: Vec<_> = valid
        .problems
        .iter()
        .cloned()
        .chain(applied.problems)
        .collect();
    let is_settled = problems.is_empty() && plan.is_settled();
    let done = Done {
        granted: is_known.then_some(granted.as_slice()),
        drift: &drift,
        is_settled,
    };
    let told = Recorded::of(valid, observed, &done);
    match intent {
        Err(failure) => is_recorded = warn(valid, &failure),
        Ok(())
            if done.drift.is_empty() && known.as_ref().is_some_and(|known| known.covers(&told)) => {
        }
        Ok(()) => match record::outcome(
            store,
            tenant,
            valid,
            observed,
            &done,
            &context.view.namespaces,
        )
        .await
        {
            Ok(()) => context.memory.record(valid.uid, told),
            Err(failure) => is_recorded = unrecorded(valid, failure).map_err(late)?,
        },
    }
    match applied.transient {
        Some(failure) => Err(failed(failure.into())),
        None => Ok(Carried {
            problems,
            undone: applied.undone,
            is_recorded,
        }),
    }
}

/// Records what `tenant` wants, after the quota that it names: history tells the one before the other.
async fn intent(
    tenant: &Tenant,
    valid: &Valid,
    observed: &Observed,
    context: &Context,
) -> Result<(), store::Error> {
    if let Some(quota) = &observed.quota {
        quota::intent(quota, context).await?;
    }
    intent_alone(tenant, valid, context).await
}

/// Records what `tenant` wants, after the end of those who had its name before.
async fn intent_alone(
    tenant: &Tenant,
    valid: &Valid,
    context: &Context,
) -> Result<(), store::Error> {
    former::end_before(context, valid).await?;
    record::intent(&context.store, tenant, valid).await
}

/// Who may know less than another replica records nothing, and tells nothing.
fn in_trust(applied: &Applied, tenant: &str, context: &Context) -> Result<(), Failure> {
    if applied.is_lost {
        return Err(Failure::Lost);
    }
    apply::still_ours(context, tenant)
}

/// False where Postgres did not take it, which holds nothing up. That the history has something newer ends the look.
fn unrecorded(valid: &Valid, failure: store::Error) -> Result<bool, store::Error> {
    match failure {
        store::Error::Late { .. } => Err(failure),
        store::Error::Database(_) | store::Error::Event(_) => Ok(warn(valid, &failure)),
    }
}

fn warn(valid: &Valid, failure: &store::Error) -> bool {
    tracing::warn!(tenant = %valid.name, error = %Chain(failure), "History not recorded; it is tried again.");
    false
}

/// Grants of the plan whose every binding is there.
fn in_force(plan: &Plan, undone: &[Key]) -> Vec<build::Grant> {
    let is_undone = |grant: &build::Grant| {
        grant.cluster_roles.iter().any(|cluster_role| {
            let name = build::binding_name(grant.role, cluster_role);
            undone
                .iter()
                .any(|key| key.namespace == grant.namespace && key.name == name)
        })
    };
    plan.granted
        .iter()
        .filter(|grant| !is_undone(grant))
        .cloned()
        .collect()
}

/// Changes by others that are no more. One that stands is told when it has been put back.
fn put_back(plan: &Plan, undone: &[Key]) -> Vec<build::Drift> {
    plan.drift
        .iter()
        .filter(|drift| !undone.contains(&drift.key))
        .cloned()
        .collect()
}

/// When to look again, if nothing tells us to before.
fn next(outcome: &Outcome<'_>, is_violated: bool) -> Action {
    let needs_somebody = outcome
        .problems
        .iter()
        .any(|problem| ["RoleNotBindable", "ClusterRefused"].contains(&problem.reason));
    match () {
        () if !outcome.is_recorded => Action::requeue(SOON),
        // A count is due by then, and nothing tells of it.
        () if !outcome.observed.doubts.is_empty() => Action::requeue(SOON),
        // No watch tells of what breaks the rules, nor of its end.
        () if outcome.is_settled() && is_violated => Action::requeue(RULES),
        () if outcome.is_settled() => Action::await_change(),
        () if needs_somebody => Action::requeue(LATER),
        () if outcome.plan.is_settled() => Action::await_change(),
        () => Action::requeue(SOON),
    }
}

impl Context {
    /// Others may have looked after the tenants meanwhile.
    fn forget(&self, queue: &Queue) {
        self.memory.forget_all();
        self.pace.forget_all();
        self.looks.forget_all();
        self.quotas.forget_all();
        // Of work that goes on here somebody is still to be told.
        self.haste.keep(&self.owned_uids());
        self.roll.restart();
        queue.look_at(
            self.view.faults.names::<Tenant>(),
            self.view.faults.names::<Quota>(),
        );
    }

    /// What the history has of a tenant: as of our last word to it or, after a start, as it says itself.
    async fn recorded(&self, tenant: Uuid) -> Result<Option<Recorded>, store::Error> {
        if let Some(known) = self.memory.recorded(tenant) {
            return Ok(Some(known));
        }
        let question = self.memory.question().await;
        if let Some(told) = self.memory.recorded(tenant) {
            return Ok(Some(told));
        }
        let others = question.is_of_all.then(|| self.owned_uids());
        let whom: Vec<Uuid> = others.into_iter().flatten().chain([tenant]).collect();
        let answer = self.store.standings(&whom).await?;
        self.memory.recall(question, answer);
        Ok(self.memory.recorded(tenant))
    }

    /// The tenants that are ours to look after.
    fn ours(&self) -> Vec<Arc<Tenant>> {
        let mut all = self.view.tenants.now().state();
        all.retain(|tenant| self.shards.owns(&tenant.name_any()));
        all
    }

    fn owned(&self) -> HashSet<String> {
        self.ours().iter().map(|tenant| tenant.name_any()).collect()
    }

    fn owned_uids(&self) -> HashSet<Uuid> {
        let ours = self.ours();
        let uids = ours.iter().filter_map(|tenant| tenant.uid());
        uids.filter_map(|uid| Uuid::parse_str(&uid).ok()).collect()
    }

    /// Takes the apiserver's answer to a write of a tenant; none if it is gone.
    fn note_tenant(&self, answer: Option<Tenant>) {
        if let Some(tenant) = answer {
            self.view.tenants.note(tenant);
        }
    }
}

/// The answer; none if the object is gone.
fn present<T>(answer: Result<T, cluster::Error>) -> Result<Option<T>, cluster::Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.code() == Some(404) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Writes the status where it differs from what is there.
async fn write_status(
    tenant: &Tenant,
    context: &Context,
    status: TenantStatus,
) -> Result<(), cluster::Error> {
    if tenant.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let name = tenant.name_any();
    log_trouble(&name, tenant.status.as_ref(), &status);
    let written = write_status_of(&context.client, None, &name, json!(status)).await?;
    context.note_tenant(written);
    Ok(())
}

/// What somebody has to mend is told once, and once that it is over.
fn log_trouble(tenant: &str, before: Option<&TenantStatus>, after: &TenantStatus) {
    let (before, after) = (before.and_then(status::stalled), status::stalled(after));
    match (before, after) {
        (before, Some(now)) if before.is_none_or(|before| before.message != now.message) => {
            tracing::warn!(
                tenant,
                reason = now.reason,
                problem = now.message,
                "Tenant stalled."
            );
        }
        (Some(_), None) => tracing::info!(tenant, "Tenant no longer stalled."),
        (_, Some(_)) | (None, None) => {}
    }
}

/// Replaces the status of an object as ours.
async fn write_status_of<K>(
    client: &Client,
    namespace: Option<&str>,
    name: &str,
    status: serde_json::Value,
) -> Result<Option<K>, cluster::Error>
where
    K: kube::Resource<DynamicType = ()> + serde::de::DeserializeOwned,
{
    let resource = kube::core::ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let patch = json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "status": status});
    let params = PatchParams::apply(MANAGER).force();
    let written = present(within(api.patch_status(name, &params, &Patch::Apply(patch))).await)?;
    // An answer that cannot be read is told by the watch, too.
    Ok(written.and_then(|written| written.try_parse().ok()))
}

#[cfg(test)]
mod tests;
