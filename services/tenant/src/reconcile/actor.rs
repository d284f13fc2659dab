//! Who wrote a spec, as far as the object itself tells.

use kube::core::ObjectMeta;
use tenantry_domain::Actor;
use tenantry_k8s::keys;

/// Field manager of what people write through gRPC. Not ours: a finalizer of ours would make that write look newer than it is.
pub const API_MANAGER: &str = "tenantry-tenant-api";

/// Who wrote the spec of the object with this metadata last.
///
/// The user where our webhook stamped this very generation, or where it came through our gRPC; otherwise the field
/// manager, for the apiserver tells no name.
pub fn of(meta: &ObjectMeta) -> Actor {
    let manager = manager(meta);
    match annotation(meta, keys::ACTOR) {
        Some(user) if is_stamped(meta) || manager == API_MANAGER => Actor::user(user),
        _ => Actor::field_manager(manager),
    }
}

/// The field manager that wrote the spec last.
fn manager(meta: &ObjectMeta) -> &str {
    let writers = meta.managed_fields.iter().flatten().filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        entry.subresource.as_deref().unwrap_or_default().is_empty()
            && fields.is_some_and(|fields| fields.get("f:spec").is_some())
    });
    let newest = writers.max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    newest
        .and_then(|entry| entry.manager.as_deref())
        .unwrap_or("unknown")
}

/// Whether the webhook saw the write that made this generation.
fn is_stamped(meta: &ObjectMeta) -> bool {
    let stamped = annotation(meta, keys::ACTOR_GENERATION)
        .and_then(|generation| generation.parse::<i64>().ok());
    let (Some(stamped), Some(generation)) = (stamped, meta.generation) else {
        return false;
    };
    // Asking for the deletion counts as a generation, too.
    let is_going = meta.deletion_timestamp.is_some();
    stamped == generation || (is_going && stamped + 1 == generation)
}

fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    let annotations = meta.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(key))
        .map(String::as_str)
}

/// Who asked for the deletion of the object with this metadata.
///
/// The user where our webhook or our gRPC wrote him down; the apiserver keeps no trace of anybody else.
pub fn of_deletion(meta: &ObjectMeta) -> Actor {
    let user = annotation(meta, keys::DELETED_BY);
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

    #[test]
    fn a_stamp_counts_for_the_generation_it_was_made_for() {
        let check = |stamped: &str, generation: i64, is_going: bool, is_user: bool| {
            let meta: ObjectMeta = serde_json::from_value(json!({
                "annotations": {
                    "tenantry.dev/actor": "bear@nordmart.com",
                    "tenantry.dev/actor-generation": stamped,
                },
                "generation": generation,
                "deletionTimestamp": is_going.then_some("2026-01-01T00:00:00Z"),
            }))
            .unwrap();
            let expected = if is_user {
                Actor::user("bear@nordmart.com")
            } else {
                Actor::field_manager("unknown")
            };
            assert_eq!(of(&meta), expected, "{stamped} {generation} {is_going}");
        };
        check("3", 3, false, true);
        check("2", 3, false, false);
        check("2", 3, true, true);
        check("3", 3, true, true);
        check("x", 3, false, false);
    }
}
