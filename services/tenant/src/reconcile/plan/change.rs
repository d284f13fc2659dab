//! Differences of objects, for people.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use similar::TextDiff;

use crate::reconcile::object::{Key, Object};

/// Metadata that the apiserver keeps for itself.
const KEPT: [&str; 6] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
    "selfLink",
];

/// What would happen to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It would be made.
    Create,
    /// It would be changed.
    Update,
    /// It would go.
    Delete,
}

/// An object that would be another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What would happen.
    pub action: Action,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for cluster objects.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Unified diff as YAML.
    pub difference: String,
}

/// What differs between two states.
pub(super) fn between(
    before: &BTreeMap<Key, Object>,
    after: &BTreeMap<Key, Object>,
) -> Vec<Change> {
    let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let changes = keys.into_iter().filter_map(|key| {
        let said =
            |objects: &BTreeMap<Key, Object>| objects.get(key).map(|object| bare(&object.value));
        let (action, difference) = difference(said(before), said(after))?;
        Some(Change {
            action,
            kind: format!("{:?}", key.kind),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            difference,
        })
    });
    changes.collect()
}

/// What differs in the spec of a custom resource; none where nothing does.
pub fn of_spec(kind: &str, name: &str, before: Option<&Value>, after: &Value) -> Option<Change> {
    let of = |spec: &Value| serde_json::json!({"spec": spec});
    let (action, difference) = difference(before.map(of), Some(of(after)))?;
    Some(Change {
        action,
        kind: kind.to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
        difference,
    })
}

fn difference(before: Option<Value>, after: Option<Value>) -> Option<(Action, String)> {
    let action = match (&before, &after) {
        (None, None) => return None,
        (Some(before), Some(after)) if before == after => return None,
        (None, Some(_)) => Action::Create,
        (Some(_), Some(_)) => Action::Update,
        (Some(_), None) => Action::Delete,
    };
    let (before, after) = (yaml(before), yaml(after));
    let diff = TextDiff::from_lines(&before, &after);
    let text = diff.unified_diff().header("now", "planned").to_string();
    Some((action, text))
}

/// Panics: JSON is always YAML.
fn yaml(value: Option<Value>) -> String {
    value.map_or_else(String::new, |value| {
        serde_saphyr::to_string(&value).expect("JSON is YAML")
    })
}

/// An object without its status and without what the apiserver keeps for itself.
fn bare(value: &Value) -> Value {
    let mut bare = value.clone();
    let Some(fields) = bare.as_object_mut() else {
        return bare;
    };
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| !KEPT.contains(&field.as_str()));
    }
    bare
}
