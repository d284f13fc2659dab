//! `tenantry.dev/paused: "true"`: nothing is given, taken or put back until it goes.
//!
//! A deletion is carried out all the same: it is a later and stronger wish, and a tenant that cannot go would keep its rights.

use k8s_openapi::jiff::Timestamp;
use kube::{core::ObjectMeta, runtime::controller::Action};
use tenantry_domain::Actor;
use tenantry_k8s::{Guardrails, Tenant, TenantStatus, keys};
use tenantry_runtime::Chain;

use super::{
    Context, RULES, SOON, actor::API_MANAGER, cluster, dereference::Observed, object::Kind, record,
    record::Whose, status::Teller, validate::Valid, violations::Violations, write_status,
};
use crate::read::Unreadable;

const WHY: &str = "the annotation tenantry.dev/paused asks for it: the spec is not applied, and drift stays; \
                   `tenantry tenant resume` goes on";

/// Whether the object with this metadata asks for nothing to be done.
pub(crate) fn is_asked(meta: &ObjectMeta) -> bool {
    annotation(meta, keys::PAUSED) == Some("true")
}

fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    let annotations = meta.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(key))
        .map(String::as_str)
}

/// Does nothing but tell that nothing is done, and what breaks the rules: a report is no change. The spec is recorded: it
/// was written, whether applied or not.
pub(super) async fn rest(
    tenant: &Tenant,
    valid: &Valid,
    observed: &Observed,
    context: &Context,
) -> Result<Action, cluster::Error> {
    let is_recorded = match super::intent_alone(tenant, valid, context).await {
        Ok(()) => note(tenant, valid, context).await,
        Err(failure) => super::warn(valid, &failure),
    };
    let seen = context
        .looks
        .now(&context.client, &in_force(valid, observed))
        .await;
    let found = seen.as_ref().map(|seen| &seen.found);
    let status = status(tenant, "Paused", WHY, found, Timestamp::now());
    write_status(tenant, context, status).await?;
    Ok(match seen {
        _ if !is_recorded => Action::requeue(SOON),
        Some(seen) if !seen.may_change() => Action::await_change(),
        _ => Action::requeue(RULES),
    })
}

/// The tenant with the rules that the apiserver keeps now, whatever its spec says.
fn in_force(valid: &Valid, observed: &Observed) -> Valid {
    let kept = observed.read::<Guardrails>(Kind::Guardrails).next();
    Valid {
        rules: kept.map(|kept| kept.spec).unwrap_or_default(),
        ..valid.clone()
    }
}

/// Records whether `tenant` is paused, if that is news. False if Postgres did not take it.
pub(super) async fn note(tenant: &Tenant, valid: &Valid, context: &Context) -> bool {
    let (uid, is_paused) = (valid.uid, is_asked(&tenant.metadata));
    if context.memory.is_paused(uid) == Some(is_paused) {
        return true;
    }
    let whose = Whose {
        actor: actor(&tenant.metadata),
        ..Whose::from(valid)
    };
    match record::paused(&context.store, tenant, &whose, is_paused).await {
        Ok(record::Noted::Known) => {
            context.memory.record_paused(uid, is_paused);
            true
        }
        Ok(record::Noted::Nothing) => false,
        Err(failure) => {
            tracing::warn!(tenant = %valid.name, error = %Chain(&failure), "Pause not recorded; it is tried again.");
            false
        }
    }
}

/// Who paused or resumed.
///
/// The user where our webhook stamped this very state, or where it came through our gRPC; otherwise the field manager. Of an
/// annotation that was removed the apiserver keeps no trace.
fn actor(meta: &ObjectMeta) -> Actor {
    let manager = manager(meta);
    match annotation(meta, keys::PAUSED_BY) {
        Some(user) if is_stamped(meta) || manager == API_MANAGER => Actor::user(user),
        _ => Actor::field_manager(manager),
    }
}

/// Whether the webhook saw the write that paused or resumed.
fn is_stamped(meta: &ObjectMeta) -> bool {
    annotation(meta, keys::PAUSED_BY_STATE) == Some(state(is_asked(meta)))
}

/// How a stamp says whether a tenant is paused.
pub(crate) fn state(is_paused: bool) -> &'static str {
    if is_paused { "true" } else { "false" }
}

/// The field manager that wrote the annotation last.
fn manager(meta: &ObjectMeta) -> &str {
    let path = format!("f:{}", keys::PAUSED);
    let writers = meta.managed_fields.iter().flatten().filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        fields.is_some_and(|fields| fields["f:metadata"]["f:annotations"].get(&path).is_some())
    });
    let newest = writers.max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    newest
        .and_then(|entry| entry.manager.as_deref())
        .unwrap_or("unknown")
}

/// Does nothing but tell that the IntegrationConfig cannot be read: what it says for tenants is not known, and what
/// holds where it says nothing would be wrong.
pub(super) async fn wait(
    tenant: &Tenant,
    fault: &Unreadable,
    context: &Context,
) -> Result<Action, cluster::Error> {
    let why = format!(
        "IntegrationConfig: {fault}; tenants stay as they are until that field is corrected"
    );
    let status = status(tenant, "SettingsUnreadable", &why, None, Timestamp::now());
    write_status(tenant, context, status).await?;
    Ok(Action::await_change())
}

/// What was told before, but for what nobody looks after now.
fn status(
    tenant: &Tenant,
    reason: &str,
    why: &str,
    violations: Option<&Violations>,
    now: Timestamp,
) -> TenantStatus {
    let before = tenant.status.clone().unwrap_or_default();
    let generation = tenant.metadata.generation.unwrap_or(1);
    let teller = Teller {
        before: &before.conditions,
        generation,
        now,
    };
    let mut conditions = vec![
        teller.unknown("Ready", reason, why),
        teller.tell("Reconciling", false, reason, why),
        teller.tell("Stalled", false, reason, ""),
    ];
    conditions.extend(teller.violated(violations));
    TenantStatus {
        observed_generation: Some(generation),
        ready: false,
        conditions,
        ..before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn meta(value: Value) -> ObjectMeta {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_the_word_true_pauses() {
        let check = |value: &str, expected: bool| {
            let meta = meta(json!({"annotations": {"tenantry.dev/paused": value}}));
            assert_eq!(is_asked(&meta), expected, "{value}");
        };
        check("true", true);
        check("false", false);
        check("", false);
        assert!(!is_asked(&ObjectMeta::default()));
    }

    #[test]
    fn who_wrote_the_annotation_is_the_actor() {
        let check = |manager: &str, field: &str, expected: Actor| {
            let meta = meta(json!({
                "annotations": {"tenantry.dev/paused": "true", "tenantry.dev/paused-by": "bear@nordmart.com"},
                "managedFields": [{"manager": manager, "operation": "Update", "fieldsType": "FieldsV1",
                    "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:metadata": {"f:annotations": {field: {}}}}}],
            }));
            assert_eq!(actor(&meta), expected);
        };
        let (paused, other) = ("f:tenantry.dev/paused", "f:note");
        check(API_MANAGER, paused, Actor::user("bear@nordmart.com"));
        // Who writes our annotation by hand does not become somebody else.
        check(
            "kubectl-annotate",
            paused,
            Actor::field_manager("kubectl-annotate"),
        );
        check("kubectl-annotate", other, Actor::field_manager("unknown"));
    }

    #[test]
    fn a_stamp_counts_for_the_state_it_was_made_for() {
        let check = |paused: &str, stamped: &str, manager: &str, expected: Actor| {
            let meta = meta(json!({
                "annotations": {
                    "tenantry.dev/paused": paused, "tenantry.dev/paused-by": "bear@nordmart.com",
                    "tenantry.dev/paused-by-state": stamped,
                },
                "managedFields": [{"manager": manager, "operation": "Update", "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:metadata": {"f:annotations": {"f:tenantry.dev/paused": {}}}}}],
            }));
            assert_eq!(actor(&meta), expected, "{paused} {stamped} {manager}");
        };
        let (bear, manager) = (Actor::user("bear@nordmart.com"), "kubectl-annotate");
        check("true", "true", manager, bear.clone());
        check("false", "false", manager, bear.clone());
        // Not written, and so not asked for.
        check("no", "false", manager, bear.clone());
        check("true", "false", manager, Actor::field_manager(manager));
        check("false", "true", manager, Actor::field_manager(manager));
        check("true", "false", API_MANAGER, bear);
    }

    #[test]
    fn a_paused_tenant_is_neither_ready_nor_at_work() {
        let tenant = Tenant::new("t", tenantry_k8s::TenantSpec::default());
        let told = status(&tenant, "Paused", WHY, None, Timestamp::UNIX_EPOCH);
        let lines: Vec<String> = told
            .conditions
            .iter()
            .map(|condition| {
                format!(
                    "{}={} {}",
                    condition.type_, condition.status, condition.reason
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                "Ready=Unknown Paused",
                "Reconciling=False Paused",
                "Stalled=False Paused"
            ]
        );
        assert!(!told.ready);
    }
}
