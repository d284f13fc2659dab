//! Who gains and who loses, read from the bindings themselves.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::ResourceExt;

use crate::{
    member::{Role, Subject},
    reconcile::{
        build::{Grant, binding_name},
        dereference::Observed,
        object::Kind,
    },
};

/// A role that somebody would gain or lose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccessChange {
    /// Who, where and what.
    pub grant: Grant,
    /// True for a gain, false for a loss.
    pub is_gain: bool,
}

type Who = (String, Role, Subject);
type Bound = BTreeMap<Who, BTreeSet<String>>;

/// Roles that members gain or lose between two states, in order of namespace.
pub fn gained_and_lost(before: &Observed, after: &Observed) -> Vec<AccessChange> {
    let (before, after) = (bound(before), bound(after));
    let mut changes: Vec<AccessChange> = missing(&before, &after, false)
        .chain(missing(&after, &before, true))
        .collect();
    changes.sort();
    changes
}

/// What is in `these` and not in `those`.
fn missing<'a>(
    these: &'a Bound,
    those: &'a Bound,
    is_gain: bool,
) -> impl Iterator<Item = AccessChange> + 'a {
    these.iter().filter_map(move |(who, cluster_roles)| {
        let held = those.get(who);
        let cluster_roles: Vec<String> = cluster_roles
            .iter()
            .filter(|name| !held.is_some_and(|held| held.contains(*name)))
            .cloned()
            .collect();
        let (namespace, role, subject) = who.clone();
        (!cluster_roles.is_empty()).then_some(AccessChange {
            grant: Grant {
                namespace,
                role,
                subject,
                cluster_roles,
            },
            is_gain,
        })
    })
}

fn bound(observed: &Observed) -> Bound {
    let mut bound = Bound::new();
    for binding in observed.read::<RoleBinding>(Kind::RoleBinding) {
        let Some(role) = role(&binding) else { continue };
        let namespace = binding.namespace().unwrap_or_default();
        for subject in binding.subjects.iter().flatten() {
            let subject = Subject {
                is_group: subject.kind == "Group",
                name: subject.name.clone(),
            };
            let who = (namespace.clone(), role, subject);
            let cluster_role = binding.role_ref.name.clone();
            bound.entry(who).or_default().insert(cluster_role);
        }
    }
    bound
}

/// The level that a binding stands for, by its name.
fn role(binding: &RoleBinding) -> Option<Role> {
    let name = binding.name_any();
    let stands_for = |role: &Role| binding_name(*role, &binding.role_ref.name) == name;
    Role::ALL.into_iter().find(stands_for)
}
