use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use tenantry_k8s::{Tenant, keys, tenant::Metadata};

use super::{Problem, Settings, metadata};
use crate::reconcile::dereference::Observed;

/// How a namespace came to its tenant. Only what we made is ever pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Made from the spec.
    Spec,
    /// It was there with the tenant's label, set by somebody who may.
    Adopted,
}

impl Origin {
    /// The annotation's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Adopted => "adopted",
        }
    }
}

/// A namespace of the tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Full name.
    pub name: String,
    /// Name as written in the list; none if it is not in the spec.
    pub kind: Option<String>,
    /// How it came to the tenant.
    pub origin: Origin,
    /// Whether it exists.
    pub exists: bool,
    /// Labels and annotations asked for.
    pub metadata: Metadata,
}

#[derive(Default)]
pub(super) struct Sorted {
    pub(super) spaces: Vec<Space>,
    pub(super) pruned: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

/// Sorts wanted and existing namespaces into those to work on, those to prune, and problems.
pub(super) fn sort(tenant: &Tenant, settings: &Settings, observed: &Observed) -> Sorted {
    let name = tenant.name_any();
    let wanted = wanted(tenant);
    let there: BTreeMap<String, &Namespace> = observed
        .namespaces
        .iter()
        .map(|namespace| (namespace.name_any(), namespace))
        .collect();
    let mut sorted = Sorted::default();
    let all: BTreeSet<&String> = wanted.keys().chain(there.keys()).collect();
    for namespace in all {
        let kind = wanted.get(namespace);
        let existing = there.get(namespace).copied();
        let is_made = existing.is_some_and(is_marked) || is_in_ledger(tenant, namespace);
        let candidate = Candidate {
            tenant: &name,
            name: namespace,
            is_wanted: kind.is_some(),
            is_made,
        };
        match candidate.place(existing, settings) {
            Place::Ours(origin) => sorted.spaces.push(Space {
                name: namespace.clone(),
                kind: kind.cloned(),
                origin,
                exists: existing.is_some(),
                metadata: metadata::of(tenant, settings, namespace),
            }),
            Place::Pruned => sorted.pruned.push(namespace.clone()),
            Place::Elsewhere => {}
            Place::Refused(problem) => sorted.problems.push(problem),
        }
    }
    sorted
}

/// Full names of the namespaces that the spec lists.
pub(crate) fn wanted_names(tenant: &Tenant) -> Vec<String> {
    wanted(tenant).into_keys().collect()
}

/// Full names to names as written.
fn wanted(tenant: &Tenant) -> BTreeMap<String, String> {
    let lists = tenant.spec.namespaces.clone().unwrap_or_default();
    let prefixed = lists
        .with_tenant_prefix
        .iter()
        .map(|name| (format!("{}-{name}", tenant.name_any()), name.clone()));
    let plain = lists
        .without_tenant_prefix
        .iter()
        .map(|name| (name.clone(), name.clone()));
    plain.chain(prefixed).collect()
}

enum Place {
    Ours(Origin),
    Pruned,
    Elsewhere,
    Refused(Problem),
}

struct Candidate<'a> {
    tenant: &'a str,
    name: &'a str,
    is_wanted: bool,
    /// Made by us, by its own mark or by our ledger.
    is_made: bool,
}

impl Candidate<'_> {
    fn place(&self, there: Option<&Namespace>, settings: &Settings) -> Place {
        let name = self.name;
        if settings.is_privileged(name) {
            // The tenant label has no effect on a privileged namespace.
            return self.refuse(
                "NamespacePrivileged",
                format!("namespace {name} is privileged: no tenant can have it"),
            );
        }
        let Some(namespace) = there else {
            return Place::Ours(Origin::Spec);
        };
        if namespace.metadata.deletion_timestamp.is_some() {
            let message =
                format!("namespace {name} is being deleted; it is made anew when it is gone");
            return self.refuse("NamespaceTerminating", message);
        }
        let owner = namespace.labels().get(keys::TENANT).map(String::as_str);
        match (owner == Some(self.tenant), self.is_made, self.is_wanted) {
            (true, true, false) => Place::Pruned,
            (true, true, true) => Place::Ours(Origin::Spec),
            (true, false, _) => Place::Ours(Origin::Adopted),
            // Somebody took the label off what we made: drift, to be put back.
            (false, true, true) if owner.is_none() => Place::Ours(Origin::Spec),
            (false, ..) => self.refuse("NamespaceConflict", self.conflict(owner)),
        }
    }

    fn refuse(&self, reason: &'static str, message: String) -> Place {
        if self.is_wanted {
            Place::Refused(Problem { reason, message })
        } else {
            Place::Elsewhere
        }
    }

    fn conflict(&self, owner: Option<&str>) -> String {
        let Self { tenant, name, .. } = self;
        match owner {
            Some(owner) => format!(
                "namespace {name} belongs to tenant {owner}; take it out of the spec of one of them"
            ),
            None => format!(
                "namespace {name} exists and belongs to no tenant; \
                 to give it to this one: kubectl label namespace {name} {}={tenant}",
                keys::TENANT
            ),
        }
    }
}

fn is_marked(namespace: &Namespace) -> bool {
    namespace
        .annotations()
        .get(keys::ORIGIN)
        .is_some_and(|origin| origin == Origin::Spec.as_str())
}

fn is_in_ledger(tenant: &Tenant, namespace: &str) -> bool {
    let ledger = tenant
        .status
        .iter()
        .flat_map(|status| &status.deployed_namespaces);
    ledger.into_iter().any(|made| made == namespace)
}
