use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use regex::RegexSet;
use tenantry_k8s::{
    integration_config::{NetworkPolicies, Roles},
    tenant::Metadata,
};

use super::Problem;
use crate::{member::Role, reconcile::dereference::Observed};

/// Namespaces that no tenant can have unless the IntegrationConfig says otherwise.
const PRIVILEGED: [&str; 6] = [
    "^default$",
    "^openshift-.*",
    "^stakater-.*",
    "^kube-.*",
    "^redhat-.*",
    "^hive-.*",
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
    /// ClusterRoles by level.
    pub roles: BTreeMap<Role, Vec<String>>,
    /// What no tenant may do with the network.
    pub network: NetworkPolicies,
    /// Labels and annotations on every tenant namespace.
    pub metadata: Metadata,
    /// Requests of a container that asks for nothing.
    pub requests: BTreeMap<String, Quantity>,
    /// Limits of a container that asks for nothing.
    pub limits: BTreeMap<String, Quantity>,
    privileged: RegexSet,
}

impl Settings {
    pub(crate) fn of(observed: &Observed) -> (Self, Option<Problem>) {
        let spec = observed
            .config
            .as_ref()
            .map(|config| config.spec.clone())
            .unwrap_or_default();
        let access = spec.access_control.unwrap_or_default();
        let roles = access
            .rbac
            .and_then(|rbac| rbac.tenant_roles)
            .and_then(|roles| roles.default);
        let patterns = access
            .privileged
            .map(|privileged| privileged.namespaces)
            .unwrap_or_default();
        let (privileged, problem) = privileged(&patterns, &observed.install_namespace);
        let defaults = spec.defaults.unwrap_or_default();
        let settings = Self {
            roles: roles.map_or_else(standard_roles, custom_roles),
            network: spec
                .tenant_policies
                .and_then(|policies| policies.network)
                .unwrap_or_default(),
            metadata: spec
                .metadata
                .and_then(|metadata| metadata.namespaces)
                .unwrap_or_default(),
            requests: or_standard(defaults.container_requests, REQUESTS),
            limits: or_standard(defaults.container_limits, LIMITS),
            privileged,
        };
        (settings, problem)
    }

    /// Whether no tenant can have this namespace.
    pub fn is_privileged(&self, namespace: &str) -> bool {
        self.privileged.is_match(namespace)
    }
}

/// Our own namespace is always out of reach. A pattern that is no regular expression leaves the standard ones in force.
fn privileged(patterns: &[String], install_namespace: &str) -> (RegexSet, Option<Problem>) {
    let own = format!("^{}$", regex::escape(install_namespace));
    let standard = || {
        PRIVILEGED
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .chain([own.clone()])
    };
    if patterns.is_empty() {
        return (
            RegexSet::new(standard()).expect("the standard patterns are regular expressions"),
            None,
        );
    }
    match RegexSet::new(patterns.iter().cloned().chain([own.clone()])) {
        Ok(set) => (set, None),
        Err(fault) => {
            let message = format!("IntegrationConfig accessControl.privileged.namespaces: {fault}");
            let set =
                RegexSet::new(standard()).expect("the standard patterns are regular expressions");
            (
                set,
                Some(Problem {
                    reason: "SettingsInvalid",
                    message,
                }),
            )
        }
    }
}

fn standard_roles() -> BTreeMap<Role, Vec<String>> {
    [
        (Role::Owner, "admin"),
        (Role::Editor, "edit"),
        (Role::Viewer, "view"),
    ]
    .map(|(role, name)| (role, vec![name.to_owned()]))
    .into()
}

fn custom_roles(roles: Roles) -> BTreeMap<Role, Vec<String>> {
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
