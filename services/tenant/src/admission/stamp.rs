//! Who changed a spec, or paused it, written onto the object itself: the apiserver keeps no username. With it what is new gets
//! our finalizer, which would be a write of its own later.

use std::collections::BTreeMap;

use json_patch::Patch;
use kube::core::{DynamicObject, ObjectMeta, admission::AdmissionRequest};
use serde_json::json;
use tenantry_k8s::keys;

use super::requester::Requester;
use crate::reconcile::pause;

type Annotations = BTreeMap<String, String>;

/// What `request` needs so that its object tells the truth about who wrote it. Pure; the same for the same request.
///
/// A dry run is left as it is, so that a diff shows nothing that its author did not write.
pub(super) fn stamp(request: &AdmissionRequest<DynamicObject>, requester: &Requester) -> Patch {
    let Some(object) = request.object.as_ref().filter(|_| !request.dry_run) else {
        return Patch::default();
    };
    let metadata = &object.metadata;
    let stamped = stamped(request, object, requester);
    let mut wanted = ObjectMeta {
        annotations: metadata.annotations.clone(),
        finalizers: metadata.finalizers.clone(),
        ..ObjectMeta::default()
    };
    let before = json!({ "metadata": wanted });
    if metadata.annotations.clone().unwrap_or_default() != stamped {
        wanted.annotations = Some(stamped);
    }
    if request.old_object.is_none() {
        hold(wanted.finalizers.get_or_insert_default());
    }
    json_patch::diff(&before, &json!({ "metadata": wanted }))
}

fn hold(finalizers: &mut Vec<String>) {
    if !finalizers.iter().any(|found| found == keys::FINALIZER) {
        finalizers.push(keys::FINALIZER.to_owned());
    }
}

fn stamped(
    request: &AdmissionRequest<DynamicObject>,
    object: &DynamicObject,
    requester: &Requester,
) -> Annotations {
    let before = request.old_object.as_ref();
    let mut annotations = object.metadata.annotations.clone().unwrap_or_default();
    let was = |key: &str| {
        before
            .and_then(|before| before.metadata.annotations.as_ref()?.get(key))
            .cloned()
    };
    let is_new_spec =
        before.is_none_or(|before| before.data.get("spec") != object.data.get("spec"));
    let (actor, generation) = if is_new_spec {
        let actor = requester.actor(Some(object), keys::ACTOR);
        (Some(actor.name), Some(next_generation(before).to_string()))
    } else {
        (was(keys::ACTOR), was(keys::ACTOR_GENERATION))
    };
    set(&mut annotations, keys::ACTOR, actor);
    set(&mut annotations, keys::ACTOR_GENERATION, generation);
    let is_paused = pause::is_asked(&object.metadata);
    let was_paused = before.is_some_and(|before| pause::is_asked(&before.metadata));
    let (actor, state) = if is_paused == was_paused {
        (was(keys::PAUSED_BY), was(keys::PAUSED_BY_STATE))
    } else {
        let actor = requester.actor(Some(object), keys::PAUSED_BY);
        (Some(actor.name), Some(pause::state(is_paused).to_owned()))
    };
    set(&mut annotations, keys::PAUSED_BY, actor);
    set(&mut annotations, keys::PAUSED_BY_STATE, state);
    if !requester.is_ourselves {
        set(&mut annotations, keys::DELETED_BY, was(keys::DELETED_BY));
    }
    annotations
}

/// The generation that the apiserver gives to the new spec.
fn next_generation(before: Option<&DynamicObject>) -> i64 {
    let generation = before.and_then(|before| before.metadata.generation);
    generation.unwrap_or_default() + 1
}

fn set(annotations: &mut Annotations, key: &str, value: Option<String>) {
    match value {
        Some(value) => {
            annotations.insert(key.to_owned(), value);
        }
        None => {
            annotations.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const OURSELVES: &str = "system:serviceaccount:multi-tenant-operator:tenantry-tenant";

    fn object(quota: &str, annotations: &Value) -> Value {
        json!({
            "apiVersion": "tenantoperator.stakater.com/v1beta3", "kind": "Tenant",
            "metadata": {"name": "a", "generation": 4, "annotations": annotations},
            "spec": {"quota": quota},
        })
    }

    fn request(user: &str, before: &Value, after: &Value) -> AdmissionRequest<DynamicObject> {
        let kind = json!({"group": "", "version": "", "kind": ""});
        let resource = json!({"group": "", "version": "", "resource": ""});
        serde_json::from_value(json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "uid": "1", "kind": kind, "resource": resource, "name": "a", "operation": "UPDATE",
            "userInfo": {"username": user}, "object": after, "oldObject": before, "dryRun": false,
        }))
        .unwrap()
    }

    /// The annotations after the stamp.
    fn check(user: &str, before: &Value, after: &Value, expected: &Value) {
        let request = request(user, before, after);
        let requester = Requester::of(&request, OURSELVES);
        let mut object = after.clone();
        json_patch::patch(&mut object, &stamp(&request, &requester)).unwrap();
        assert_eq!(&object["metadata"]["annotations"], expected, "{user}");
        let again = self::request(user, before, &object);
        let repeated = stamp(&again, &requester);
        assert!(repeated.is_empty(), "not the same twice: {repeated}");
    }

    #[test]
    fn a_new_spec_names_its_author_and_nobody_else_can() {
        let old = json!({"tenantry.dev/actor": "owl", "tenantry.dev/actor-generation": "4"});
        let before = object("small", &old);
        let by = |who: &str, generation: &str| json!({"tenantry.dev/actor": who, "tenantry.dev/actor-generation": generation});
        let forged = by("crow", "99");
        check("bear", &before, &object("large", &old), &by("bear", "5"));
        check("bear", &before, &object("large", &forged), &by("bear", "5"));
        check(
            "bear",
            &before,
            &object("large", &Value::Null),
            &by("bear", "5"),
        );
        check(
            "bear",
            &Value::Null,
            &object("small", &Value::Null),
            &by("bear", "1"),
        );
        check(
            OURSELVES,
            &before,
            &object("large", &by("fox", "4")),
            &by("fox", "5"),
        );
    }

    #[test]
    fn without_a_new_spec_the_stamp_stays() {
        let old = json!({"tenantry.dev/actor": "owl", "tenantry.dev/actor-generation": "4"});
        let before = object("small", &old);
        let with = |key: &str, value: &str| {
            let mut annotations = old.clone();
            annotations[key] = json!(value);
            annotations
        };
        let check_same = |user: &str, annotations: &Value, expected: &Value| {
            check(user, &before, &object("small", annotations), expected);
        };
        check_same("bear", &with("tenantry.dev/actor", "crow"), &old);
        check_same("bear", &json!({}), &old);
        check_same("bear", &with("note", "mine"), &with("note", "mine"));
        check_same("bear", &with("tenantry.dev/deleted-by", "crow"), &old);
        let deleted = with("tenantry.dev/deleted-by", "fox");
        check_same(OURSELVES, &deleted, &deleted);
    }

    #[test]
    fn who_pauses_or_resumes_is_named_and_nobody_else_can_be() {
        let with = |paused: &str, by: &str, state: &str| {
            json!({
                "tenantry.dev/paused": paused, "tenantry.dev/paused-by": by, "tenantry.dev/paused-by-state": state,
            })
        };
        let asked = json!({"tenantry.dev/paused": "true"});
        let (forged, by_zoe) = (with("true", "bear", "false"), with("true", "zoe", "true"));
        let check = |user: &str, before: &Value, sent: &Value, expected: &Value| {
            check(user, &object("a", before), &object("a", sent), expected);
        };
        check("zoe", &json!({}), &asked, &by_zoe);
        check("zoe", &json!({}), &forged, &by_zoe);
        // Through gRPC we name the caller, as one of us only can.
        check(
            OURSELVES,
            &json!({}),
            &forged,
            &with("true", "bear", "true"),
        );
        let resumed = with("false", "owl", "false");
        check("owl", &by_zoe, &with("false", "bear", "true"), &resumed);
        let bare =
            json!({"tenantry.dev/paused-by": "owl", "tenantry.dev/paused-by-state": "false"});
        check("owl", &by_zoe, &json!({}), &bare);
    }

    #[test]
    fn as_long_as_nobody_pauses_or_resumes_who_did_stays() {
        let paused = json!({
            "tenantry.dev/paused": "true", "tenantry.dev/paused-by": "zoe", "tenantry.dev/paused-by-state": "true",
        });
        let check = |user: &str, key: &str, value: Value, expected: &Value| {
            let mut sent = paused.clone();
            sent[key] = value;
            check(user, &object("a", &paused), &object("a", &sent), expected);
        };
        check("crow", "tenantry.dev/paused-by", json!("bear"), &paused);
        check("crow", "tenantry.dev/paused-by-state", json!("x"), &paused);
        check(OURSELVES, "tenantry.dev/paused-by", json!("bear"), &paused);
        // What says nothing is not changed by words that say nothing either.
        let resumed = json!({"tenantry.dev/paused": "no"});
        let sent = json!({"tenantry.dev/paused": "never", "tenantry.dev/paused-by": "bear"});
        let expected = json!({"tenantry.dev/paused": "never"});
        self::check(
            "crow",
            &object("a", &resumed),
            &object("a", &sent),
            &expected,
        );
    }

    #[test]
    fn what_is_new_is_paused_by_who_made_it() {
        let sent = json!({"tenantry.dev/paused": "true", "tenantry.dev/paused-by": "bear"});
        let expected = json!({
            "tenantry.dev/actor": "zoe", "tenantry.dev/actor-generation": "1",
            "tenantry.dev/paused": "true", "tenantry.dev/paused-by": "zoe", "tenantry.dev/paused-by-state": "true",
        });
        check("zoe", &Value::Null, &object("a", &sent), &expected);
        let sent = json!({"tenantry.dev/paused-by": "bear"});
        let expected = json!({"tenantry.dev/actor": "zoe", "tenantry.dev/actor-generation": "1"});
        check("zoe", &Value::Null, &object("a", &sent), &expected);
    }

    #[test]
    fn what_is_new_is_held_and_nothing_else() {
        let check = |before: &Value, sent: &Value, expected: &Value| {
            let mut after = object("large", &Value::Null);
            after["metadata"]["finalizers"] = sent.clone();
            let request = request("bear", before, &after);
            let requester = Requester::of(&request, OURSELVES);
            json_patch::patch(&mut after, &stamp(&request, &requester)).unwrap();
            assert_eq!(&after["metadata"]["finalizers"], expected);
        };
        let ours = "tenantry.dev/release";
        check(&Value::Null, &Value::Null, &json!([ours]));
        check(&Value::Null, &json!(["a/b"]), &json!(["a/b", ours]));
        check(&Value::Null, &json!([ours]), &json!([ours]));
        let known = object("small", &Value::Null);
        check(&known, &json!(["a/b"]), &json!(["a/b"]));
    }

    #[test]
    fn a_dry_run_is_left_as_it_is() {
        let after = object("large", &Value::Null);
        let mut request = request("bear", &object("small", &Value::Null), &after);
        request.dry_run = true;
        let requester = Requester::of(&request, OURSELVES);
        assert!(stamp(&request, &requester).is_empty());
    }
}
