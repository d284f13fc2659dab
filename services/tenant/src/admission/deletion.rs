//! Who asks for a deletion, said on the object itself: the apiserver passes that on to nobody.

use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
    core::{ApiResource, DynamicObject, admission::AdmissionRequest},
};
use serde_json::{Value, json};
use tenantry_domain::TenantName;
use tenantry_k8s::{Quota, Tenant, keys};
use tenantry_runtime::Chain;

use super::requester::Requester;
use crate::{cluster::within, reconcile::actor::API_MANAGER};

/// What is written on which object.
struct Mark {
    resource: ApiResource,
    name: String,
    patch: Value,
}

/// Writes who asks on the object that `request` is to delete.
///
/// A deletion that cannot be signed goes on, and the history says that it does not know by whom.
pub(super) async fn sign(
    client: &Client,
    request: &AdmissionRequest<DynamicObject>,
    requester: &Requester,
) {
    let Some(mark) = mark(request, requester) else {
        return;
    };
    let params = PatchParams {
        field_manager: Some(API_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api = Api::<DynamicObject>::all_with(client.clone(), &mark.resource);
    let signed = within(api.patch(&mark.name, &params, &Patch::Merge(&mark.patch))).await;
    if let Err(failure) = signed {
        tracing::warn!(name = mark.name, error = %Chain(&failure), "A deletion is not signed.");
    }
}

/// None if there is nothing to write, or nothing that we would write on.
///
/// The webhook cannot tell the apiserver from somebody else who reaches its port, so it does no more than a deletion of a
/// tenant or quota needs. With the uid in the patch the apiserver itself holds it to the object that was shown.
fn mark(request: &AdmissionRequest<DynamicObject>, requester: &Requester) -> Option<Mark> {
    let object = request.old_object.as_ref()?;
    let signed = object.annotations().get(keys::DELETED_BY);
    let is_going = object.metadata.deletion_timestamp.is_some();
    let is_signed = requester.is_ourselves || signed == Some(&requester.username);
    if request.dry_run || is_going || is_signed {
        return None;
    }
    let uid = object.uid().filter(|uid| !uid.is_empty())?;
    // The name becomes part of a URL. Tenants and quotas are named by one rule.
    let name = TenantName::parse(&request.name).ok()?;
    Some(Mark {
        resource: resource(request)?,
        name: name.into(),
        patch: json!({"metadata": {
            "uid": uid,
            "annotations": {keys::DELETED_BY: requester.username},
        }}),
    })
}

/// What `request` is about, if that is ours.
fn resource(request: &AdmissionRequest<DynamicObject>) -> Option<ApiResource> {
    let resource = match request.resource.resource.as_str() {
        "tenants" => ApiResource::erase::<Tenant>(&()),
        "quotas" => ApiResource::erase::<Quota>(&()),
        _ => return None,
    };
    (request.resource.group == resource.group).then_some(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "tenantoperator.stakater.com";

    /// A deletion of `a` by bear.
    fn deletion(group: &str, resource: &str, name: &str, metadata: &Value) -> Option<Mark> {
        let kind = json!({"group": group, "version": "v1", "kind": "Some"});
        let of = json!({"group": group, "version": "v1", "resource": resource});
        let request = json!({
            "uid": "request", "kind": kind, "resource": of, "name": name, "operation": "DELETE",
            "userInfo": {"username": "bear"}, "dryRun": false, "object": null,
            "oldObject": {"metadata": metadata},
        });
        let request = serde_json::from_value(request).unwrap();
        mark(&request, &Requester::of(&request, "ourselves"))
    }

    #[test]
    fn only_the_very_tenant_or_quota_that_is_shown_is_signed() {
        let shown = json!({"name": "a", "uid": "1"});
        let is_signed = |group: &str, resource: &str, name: &str, metadata: &Value| {
            deletion(group, resource, name, metadata).is_some()
        };
        assert!(is_signed(OURS, "tenants", "a", &shown));
        assert!(is_signed(OURS, "quotas", "a", &shown));
        assert!(!is_signed(OURS, "integrationconfigs", "a", &shown));
        assert!(!is_signed("", "namespaces", "a", &shown));
        assert!(!is_signed("example.com", "tenants", "a", &shown));
        assert!(!is_signed(OURS, "tenants", "a/status", &shown));
        assert!(!is_signed(OURS, "tenants", "a", &json!({"name": "a"})));
        let nothing = json!({"name": "a", "uid": ""});
        assert!(!is_signed(OURS, "tenants", "a", &nothing));
        let mark = deletion(OURS, "tenants", "a", &shown).unwrap();
        assert_eq!(
            (mark.resource.kind.as_str(), mark.name.as_str()),
            ("Tenant", "a")
        );
        let annotations = json!({"tenantry.dev/deleted-by": "bear"});
        assert_eq!(
            mark.patch,
            json!({"metadata": {"uid": "1", "annotations": annotations}})
        );
    }

    #[test]
    fn what_is_signed_or_going_is_not_signed_again() {
        let is_signed = |metadata: &Value| deletion(OURS, "tenants", "a", metadata).is_some();
        let by = |who: &str| json!({"name": "a", "uid": "1", "annotations": {"tenantry.dev/deleted-by": who}});
        assert!(!is_signed(&by("bear")));
        assert!(is_signed(&by("crow")));
        let mut going = by("crow");
        going["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(!is_signed(&going));
    }
}
