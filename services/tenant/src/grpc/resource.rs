//! Reading and writing cluster-wide custom resources on behalf of somebody.

use std::fmt::Debug;

use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tenantry_domain::Actor;
use tenantry_k8s::keys;
use tenantry_runtime::{Chain, to_completion};
use tonic::Status;

use super::refuse::{self, Doing};
use crate::{
    cluster::{Error, within},
    reconcile::actor::API_MANAGER,
};

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
        field_manager: Some(API_MANAGER.to_owned()),
    };
    let created = to_completion(async move { within(api.create(&params, &object)).await }).await;
    created.map_err(|failure| refuse::cluster(&failure, &thing, Doing::Creating))
}

/// What a change is.
pub(super) struct Update<'a, F> {
    /// State that it is meant for; empty for any.
    pub(super) etag: &'a str,
    pub(super) actor: &'a Actor,
    pub(super) dry_run: bool,
    /// The new resource, from the one that is there.
    pub(super) change: F,
}

/// Changes the one that is `there`; with an etag only that very state of it.
pub(super) async fn update<K, F>(
    client: &Client,
    mut there: K,
    update: Update<'_, F>,
) -> Result<K, Status>
where
    K: Custom,
    F: Fn(K) -> Result<K, Status>,
{
    let (name, thing) = (there.name_any(), thing::<K>(&there.name_any()));
    let tries = if update.etag.is_empty() { TRIES } else { 1 };
    for attempt in 1..=tries {
        check(&there, update.etag, &thing)?;
        let mut wanted = (update.change)(there)?;
        sign(&mut wanted, update.actor);
        match replace(client, wanted, update.dry_run).await {
            Ok(object) => return Ok(object),
            Err(failure) if failure.code() == Some(409) && attempt < tries => {
                there = get::<K>(client, &name).await?;
            }
            Err(failure) => return Err(refuse::cluster(&failure, &thing, Doing::Changing)),
        }
    }
    Err(refuse::conflict(&thing))
}

async fn replace<K: Custom>(client: &Client, wanted: K, dry_run: bool) -> Result<K, Error> {
    let api = Api::<K>::all(client.clone());
    let params = PostParams {
        dry_run,
        field_manager: Some(API_MANAGER.to_owned()),
    };
    let name = wanted.name_any();
    to_completion(async move { within(api.replace(&name, &params, &wanted)).await }).await
}

/// What a deletion is.
pub(super) struct Deletion<'a> {
    pub(super) name: &'a str,
    /// State that it is meant for; empty for any.
    pub(super) etag: &'a str,
    pub(super) actor: &'a Actor,
    pub(super) dry_run: bool,
}

/// Asks for the deletion of one, marked with who asked. One that is going already is as good.
pub(super) async fn delete<K: Custom>(
    client: &Client,
    deletion: Deletion<'_>,
) -> Result<(), Status> {
    let thing = thing::<K>(deletion.name);
    let there = get::<K>(client, deletion.name).await?;
    check(&there, deletion.etag, &thing)?;
    if there.meta().deletion_timestamp.is_some() {
        return Ok(());
    }
    let (api, name) = (Api::<K>::all(client.clone()), deletion.name.to_owned());
    // Says on the object itself who asks for its deletion, for the apiserver passes that on to nobody.
    let mark = Annotation {
        etag: deletion.etag,
        dry_run: deletion.dry_run,
        values: json!({keys::DELETED_BY: deletion.actor.name}),
    };
    let (patch, params) = mark.patch(&there);
    let delete = DeleteParams {
        dry_run: deletion.dry_run,
        preconditions: Some(Preconditions {
            uid: there.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let deleted = to_completion(async move {
        within(api.patch(&name, &params, &Patch::Merge(patch))).await?;
        let deleted = within(api.delete(&name, &delete)).await.map(drop);
        if let Err(failure) = &deleted {
            unmark(&api, &name, &delete, failure).await;
        }
        deleted
    });
    deleted
        .await
        .map_err(|failure| refuse::cluster(&failure, &thing, Doing::Changing))
}

/// Annotations that are set on one, whatever else it says.
pub(super) struct Annotation<'a> {
    /// State that it is meant for; empty for any.
    pub(super) etag: &'a str,
    pub(super) dry_run: bool,
    /// Keys and values.
    pub(super) values: Value,
}

impl Annotation<'_> {
    fn patch<K: Custom>(self, there: &K) -> (Value, PatchParams) {
        let mut metadata = json!({"uid": there.uid(), "annotations": self.values});
        // Without an etag the controller's own writes meanwhile are no reason to refuse.
        if !self.etag.is_empty() {
            metadata["resourceVersion"] = json!(self.etag);
        }
        let params = PatchParams {
            dry_run: self.dry_run,
            field_manager: Some(API_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        (json!({"metadata": metadata}), params)
    }
}

/// Sets annotations on the one that is `there`, and nothing else. Done to its end even if the caller leaves.
pub(super) async fn annotate<K: Custom>(
    client: &Client,
    there: &K,
    annotation: Annotation<'_>,
) -> Result<K, Status> {
    let (name, thing) = (there.name_any(), thing::<K>(&there.name_any()));
    let (patch, params) = annotation.patch(there);
    let api = Api::<K>::all(client.clone());
    let patched =
        to_completion(async move { within(api.patch(&name, &params, &Patch::Merge(patch))).await });
    patched
        .await
        .map_err(|failure| refuse::cluster(&failure, &thing, Doing::Changing))
}

/// Takes the mark off where the apiserver refused: who deletes it later is somebody else.
///
/// Without an answer the object may be on its way out, and then the mark is right.
async fn unmark<K: Custom>(api: &Api<K>, name: &str, delete: &DeleteParams, failure: &Error) {
    if delete.dry_run || failure.code().is_none() {
        return;
    }
    let uid = delete.preconditions.as_ref().map(|only| &only.uid);
    let patch = json!({"metadata": {"uid": uid, "annotations": {keys::DELETED_BY: null}}});
    let params = PatchParams {
        field_manager: Some(API_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    if let Err(failure) = within(api.patch(name, &params, &Patch::Merge(patch))).await {
        tracing::warn!(name, error = %Chain(&failure), "The mark of a deletion that was refused stays.");
    }
}

/// Refuses a lost update.
pub(super) fn check<K: Custom>(there: &K, etag: &str, thing: &str) -> Result<(), Status> {
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
