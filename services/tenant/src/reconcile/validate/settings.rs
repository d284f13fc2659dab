use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use regex::RegexSet;
use tenantry_k8s::{
    IntegrationConfigSpec,
    integration_config::{CustomRoles, NetworkPolicies, Privileged, Roles as Named},
    keys,
    tenant::Metadata,
};

use super::{
    Problem, metadata,
    roles::{self, Roles},
};
use crate::{member::Role, reconcile::dereference::Observed};

/// ClusterRole of owners in each namespace: the namespace itself, as far as deploy/policies lets them.
const OWN_NAMESPACE: &str = "tenantry-own-namespace";

/// Labels that each namespace of a tenant must have from the first, and that nobody can choose or change anyway.
const OTHERWISE_HELD: [&str; 2] = [keys::TENANT, metadata::NAME];

/// Namespaces that no tenant can have unless the IntegrationConfig says otherwise.
const PRIVILEGED: [&str; 6] = [
    "^default$",
    "^openshift-.*",
    "^stakater-.*",
    "^kube-.*",
    "^redhat-.*",
    "^hive-.*",
];
/// Service accounts that may write every namespace unless the IntegrationConfig says otherwise: those in the namespaces above.
const PRIVILEGED_ACCOUNTS: [&str; 6] = [
    "^system:serviceaccount:default:",
    "^system:serviceaccount:openshift-.*",
    "^system:serviceaccount:stakater-.*",
    "^system:serviceaccount:kube-.*",
    "^system:serviceaccount:redhat-.*",
    "^system:serviceaccount:hive-.*",
];
const REQUESTS: [(&str, &str); 3] = [
    ("cpu", "100m"),
    ("memory", "128Mi"),
    ("ephemeral-storage", "128Mi"),
];
const LIMITS: [(&str, &str); 3] = [
    ("cpu", "500m"),
    ("memory", "512Mi"),
    ("ephemeral-storage", "512Mi"),
];

/// What the IntegrationConfig says, with what holds where it says nothing.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What no tenant may do with the network.
    pub network: NetworkPolicies,
    /// Labels and annotations on every tenant namespace.
    pub metadata: Metadata,
    /// Labels and annotations on every sandbox.
    pub sandboxes: Metadata,
    /// Requests of a container that asks for nothing.
    pub requests: BTreeMap<String, Quantity>,
    /// Limits of a container that asks for nothing.
    pub limits: BTreeMap<String, Quantity>,
    /// Who is not held to the rules of namespaces.
    pub exempt: Option<Privileged>,
    roles: Roles,
    custom: Vec<CustomRoles>,
    privileged: Cow<'static, RegexSet>,
    install_namespace: String,
}

impl Settings {
    pub(crate) fn of(observed: &Observed) -> (Self, Option<Problem>) {
        let spec = observed
            .config
            .as_ref()
            .map(|config| config.spec.clone())
            .unwrap_or_default();
        let access = spec.access_control.unwrap_or_default();
        let roles = access.rbac.and_then(|rbac| rbac.tenant_roles);
        let roles = roles.unwrap_or_default();
        let metadata = spec.metadata.unwrap_or_default();
        let named = access.privileged.unwrap_or_default();
        let (privileged, problem) = privileged(&named.namespaces);
        let defaults = spec.defaults.unwrap_or_default();
        let settings = Self {
            roles: roles.default.map_or_else(standard_roles, named_roles),
            custom: roles.custom,
            network: spec
                .tenant_policies
                .and_then(|policies| policies.network)
                .unwrap_or_default(),
            metadata: metadata.namespaces.unwrap_or_default(),
            sandboxes: metadata.sandboxes.unwrap_or_default(),
            requests: or_standard(defaults.container_requests, REQUESTS),
            limits: or_standard(defaults.container_limits, LIMITS),
            exempt: principals(named),
            privileged,
            install_namespace: observed.install_namespace.clone(),
        };
        (settings, problem)
    }

    /// ClusterRoles of members in a namespace with `labels`.
    pub(super) fn roles_of(&self, labels: &BTreeMap<String, String>) -> Roles {
        let mut found = roles::of(&self.custom, &self.roles, labels);
        found
            .entry(Role::Owner)
            .or_default()
            .push(OWN_NAMESPACE.to_owned());
        found
    }

    /// Whether roles depend on the label `key`.
    pub(super) fn has_roles_by(&self, key: &str) -> bool {
        roles::labels(&self.custom).any(|label| label == key)
    }

    /// Whether no tenant can have this namespace. Our own is always out of reach.
    pub fn is_privileged(&self, namespace: &str) -> bool {
        namespace == self.install_namespace || self.privileged.is_match(namespace)
    }
}

/// What the rules for namespaces are told, as `deploy/policies/namespaces.yaml` has it: lines by key.
pub(crate) fn exempt(
    spec: &IntegrationConfigSpec,
    install_namespace: &str,
) -> BTreeMap<String, String> {
    let access = spec.access_control.clone().unwrap_or_default();
    let privileged = access.privileged.unwrap_or_default();
    let denied = access
        .namespace_access_policy
        .and_then(|policy| policy.deny)
        .and_then(|deny| deny.privileged_namespaces)
        .unwrap_or_default();
    let custom = access
        .rbac
        .and_then(|rbac| rbac.tenant_roles)
        .unwrap_or_default()
        .custom;
    let mut namespaces = or_these(patterns(privileged.namespaces), &PRIVILEGED);
    namespaces.push(own(install_namespace));
    let mut role_labels: Vec<String> = roles::labels(&custom)
        .filter(|key| !OTHERWISE_HELD.contains(&key.as_str()))
        .cloned()
        .collect();
    role_labels.sort();
    role_labels.dedup();
    let accounts = or_these(patterns(privileged.service_accounts), &PRIVILEGED_ACCOUNTS);
    [
        ("namespaces", namespaces),
        ("serviceAccounts", accounts),
        ("users", patterns(privileged.users)),
        ("groups", privileged.groups),
        ("deniedUsers", denied.users),
        ("deniedGroups", denied.groups),
        ("roleLabels", role_labels),
    ]
    .map(|(key, lines)| (key.to_owned(), lines.join("\n")))
    .into()
}

/// The people and accounts of `named`; none if there are none.
fn principals(named: Privileged) -> Option<Privileged> {
    let principals = Privileged {
        namespaces: Vec::new(),
        service_accounts: patterns(named.service_accounts),
        users: patterns(named.users),
        groups: named.groups,
    };
    (principals != Privileged::default()).then_some(principals)
}

fn or_these(given: Vec<String>, standard: &[&str]) -> Vec<String> {
    if given.is_empty() {
        standard.iter().map(|line| (*line).to_owned()).collect()
    } else {
        given
    }
}

/// The schema refuses what is no regular expression; one from before the schema would make the policy fail for everybody.
fn patterns(given: Vec<String>) -> Vec<String> {
    let is_pattern = |line: &String| regex::Regex::new(line).is_ok() && !line.contains('\n');
    given.into_iter().filter(is_pattern).collect()
}

/// Nothing in a namespace's name needs an escape.
fn own(install_namespace: &str) -> String {
    format!("^{install_namespace}$")
}

static STANDARD: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(PRIVILEGED).expect("the standard patterns are regular expressions")
});

/// A pattern that is no regular expression leaves the standard ones in force.
fn privileged(patterns: &[String]) -> (Cow<'static, RegexSet>, Option<Problem>) {
    let standard = Cow::Borrowed(&*STANDARD);
    if patterns.is_empty() {
        return (standard, None);
    }
    match RegexSet::new(patterns) {
        Ok(set) => (Cow::Owned(set), None),
        Err(fault) => {
            let message = format!("IntegrationConfig accessControl.privileged.namespaces: {fault}");
            let problem = Problem {
                reason: "SettingsInvalid",
                message,
            };
            (standard, Some(problem))
        }
    }
}

fn standard_roles() -> Roles {
    [
        (Role::Owner, "admin"),
        (Role::Editor, "edit"),
        (Role::Viewer, "view"),
    ]
    .map(|(role, name)| (role, vec![name.to_owned()]))
    .into()
}

fn named_roles(roles: Named) -> Roles {
    [
        (Role::Owner, roles.owner),
        (Role::Editor, roles.editor),
        (Role::Viewer, roles.viewer),
    ]
    .map(|(role, names)| (role, names.cluster_roles))
    .into()
}

fn or_standard(
    given: BTreeMap<String, Quantity>,
    standard: [(&str, &str); 3],
) -> BTreeMap<String, Quantity> {
    let mut all: BTreeMap<_, _> = standard
        .map(|(resource, quantity)| (resource.to_owned(), Quantity(quantity.to_owned())))
        .into();
    all.extend(given);
    all
}
