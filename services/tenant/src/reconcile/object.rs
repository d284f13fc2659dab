//! Cluster objects as data: what is wanted, what is there, and whether the one holds the other.

use k8s_openapi::api::{
    core::v1::{LimitRange, Namespace, ResourceQuota},
    networking::v1::{Ingress, NetworkPolicy},
    rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding},
};
use kube::{ResourceExt, core::ApiResource};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tenantry_k8s::{Guardrails, keys};

/// Field manager of everything this service writes.
pub const MANAGER: &str = "tenantry-tenant";

/// Kinds that this service writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// core/v1
    Namespace,
    /// core/v1
    ResourceQuota,
    /// core/v1
    LimitRange,
    /// rbac.authorization.k8s.io/v1
    ClusterRole,
    /// rbac.authorization.k8s.io/v1
    ClusterRoleBinding,
    /// rbac.authorization.k8s.io/v1
    RoleBinding,
    /// networking.k8s.io/v1
    Ingress,
    /// networking.k8s.io/v1
    NetworkPolicy,
    /// tenantry.dev/v1alpha1
    Guardrails,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Namespace,
        Self::ResourceQuota,
        Self::LimitRange,
        Self::ClusterRole,
        Self::ClusterRoleBinding,
        Self::RoleBinding,
        Self::Ingress,
        Self::NetworkPolicy,
        Self::Guardrails,
    ];

    /// Whether it gives somebody a role.
    pub fn is_binding(self) -> bool {
        matches!(self, Self::RoleBinding | Self::ClusterRoleBinding)
    }

    /// How the apiserver addresses it.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::Namespace => ApiResource::erase::<Namespace>(&()),
            Self::ResourceQuota => ApiResource::erase::<ResourceQuota>(&()),
            Self::LimitRange => ApiResource::erase::<LimitRange>(&()),
            Self::ClusterRole => ApiResource::erase::<ClusterRole>(&()),
            Self::ClusterRoleBinding => ApiResource::erase::<ClusterRoleBinding>(&()),
            Self::RoleBinding => ApiResource::erase::<RoleBinding>(&()),
            Self::Ingress => ApiResource::erase::<Ingress>(&()),
            Self::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
            Self::Guardrails => ApiResource::erase::<Guardrails>(&()),
        }
    }
}

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Kind.
    pub kind: Kind,
    /// Namespace; empty for cluster objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// An object with its content.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Which.
    pub key: Key,
    /// What, as the apiserver takes it.
    pub value: Value,
}

impl Key {
    /// Of an object that is there or is wanted.
    pub fn of<K: ResourceExt>(kind: Kind, object: &K) -> Self {
        Self {
            kind,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        }
    }
}

impl Object {
    /// An object that is wanted, marked with the digest of what is wanted.
    ///
    /// Panics: a Kubernetes object is always JSON.
    pub fn wanted<K: ResourceExt + Serialize>(kind: Kind, object: &K) -> Self {
        let mut wanted = Self::observed(kind, object);
        let digest = wanted.digest();
        let metadata = wanted.value["metadata"]
            .as_object_mut()
            .expect("an object has metadata");
        let annotations = metadata
            .entry("annotations")
            .or_insert_with(|| Value::Object(Map::new()));
        annotations[keys::APPLIED] = Value::String(digest);
        wanted
    }

    /// An object as it is.
    ///
    /// Panics: a Kubernetes object is always JSON.
    pub fn observed<K: ResourceExt + Serialize>(kind: Kind, object: &K) -> Self {
        Self {
            key: Key::of(kind, object),
            value: serde_json::to_value(object).expect("an object is JSON"),
        }
    }

    /// The same, as its type reads it.
    ///
    /// Panics: what is there was read as its kind before, and what is wanted was made from it.
    pub fn read<K: DeserializeOwned>(&self) -> K {
        K::deserialize(&self.value).expect("an object of this kind is read as one")
    }

    /// Uid; none of what is only wanted.
    pub fn uid(&self) -> Option<&str> {
        self.value["metadata"]["uid"].as_str()
    }

    /// Whether it is on its way out.
    pub fn is_going(&self) -> bool {
        !self.value["metadata"]["deletionTimestamp"].is_null()
    }

    fn digest(&self) -> String {
        let hash = Sha256::digest(self.value.to_string());
        hash.iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The digest that this object was last applied with.
    pub fn applied(&self) -> Option<&str> {
        self.value["metadata"]["annotations"][keys::APPLIED].as_str()
    }

    /// Whether `there` is this object already, fields of others aside.
    pub fn is_held_by(&self, there: &Self) -> bool {
        holds(&there.value, &self.value)
    }

    /// Whether `there` was applied as this very object and then changed by somebody.
    pub fn was_changed(&self, there: &Self) -> bool {
        let is_ours = there
            .applied()
            .is_none_or(|digest| Some(digest) == self.applied());
        is_ours && !self.is_held_by(there)
    }

    /// The newest field manager, other than us, that owns a field in which this object differs from `wanted`.
    ///
    /// None where fields were only removed: the apiserver keeps no trace of that, and to name whoever else wrote the
    /// object would blame the innocent.
    pub fn changed_by(&self, wanted: &Self) -> Option<String> {
        let paths = self.differing(wanted);
        let entries = self.value["metadata"]["managedFields"].as_array()?;
        let owners = entries
            .iter()
            .filter(|entry| {
                entry["manager"]
                    .as_str()
                    .is_some_and(|manager| manager != MANAGER)
            })
            .filter(|entry| paths.iter().any(|path| owns(&entry["fieldsV1"], path)));
        // RFC 3339 in UTC sorts as text.
        let newest =
            owners.max_by_key(|entry| entry["time"].as_str().unwrap_or_default().to_owned())?;
        newest["manager"].as_str().map(str::to_owned)
    }

    /// Paths of `wanted` that this object does not hold, for people.
    pub fn difference(&self, wanted: &Self) -> String {
        let paths: Vec<String> = self
            .differing(wanted)
            .iter()
            .map(|path| path.join("."))
            .collect();
        paths.join(", ")
    }

    fn differing(&self, wanted: &Self) -> Vec<Path> {
        let mut paths = Vec::new();
        differing(&self.value, &wanted.value, Path::new(), &mut paths);
        paths
    }
}

/// Names of fields, from the outermost.
type Path = Vec<String>;

/// Whether every field of `wanted` is in `there`. Lists are compared as a whole.
fn holds(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| there.get(key).is_some_and(|found| holds(found, value))),
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len()
                && there
                    .iter()
                    .zip(wanted)
                    .all(|(there, wanted)| holds(there, wanted))
        }
        _ => there == wanted,
    }
}

fn differing(there: &Value, wanted: &Value, path: Path, paths: &mut Vec<Path>) {
    match wanted {
        Value::Object(fields) => {
            for (key, value) in fields {
                let inner = path.iter().cloned().chain([key.clone()]).collect();
                differing(&there[key], value, inner, paths);
            }
        }
        _ if holds(there, wanted) => {}
        _ => paths.push(path),
    }
}

/// Whether a set of fields (`FieldsV1`) has `path`, or something around it that is owned as a whole.
fn owns(fields: &Value, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    match fields.get(format!("f:{first}")) {
        None => false,
        Some(inner) => inner.as_object().is_none_or(Map::is_empty) || owns(inner, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_of_others_do_not_matter_but_list_items_do() {
        let check = |there: Value, wanted: Value, expected: bool| {
            assert_eq!(holds(&there, &wanted), expected, "{there} {wanted}");
        };
        check(json!({"a": 1, "b": 2}), json!({"a": 1}), true);
        check(json!({"a": 2}), json!({"a": 1}), false);
        check(
            json!({"s": [{"n": "x", "k": "User"}]}),
            json!({"s": [{"n": "x"}]}),
            true,
        );
        check(json!({"s": ["x", "y"]}), json!({"s": ["x"]}), false);
        check(json!({}), json!({"a": {}}), false);
    }

    #[test]
    fn only_who_owns_a_changed_field_is_named() {
        let entry = |manager: &str, time: &str, label: &str| json!({"manager": manager, "time": time, "fieldsV1": {"f:metadata": {"f:labels": {label: {}}}}});
        let value = json!({"metadata": {
            "labels": {"level": "privileged", "note": "x"},
            "managedFields": [
                entry("kubectl-label", "2026-01-01T00:00:00Z", "f:level"),
                entry("kubectl-annotate", "2026-01-02T00:00:00Z", "f:note"),
                entry("tenantry-tenant", "2026-01-03T00:00:00Z", "f:level"),
            ],
        }});
        let object = |value: Value| {
            let key = Key {
                kind: Kind::Namespace,
                namespace: String::new(),
                name: "n".into(),
            };
            Object { key, value }
        };
        let check = |label: &str, expected: Option<&str>| {
            let wanted = object(json!({"metadata": {"labels": {label: "baseline"}}}));
            assert_eq!(
                object(value.clone()).changed_by(&wanted).as_deref(),
                expected,
                "{label}"
            );
        };
        check("level", Some("kubectl-label"));
        // A label that was removed is owned by nobody: whoever wrote another one is not to blame.
        check("gone", None);
    }

    #[test]
    fn a_list_is_owned_as_a_whole() {
        let path = |text: &str| -> Path { text.split('/').map(str::to_owned).collect() };
        assert!(owns(&json!({"f:subjects": {}}), &path("subjects")));
        assert!(owns(&json!({"f:roleRef": {}}), &path("roleRef/name")));
        assert!(!owns(
            &json!({"f:spec": {"f:hard": {"f:cpu": {}}}}),
            &path("spec/hard/memory")
        ));
    }
}
