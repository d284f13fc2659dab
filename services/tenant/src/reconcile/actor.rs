//! Who wrote a spec, as far as the object itself tells.

use kube::core::ObjectMeta;
use tenantry_domain::Actor;
use tenantry_k8s::keys;

/// Field manager of what people write through gRPC. Not ours: a finalizer of ours would make that write look newer than it is.
pub const API_MANAGER: &str = "tenantry-tenant-api";

/// Who wrote the spec of the object with this metadata last.
///
/// The user where it came through our gRPC; otherwise the field manager, for the apiserver tells no name.
pub fn of(meta: &ObjectMeta) -> Actor {
    let writers = meta.managed_fields.iter().flatten().filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        entry.subresource.as_deref().unwrap_or_default().is_empty()
            && fields.is_some_and(|fields| fields.get("f:spec").is_some())
    });
    let newest = writers.max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    let manager = newest
        .and_then(|entry| entry.manager.as_deref())
        .unwrap_or("unknown");
    let user = meta
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(keys::ACTOR));
    match user {
        Some(user) if manager == API_MANAGER => Actor::user(user),
        _ => Actor::field_manager(manager),
    }
}

/// Who asked for the deletion of the object with this metadata.
///
/// The user where it came through our gRPC; the apiserver keeps no trace of anybody else.
pub fn of_deletion(meta: &ObjectMeta) -> Actor {
    let user = meta
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(keys::DELETED_BY));
    user.map_or_else(|| Actor::field_manager("unknown"), Actor::user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_writer_of_the_spec_is_the_actor() {
        let check = |fields: serde_json::Value, expected: Actor| {
            let meta: ObjectMeta = serde_json::from_value(json!({
                "annotations": {"tenantry.dev/actor": "bear@nordmart.com"}, "managedFields": fields,
            }))
            .unwrap();
            assert_eq!(of(&meta), expected);
        };
        let entry = |manager: &str, time: &str, field: &str| json!({"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "time": time, "fieldsV1": {field: {}}});
        let old = entry(
            "kubectl-client-side-apply",
            "2026-01-01T00:00:00Z",
            "f:spec",
        );
        let new = entry(API_MANAGER, "2026-01-02T00:00:00Z", "f:spec");
        let metadata = entry("tenantry-tenant", "2026-01-03T00:00:00Z", "f:metadata");
        check(
            json!([old, metadata]),
            Actor::field_manager("kubectl-client-side-apply"),
        );
        check(
            json!([old, new, metadata]),
            Actor::user("bear@nordmart.com"),
        );
        check(json!([]), Actor::field_manager("unknown"));
    }
}
