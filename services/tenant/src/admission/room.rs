//! Room for what is about to be created: slack moves to the namespace before the apiserver judges by its share.
//!
//! Always lets the create through in the end. Whether it fits is the native quota's to say, and so it is while we are down.

mod desk;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::{
    api::core::v1::ResourceQuota, apimachinery::pkg::api::resource::Quantity, jiff::Timestamp,
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
    core::{DynamicObject, admission::AdmissionRequest},
    runtime::reflector::ObjectRef,
};
use serde_json::json;
use tenantry_k8s::{
    keys,
    quantity::{Amounts, Millis, amounts},
    quota::Usage,
};
use tenantry_runtime::Chain;
use tokio::{sync::Semaphore, time::Instant};

use super::usage::Creation;
use crate::{
    reconcile::{build, quota::usage},
    view::{View, demands::Demand},
};
use desk::{Desk, Ticket};

/// Field manager of demands: not that of shares, which would take them back with its next write.
const WEBHOOK_MANAGER: &str = "tenantry-webhook";

/// Longest wait of a create. The apiserver goes on without us after a second.
const PATIENCE: Duration = Duration::from_millis(800);
/// How far the apiserver's own view of a share may be behind ours.
const BEHIND: Duration = Duration::from_millis(20);
/// Creates that wait at once; more would only keep the apiserver's own places.
const WAITING: usize = 256;

/// See the module.
pub(super) struct Room {
    client: Client,
    view: Arc<View>,
    desk: Arc<Desk>,
    places: Semaphore,
}

/// What the share of a namespace says to a create.
enum Verdict {
    Fits,
    /// The whole budget is used up; with what to say of it.
    Beyond(String),
    /// The share that would do, for all that wait.
    Short(Amounts),
}

impl Room {
    pub(super) fn new(client: Client, view: Arc<View>) -> Self {
        Self {
            client,
            view,
            desk: Arc::default(),
            places: Semaphore::new(WAITING),
        }
    }

    /// Waits until what `request` creates fits its namespace's share, as long as that may help; gives what its sender
    /// should know.
    pub(super) async fn make(&self, request: &AdmissionRequest<DynamicObject>) -> Option<String> {
        let namespace = request.namespace.as_deref().filter(|_| !request.dry_run)?;
        let share = self.share(namespace)?;
        if has_scopes(&share) {
            // Which creates count is then the apiserver's to know.
            return None;
        }
        let adds = adds(&share, &Creation::of(request));
        if adds.is_empty() {
            return None;
        }
        let ticket = self.desk.enter(namespace, adds);
        let waited = tokio::time::timeout(PATIENCE, self.wait(namespace, &ticket)).await;
        // Who waited in vain is told by the native quota, or goes through after all.
        waited.unwrap_or_default()
    }

    async fn wait(&self, namespace: &str, ticket: &Ticket) -> Option<String> {
        let mut moved = self.view.moved();
        let mut place = None;
        loop {
            match self.judge(namespace, ticket)? {
                Verdict::Fits => break,
                Verdict::Beyond(words) => return Some(words),
                Verdict::Short(hard) => {
                    if place.is_none() {
                        place = Some(self.places.try_acquire().ok()?);
                    }
                    if ticket.may_ask(&hard) {
                        self.ask(namespace, &hard).await;
                    }
                }
            }
            tokio::select! {
                _ = moved.changed() => {}
                () = tokio::time::sleep_until(ticket.next_look()) => {}
            }
        }
        if place.is_some() {
            // Nothing tells when the apiserver itself has seen it.
            tokio::time::sleep_until(Instant::now() + BEHIND).await;
        }
        None
    }

    /// None where no share is enforced any more.
    fn judge(&self, namespace: &str, ticket: &Ticket) -> Option<Verdict> {
        let share = self.share(namespace)?;
        let status = share.status.as_ref()?;
        let hard = amounts(status.hard.as_ref());
        let used = self.in_use(namespace, amounts(status.used.as_ref()));
        if ticket.pass(&hard, &used) {
            return Some(Verdict::Fits);
        }
        Some(match self.beyond(&share, ticket.adds()) {
            Some(words) => Verdict::Beyond(words),
            None => Verdict::Short(ticket.short(&hard, &used)),
        })
    }

    /// What the apiserver tells, and what its count may have missed.
    fn in_use(&self, namespace: &str, mut told: Amounts) -> Amounts {
        let doubts = self.view.doubts.of([namespace.to_owned()].into_iter());
        for (key, missed) in doubts.into_values().flat_map(|doubt| doubt.missed) {
            *told.entry(key).or_default() += missed;
        }
        told
    }

    /// Words for a create that the tenant's whole budget has no room for.
    fn beyond(&self, share: &ResourceQuota, adds: &Amounts) -> Option<String> {
        let tenant = share.labels().get(keys::TENANT)?;
        let name = share.labels().get(build::QUOTA)?;
        let quota = self.view.quotas.now().get(&ObjectRef::new(name))?;
        let Usage { hard, used } = usage(&quota, &self.view.shares.of(tenant)).status;
        let (budget, in_use) = (amounts(Some(&hard)), amounts(Some(&used)));
        let (key, _) = adds.iter().find(|(key, adds)| {
            let has = |amounts: &Amounts| amounts.get(*key).copied().unwrap_or_default().get();
            has(&in_use) + adds.get() > has(&budget)
        })?;
        let of =
            |amounts: &BTreeMap<String, Quantity>| amounts.get(key).cloned().unwrap_or_default().0;
        Some(format!(
            "tenant {tenant} uses {} of {} {key} of quota {name}, all its namespaces together",
            of(&used),
            of(&hard)
        ))
    }

    /// Writes on the share what it should be. Whoever looks after the tenant sees it there.
    async fn ask(&self, namespace: &str, hard: &Amounts) {
        let Some(share) = self.share(namespace) else {
            return;
        };
        let like = share
            .status
            .as_ref()
            .and_then(|status| status.hard.as_ref());
        let written = |(key, amount): (&String, &Millis)| {
            let like = like?.get(key)?;
            Some((key.clone(), amount.like(like)))
        };
        let demand = Demand {
            asked: Timestamp::now(),
            hard: hard.iter().filter_map(written).collect(),
        };
        let patch = json!({"metadata": {"annotations": {keys::DEMAND: json!(demand).to_string()}}});
        let params = PatchParams {
            field_manager: Some(WEBHOOK_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let api = Api::<ResourceQuota>::namespaced(self.client.clone(), namespace);
        if let Err(failure) = api.patch(build::SHARE, &params, &Patch::Merge(patch)).await {
            tracing::warn!(namespace, error = %Chain(&failure), "A create asks in vain for a larger share.");
        }
    }

    fn share(&self, namespace: &str) -> Option<ResourceQuota> {
        self.view.shares.find(namespace, build::SHARE)
    }
}

fn has_scopes(share: &ResourceQuota) -> bool {
    let mut spec = share.spec.iter();
    spec.any(|spec| spec.scope_selector.is_some() || spec.scopes.iter().flatten().next().is_some())
}

/// What `creation` adds to each key of the share.
fn adds(share: &ResourceQuota, creation: &Creation) -> Amounts {
    let keys = share
        .spec
        .iter()
        .flat_map(|spec| spec.hard.iter().flatten());
    keys.map(|(key, _)| (key.clone(), creation.adds(key)))
        .filter(|(_, adds)| *adds > Millis::ZERO)
        .collect()
}
