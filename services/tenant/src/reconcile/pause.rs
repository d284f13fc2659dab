//! `tenantry.dev/paused: "true"`: nothing is given, taken or put back until it goes.
//!
//! A deletion is carried out all the same: it is a later and stronger wish, and a tenant that cannot go would keep its rights.

use k8s_openapi::jiff::Timestamp;
use kube::{core::ObjectMeta, runtime::controller::Action};
use tenantry_domain::Actor;
use tenantry_k8s::{Tenant, TenantStatus, keys};
use tenantry_runtime::Chain;

use super::{
    Context, SOON, actor::API_MANAGER, cluster, record, record::Whose, status::Teller,
    validate::Valid, write_status,
};

const WHY: &str = "the annotation tenantry.dev/paused asks for it: the spec is not applied, and drift stays; \
                   `tenantry tenant resume` goes on";

/// Whether the object with this metadata asks for nothing to be done.
pub(crate) fn is_asked(meta: &ObjectMeta) -> bool {
    let annotations = meta.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(keys::PAUSED))
        .is_some_and(|value| value == "true")
}

/// Does nothing but tell that nothing is done. The spec is recorded: it was written, whether applied or not.
pub(super) async fn rest(
    tenant: &Tenant,
    valid: &Valid,
    context: &Context,
) -> Result<Action, cluster::Error> {
    let is_recorded = match record::intent(&context.store, tenant, valid).await {
        Ok(()) => note(tenant, valid, context).await,
        Err(failure) => super::warn(valid, &failure),
    };
    let status = status(tenant, valid.generation, Timestamp::now());
    write_status(tenant, context, status).await?;
    Ok(if is_recorded {
        Action::await_change()
    } else {
        Action::requeue(SOON)
    })
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

/// Who paused or resumed: the user where it came through our gRPC, otherwise the field manager.
///
/// Of an annotation that was removed the apiserver keeps no trace.
fn actor(meta: &ObjectMeta) -> Actor {
    let path = format!("f:{}", keys::PAUSED);
    let writers = meta.managed_fields.iter().flatten().filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        fields.is_some_and(|fields| fields["f:metadata"]["f:annotations"].get(&path).is_some())
    });
    let newest = writers.max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    let manager = newest
        .and_then(|entry| entry.manager.as_deref())
        .unwrap_or("unknown");
    let user = meta
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(keys::PAUSED_BY));
    match user {
        Some(user) if manager == API_MANAGER => Actor::user(user),
        _ => Actor::field_manager(manager),
    }
}

/// What was told before, but for what nobody looks after now.
fn status(tenant: &Tenant, generation: i64, now: Timestamp) -> TenantStatus {
    let before = tenant.status.clone().unwrap_or_default();
    let teller = Teller {
        before: &before.conditions,
        generation,
        now,
    };
    let conditions = vec![
        teller.unknown("Ready", "Paused", WHY),
        teller.tell("Reconciling", false, "Paused", WHY),
        teller.tell("Stalled", false, "Paused", ""),
    ];
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
    fn a_paused_tenant_is_neither_ready_nor_at_work() {
        let tenant = Tenant::new("t", tenantry_k8s::TenantSpec::default());
        let told = status(&tenant, 3, Timestamp::UNIX_EPOCH);
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
