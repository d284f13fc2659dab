use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{api::core::v1::Namespace, jiff::SignedDuration};
use kube::ResourceExt;
use tenantry_k8s::{Tenant, keys, tenant::Metadata};

use super::{
    Origin, Problem, Roles, Settings,
    metadata::{self, Asked},
    sandbox::{self, There},
};
use crate::{
    member::{Grantees, grantees},
    reconcile::dereference::Observed,
};

/// How much the clocks of two apiservers may differ.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(1);
/// Kind of a sandbox, unless metadata says otherwise.
const SANDBOX: &str = "sandbox";

/// A namespace of the tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Full name.
    pub name: String,
    /// Name as written in the list, or `sandbox`; none if it is not in the spec.
    pub kind: Option<String>,
    /// How it came to the tenant.
    pub origin: Origin,
    /// Whose sandbox it is.
    pub user: Option<String>,
    /// Whether it exists.
    pub exists: bool,
    /// Labels and annotations asked for.
    pub metadata: Metadata,
    /// Who has rights in it, by level.
    pub members: Grantees,
    /// ClusterRoles of its members.
    pub roles: Roles,
}

#[derive(Default)]
pub(super) struct Sorted {
    pub(super) spaces: Vec<Space>,
    pub(super) pruned: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

/// Sorts wanted and existing namespaces into those to work on, those to prune, and problems.
pub(super) fn sort(tenant: &Tenant, settings: &Settings, observed: &Observed) -> Sorted {
    let there: There<'_> = observed
        .namespaces
        .iter()
        .map(|namespace| (namespace.name_any(), namespace))
        .collect();
    let (wanted, problems) = wanted(tenant, &there, observed);
    let mut sorted = Sorted {
        problems,
        ..Sorted::default()
    };
    let all: BTreeSet<&String> = wanted.keys().chain(there.keys()).collect();
    for name in all {
        let (wanted, existing) = (wanted.get(name), there.get(name).copied());
        let candidate = Candidate {
            tenant,
            name,
            wanted,
            is_made: is_made(tenant, name, existing),
            rival: observed.rivals.get(name),
        };
        match candidate.place(existing, settings) {
            Place::Ours(origin) => {
                let (space, problems) = candidate.space(origin, existing, settings);
                sorted.spaces.push(space);
                sorted.problems.extend(problems);
            }
            Place::Pruned => sorted.pruned.push(name.clone()),
            Place::Elsewhere => {}
            Place::Refused(problem) => sorted.problems.push(problem),
        }
    }
    sorted
}

/// Full names of the namespaces that the spec lists, and of every sandbox that it could mean.
pub(crate) fn wanted_names(tenant: &Tenant) -> Vec<String> {
    let listed: BTreeSet<String> = listed(tenant).into_keys().collect();
    listed
        .into_iter()
        .chain(sandbox::possible(tenant))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// What the spec wants of a namespace.
#[derive(Debug, Clone)]
struct Wanted {
    kind: String,
    /// Whose sandbox it is to be.
    user: Option<String>,
}

/// Every namespace wanted, by full name.
fn wanted(
    tenant: &Tenant,
    there: &There<'_>,
    observed: &Observed,
) -> (BTreeMap<String, Wanted>, Vec<Problem>) {
    let listed = listed(tenant);
    let taken = listed.keys().chain(observed.rivals.keys()).cloned();
    let sandboxes = sandbox::names(tenant, &taken.collect(), there);
    let mut problems = sandboxes.problems;
    let mut wanted = BTreeMap::new();
    for (name, kind) in listed {
        match sandboxes.users.get(&name) {
            Some(user) => problems.push(is_sandbox(&name, user)),
            None => {
                wanted.insert(name, Wanted { kind, user: None });
            }
        }
    }
    for (name, user) in sandboxes.users {
        let (kind, user) = (SANDBOX.to_owned(), Some(user));
        wanted.insert(name, Wanted { kind, user });
    }
    (wanted, problems)
}

fn is_sandbox(name: &str, user: &str) -> Problem {
    let message =
        format!("namespace {name} is the sandbox of {user}; take the name out of the spec's lists");
    Problem {
        reason: "NamespaceConflict",
        message,
    }
}

/// Full names in the spec's lists to names as written.
fn listed(tenant: &Tenant) -> BTreeMap<String, String> {
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
    tenant: &'a Tenant,
    name: &'a str,
    wanted: Option<&'a Wanted>,
    /// Made by us, by its own mark or by our ledger.
    is_made: bool,
    /// An older tenant that wants it, too.
    rival: Option<&'a String>,
}

impl Candidate<'_> {
    fn space(
        &self,
        origin: Origin,
        there: Option<&Namespace>,
        settings: &Settings,
    ) -> (Space, Vec<Problem>) {
        let user = self.wanted.and_then(|wanted| wanted.user.clone());
        let asked = Asked {
            tenant: self.tenant,
            settings,
            namespace: self.name,
            user: user.as_deref(),
        };
        let (metadata, problems) = asked.merged();
        let kind = self.wanted.map(|wanted| wanted.kind.clone());
        let kind = metadata.labels.get(keys::KIND).cloned().or(kind);
        let mut labels = metadata.labels.clone();
        labels.insert(keys::TENANT.to_owned(), self.tenant.name_any());
        labels.extend(
            kind.iter()
                .map(|kind| (keys::KIND.to_owned(), kind.clone())),
        );
        let space = Space {
            name: self.name.to_owned(),
            kind,
            origin,
            members: members(self.tenant, user.as_deref()),
            roles: settings.roles_of(&metadata::labels_to_be(there, &labels, |key| {
                settings.has_roles_by(key)
            })),
            user,
            exists: there.is_some(),
            metadata,
        };
        (space, problems)
    }

    fn place(&self, there: Option<&Namespace>, settings: &Settings) -> Place {
        let name = self.name;
        if settings.is_privileged(name) {
            // The tenant label has no effect on a privileged namespace.
            return self.refuse(
                "NamespacePrivileged",
                format!("namespace {name} is privileged: no tenant can have it"),
            );
        }
        let made = match self.wanted {
            Some(Wanted { user: Some(_), .. }) => Origin::Sandbox,
            _ => Origin::Spec,
        };
        let Some(namespace) = there else {
            return match self.rival {
                Some(rival) => self.refuse("NamespaceConflict", self.contested(rival)),
                None => Place::Ours(made),
            };
        };
        if namespace.metadata.deletion_timestamp.is_some() {
            let message =
                format!("namespace {name} is being deleted; it is made anew when it is gone");
            return self.refuse("NamespaceTerminating", message);
        }
        let owner = namespace.labels().get(keys::TENANT).map(String::as_str);
        let is_ours = owner == Some(self.tenant.name_any().as_str());
        match (is_ours, self.is_made, self.wanted.is_some()) {
            (true, true, false) => Place::Pruned,
            (true, true, true) => Place::Ours(made),
            (true, false, _) => Place::Ours(match Origin::of(namespace) {
                // For another tenant of that name.
                Some(origin) if origin.is_made() => Origin::Adopted,
                Some(origin) => origin,
                None => Origin::seen(namespace),
            }),
            // Somebody took the label off what we made: drift, to be put back.
            (false, true, true) if owner.is_none() => Place::Ours(made),
            (false, ..) => self.refuse("NamespaceConflict", self.conflict(owner)),
        }
    }

    fn refuse(&self, reason: &'static str, message: String) -> Place {
        if self.wanted.is_some() {
            Place::Refused(Problem { reason, message })
        } else {
            Place::Elsewhere
        }
    }

    fn contested(&self, rival: &str) -> String {
        format!(
            "namespace {} is wanted by tenant {rival}, too, which is older; take it out of the spec of one of them",
            self.name
        )
    }

    fn conflict(&self, owner: Option<&str>) -> String {
        let (tenant, name) = (self.tenant.name_any(), self.name);
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

/// Who has rights in a namespace: every member, or in a private sandbox its user alone.
fn members(tenant: &Tenant, user: Option<&str>) -> Grantees {
    let all = tenant.spec.access_control.as_ref().map(grantees);
    let sandboxes = tenant
        .spec
        .namespaces
        .as_ref()
        .and_then(|all| all.sandboxes.as_ref());
    let is_private = sandboxes.is_some_and(|sandboxes| sandboxes.private == Some(true));
    let mut members = all.unwrap_or_default();
    if let Some(user) = user.filter(|_| is_private) {
        for subjects in members.values_mut() {
            subjects.retain(|subject| !subject.is_group && subject.name == user);
        }
    }
    members
}

/// By the namespace's own mark; by the ledger where it is missing or lost its mark.
fn is_made(tenant: &Tenant, name: &str, there: Option<&Namespace>) -> bool {
    let marked = there.and_then(|namespace| Some((namespace, Origin::of(namespace)?)));
    match marked {
        Some((namespace, origin)) => origin.is_made() && !is_older(namespace, tenant),
        None => is_in_ledger(tenant, name),
    }
}

/// Whether the namespace was there before the tenant, beyond what the clocks of apiservers differ.
fn is_older(namespace: &Namespace, tenant: &Tenant) -> bool {
    let times = namespace
        .creation_timestamp()
        .zip(tenant.creation_timestamp());
    times.is_some_and(|(namespace, tenant)| namespace.0 + CLOCKS_APART < tenant.0)
}

fn is_in_ledger(tenant: &Tenant, namespace: &str) -> bool {
    let ledger = tenant.status.iter().flat_map(|status| {
        let sandboxes = status.deployed_sandboxes.values();
        status.deployed_namespaces.iter().chain(sandboxes)
    });
    ledger.into_iter().any(|made| made == namespace)
}
