//! What was in place when a tenant was settled last, and what the history has: how a deletion by others is told from
//! something new, and what need not be recorded again.
//!
//! Kept in memory only: a deletion while we are down is put back all the same, and not told as drift; after a start the
//! history is asked once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::{
    build::{Drift, Plan},
    dereference::Observed,
    object::{Key, Kind, Object},
    record::Recorded,
    status::Outcome,
};

type InPlace = BTreeSet<Key>;

/// What is known of one tenant.
#[derive(Default)]
struct Known {
    in_place: Option<InPlace>,
    recorded: Option<Recorded>,
    is_paused: Option<bool>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<Uuid, Known>>);

impl Memory {
    /// Objects that were in place, that `plan` wants, and that somebody deleted.
    pub(super) fn missing(&self, tenant: Uuid, plan: &Plan, observed: &Observed) -> Vec<Drift> {
        let memory = self.locked();
        let known = memory.get(&tenant);
        let Some(before) = known.and_then(|known| known.in_place.as_ref()) else {
            return Vec::new();
        };
        // What is wanted may have changed with it: the shares of a quota do.
        let there = in_place(observed);
        let due = plan
            .namespaces
            .iter()
            .chain(&plan.structure)
            .chain(&plan.grants);
        let is_missing =
            |object: &&Object| before.contains(&object.key) && !there.contains(&object.key);
        let missing: Vec<&Key> = due.filter(is_missing).map(|object| &object.key).collect();
        // A namespace takes its content with it: one line says so.
        let gone: BTreeSet<&str> = missing
            .iter()
            .filter(|key| key.kind == Kind::Namespace)
            .map(|key| key.name.as_str())
            .collect();
        let lines = missing
            .into_iter()
            .filter(|key| !gone.contains(key.namespace.as_str()));
        lines
            .map(|key| Drift {
                key: key.clone(),
                field_manager: String::new(),
                difference: "deleted".into(),
            })
            .collect()
    }

    /// Keeps what is in place, if `outcome` is settled.
    pub(super) fn remember(&self, tenant: Uuid, outcome: &Outcome<'_>) {
        if outcome.is_settled() {
            let in_place = Some(in_place(outcome.observed));
            self.locked().entry(tenant).or_default().in_place = in_place;
        }
    }

    /// What the history has as of our last word to it; none if we have not spoken yet.
    pub(super) fn recorded(&self, tenant: Uuid) -> Option<Recorded> {
        self.locked().get(&tenant)?.recorded.clone()
    }

    /// Keeps what the history has.
    pub(super) fn record(&self, tenant: Uuid, recorded: Recorded) {
        self.locked().entry(tenant).or_default().recorded = Some(recorded);
    }

    /// Whether the history has a tenant as paused; none if we have not asked yet.
    pub(super) fn is_paused(&self, tenant: Uuid) -> Option<bool> {
        self.locked().get(&tenant)?.is_paused
    }

    /// Keeps whether the history has a tenant as paused.
    pub(super) fn record_paused(&self, tenant: Uuid, is_paused: bool) {
        self.locked().entry(tenant).or_default().is_paused = Some(is_paused);
    }

    /// Others may have looked after the tenants meanwhile.
    pub(super) fn forget_all(&self) {
        self.locked().clear();
    }

    /// A tenant that is gone.
    pub(super) fn forget(&self, tenant: Uuid) {
        self.locked().remove(&tenant);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Uuid, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_place(observed: &Observed) -> InPlace {
    let mut all = InPlace::new();
    note(&mut all, Kind::Namespace, &observed.namespaces);
    note(&mut all, Kind::ResourceQuota, &observed.quotas);
    note(&mut all, Kind::LimitRange, &observed.limits);
    note(&mut all, Kind::Guardrails, &observed.guardrails);
    note(&mut all, Kind::NetworkPolicy, &observed.network_policies);
    note(&mut all, Kind::RoleBinding, &observed.bindings);
    note(&mut all, Kind::ClusterRole, &observed.roles);
    note(&mut all, Kind::ClusterRoleBinding, &observed.role_bindings);
    all
}

fn note<K: kube::ResourceExt>(all: &mut InPlace, kind: Kind, objects: &[K]) {
    all.extend(objects.iter().map(|object| Key::of(kind, object)));
}
