//! Who may do what: a binding for each level and ClusterRole in each namespace, and roles per tenant for its own name.

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
        validate::{Space, Valid},
    },
};

const RBAC: &str = "rbac.authorization.k8s.io";

/// Every binding that the tenant's members should have.
pub(super) fn wanted(valid: &Valid) -> Vec<Object> {
    let everybody: BTreeSet<&Subject> = valid.members.values().flatten().collect();
    let owners = owners(valid).collect();
    let own = [(own_role(valid), everybody), (owners_role(valid), owners)];
    let own = own
        .into_iter()
        .filter(|(_, members)| !members.is_empty())
        .map(|(role, members)| own_name(valid, &role, &members));
    let spaces = valid
        .spaces
        .iter()
        .flat_map(|space| in_namespace(valid, space));
    own.chain(spaces).collect()
}

fn owners(valid: &Valid) -> impl Iterator<Item = &Subject> {
    valid.members.get(&Role::Owner).into_iter().flatten()
}

fn in_namespace<'a>(valid: &'a Valid, space: &'a Space) -> impl Iterator<Item = Object> + 'a {
    let levels = space
        .members
        .iter()
        .filter(|(_, subjects)| !subjects.is_empty());
    levels.flat_map(move |(role, subjects)| {
        let names = space.roles.get(role).into_iter().flatten();
        names.map(move |cluster_role| {
            let metadata = super::metadata(valid, Some(&space.name), name(*role, cluster_role));
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

/// Name of the ClusterRole of the tenant's members, and of its binding.
fn own_role(valid: &Valid) -> String {
    format!("tenantry-tenant-{}", valid.name)
}

/// Name of the ClusterRole of the tenant's owners, and of its binding.
fn owners_role(valid: &Valid) -> String {
    format!("tenantry-owners-{}", valid.name)
}

fn own_name(valid: &Valid, role: &str, members: &BTreeSet<&Subject>) -> Object {
    let metadata = super::metadata(valid, None, role);
    let subjects = Some(members.iter().map(|member| subject(member)).collect());
    let role_ref = cluster(role);
    Object::wanted(
        Kind::ClusterRoleBinding,
        &ClusterRoleBinding {
            metadata,
            role_ref,
            subjects,
        },
    )
}

/// What members may do with their own tenant by name, and with no other; which classes they may look at; and what owners
/// may beyond.
pub(super) fn roles(valid: &Valid) -> Vec<Object> {
    let owners = owners(valid).next().map(|_| of_owners(valid));
    [of_members(valid)].into_iter().chain(owners).collect()
}

/// Namespaces that they make. deploy/policies/namespaces.yaml holds both verbs to namespaces with the tenant's label;
/// without `patch`, server-side apply could not make any.
fn of_owners(valid: &Valid) -> Object {
    let namespaces = PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(owned(&["namespaces"])),
        verbs: owned(&["create", "patch"]),
        ..PolicyRule::default()
    };
    let own = rule(&["tenants/namespaces"], &["create"], valid.name.as_str());
    cluster_role(valid, owners_role(valid), vec![own, namespaces])
}

fn of_members(valid: &Valid) -> Object {
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
    cluster_role(
        valid,
        own_role(valid),
        own.into_iter().chain(quota).chain(classes(valid)).collect(),
    )
}

fn rule(resources: &[&str], verbs: &[&str], name: &str) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![GROUP.to_owned()]),
        resources: Some(owned(resources)),
        resource_names: Some(vec![name.to_owned()]),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

fn cluster_role(valid: &Valid, name: String, rules: Vec<PolicyRule>) -> Object {
    let metadata = super::metadata(valid, None, name);
    Object::wanted(
        Kind::ClusterRole,
        &ClusterRole {
            metadata,
            rules: Some(rules),
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
    spaces.flat_map(grants).collect()
}

/// The grants that are bound already and still wanted: all there is while nothing new may be made.
pub(super) fn in_force(valid: &Valid, observed: &Observed) -> Vec<Grant> {
    let bindings: Vec<RoleBinding> = observed.read(Kind::RoleBinding).collect();
    let is_bound = |grant: &Grant| {
        bindings.iter().any(|binding| {
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
        .flat_map(grants)
        .filter(is_bound)
        .collect()
}

fn grants(space: &Space) -> impl Iterator<Item = Grant> + '_ {
    let of = move |role: Role, subject: &Subject| Grant {
        namespace: space.name.clone(),
        role,
        subject: subject.clone(),
        cluster_roles: space.roles.get(&role).cloned().unwrap_or_default(),
    };
    space
        .members
        .iter()
        .flat_map(move |(role, subjects)| subjects.iter().map(move |subject| of(*role, subject)))
}
