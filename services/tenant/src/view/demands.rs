use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::{
    api::core::v1::ResourceQuota, apimachinery::pkg::api::resource::Quantity, jiff::Timestamp,
};
use kube::ResourceExt as _;
use serde::{Deserialize, Serialize};
use tenantry_k8s::keys;
use tokio::time::Instant;

/// A create waits for less; who asks later asks anew.
const FRESH: Duration = Duration::from_secs(2);

/// The share that creates on their way into a namespace need, as the annotation on its ResourceQuota says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Demand {
    /// Tells it from an earlier one; whose clock it was is nobody's question.
    pub(crate) asked: Timestamp,
    /// What `spec.hard` would have to be, of what it is too low for.
    pub(crate) hard: BTreeMap<String, Quantity>,
}

/// What was asked for lately, by namespace. Which demand is fresh is told by one's own clock alone.
#[derive(Default)]
pub(crate) struct Demands(Mutex<HashMap<String, Heard>>);

struct Heard {
    demand: Demand,
    /// None if it may be from long ago.
    at: Option<Instant>,
}

impl Demands {
    /// Takes what a watch told of `share`; `is_change` unless it only was there.
    pub(super) fn hear(&self, share: &ResourceQuota, is_change: bool) {
        let Some((namespace, demand)) = share.namespace().zip(written(share)) else {
            return;
        };
        let mut heard = self.locked();
        let is_known = heard
            .get(&namespace)
            .is_some_and(|known| known.demand == demand);
        if !is_known {
            let at = is_change.then(Instant::now);
            heard.insert(namespace, Heard { demand, at });
        }
    }

    /// Takes that the share of `namespace` is gone.
    pub(super) fn forget(&self, namespace: &str) {
        self.locked().remove(namespace);
    }

    /// Takes that shares are left only in namespaces of which `has_share`.
    pub(super) fn keep(&self, has_share: impl Fn(&str) -> bool) {
        self.locked().retain(|namespace, _| has_share(namespace));
    }

    /// The shares that are needed now, of `namespaces`.
    pub(crate) fn of(
        &self,
        namespaces: impl Iterator<Item = String>,
    ) -> BTreeMap<String, BTreeMap<String, Quantity>> {
        let all = self.locked();
        let fresh = |namespace: String| {
            let heard = all.get(&namespace)?;
            let is_fresh = heard.at.is_some_and(|at| at.elapsed() < FRESH);
            is_fresh.then(|| (namespace, heard.demand.hard.clone()))
        };
        namespaces.filter_map(fresh).collect()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn written(share: &ResourceQuota) -> Option<Demand> {
    let text = share.annotations().get(keys::DEMAND)?;
    // Whoever writes it by hand asks for nothing.
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use serde_json::json;

    use super::*;
    use crate::view::View;

    fn share(second: u32) -> ResourceQuota {
        let demand =
            json!({"asked": format!("2026-01-01T00:00:{second:02}Z"), "hard": {"pods": "3"}});
        serde_json::from_value(json!({"metadata": {
            "name": "tenant-quota", "namespace": "a",
            "annotations": {"tenantry.dev/demand": demand.to_string()},
        }}))
        .unwrap()
    }

    fn is_asked(demands: &Demands) -> bool {
        !demands.of(["a".to_owned()].into_iter()).is_empty()
    }

    #[tokio::test(start_paused = true)]
    async fn a_demand_counts_once_and_for_a_while() {
        let demands = Demands::default();
        demands.hear(&share(1), true);
        assert!(is_asked(&demands));
        tokio::time::advance(FRESH).await;
        assert!(!is_asked(&demands));
        // Told again with each change of the share.
        demands.hear(&share(1), true);
        assert!(!is_asked(&demands));
        demands.hear(&share(2), true);
        assert!(is_asked(&demands));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_share_that_is_gone_was_asked_for_is_gone() {
        let demands = Demands::default();
        demands.hear(&share(1), true);
        demands.keep(|namespace| namespace == "a");
        assert!(is_asked(&demands));
        demands.keep(|namespace| namespace == "b");
        assert!(!is_asked(&demands));
    }

    #[tokio::test(start_paused = true)]
    async fn what_shares_tell_can_wait_unless_somebody_waits_for_one() {
        let view = View::default();
        let share = |revision: u32, demand: Option<u32>| {
            let mut share = demand.map(share).unwrap_or_default();
            share.metadata.name = Some("tenant-quota".to_owned());
            share.metadata.namespace = Some("a".to_owned());
            share.metadata.resource_version = Some(revision.to_string());
            share.metadata.labels = Some([(keys::TENANT.to_owned(), "t".to_owned())].into());
            share
        };
        let who = |event| {
            let again = view.of_share(event);
            (again.tenants.join(" "), again.patient.join(" "))
        };
        let (now, later) = (
            || ("t".to_owned(), String::new()),
            || (String::new(), "t".to_owned()),
        );
        assert_eq!(who(Event::Apply(share(1, None))), later());
        assert_eq!(who(Event::Apply(share(2, Some(1)))), now());
        // Until it is had, each share of the tenant counts.
        assert_eq!(who(Event::Apply(share(3, Some(1)))), now());
        tokio::time::advance(FRESH).await;
        assert_eq!(who(Event::Apply(share(4, Some(1)))), later());
        assert_eq!(who(Event::Delete(share(5, Some(1)))), now());
    }

    #[test]
    fn what_was_there_before_us_may_be_old() {
        let demands = Demands::default();
        demands.hear(&share(1), false);
        demands.hear(&share(1), true);
        assert!(!is_asked(&demands));
    }
}
