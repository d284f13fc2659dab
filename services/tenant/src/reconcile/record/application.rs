//! What is in place for a revision, once everything it wants is.

use kube::ResourceExt;
use serde_json::{Value, json};

use crate::{
    reconcile::{
        dereference::Observed,
        object::{Key, Kind, Object},
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
    let mut all: Vec<Object> = [
        of(Kind::Namespace, namespaces),
        of(Kind::ResourceQuota, &observed.quotas),
        of(Kind::LimitRange, &observed.limits),
        of(Kind::Guardrails, &observed.guardrails),
        of(Kind::NetworkPolicy, &observed.network_policies),
        of(Kind::RoleBinding, &observed.bindings),
        of(Kind::ClusterRole, &observed.roles),
        of(Kind::ClusterRoleBinding, &observed.role_bindings),
    ]
    .concat();
    all.sort_by(|one, other| one.key.cmp(&other.key));
    all.iter().map(line).collect()
}

fn of<'a, K>(kind: Kind, objects: impl IntoIterator<Item = &'a K>) -> Vec<Object>
where
    K: ResourceExt + serde::Serialize + 'a,
{
    objects
        .into_iter()
        .map(|object| Object::observed(kind, object))
        .collect()
}

fn line(object: &Object) -> Value {
    let Key {
        kind,
        namespace,
        name,
    } = &object.key;
    json!({
        "kind": format!("{kind:?}"), "namespace": namespace, "name": name,
        "digest": object.applied().unwrap_or_default(),
    })
}
