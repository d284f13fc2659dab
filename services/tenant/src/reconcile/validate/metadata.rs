use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt as _;
use serde_json::Value;
use tenantry_k8s::{
    Tenant, keys,
    tenant::{Metadata, NamespaceMetadata},
};

use super::{Problem, Settings};
use crate::reconcile::object::MANAGER;

type Labels = BTreeMap<String, String>;

/// The apiserver sets it on every namespace.
pub(super) const NAME: &str = "kubernetes.io/metadata.name";

/// Level that a namespace enforces unless the IntegrationConfig says otherwise: below it, a pod could own the node.
const POD_SECURITY: &str = "baseline";
/// Pod Security levels, from the weakest.
const LEVELS: [&str; 3] = ["privileged", "baseline", "restricted"];
const USERNAME: [&str; 2] = ["{{ TENANT.USERNAME }}", "{{TENANT.USERNAME}}"];

/// A namespace whose metadata is asked for.
pub(super) struct Asked<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) settings: &'a Settings,
    pub(super) namespace: &'a str,
    /// Whose sandbox it is.
    pub(super) user: Option<&'a str>,
}

impl Asked<'_> {
    /// Labels and annotations: specific wins over sandbox, sandbox over common, common over the IntegrationConfig.
    ///
    /// Keys that carry meaning of ours are left out: they are never the text of a spec.
    pub(super) fn merged(&self) -> (Metadata, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut floor = self.of_config();
        floor
            .labels
            .entry(keys::POD_SECURITY.to_owned())
            .or_insert_with(|| POD_SECURITY.to_owned());
        let mut merged = floor.clone();
        for layer in self.layers() {
            merge(&mut merged, layer);
        }
        self.keep_pod_security(&mut merged, &floor, &mut problems);
        merged.labels.retain(|key, _| !self.is_reserved_label(key));
        merged.annotations.retain(|key, _| !is_reserved(key));
        if let Some(user) = self.user {
            fill(&mut merged, user);
        }
        self.drop_illegal(&mut merged, &mut problems);
        (merged, problems)
    }

    fn of_config(&self) -> Metadata {
        let mut merged = self.settings.metadata.clone();
        if self.user.is_some() {
            merge(&mut merged, self.settings.sandboxes.clone());
        }
        merged
    }

    /// What the tenant asks for, the weakest first.
    fn layers(&self) -> Vec<Metadata> {
        let asked = of(self.tenant);
        let sandbox = asked.sandbox.filter(|_| self.user.is_some());
        let specific = asked
            .specific
            .into_iter()
            .filter(|entry| entry.namespaces.iter().any(|name| name == self.namespace))
            .map(|entry| Metadata {
                labels: entry.labels,
                annotations: entry.annotations,
            });
        asked
            .common
            .into_iter()
            .chain(sandbox)
            .chain(specific)
            .collect()
    }

    /// A tenant may raise the level that is enforced, and not lower it; by a version neither.
    fn keep_pod_security(&self, merged: &mut Metadata, floor: &Metadata, to: &mut Vec<Problem>) {
        let version = format!("{}-version", keys::POD_SECURITY);
        let rank = |level: Option<&String>| {
            level.and_then(|level| LEVELS.iter().position(|known| known == level))
        };
        for key in [keys::POD_SECURITY, &version] {
            let (asked, least) = (merged.labels.get(key), floor.labels.get(key));
            let is_kept = asked == least || key != version && rank(asked) >= rank(least);
            if is_kept {
                continue;
            }
            let message = format!(
                "namespace {}: metadata asks for {key}={}, and only the IntegrationConfig may go below {}; take it out",
                self.namespace,
                asked.map_or("", String::as_str),
                least.map_or("the current version", String::as_str),
            );
            to.push(Problem {
                reason: "PodSecurityLowered",
                message,
            });
            match least.cloned() {
                Some(least) => merged.labels.insert(key.to_owned(), least),
                None => merged.labels.remove(key),
            };
        }
    }

    fn is_reserved_label(&self, key: &str) -> bool {
        let ours = [
            keys::TENANT,
            keys::MANAGED_BY,
            keys::PART_OF,
            keys::COMPONENT,
        ];
        let is_kind = key == keys::KIND && self.user.is_none();
        is_reserved(key) || is_kind || ours.contains(&key)
    }

    /// The apiserver would refuse the whole namespace for one label.
    fn drop_illegal(&self, merged: &mut Metadata, to: &mut Vec<Problem>) {
        merged.labels.retain(|key, value| {
            let is_legal = is_key(key) && (value.is_empty() || is_word(value));
            if !is_legal {
                to.push(self.illegal(&format!("{key}={value} is no legal label")));
            }
            is_legal
        });
        merged.annotations.retain(|key, _| {
            let is_legal = is_key(key);
            if !is_legal {
                to.push(self.illegal(&format!("{key} is no legal annotation")));
            }
            is_legal
        });
    }

    fn illegal(&self, what: &str) -> Problem {
        let message = format!(
            "namespace {}: metadata: {what}; it is left out",
            self.namespace
        );
        Problem {
            reason: "MetadataInvalid",
            message,
        }
    }
}

/// What the tenant asks for.
pub(crate) fn of(tenant: &Tenant) -> NamespaceMetadata {
    let namespaces = tenant.spec.namespaces.as_ref();
    namespaces
        .and_then(|namespaces| namespaces.metadata.clone())
        .unwrap_or_default()
}

/// Puts the username where the values ask for it.
pub(crate) fn fill(metadata: &mut Metadata, user: &str) {
    let values = metadata
        .labels
        .values_mut()
        .chain(metadata.annotations.values_mut());
    for value in values {
        for mark in USERNAME {
            *value = value.replace(mark, user);
        }
    }
}

fn merge(into: &mut Metadata, layer: Metadata) {
    into.labels.extend(layer.labels);
    into.annotations.extend(layer.annotations);
}

/// Ours and Kubernetes' own.
fn is_reserved(key: &str) -> bool {
    key.starts_with("tenantry.dev/") || key.starts_with("kubernetes.io/")
}

/// The name of a label or annotation, with a DNS prefix or without.
fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        None => is_word(key),
        Some((prefix, name)) => {
            let is_label = |part: &str| is_word(part) && !part.contains(['_', '.']);
            let is_lower = !prefix.contains(|c: char| c.is_ascii_uppercase());
            prefix.len() <= 253 && is_lower && prefix.split('.').all(is_label) && is_word(name)
        }
    }
}

/// Letters, digits, `-`, `_` and `.`, at most 63, with a letter or digit at both ends.
fn is_word(text: &str) -> bool {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && is_end(text.chars().next())
        && is_end(text.chars().last())
}

/// Labels that a namespace has once `wanted` are applied: what others own stays, what only we set and want no more goes.
///
/// The view keeps no record of what we own, so what nobody else owns is ours, Kubernetes' own label aside. Where roles depend
/// on a label, it counts until it is gone: its owners can wipe the record of who set it.
pub(super) fn labels_to_be(
    there: Option<&Namespace>,
    wanted: &Labels,
    has_roles_by: impl Fn(&str) -> bool,
) -> Labels {
    let mut labels = there
        .map(|there| there.labels().clone())
        .unwrap_or_default();
    let others: Vec<&Value> = there
        .into_iter()
        .flat_map(|there| there.managed_fields())
        .filter(|entry| entry.manager.as_deref() != Some(MANAGER))
        .filter_map(|entry| Some(&entry.fields_v1.as_ref()?.0["f:metadata"]["f:labels"]))
        .collect();
    labels.retain(|key, _| {
        let field = format!("f:{key}");
        key == NAME || has_roles_by(key) || others.iter().any(|labels| labels.get(&field).is_some())
    });
    labels.extend(wanted.clone());
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_legal_as_in_kubernetes() {
        let check = |text: &str, expected: bool| assert_eq!(is_key(text), expected, "{text:?}");
        for text in ["a", "A_b.c-d", "example.com/a", "a-b.example.com/A"] {
            check(text, true);
        }
        for text in ["", "-a", "a-", "a/b/c", "/a", "a/", "Ex.com/a", "a b", "é"] {
            check(text, false);
        }
        check(&"a".repeat(64), false);
    }
}
