//! What is observed as one set of objects that can be changed by their keys, as the cluster would.

use std::collections::BTreeMap;

use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::reconcile::{
    dereference::Observed,
    object::{Key, Kind, Object},
};

impl Observed {
    /// Everything of the tenant's, by key.
    pub(super) fn all(&self) -> BTreeMap<Key, Object> {
        // No `..`: a new kind of object must be listed before this compiles again.
        let Self {
            install_namespace: _,
            quota: _,
            quota_fault: _,
            config: _,
            namespaces,
            quotas,
            objects,
            classes: _,
            demands: _,
            doubts: _,
            rivals: _,
        } = self;
        let namespaces = namespaces
            .iter()
            .map(|namespace| Object::observed(Kind::Namespace, namespace));
        let shares = quotas
            .iter()
            .map(|share| Object::observed(Kind::ResourceQuota, share));
        namespaces
            .chain(shares)
            .chain(objects.values().cloned())
            .map(|object| (object.key.clone(), object))
            .collect()
    }

    /// Applies `wanted`: what others own in its metadata stays, and a quota is enforced at once.
    pub(super) fn put(&mut self, wanted: &Object) {
        let there = self.all().remove(&wanted.key);
        let mut value = there.map_or(Value::Null, |object| object.value);
        lay(&mut value, &wanted.value);
        if wanted.key.kind == Kind::ResourceQuota {
            value["status"]["hard"] = value["spec"]["hard"].clone();
        }
        self.set(&wanted.key, value);
    }

    /// Replaces the object at `key`, or adds it.
    pub(super) fn set(&mut self, key: &Key, value: Value) {
        self.change(key, Some(value));
    }

    /// Removes the object at `key`.
    pub(super) fn take(&mut self, key: &Key) {
        self.change(key, None);
    }

    fn change(&mut self, key: &Key, value: Option<Value>) {
        match key.kind {
            Kind::Namespace => replace(&mut self.namespaces, key, value),
            Kind::ResourceQuota => replace(&mut self.quotas, key, value),
            Kind::LimitRange
            | Kind::Guardrails
            | Kind::NetworkPolicy
            | Kind::RoleBinding
            | Kind::ClusterRole
            | Kind::ClusterRoleBinding => {
                let Some(value) = value else {
                    self.objects.remove(key);
                    return;
                };
                let key = key.clone();
                self.objects.insert(key.clone(), Object { key, value });
            }
            // The installation's, of no tenant.
            Kind::Ingress => {}
        }
    }
}

/// Panics: what is put in is an object of its kind, ours or as the apiserver gave it.
fn replace<K: ResourceExt + DeserializeOwned>(all: &mut Vec<K>, key: &Key, value: Option<Value>) {
    all.retain(|object| {
        object.name_any() != key.name || object.namespace().unwrap_or_default() != key.namespace
    });
    all.extend(value.map(|value| {
        serde_json::from_value::<K>(value).expect("an object of this kind is read as one")
    }));
}

/// Metadata is shared with others, key by key; everything else that we send is ours as a whole.
fn lay(there: &mut Value, wanted: &Value) {
    for (field, value) in wanted.as_object().into_iter().flatten() {
        if field == "metadata" {
            merge(&mut there[field], value);
        } else {
            there[field] = value.clone();
        }
    }
}

fn merge(there: &mut Value, wanted: &Value) {
    match wanted {
        Value::Object(fields) => {
            for (key, value) in fields {
                merge(&mut there[key], value);
            }
        }
        other => *there = other.clone(),
    }
}
