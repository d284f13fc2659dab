//! "What would change?": the pipe itself, run on what it would make of the cluster until nothing is left to do.
//!
//! `forecast` is pure; `rehearse` asks the apiserver for each object in a dry run. Nothing is written.

mod access;
mod change;
mod count;
mod scene;
mod tightened;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::{Client, ResourceExt};
use tenantry_k8s::{Tenant, quantity::Amounts};

pub use super::violations::Violation;
use super::{
    apply::{self, refusal},
    build::{Plan, Revoke, build},
    dereference::Observed,
    object::{Key, Kind, Object},
    usage,
    validate::{Invalid, Problem, Valid, validate},
};
use crate::cluster;
pub use access::{AccessChange, gained_and_lost};
pub use change::{Action, Change, of_spec};

/// Rounds that a plan needs at most: budgets that move take the most, lower first and raise then. Beyond it, something
/// outside must happen first, and the plan says what is known.
const ROUNDS_MAX: usize = 16;
/// Dry runs at once.
const CONCURRENCY: usize = 8;

/// What the cluster is and what it would become for one tenant.
#[derive(Debug, Clone)]
pub struct Forecast {
    before: Observed,
    after: Observed,
    /// Objects as they would be applied last.
    applied: BTreeMap<Key, Object>,
    /// Objects that would go, whether they come back or not.
    deleted: BTreeSet<Key>,
    valid: Valid,
    /// Use of what no share limits yet, where it was counted.
    counted: Amounts,
    /// What could not be done.
    pub problems: Vec<Problem>,
}

/// A resource of which more is used than the budget would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// Resource.
    pub resource: String,
    /// Budget, as written.
    pub hard: String,
    /// In use in the namespaces that stay.
    pub used: String,
}

/// What applying `tenant` to what is `observed` comes to.
pub fn forecast(tenant: &Tenant, mut observed: Observed) -> Result<Forecast, Invalid> {
    // No count comes in between.
    for doubt in observed.doubts.values_mut() {
        doubt.is_due = false;
    }
    let mut forecast = Forecast {
        before: observed.clone(),
        valid: validate(tenant, &observed)?,
        after: observed,
        applied: BTreeMap::new(),
        deleted: BTreeSet::new(),
        counted: Amounts::new(),
        problems: Vec::new(),
    };
    for _ in 0..ROUNDS_MAX {
        let plan = build(&forecast.valid, &forecast.after);
        if plan.is_settled() {
            break;
        }
        forecast.carry_out(plan);
        forecast.valid = validate(tenant, &forecast.after)?;
    }
    forecast.problems.clone_from(&forecast.valid.problems);
    Ok(forecast)
}

impl Forecast {
    /// As `apply` does, in its order.
    fn carry_out(&mut self, plan: Plan) {
        // No `..`: a new kind of work must be foreseen before this compiles again.
        let Plan {
            revoke,
            namespaces,
            structure,
            drop,
            prune,
            grants,
            waiting: _,
            granted: _,
            drift: _,
            shares: _,
            container_defaults: _,
        } = plan;
        for revoke in revoke {
            match revoke {
                Revoke::Delete(key) => self.delete(&key),
                Revoke::Narrow(object) => self.apply(object),
            }
        }
        for object in [namespaces, structure].concat() {
            self.apply(object);
        }
        for key in drop {
            self.delete(&key);
        }
        for name in prune {
            self.delete(&Key {
                kind: Kind::Namespace,
                namespace: String::new(),
                name,
            });
        }
        for object in grants {
            self.apply(object);
        }
    }

    fn apply(&mut self, object: Object) {
        self.after.put(&object);
        self.applied.insert(object.key.clone(), object);
    }

    /// A namespace takes its content with it.
    fn delete(&mut self, key: &Key) {
        let content = self.after.all().into_keys().filter(|inner| {
            key.kind == Kind::Namespace && inner.namespace == key.name || inner == key
        });
        for gone in content.collect::<Vec<_>>() {
            self.after.take(&gone);
            self.applied.remove(&gone);
            self.deleted.insert(gone);
        }
    }

    /// Asks the apiserver what it would make of each object that can be asked about, and what it would refuse.
    ///
    /// Errors: the apiserver cannot be asked.
    pub async fn rehearse(mut self, client: &Client) -> Result<Self, cluster::Error> {
        let there: BTreeSet<String> = self
            .before
            .namespaces
            .iter()
            .map(ResourceExt::name_any)
            .collect();
        // What lies in a namespace that is still to be made cannot be asked about, nor what must go before it comes back.
        let can_be_asked = |object: &&Object| {
            let Key { namespace, .. } = &object.key;
            (namespace.is_empty() || there.contains(namespace))
                && !self.deleted.contains(&object.key)
        };
        let asked: Vec<Object> = self
            .applied
            .values()
            .filter(can_be_asked)
            .cloned()
            .collect();
        let answers: Vec<_> = stream::iter(asked)
            .map(|object| async move { (cluster::rehearse(client, &object).await, object) })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        for (answer, object) in answers {
            match answer {
                Ok(answer) => self.after.set(&object.key, answer),
                Err(failure) if apply::is_refusal(&failure) => {
                    self.problems.push(refusal(&object.key, &failure));
                    self.refuse(&object.key);
                }
                // Something that it refers to is still to be made.
                Err(failure) if failure.code() == Some(404) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(self)
    }

    /// An object that stays as it is.
    fn refuse(&mut self, key: &Key) {
        self.after.take(key);
        if let Some(before) = self.before.all().remove(key) {
            self.after.set(key, before.value);
        }
    }

    /// Objects that would be another ones, in order of kind, namespace and name.
    pub fn changes(&self) -> Vec<Change> {
        change::between(&self.before.all(), &self.after.all())
    }

    /// Roles that members would gain or lose.
    pub fn access(&self) -> Vec<AccessChange> {
        gained_and_lost(&self.before, &self.after)
    }

    /// Namespaces that would go with everything in them.
    pub fn deleted_namespaces(&self) -> Vec<String> {
        let gone = self.deleted.iter();
        gone.filter(|key| key.kind == Kind::Namespace)
            .map(|key| key.name.clone())
            .collect()
    }

    /// Use above the budget, by resource: of what has a limit already, and of what was counted.
    pub fn excesses(&self) -> Vec<Excess> {
        let budget = self.valid.budget.iter().flat_map(|budget| &budget.hard);
        let shares = self.staying_shares();
        budget
            .filter_map(|(resource, (written, hard))| {
                let used = usage::used(resource, shares.iter().copied());
                let used = used.or_else(|| self.counted.get(resource).copied())?;
                (used.get() > hard.get()).then(|| Excess {
                    resource: resource.clone(),
                    hard: written.0.clone(),
                    used: used.like(written).0,
                })
            })
            .collect()
    }

    /// Shares in the namespaces that stay.
    fn staying_shares(&self) -> Vec<&ResourceQuota> {
        let staying = self.staying();
        let stays = |share: &&ResourceQuota| {
            let namespace = share.namespace();
            namespace.is_some_and(|name| staying.contains(&name))
        };
        self.before.quotas.iter().filter(stays).collect()
    }

    /// Namespaces that are there and stay, in order.
    fn staying(&self) -> Vec<String> {
        let gone = self.deleted_namespaces();
        let there = self.before.namespaces.iter().map(ResourceExt::name_any);
        let mut staying: Vec<String> = there.filter(|name| !gone.contains(name)).collect();
        staying.sort();
        staying
    }
}

#[cfg(test)]
mod tests;
