//! Who may do what: a binding for each level and ClusterRole in each namespace, and one role per tenant for its own name.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, RoleBinding, RoleRef, Subject as RbacSubject,
};
use kube::ResourceExt;
use tenantry_k8s::GROUP;

use super::Grant;
use crate::{
    member::{Role, Subject},
    reconcile::{
        dereference::Observed,
        object::{Kind, Object},
        validate::Valid,
    },
};

const RBAC: &str = "rbac.authorization.k8s.io";

/// Every binding that the tenant's members should have.
pub(super) fn wanted(valid: &Valid) -> Vec<Object> {
    let everybody: BTreeSet<&Subject> = valid.members.values().flatten().collect();
    let own = (!everybody.is_empty()).then(|| own_name(valid, &everybody));
    let spaces = valid
        .spaces
        .iter()
        .flat_map(|space| in_namespace(valid, &space.name));
    own.into_iter().chain(spaces).collect()
}

fn in_namespace<'a>(valid: &'a Valid, namespace: &'a str) -> impl Iterator<Item = Object> + 'a {
    let levels = valid
        .members
        .iter()
        .filter(|(_, subjects)| !subjects.is_empty());
    levels.flat_map(move |(role, subjects)| {
        let names = valid.settings.roles.get(role).into_iter().flatten();
        names.map(move |cluster_role| {
            let metadata = super::metadata(valid, Some(namespace), name(*role, cluster_role));
            let subjects = Some(subjects.iter().map(subject).collect());
            Object::wanted(
                Kind::RoleBinding,
                &RoleBinding {
                    metadata,
                    role_ref: cluster(cluster_role),
                    subjects,
                },
            )
        })
    })
}

/// Name of the binding of a level to one of its ClusterRoles.
pub(crate) fn name(role: Role, cluster_role: &str) -> String {
    format!("tenant-{}-{cluster_role}", role.as_str())
}

/// Name of the tenant's own ClusterRole and of its binding.
fn own_role(valid: &Valid) -> String {
    format!("tenantry-tenant-{}", valid.name)
}

fn own_name(valid: &Valid, everybody: &BTreeSet<&Subject>) -> Object {
    let metadata = super::metadata(valid, None, own_role(valid));
    let subjects = Some(everybody.iter().map(|member| subject(member)).collect());
    let role_ref = cluster(&own_role(valid));
    Object::wanted(
        Kind::ClusterRoleBinding,
        &ClusterRoleBinding {
            metadata,
            role_ref,
            subjects,
        },
    )
}

/// What members may do with their own tenant by name, and with no other; and which classes they may look at.
pub(super) fn role(valid: &Valid) -> Object {
    let rule = |resources: &[&str], verbs: &[&str], name: &str| PolicyRule {
        api_groups: Some(vec![GROUP.to_owned()]),
        resources: Some(owned(resources)),
        resource_names: Some(vec![name.to_owned()]),
        verbs: owned(verbs),
        ..PolicyRule::default()
    };
    let tenant = valid.name.as_str();
    let quota = valid
        .budget
        .as_ref()
        .map(|budget| rule(&["quotas"], &["get"], &budget.name));
    let own = [
        rule(&["tenants"], &["get", "watch"], tenant),
        rule(
            &["tenants/namespaces", "tenants/cost", "tenants/audit"],
            &["get"],
            tenant,
        ),
    ];
    let rules = own.into_iter().chain(quota).chain(classes(valid));
    let metadata = super::metadata(valid, None, own_role(valid));
    Object::wanted(
        Kind::ClusterRole,
        &ClusterRole {
            metadata,
            rules: Some(rules.collect()),
            aggregation_rule: None,
        },
    )
}

/// Reading of the classes that the tenant may use: of all where its list is empty, of none where it has no list.
fn classes(valid: &Valid) -> impl Iterator<Item = PolicyRule> {
    let kinds = [
        (
            "storage.k8s.io",
            "storageclasses",
            &valid.rules.storage_classes,
        ),
        (
            "networking.k8s.io",
            "ingressclasses",
            &valid.rules.ingress_classes,
        ),
        (
            "scheduling.k8s.io",
            "priorityclasses",
            &valid.rules.pod_priority_classes,
        ),
    ];
    kinds.into_iter().filter_map(|(group, resource, rule)| {
        let names = &rule.as_ref()?.allowed;
        let given: Vec<String> = names
            .iter()
            .filter(|name| !name.is_empty())
            .cloned()
            .collect();
        // Only "" is allowed: there is nothing to look at.
        let is_none = given.is_empty() && !names.is_empty();
        (!is_none).then(|| PolicyRule {
            api_groups: Some(owned(&[group])),
            resources: Some(owned(&[resource])),
            resource_names: (!given.is_empty()).then_some(given),
            // A list limited by name is one with the field selector metadata.name.
            verbs: owned(&["get", "list", "watch"]),
            ..PolicyRule::default()
        })
    })
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn cluster(name: &str) -> RoleRef {
    RoleRef {
        api_group: Some(RBAC.to_owned()),
        kind: "ClusterRole".to_owned(),
        name: name.to_owned(),
    }
}

fn subject(subject: &Subject) -> RbacSubject {
    RbacSubject {
        api_group: Some(RBAC.to_owned()),
        kind: if subject.is_group { "Group" } else { "User" }.to_owned(),
        name: subject.name.clone(),
        namespace: None,
    }
}

/// Every grant in the namespaces that are `open`.
pub(super) fn granted(valid: &Valid, open: &BTreeSet<String>) -> Vec<Grant> {
    let spaces = valid
        .spaces
        .iter()
        .filter(|space| open.contains(&space.name));
    spaces
        .flat_map(|space| grants(valid, &space.name))
        .collect()
}

/// The grants that are bound already and still wanted: all there is while nothing new may be made.
pub(super) fn in_force(valid: &Valid, observed: &Observed) -> Vec<Grant> {
    let is_bound = |grant: &Grant| {
        observed.bindings.iter().any(|binding| {
            let subjects = binding.subjects.iter().flatten();
            binding.namespace().as_ref() == Some(&grant.namespace)
                && binding
                    .name_any()
                    .starts_with(&format!("tenant-{}-", grant.role.as_str()))
                && subjects
                    .into_iter()
                    .any(|found| *found == subject(&grant.subject))
        })
    };
    valid
        .spaces
        .iter()
        .flat_map(|space| grants(valid, &space.name))
        .filter(is_bound)
        .collect()
}

fn grants<'a>(valid: &'a Valid, namespace: &'a str) -> impl Iterator<Item = Grant> + 'a {
    let of = move |role: Role, subject: &Subject| Grant {
        namespace: namespace.to_owned(),
        role,
        subject: subject.clone(),
        cluster_roles: valid.settings.roles.get(&role).cloned().unwrap_or_default(),
    };
    valid
        .members
        .iter()
        .flat_map(move |(role, subjects)| subjects.iter().map(move |subject| of(*role, subject)))
}
