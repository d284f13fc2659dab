//! Reading and writing cluster-wide custom resources on behalf of somebody.

use std::fmt::Debug;

use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tenantry_domain::Actor;
use tenantry_k8s::keys;
use tenantry_runtime::to_completion;
use tonic::Status;

use super::refuse::{self, Doing};
use crate::{cluster::within, reconcile::object::MANAGER};

/// Times that a change is tried on a resource that others write too, where the caller gave no etag.
const TRIES: usize = 3;

/// A custom resource of the whole cluster.
pub(super) trait Custom:
    Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}
impl<K> Custom for K where
    K: Resource<DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// How people name one.
fn thing<K: Custom>(name: &str) -> String {
    format!("{} {name}", K::kind(&()).to_lowercase())
}

/// Reads one.
pub(super) async fn get<K: Custom>(client: &Client, name: &str) -> Result<K, Status> {
    let found = within(Api::<K>::all(client.clone()).get_opt(name)).await;
    found
        .map_err(|failure| refuse::cluster(&failure, &thing::<K>(name), Doing::Reading))?
        .ok_or_else(|| refuse::not_found(&thing::<K>(name)))
}

/// Creates one, marked with who asked for it. Done to its end even if the caller leaves.
pub(super) async fn create<K: Custom>(
    client: &Client,
    mut object: K,
    actor: &Actor,
    dry_run: bool,
) -> Result<K, Status> {
    sign(&mut object, actor);
    let thing = thing::<K>(&object.name_any());
    let api = Api::<K>::all(client.clone());
    let params = PostParams {
        dry_run,
        field_manager: Some(MANAGER.to_owned()),
    };
    let created = to_completion(async move { within(api.create(&params, &object)).await }).await;
    created.map_err(|failure| refuse::cluster(&failure, &thing, Doing::Creating))
}

/// What a change is.
pub(super) struct Update<'a, F> {
    pub(super) name: &'a str,
    pub(super) etag: &'a str,
    pub(super) actor: &'a Actor,
    pub(super) dry_run: bool,
    /// The new resource, from the one that is there.
    pub(super) change: F,
}

/// Changes one; with an etag only that very state of it.
pub(super) async fn update<K, F>(client: &Client, update: Update<'_, F>) -> Result<K, Status>
where
    K: Custom,
    F: Fn(K) -> Result<K, Status>,
{
    let thing = thing::<K>(update.name);
    let tries = if update.etag.is_empty() { TRIES } else { 1 };
    for _ in 0..tries {
        let there = get::<K>(client, update.name).await?;
        check(&there, update.etag, &thing)?;
        let mut wanted = (update.change)(there)?;
        sign(&mut wanted, update.actor);
        let (api, name) = (Api::<K>::all(client.clone()), update.name.to_owned());
        let params = PostParams {
            dry_run: update.dry_run,
            field_manager: Some(MANAGER.to_owned()),
        };
        let written =
            to_completion(async move { within(api.replace(&name, &params, &wanted)).await }).await;
        match written {
            Ok(object) => return Ok(object),
            Err(failure) if failure.code() == Some(409) => {}
            Err(failure) => return Err(refuse::cluster(&failure, &thing, Doing::Changing)),
        }
    }
    Err(refuse::conflict(&thing))
}

/// Asks for the deletion of one, marked with who asked.
pub(super) async fn delete<K: Custom>(
    client: &Client,
    name: &str,
    etag: &str,
    actor: &Actor,
    dry_run: bool,
) -> Result<(), Status> {
    let thing = thing::<K>(name);
    let there = get::<K>(client, name).await?;
    check(&there, etag, &thing)?;
    if dry_run {
        return Ok(());
    }
    let (api, name) = (Api::<K>::all(client.clone()), name.to_owned());
    let mark = json!({"metadata": {
        "annotations": {keys::DELETED_BY: actor.name}, "resourceVersion": there.resource_version(),
    }});
    let deleted = to_completion(async move {
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let marked = within(api.patch(&name, &params, &Patch::Merge(mark))).await?;
        let preconditions = Preconditions {
            uid: marked.uid(),
            resource_version: None,
        };
        let params = DeleteParams {
            preconditions: Some(preconditions),
            ..DeleteParams::default()
        };
        within(api.delete(&name, &params)).await
    });
    deleted
        .await
        .map(drop)
        .map_err(|failure| refuse::cluster(&failure, &thing, Doing::Changing))
}

fn check<K: Custom>(there: &K, etag: &str, thing: &str) -> Result<(), Status> {
    let is_current = etag.is_empty() || there.resource_version().as_deref() == Some(etag);
    if is_current {
        Ok(())
    } else {
        Err(refuse::conflict(thing))
    }
}

fn sign<K: Custom>(object: &mut K, actor: &Actor) {
    object
        .annotations_mut()
        .insert(keys::ACTOR.to_owned(), actor.name.clone());
}
