//! Quotas: recorded when they change, with budget and use of each tenant in the status.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::{
    api::core::v1::ResourceQuota, apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp,
};
use kube::{ResourceExt, runtime::controller::Action};
use serde_json::json;
use tenantry_k8s::{Quota, QuotaStatus, quota::TenantUsage};
use tenantry_runtime::Chain;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Context, Error, SOON, actor, build, finalizer, record,
    status::{BUDGET_EXCEEDED, Teller},
    usage::{self, EXCESS},
    write_status_of,
};

use crate::{cluster, store, view::View};

/// Use changes with every pod; the status of a quota that many tenants share must not.
const USE_APART: Duration = Duration::from_secs(10);

/// Tenants that name a quota, and their shares of it.
type Used = BTreeMap<String, Vec<ResourceQuota>>;

/// What was done for each quota since the start.
#[derive(Default)]
pub(super) struct Quotas(Mutex<HashMap<Uuid, Known>>);

#[derive(Default)]
struct Known {
    recorded: Option<i64>,
    written: Option<Instant>,
}

impl Quotas {
    fn locked(&self) -> MutexGuard<'_, HashMap<Uuid, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_recorded(&self, quota: Uuid, generation: i64) -> bool {
        let known = self.locked().get(&quota).and_then(|known| known.recorded);
        known.is_some_and(|recorded| recorded >= generation)
    }

    /// How long a status that only tells of use must wait.
    fn pause(&self, quota: Uuid) -> Option<Duration> {
        let written = self.locked().get(&quota)?.written?;
        USE_APART.checked_sub(written.elapsed())
    }

    /// Others may have looked after the quotas meanwhile; the history is asked again what it has.
    pub(super) fn forget_all(&self) {
        self.locked().clear();
    }
}

pub(super) async fn reconcile(quota: Arc<Quota>, context: Arc<Context>) -> Result<Action, Error> {
    let name = quota.name_any();
    let failed = |source| Error::Cluster {
        name: name.clone(),
        source,
    };
    // The apiserver gives every object a uid.
    let Some(uid) = uid(&quota) else {
        return Ok(Action::await_change());
    };
    if !context.shards.owns(&thing(&name)) {
        return Ok(Action::await_change());
    }
    context.view.listed().await?;
    if quota.metadata.deletion_timestamp.is_some() {
        return release(&quota, uid, &context).await;
    }
    if !finalizer::is_on(&*quota) {
        let held = finalizer::put_on(&context.client, &name).await;
        note(&context, held.map_err(failed)?);
    }
    let recorded = intent(&quota, &context).await;
    let conditions = conditions(&quota, &[], recorded.is_ok());
    if let Some(pause) = context.quotas.pause(uid)
        && recorded.is_ok()
        && is_told(&quota, &conditions)
    {
        return Ok(Action::requeue(pause));
    }
    let status = status(&quota, &used(&context.view, &name), conditions);
    write(&quota, uid, &context, status).await.map_err(failed)?;
    match recorded {
        Ok(()) => Ok(Action::await_change()),
        Err(source) => Err(Error::Store { name, source }),
    }
}

/// What replicas share, of the quota of that name.
pub(super) fn thing(name: &str) -> String {
    format!("quota {name}")
}

/// Records the spec of `quota`, if it is new.
pub(super) async fn intent(quota: &Quota, context: &Context) -> Result<(), store::Error> {
    let Some(uid) = uid(quota) else {
        return Ok(());
    };
    let generation = quota.metadata.generation.unwrap_or(1);
    if context.quotas.is_recorded(uid, generation) {
        return Ok(());
    }
    record::quota_intent(&context.store, quota, uid, &actor::of(&quota.metadata)).await?;
    context.quotas.locked().entry(uid).or_default().recorded = Some(generation);
    Ok(())
}

/// Whether the status of `quota` has these conditions: then all that could be told is use, which it costs a look at every
/// tenant to know.
fn is_told(quota: &Quota, conditions: &[Condition]) -> bool {
    let before = quota.status.as_ref();
    before.is_some_and(|before| {
        let of_else = before.conditions.iter();
        let of_else = of_else.filter(|condition| condition.type_ != BUDGET_EXCEEDED);
        before.observed_generation == quota.metadata.generation && of_else.eq(conditions)
    })
}

/// A quota that tenants use stays until they do not: without it they would lose nothing, and could gain nothing.
async fn release(quota: &Quota, uid: Uuid, context: &Context) -> Result<Action, Error> {
    let name = quota.name_any();
    let failed = |source| Error::Cluster {
        name: name.clone(),
        source,
    };
    if !finalizer::is_on(quota) {
        return Ok(Action::await_change());
    }
    let used = used(&context.view, &name);
    if !used.is_empty() {
        let names: Vec<&str> = used.keys().map(String::as_str).collect();
        let status = status(quota, &used, conditions(quota, &names, true));
        write(quota, uid, context, status).await.map_err(failed)?;
        return Ok(Action::await_change());
    }
    let who = actor::of_deletion(&quota.metadata);
    if let Err(failure) = record::quota_deleted(&context.store, quota, uid, &who).await {
        tracing::warn!(quota = %name, error = %Chain(&failure), "Deletion waits for the history.");
        return Ok(Action::requeue(SOON));
    }
    context.quotas.locked().remove(&uid);
    let left = finalizer::take_off(&context.client, quota).await;
    note(context, left.map_err(failed)?);
    Ok(Action::await_change())
}

fn uid(quota: &Quota) -> Option<Uuid> {
    quota.uid().and_then(|uid| Uuid::parse_str(&uid).ok())
}

fn note(context: &Context, answer: Option<Quota>) {
    if let Some(quota) = answer {
        context.view.quotas.note(quota);
    }
}

fn used(view: &View, quota: &str) -> Used {
    let is_of_it =
        |share: &ResourceQuota| share.labels().get(build::QUOTA).map(String::as_str) == Some(quota);
    let tenants = view.tenants.now().state();
    let naming = tenants.iter().filter(|tenant| tenant.spec.quota == quota);
    let with_shares = naming.map(|tenant| {
        let mut shares = view.shares.of(&tenant.name_any());
        shares.retain(is_of_it);
        (tenant.name_any(), shares)
    });
    with_shares.collect()
}

fn status(quota: &Quota, used: &Used, mut conditions: Vec<Condition>) -> QuotaStatus {
    let usages = used
        .iter()
        .map(|(name, shares)| (name.clone(), usage(quota, shares)));
    let tenants = usages.collect();
    if let Some(excess) = excess(&tenants) {
        let message = format!("more than the budget is in use by: {excess}; {EXCESS}");
        conditions.push(teller(quota).tell(BUDGET_EXCEEDED, true, "UseAboveBudget", &message));
    }
    QuotaStatus {
        observed_generation: Some(quota.metadata.generation.unwrap_or(1)),
        tenant_count: i32::try_from(used.len()).unwrap_or(i32::MAX),
        tenants,
        conditions,
    }
}

/// How the quota is, with the tenants `naming` it if it is to go.
fn conditions(quota: &Quota, naming: &[&str], is_recorded: bool) -> Vec<Condition> {
    let teller = teller(quota);
    let is_going = quota.metadata.deletion_timestamp.is_some();
    let ready = if is_going {
        let message = format!(
            "used by tenants: {}; it goes when none names it any more",
            naming.join(", ")
        );
        teller.tell("Ready", false, "InUse", &message)
    } else {
        teller.tell(
            "Ready",
            true,
            "Accepted",
            "each tenant that names it has this budget for all its namespaces together",
        )
    };
    let mut conditions = vec![
        ready,
        teller.tell(
            "Reconciling",
            is_going,
            if is_going { "InUse" } else { "Idle" },
            "",
        ),
        teller.tell("Stalled", false, "Progressing", ""),
    ];
    if !is_recorded {
        conditions.push(teller.tell(
            "HistoryUnavailable",
            true,
            "DatabaseUnavailable",
            "the tenant database does not answer",
        ));
    }
    conditions
}

fn teller(quota: &Quota) -> Teller<'_> {
    let status = quota.status.as_ref();
    Teller {
        before: status.map_or(&[], |before| &before.conditions),
        generation: quota.metadata.generation.unwrap_or(1),
        now: Timestamp::now(),
    }
}

/// The budget, and what is in use over all `shares` of a tenant.
pub(crate) fn usage(quota: &Quota, shares: &[ResourceQuota]) -> TenantUsage {
    let hard = quota
        .spec
        .resourcequota
        .iter()
        .flat_map(|budget| &budget.hard);
    TenantUsage {
        status: usage::usage(hard, shares),
    }
}

/// Tenants that use more than the budget has, each with what; none if there are none.
fn excess(tenants: &BTreeMap<String, TenantUsage>) -> Option<String> {
    let of = |(name, usage): (&String, &TenantUsage)| {
        let resources = usage::exceeded(&usage.status);
        (!resources.is_empty()).then(|| format!("{name} ({})", resources.join(", ")))
    };
    let all: Vec<String> = tenants.iter().filter_map(of).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

async fn write(
    quota: &Quota,
    uid: Uuid,
    context: &Context,
    status: QuotaStatus,
) -> Result<(), cluster::Error> {
    if quota.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let name = quota.name_any();
    let written = write_status_of(&context.client, None, &name, json!(status)).await?;
    context.quotas.locked().entry(uid).or_default().written = Some(Instant::now());
    note(context, written);
    Ok(())
}
