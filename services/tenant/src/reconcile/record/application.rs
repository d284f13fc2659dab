//! What is in place for a revision, once everything it wants is.

use std::collections::BTreeMap;

use kube::ResourceExt;
use serde_json::{Value, json};
use tenantry_k8s::keys;

use crate::{
    reconcile::{
        dereference::Observed,
        object::{Key, Kind},
        validate::Valid,
    },
    store::{Error, Record},
};

/// Keeps what is `observed` as the application of the tenant's revision.
pub(super) async fn keep(
    record: &mut Record,
    valid: &Valid,
    observed: &Observed,
) -> Result<(), Error> {
    let (inputs, objects) = (inputs(observed), objects(valid, observed));
    record
        .application(valid.uid, valid.generation, &inputs, &objects)
        .await
}

/// `kind uid generation` of what the tenant refers to.
pub(super) fn inputs(observed: &Observed) -> Vec<String> {
    let quota = observed.quota.as_deref().map(input);
    let config = observed.config.as_ref().map(input);
    quota.into_iter().chain(config).collect()
}

fn input<K: ResourceExt + kube::Resource<DynamicType = ()>>(object: &K) -> String {
    let generation = object.meta().generation.unwrap_or_default();
    format!(
        "{} {} {generation}",
        K::kind(&()),
        object.uid().unwrap_or_default()
    )
}

fn objects(valid: &Valid, observed: &Observed) -> Value {
    let namespaces = observed
        .namespaces
        .iter()
        .filter(|namespace| valid.owns(namespace));
    let namespaces = namespaces.map(|namespace| marked(Kind::Namespace, namespace));
    let shares = observed.quotas.iter();
    let shares = shares.map(|share| marked(Kind::ResourceQuota, share));
    let others = observed.objects.values();
    let others = others.map(|object| (object.key.clone(), object.applied()));
    let all: BTreeMap<Key, Option<&str>> = namespaces.chain(shares).chain(others).collect();
    all.iter().map(|(key, digest)| line(key, *digest)).collect()
}

fn marked<K: ResourceExt>(kind: Kind, object: &K) -> (Key, Option<&str>) {
    let digest = object.annotations().get(keys::APPLIED);
    (Key::of(kind, object), digest.map(String::as_str))
}

fn line(key: &Key, digest: Option<&str>) -> Value {
    let Key {
        kind,
        namespace,
        name,
    } = key;
    json!({
        "kind": format!("{kind:?}"), "namespace": namespace, "name": name,
        "digest": digest.unwrap_or_default(),
    })
}
