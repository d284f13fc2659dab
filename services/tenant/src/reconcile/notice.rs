//! Kubernetes Events: what `kubectl describe tenant` tells besides conditions. Only on a change.

use kube::{
    Resource as _,
    runtime::events::{Event, EventType},
};
use tenantry_k8s::{Tenant, tenant::TenantStatus};
use tenantry_runtime::Chain;

use super::{Context, haste::Deeds, status::Outcome};

/// Tells what was done, and how `outcome` is. An Event that cannot be written is worth a line in the log and no more.
pub(super) async fn publish(
    context: &Context,
    tenant: &Tenant,
    outcome: &Outcome<'_>,
    deeds: &Deeds,
) {
    for event in events(tenant.status.as_ref(), outcome, deeds) {
        if let Err(failure) = context
            .recorder
            .publish(&event, &tenant.object_ref(&()))
            .await
        {
            tracing::warn!(tenant = %outcome.valid.name, error = %Chain(&failure), "Kubernetes Event not written.");
        }
    }
}

fn events(before: Option<&TenantStatus>, outcome: &Outcome<'_>, deeds: &Deeds) -> Vec<Event> {
    let ready = before.and_then(|status| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == "Ready")
    });
    let was_ready = ready.is_some_and(|ready| {
        ready.status == "True" && ready.observed_generation == Some(outcome.valid.generation)
    });
    let mut events = Vec::new();
    if deeds.taken > 0 {
        let note = format!("rights taken in {} bindings", deeds.taken);
        events.push(normal("MembersRevoked", note));
    }
    let drift = deeds.drift.iter().map(|drift| {
        let by = match drift.field_manager.as_str() {
            "" => "somebody",
            manager => manager,
        };
        let (key, difference) = (&drift.key, &drift.difference);
        let note = format!(
            "{:?} {}/{}: {difference} by {by}",
            key.kind, key.namespace, key.name
        );
        warning("DriftReverted", note)
    });
    events.extend(drift);
    let is_told = |message: &str| ready.is_some_and(|ready| ready.message.contains(message));
    let new = outcome
        .problems
        .iter()
        .filter(|problem| !is_told(&problem.message));
    events.extend(new.map(|problem| warning(problem.reason, problem.message.clone())));
    let is_news = outcome.is_settled() && !was_ready;
    events.extend(made(deeds, is_news));
    events
}

/// What was made: one Event where everything is in place by it.
fn made(deeds: &Deeds, is_all: bool) -> Vec<Event> {
    let given = (deeds.given > 0).then(|| format!("rights given in {} bindings", deeds.given));
    let names = deeds.namespaces.join(", ");
    if is_all {
        let all = Some("everything wanted is in place".to_owned());
        let names = (!names.is_empty()).then(|| format!("namespaces made: {names}"));
        let notes: Vec<String> = [all, given, names].into_iter().flatten().collect();
        return vec![normal("Applied", notes.join("; "))];
    }
    let made = (!names.is_empty()).then(|| normal("NamespacesCreated", names));
    let given = given.map(|note| normal("MembersGranted", note));
    made.into_iter().chain(given).collect()
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
