//! One budget over many namespaces: the shares never add up to more than the budget, not even while they move.

mod shares;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        ResourceQuota, ResourceQuotaSpec, ScopeSelector, ScopedResourceSelectorRequirement,
    },
    apimachinery::pkg::api::resource::Quantity,
};
use kube::ResourceExt;
use tenantry_k8s::{quantity::Millis, quota, tenant::BudgetShare};

use shares::Held;

use crate::reconcile::{
    dereference::Observed,
    object::{Kind, Object},
    validate::{Budget, Valid},
};

/// Name of our ResourceQuota in each namespace.
pub(crate) const NAME: &str = "tenant-quota";
/// Label on a ResourceQuota: the Quota it is a share of.
pub(crate) const QUOTA: &str = "stakater.com/quota";

pub(super) struct Split {
    pub(super) objects: Vec<Object>,
    pub(super) shares: Vec<BudgetShare>,
}

/// A ResourceQuota for each namespace, and the shares they carry.
pub(super) fn split(valid: &Valid, budget: &Budget, observed: &Observed) -> Split {
    if budget.hard.is_empty() {
        return Split {
            objects: Vec::new(),
            shares: Vec::new(),
        };
    }
    let mut hard: BTreeMap<&str, BTreeMap<String, Quantity>> = valid
        .spaces
        .iter()
        .map(|space| (space.name.as_str(), BTreeMap::new()))
        .collect();
    for (resource, (written, total)) in &budget.hard {
        let held = held(resource, observed);
        let names: Vec<&str> = hard.keys().copied().collect();
        for (name, share) in shares::next(*total, unit(resource), &names, &held) {
            hard.entry(name)
                .or_default()
                .insert(resource.clone(), share.like(written));
        }
    }
    let shares = hard.iter().map(|(name, hard)| BudgetShare {
        namespace: (*name).to_owned(),
        hard: hard.clone(),
    });
    Split {
        shares: shares.collect(),
        objects: hard
            .into_iter()
            .map(|(name, hard)| object(valid, budget, name, hard))
            .collect(),
    }
}

fn object(
    valid: &Valid,
    budget: &Budget,
    namespace: &str,
    hard: BTreeMap<String, Quantity>,
) -> Object {
    let mut metadata = super::metadata(valid, Some(namespace), NAME);
    metadata
        .labels
        .get_or_insert_default()
        .insert(QUOTA.to_owned(), budget.name.clone());
    let spec = ResourceQuotaSpec {
        hard: Some(hard),
        scopes: (!budget.scopes.is_empty()).then(|| budget.scopes.clone()),
        scope_selector: budget.scope_selector.clone().map(selector),
    };
    Object::wanted(
        Kind::ResourceQuota,
        &ResourceQuota {
            metadata,
            spec: Some(spec),
            status: None,
        },
    )
}

/// Thousandths in the smallest part: CPU is shared in thousandths, everything else in whole units.
fn unit(resource: &str) -> i128 {
    if resource == "cpu" || resource.ends_with(".cpu") {
        1
    } else {
        1000
    }
}

fn selector(selector: quota::ScopeSelector) -> ScopeSelector {
    let expressions = selector.match_expressions.into_iter();
    let expressions = expressions.map(|expression| ScopedResourceSelectorRequirement {
        scope_name: expression.scope_name,
        operator: expression.operator,
        values: (!expression.values.is_empty()).then_some(expression.values),
    });
    ScopeSelector {
        match_expressions: Some(expressions.collect()),
    }
}

/// What each namespace with one of our quotas has, those on their way out included.
fn held(resource: &str, observed: &Observed) -> BTreeMap<String, Held> {
    let read = |map: Option<&BTreeMap<String, Quantity>>| {
        map.and_then(|map| map.get(resource))
            .and_then(|quantity| Millis::parse(quantity).ok())
            .unwrap_or_default()
    };
    let doubt = |namespace: &str| {
        let doubt = observed.doubts.get(namespace)?;
        Some((*doubt.missed.get(resource)?, doubt.is_due))
    };
    let of = |namespace: &str, quota: &ResourceQuota| {
        let (spec, status) = (quota.spec.as_ref(), quota.status.as_ref());
        let wanted = read(spec.and_then(|spec| spec.hard.as_ref()));
        let enforced = read(status.and_then(|status| status.hard.as_ref()));
        let (doubt, is_due) = doubt(namespace).unwrap_or_default();
        Held {
            hard: wanted.max(enforced),
            used: read(status.and_then(|status| status.used.as_ref())),
            asked: read(observed.demands.get(namespace)),
            doubt,
            is_due,
        }
    };
    observed
        .quotas
        .iter()
        .filter_map(|quota| quota.namespace().map(|name| (of(&name, quota), name)))
        .map(|(held, name)| (name, held))
        .collect()
}
