//! Valid → plan: what is to be written, and in which order. Pure, and cannot fail; the answer to "what would change?", too.

mod bindings;
mod budget;
mod changes;
mod guardrails;
mod limits;
mod namespaces;
mod network;

use std::collections::BTreeMap;

use kube::core::ObjectMeta;
use tenantry_k8s::{
    keys,
    tenant::{BudgetShare, ContainerDefaults},
};

use super::{
    dereference::Observed,
    object::{Key, Object},
    validate::Valid,
};
use crate::member::{Role, Subject};
pub(crate) use bindings::name as binding_name;
pub(crate) use budget::{NAME as SHARE, QUOTA};
pub use changes::Drift;

/// Value of the label that marks what is ours.
pub const MANAGED_BY: &str = "tenantry-tenant";

/// What is to be done, in this order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Rights to take: before anything else.
    pub revoke: Vec<Revoke>,
    /// Namespaces to make or to put right.
    pub namespaces: Vec<Object>,
    /// Rules, quotas, limits and the tenant's own role.
    pub structure: Vec<Object>,
    /// Objects of ours that nobody wants any more.
    pub drop: Vec<Key>,
    /// Namespaces to delete.
    pub prune: Vec<String>,
    /// Rights to give: after everything else, and only once recorded as wanted.
    pub grants: Vec<Object>,
    /// Namespaces whose quota does not bite yet: their first rights wait.
    pub waiting: Vec<String>,
    /// What is in force once this plan is applied.
    pub granted: Vec<Grant>,
    /// Changes by others that this plan puts back.
    pub drift: Vec<Drift>,
    /// How the budget is split.
    pub shares: Vec<BudgetShare>,
    /// What a container gets that asks for nothing.
    pub container_defaults: ContainerDefaults,
}

/// Taking a right.
#[derive(Debug, Clone, PartialEq)]
pub enum Revoke {
    /// The binding goes.
    Delete(Key),
    /// The binding keeps only those subjects that it had and that are still wanted.
    Narrow(Object),
}

impl Revoke {
    /// Which binding.
    pub fn key(&self) -> &Key {
        match self {
            Self::Delete(key) => key,
            Self::Narrow(object) => &object.key,
        }
    }
}

/// A role of one subject in one namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Namespace.
    pub namespace: String,
    /// Level.
    pub role: Role,
    /// Who.
    pub subject: Subject,
    /// ClusterRoles that the level stands for.
    pub cluster_roles: Vec<String>,
}

/// What a plan writes: each object with its digest, none where it goes.
pub type Work = Vec<(Key, Option<String>)>;

impl Plan {
    /// What this plan writes.
    pub fn work(&self) -> Work {
        let written = [&self.namespaces, &self.structure, &self.grants];
        let written = written.into_iter().flatten();
        let of = |object: &Object| (object.key.clone(), object.applied().map(str::to_owned));
        let revoked = self.revoke.iter().map(|revoke| match revoke {
            Revoke::Delete(key) => (key.clone(), None),
            Revoke::Narrow(object) => of(object),
        });
        let dropped = self.drop.iter().map(|key| (key.clone(), None));
        written.map(of).chain(revoked).chain(dropped).collect()
    }

    /// True if nothing is left to do: everything wanted is in place.
    pub fn is_settled(&self) -> bool {
        // No `..`: a new kind of work must be counted before this compiles again.
        let Self {
            revoke,
            namespaces,
            structure,
            drop,
            prune,
            grants,
            waiting,
            granted: _,
            drift: _,
            shares: _,
            container_defaults: _,
        } = self;
        let objects = [namespaces, structure, grants];
        revoke.is_empty()
            && drop.is_empty()
            && prune.is_empty()
            && waiting.is_empty()
            && objects.iter().all(|objects| objects.is_empty())
    }
}

/// What is to be done for a tenant, given what is there.
pub fn build(valid: &Valid, observed: &Observed) -> Plan {
    let mut plan = Plan {
        prune: valid.pruned.clone(),
        ..Plan::default()
    };
    let bindings = bindings::wanted(valid);
    let there = changes::bindings(observed);
    changes::revoke(&mut plan, &bindings, &there);
    let Some(budget) = &valid.budget else {
        plan.granted = bindings::in_force(valid, observed);
        return plan;
    };
    changes::namespaces(&mut plan, &namespaces::wanted(valid), observed);
    let split = budget::split(valid, budget, observed);
    let limits = limits::wanted(valid, budget);
    plan.container_defaults = limits.defaults;
    let structure = [
        guardrails::wanted(valid),
        network::wanted(valid),
        split.objects,
        limits.objects,
        bindings::roles(valid),
    ];
    let structure = structure.into_iter().flatten().collect();
    changes::structure(&mut plan, valid, observed, structure);
    plan.shares = split.shares;
    let open = changes::gates(&mut plan, valid, budget, observed);
    changes::grant(&mut plan, &bindings, &open, &there);
    plan.granted = bindings::granted(valid, &open);
    plan
}

/// Metadata of an object of ours for the tenant.
pub(crate) fn metadata(
    valid: &Valid,
    namespace: Option<&str>,
    name: impl Into<String>,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        namespace: namespace.map(str::to_owned),
        labels: Some(labels(valid.name.as_str())),
        ..ObjectMeta::default()
    }
}

/// Labels of everything that is ours and for one tenant.
pub(crate) fn labels(tenant: &str) -> BTreeMap<String, String> {
    [
        (keys::TENANT, tenant),
        (keys::MANAGED_BY, MANAGED_BY),
        (keys::PART_OF, "tenantry"),
        (keys::COMPONENT, "tenant"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}
