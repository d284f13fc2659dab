//! Our finalizer: a tenant or quota does not go before what it gave is taken back.
//!
//! The webhook puts it on what is new. What came without webhooks gets it here.

use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use tenantry_k8s::keys;

use super::{object::MANAGER, present};
use crate::cluster::{self, within};

/// Whether it is on.
pub(super) fn is_on(object: &impl ResourceExt) -> bool {
    object
        .finalizers()
        .iter()
        .any(|found| found == keys::FINALIZER)
}

/// Puts it on by server-side apply, apart from what gRPC writes as another manager. Gives the answer; none if the object is
/// gone.
pub(super) async fn put_on<K>(client: &Client, name: &str) -> Result<Option<K>, cluster::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let patch = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()),
        "metadata": {"name": name, "finalizers": [keys::FINALIZER]},
    });
    let params = PatchParams::apply(MANAGER).force();
    present(within(Api::<K>::all(client.clone()).patch(name, &params, &Patch::Apply(patch))).await)
}

/// Takes it off this very object, whoever put it on: what a webhook puts on is owned by no manager. Gives the answer; none
/// if the object is gone.
pub(super) async fn take_off<K>(client: &Client, object: &K) -> Result<Option<K>, cluster::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut finalizers = object.finalizers().iter();
    let Some(place) = finalizers.position(|found| found == keys::FINALIZER) else {
        return Ok(Some(object.clone()));
    };
    let path = format!("/metadata/finalizers/{place}");
    let patch = json!([
        {"op": "test", "path": "/metadata/uid", "value": object.uid()},
        {"op": "test", "path": path, "value": keys::FINALIZER},
        {"op": "remove", "path": path},
    ]);
    let patch = Patch::Json::<()>(serde_json::from_value(patch).expect("a patch"));
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api = Api::<K>::all(client.clone());
    present(within(api.patch(&object.name_any(), &params, &patch)).await)
}
