//! The difference between what is wanted and what is there.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ResourceQuota;
use kube::ResourceExt;
use serde_json::Value;

use super::{Plan, Revoke, budget};
use crate::reconcile::{
    dereference::Observed,
    object::{Key, Kind, Object},
    validate::{Budget, Space, Valid},
};

/// A change by somebody else that is put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Which object.
    pub key: Key,
    /// Field manager that changed it; empty if the apiserver keeps no trace of who did.
    pub field_manager: String,
    /// What was changed, for people.
    pub difference: String,
}

/// What is there, by key.
pub(super) type There<'a> = BTreeMap<&'a Key, &'a Object>;

fn by_key<'a>(objects: impl IntoIterator<Item = &'a Object>) -> There<'a> {
    let all = objects.into_iter();
    all.map(|object| (&object.key, object)).collect()
}

fn written<K: ResourceExt + serde::Serialize>(kind: Kind, objects: &[K]) -> Vec<Object> {
    let all = objects.iter();
    all.map(|object| Object::observed(kind, object)).collect()
}

/// The bindings of the tenant.
pub(super) fn bindings(observed: &Observed) -> There<'_> {
    let all = observed.objects.values();
    by_key(all.filter(|object| object.key.kind.is_binding()))
}

/// Takes what nobody should have: whole bindings, or subjects of one.
pub(super) fn revoke(plan: &mut Plan, wanted: &[Object], there: &There<'_>) {
    let wanted = by_key(wanted);
    for (&key, &found) in there {
        let Some(wanted) = wanted.get(key) else {
            plan.revoke.push(Revoke::Delete(key.clone()));
            continue;
        };
        if wanted.is_held_by(found) {
            continue;
        }
        note_drift(plan, wanted, found);
        let kept = subjects(wanted);
        let has_excess = subjects(found)
            .iter()
            .any(|subject| !kept.contains(subject));
        if found.value["roleRef"] != wanted.value["roleRef"] {
            // A roleRef cannot be changed; the binding comes back as a grant.
            plan.revoke.push(Revoke::Delete(key.clone()));
        } else if has_excess {
            plan.revoke.push(narrowed(wanted, found));
        }
    }
}

fn subjects(binding: &Object) -> Vec<Value> {
    let all = binding.value["subjects"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    all.into_iter().map(named).collect()
}

/// A subject by what decides: the apiserver adds fields of its own.
fn named(subject: Value) -> Value {
    serde_json::json!([subject["kind"], subject["name"], subject["namespace"]])
}

fn narrowed(wanted: &Object, found: &Object) -> Revoke {
    let before = subjects(found);
    let mut narrow = wanted.clone();
    let kept: Vec<Value> = narrow.value["subjects"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let kept: Vec<Value> = kept
        .into_iter()
        .filter(|subject| before.contains(&named(subject.clone())))
        .collect();
    if kept.is_empty() {
        return Revoke::Delete(wanted.key.clone());
    }
    narrow.value["subjects"] = Value::Array(kept);
    Revoke::Narrow(narrow)
}

/// Namespaces that are missing or were changed.
pub(super) fn namespaces(plan: &mut Plan, wanted: &[Object], observed: &Observed) {
    let there = written(Kind::Namespace, &observed.namespaces);
    plan.namespaces = differing(plan, wanted, &by_key(&there));
}

/// Rules, quotas, limits and the tenant's role; and those of ours that nobody wants any more.
pub(super) fn structure(plan: &mut Plan, valid: &Valid, observed: &Observed, wanted: Vec<Object>) {
    let shares = written(Kind::ResourceQuota, &observed.quotas);
    let others = observed.objects.values();
    let others = others.filter(|object| !object.key.kind.is_binding());
    let all = by_key(others.chain(&shares));
    // Such a one goes now, and comes again with the next look.
    let is_recast = |object: &Object| {
        let found = all.get(&object.key);
        found.is_some_and(|found| is_recast(object, found))
    };
    let wanted: Vec<Object> = wanted
        .into_iter()
        .filter(|object| !is_recast(object))
        .collect();
    plan.structure = differing(plan, &wanted, &all);
    let keys: BTreeSet<&Key> = wanted.iter().map(|object| &object.key).collect();
    // What lies in a namespace on its way out goes with it, and holds its share until then.
    let is_alive = |key: &Key| {
        key.namespace.is_empty() || valid.spaces.iter().any(|space| space.name == key.namespace)
    };
    let unwanted = all
        .into_keys()
        .filter(|key| !keys.contains(key) && is_alive(key));
    plan.drop = unwanted.cloned().collect();
}

/// Whether an object differs in what the apiserver lets nobody change.
fn is_recast(wanted: &Object, found: &Object) -> bool {
    let scopes = |object: &Object| {
        let spec = &object.value["spec"];
        [spec["scopes"].clone(), spec["scopeSelector"].clone()]
    };
    wanted.key.kind == Kind::ResourceQuota && scopes(wanted) != scopes(found)
}

/// Namespaces whose first rights need not wait; the others are noted as waiting.
///
/// Before `status.hard` holds every key, the apiserver enforces nothing. A namespace that has rights never waits.
pub(super) fn gates(
    plan: &mut Plan,
    valid: &Valid,
    budget: &Budget,
    observed: &Observed,
) -> BTreeSet<String> {
    let is_enforced = |quota: &ResourceQuota| {
        let hard = quota
            .status
            .as_ref()
            .and_then(|status| status.hard.as_ref());
        budget
            .hard
            .keys()
            .all(|key| hard.is_some_and(|hard| hard.contains_key(key)))
    };
    let mut open: BTreeSet<String> = observed
        .of(Kind::RoleBinding)
        .map(|binding| binding.key.namespace.clone())
        .collect();
    let ours = observed
        .quotas
        .iter()
        .filter(|quota| quota.name_any() == budget::NAME);
    open.extend(
        ours.filter(|quota| is_enforced(quota))
            .filter_map(ResourceExt::namespace),
    );
    if budget.hard.is_empty() {
        open.extend(
            valid
                .spaces
                .iter()
                .filter(|space| space.exists)
                .map(|space| space.name.clone()),
        );
    }
    let has_members = |space: &Space| space.members.values().any(|members| !members.is_empty());
    let closed = valid
        .spaces
        .iter()
        .filter(|space| has_members(space) && !open.contains(&space.name));
    plan.waiting = closed.map(|space| space.name.clone()).collect();
    open
}

/// Bindings to give, in the namespaces that are open.
pub(super) fn grant(
    plan: &mut Plan,
    wanted: &[Object],
    open: &BTreeSet<String>,
    there: &There<'_>,
) {
    let may =
        |object: &&Object| object.key.namespace.is_empty() || open.contains(&object.key.namespace);
    let due = |object: &&Object| is_due(object, there.get(&object.key).copied());
    plan.grants = wanted.iter().filter(may).filter(due).cloned().collect();
}

fn differing(plan: &mut Plan, wanted: &[Object], there: &There<'_>) -> Vec<Object> {
    let mut due = Vec::new();
    for object in wanted {
        let found = there.get(&object.key).copied();
        if !is_due(object, found) {
            continue;
        }
        if let Some(found) = found {
            note_drift(plan, object, found);
        }
        due.push(object.clone());
    }
    due
}

fn is_due(wanted: &Object, found: Option<&Object>) -> bool {
    // A digest that differs while every field holds: fields that we no longer want must go.
    found.is_none_or(|found| !wanted.is_held_by(found) || found.applied() != wanted.applied())
}

fn note_drift(plan: &mut Plan, wanted: &Object, found: &Object) {
    // A namespace without our mark is being adopted, not put back.
    let is_new = wanted.key.kind == Kind::Namespace && found.applied().is_none();
    if !is_new && wanted.was_changed(found) {
        plan.drift.push(Drift {
            key: wanted.key.clone(),
            field_manager: found.changed_by(wanted).unwrap_or_default(),
            difference: found.difference(wanted),
        });
    }
}
