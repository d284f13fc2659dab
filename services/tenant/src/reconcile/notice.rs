//! Kubernetes Events: what `kubectl describe tenant` tells besides conditions. Only on a change.

use kube::{
    Resource as _,
    runtime::events::{Event, EventType},
};
use tenantry_k8s::{Tenant, tenant::TenantStatus};
use tenantry_runtime::Chain;

use super::{
    Context,
    build::Revoke,
    object::{Key, Kind},
    status::Outcome,
};

/// Tells what `outcome` brought. An Event that cannot be written is worth a line in the log and no more.
pub(super) async fn publish(context: &Context, tenant: &Tenant, outcome: &Outcome<'_>) {
    for event in events(tenant.status.as_ref(), outcome) {
        if let Err(failure) = context
            .recorder
            .publish(&event, &tenant.object_ref(&()))
            .await
        {
            tracing::warn!(tenant = %outcome.valid.name, error = %Chain(&failure), "Kubernetes Event not written.");
        }
    }
}

fn events(before: Option<&TenantStatus>, outcome: &Outcome<'_>) -> Vec<Event> {
    let plan = outcome.plan;
    let ready = before.and_then(|status| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == "Ready")
    });
    let was_ready = ready.is_some_and(|ready| {
        ready.status == "True" && ready.observed_generation == Some(outcome.valid.generation)
    });
    let missing: Vec<&str> = outcome
        .valid
        .spaces
        .iter()
        .filter(|space| !space.exists && outcome.has_done(&namespace(&space.name)))
        .map(|space| space.name.as_str())
        .collect();
    let mut events = Vec::new();
    if !missing.is_empty() && !plan.namespaces.is_empty() {
        events.push(normal("NamespacesCreated", missing.join(", ")));
    }
    let taken = plan.revoke.iter().map(Revoke::key);
    let taken = taken.filter(|key| outcome.has_done(key)).count();
    if taken > 0 {
        events.push(normal(
            "MembersRevoked",
            format!("rights taken in {taken} bindings"),
        ));
    }
    let given = plan.grants.iter().map(|object| &object.key);
    let given = given.filter(|key| outcome.has_done(key)).count();
    if given > 0 {
        events.push(normal(
            "MembersGranted",
            format!("rights given in {given} bindings"),
        ));
    }
    let put_back = plan
        .drift
        .iter()
        .filter(|drift| outcome.has_done(&drift.key));
    for drift in put_back {
        let by = if drift.field_manager.is_empty() {
            "somebody"
        } else {
            &drift.field_manager
        };
        let key = &drift.key;
        events.push(warning(
            "DriftReverted",
            format!(
                "{:?} {}/{}: {} by {by}",
                key.kind, key.namespace, key.name, drift.difference
            ),
        ));
    }
    let is_told = |message: &str| ready.is_some_and(|ready| ready.message.contains(message));
    let new = outcome
        .problems
        .iter()
        .filter(|problem| !is_told(&problem.message));
    events.extend(new.map(|problem| warning(problem.reason, problem.message.clone())));
    if outcome.is_settled() && !was_ready {
        events.push(normal(
            "Applied",
            "everything wanted is in place".to_owned(),
        ));
    }
    events
}

fn namespace(name: &str) -> Key {
    Key {
        kind: Kind::Namespace,
        namespace: String::new(),
        name: name.to_owned(),
    }
}

fn normal(reason: &str, note: String) -> Event {
    event(EventType::Normal, reason, note)
}

fn warning(reason: &str, note: String) -> Event {
    event(EventType::Warning, reason, note)
}

fn event(type_: EventType, reason: &str, note: String) -> Event {
    // The apiserver takes a note of 1024 bytes.
    let note = note.chars().take(250).collect();
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}
