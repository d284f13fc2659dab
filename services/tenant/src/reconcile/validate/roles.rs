use std::collections::BTreeMap;

use tenantry_k8s::integration_config::{
    CustomRoles, LabelSelector, Role as Named, SelectorRequirement,
};

use crate::member::Role;

/// ClusterRoles by level.
pub type Roles = BTreeMap<Role, Vec<String>>;

type Labels = BTreeMap<String, String>;

/// ClusterRoles of the members in a namespace with `labels`: of every entry that matches, or else the default ones.
pub(super) fn of(custom: &[CustomRoles], default: &Roles, labels: &Labels) -> Roles {
    let mut matched = Roles::new();
    for entry in custom {
        if is_match(&entry.label_selector, labels) {
            for (role, names) in of_entry(entry, default) {
                let all = matched.entry(role).or_default();
                all.extend(names);
                all.sort();
                all.dedup();
            }
        }
    }
    if matched.is_empty() {
        default.clone()
    } else {
        matched
    }
}

/// A level that the entry omits has the default roles.
fn of_entry(entry: &CustomRoles, default: &Roles) -> Roles {
    let given = |named: &Option<Named>, role: Role| {
        let standard = || default.get(&role).cloned().unwrap_or_default();
        named
            .as_ref()
            .map_or_else(standard, |named| named.cluster_roles.clone())
    };
    [
        (Role::Owner, &entry.owner),
        (Role::Editor, &entry.editor),
        (Role::Viewer, &entry.viewer),
    ]
    .map(|(role, named)| (role, given(named, role)))
    .into()
}

/// Labels that `custom` looks at.
pub(super) fn labels(custom: &[CustomRoles]) -> impl Iterator<Item = &String> {
    custom.iter().flat_map(|entry| {
        let selector = &entry.label_selector;
        let expressions = selector.match_expressions.iter().map(|wanted| &wanted.key);
        selector.match_labels.keys().chain(expressions)
    })
}

fn is_match(selector: &LabelSelector, labels: &Labels) -> bool {
    let is_equal = |(key, value): (&String, &String)| labels.get(key) == Some(value);
    selector.match_labels.iter().all(is_equal)
        && selector
            .match_expressions
            .iter()
            .all(|wanted| holds(wanted, labels.get(&wanted.key)))
}

/// As in Kubernetes: NotIn holds for a label that is absent. An operator that does not exist holds for nothing.
fn holds(wanted: &SelectorRequirement, found: Option<&String>) -> bool {
    let is_listed = found.is_some_and(|value| wanted.values.contains(value));
    match wanted.operator.as_str() {
        "In" => is_listed,
        "NotIn" => !is_listed,
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn labels_of(value: Value) -> Labels {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn selectors_match_as_in_kubernetes() {
        let check = |selector: Value, expected: bool| {
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            let labels = labels_of(json!({"a": "1", "b": "2"}));
            assert_eq!(is_match(&selector, &labels), expected, "{selector:?}");
        };
        let expression = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        check(json!({}), true);
        check(json!({"matchLabels": {"a": "1", "b": "2"}}), true);
        check(json!({"matchLabels": {"a": "1", "b": "1"}}), false);
        check(expression("a", "In", json!(["0", "1"])), true);
        check(expression("c", "In", json!(["1"])), false);
        check(expression("a", "NotIn", json!(["1"])), false);
        check(expression("c", "NotIn", json!(["1"])), true);
        check(expression("a", "Exists", json!([])), true);
        check(expression("c", "Exists", json!([])), false);
        check(expression("a", "DoesNotExist", json!([])), false);
        check(expression("c", "DoesNotExist", json!([])), true);
        check(expression("a", "Is", json!(["1"])), false);
    }

    #[test]
    fn two_matches_bind_both_and_an_omitted_level_is_the_default() {
        let default: Roles = [
            (Role::Owner, vec!["admin".to_owned()]),
            (Role::Editor, vec!["edit".to_owned()]),
            (Role::Viewer, vec!["view".to_owned()]),
        ]
        .into();
        let custom: Vec<CustomRoles> = serde_json::from_value(json!([
            {"labelSelector": {"matchLabels": {"a": "1"}}, "owner": {"clusterRoles": ["x"]}},
            {"labelSelector": {"matchLabels": {"b": "1"}}, "owner": {"clusterRoles": ["y"]}, "viewer": {"clusterRoles": ["z"]}},
        ]))
        .unwrap();
        let check = |labels: Value, expected: [&[&str]; 3]| {
            let roles = of(&custom, &default, &labels_of(labels));
            let found: Vec<&Vec<String>> = roles.values().collect();
            assert_eq!(found, expected);
        };
        check(json!({}), [&["admin"], &["edit"], &["view"]]);
        check(json!({"a": "1"}), [&["x"], &["edit"], &["view"]]);
        check(json!({"b": "1"}), [&["y"], &["edit"], &["z"]]);
        check(
            json!({"a": "1", "b": "1"}),
            [&["x", "y"], &["edit"], &["view", "z"]],
        );
    }
}
