use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::api::core::v1::ResourceQuota;
use kube::ResourceExt as _;
use tenantry_k8s::quantity::{Amounts, Millis, amounts};
use tokio::time::Instant;

/// A create that was admitted so long ago is stored, or never will be.
const STORED: Duration = Duration::from_secs(5);
/// What was admitted within so long counts as admitted at once.
const AT_ONCE: Duration = Duration::from_millis(500);
/// The apiserver's controller counts everything anew each five minutes.
const COUNTED_ANEW: Duration = Duration::from_secs(360);

/// What may be in use beyond what is told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Doubt {
    /// How much.
    pub missed: Amounts,
    /// Whether one more count would clear it up: by now everything is stored that was admitted.
    pub is_due: bool,
}

/// Use that the apiserver may not tell of, by namespace.
///
/// After each change of a share its controller counts what is there. A create that was admitted and is not stored yet is
/// not among that, so that less is told than is in use, and one more is let in.
#[derive(Default)]
pub(crate) struct Doubts(Mutex<HashMap<String, Told>>);

/// What was told last of a share, each version in its order.
struct Told {
    uid: Option<String>,
    hard: Amounts,
    used: Amounts,
    missed: Amounts,
    since: Instant,
    admitted: Admitted,
}

/// What was told as used in addition, and when, as long as it may not be stored yet.
#[derive(Default)]
struct Admitted(VecDeque<(Instant, Amounts)>);

impl Doubts {
    /// Takes what a watch told of `share`.
    pub(super) fn hear(&self, share: &ResourceQuota) {
        let Some((namespace, status)) = share.namespace().zip(share.status.as_ref()) else {
            return;
        };
        let (hard, used) = (amounts(status.hard.as_ref()), amounts(status.used.as_ref()));
        let now = Instant::now();
        let mut all = self.locked();
        // What another share of that place may have missed is gone with it, which a list does not tell.
        let before = all.remove(&namespace);
        let told = match before.filter(|told| told.uid == share.uid()) {
            Some(before) => before.followed_by(hard, used, now),
            None => Told::first(share.uid(), hard, used, now),
        };
        all.insert(namespace, told);
    }

    /// Takes that the share of `namespace` is gone.
    pub(super) fn forget(&self, namespace: &str) {
        self.locked().remove(namespace);
    }

    /// Takes that shares are left only in namespaces of which `has_share`.
    pub(super) fn keep(&self, has_share: impl Fn(&str) -> bool) {
        self.locked().retain(|namespace, _| has_share(namespace));
    }

    /// What may be in use beyond what is told, of `namespaces`.
    pub(crate) fn of(&self, namespaces: impl Iterator<Item = String>) -> BTreeMap<String, Doubt> {
        let all = self.locked();
        let missed = |namespace: String| {
            let told = all.get(&namespace)?;
            let age = told.since.elapsed();
            let is_in_doubt = !told.missed.is_empty() && age < COUNTED_ANEW;
            let doubt = || Doubt {
                missed: told.missed.clone(),
                is_due: age >= STORED,
            };
            is_in_doubt.then(|| (namespace, doubt()))
        };
        namespaces.filter_map(missed).collect()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// The first that is told of a share: when any of it was admitted is not known.
    fn first(uid: Option<String>, hard: Amounts, used: Amounts, now: Instant) -> Self {
        let mut admitted = Admitted::default();
        admitted.note(used.clone(), now);
        Self {
            uid,
            hard,
            used,
            missed: Amounts::new(),
            since: now,
            admitted,
        }
    }

    /// What is told next.
    fn followed_by(mut self, hard: Amounts, used: Amounts, now: Instant) -> Self {
        self.admitted.note(increase(&self.used, &used), now);
        let missed = self.missed_by(&hard, &used, now);
        let since = if self.missed == missed {
            self.since
        } else {
            now
        };
        Self {
            hard,
            used,
            missed,
            since,
            ..self
        }
    }

    /// What may be missing from what is told now.
    fn missed_by(&self, hard: &Amounts, used: &Amounts, now: Instant) -> Amounts {
        let is_counted = *hard != self.hard;
        let is_stored = now.duration_since(self.since) >= STORED;
        let of = |(key, before): (&String, &Millis)| {
            let doubt = self.missed.get(key).copied().unwrap_or_default().get();
            let told = used.get(key).copied().unwrap_or_default().get();
            // No more than may not be stored yet: what was stored and is not counted was deleted.
            let taken_back = before.get() - told;
            let missed = match () {
                () if is_counted && is_stored => taken_back.min(self.admitted.of(key)),
                () if is_counted => (doubt + taken_back).min(self.admitted.of(key)),
                // Something was deleted and the rest counted, as a quota of the apiserver's own has it, too.
                () if told < before.get() => 0,
                () => doubt,
            };
            (missed > 0).then(|| (key.clone(), Millis::new(missed)))
        };
        self.used.iter().filter_map(of).collect()
    }
}

impl Admitted {
    fn note(&mut self, more: Amounts, now: Instant) {
        // The last of what is one entry may have been admitted so much later.
        let old = STORED + AT_ONCE;
        self.0.retain(|(at, _)| now.duration_since(*at) < old);
        if more.is_empty() {
            return;
        }
        match self.0.back_mut() {
            Some((at, amounts)) if now.duration_since(*at) < AT_ONCE => {
                for (key, more) in more {
                    *amounts.entry(key).or_default() += more;
                }
            }
            _ => self.0.push_back((now, more)),
        }
    }

    /// How much of `key` was admitted and may not be stored yet.
    fn of(&self, key: &str) -> i128 {
        let amounts = self.0.iter().filter_map(|(_, amounts)| amounts.get(key));
        amounts.map(|amount| amount.get()).sum()
    }
}

/// By how much `after` is more than `before`.
fn increase(before: &Amounts, after: &Amounts) -> Amounts {
    let of = |(key, amount): (&String, &Millis)| {
        let more = amount.get() - before.get(key).copied().unwrap_or_default().get();
        (more > 0).then(|| (key.clone(), Millis::new(more)))
    };
    after.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tell(doubts: &Doubts, hard: u32, used: u32) -> i128 {
        tell_of(doubts, "1", hard, used)
    }

    fn tell_of(doubts: &Doubts, uid: &str, hard: u32, used: u32) -> i128 {
        let share = json!({
            "metadata": {"name": "tenant-quota", "namespace": "n", "uid": uid},
            "status": {"hard": {"pods": hard.to_string()}, "used": {"pods": used.to_string()}},
        });
        doubts.hear(&serde_json::from_value(share).unwrap());
        in_doubt(doubts)
    }

    fn in_doubt(doubts: &Doubts) -> i128 {
        let mut all = doubts.of(["n".to_owned()].into_iter());
        let missed = all
            .remove("n")
            .and_then(|mut doubt| doubt.missed.remove("pods"));
        missed.unwrap_or_default().get() / 1000
    }

    #[tokio::test(start_paused = true)]
    async fn use_that_a_count_took_back_is_in_doubt_until_it_must_be_stored() {
        let doubts = Doubts::default();
        assert_eq!(tell(&doubts, 30, 26), 0);
        // The share was lowered while one was on its way in.
        assert_eq!(tell(&doubts, 28, 25), 1);
        assert_eq!(tell(&doubts, 28, 28), 1);
        // The next count has it.
        assert_eq!(tell(&doubts, 27, 29), 0);
        assert_eq!(tell(&doubts, 26, 27), 2);
        // Whoever deletes has everything counted.
        assert_eq!(tell(&doubts, 26, 24), 0);
        assert_eq!(tell(&doubts, 27, 20), 4);
        tokio::time::advance(STORED).await;
        assert_eq!(tell(&doubts, 28, 20), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_stored_and_is_deleted_while_its_share_moves_is_in_no_doubt() {
        let doubts = Doubts::default();
        tell(&doubts, 30, 26);
        tokio::time::advance(STORED + AT_ONCE).await;
        assert_eq!(tell(&doubts, 30, 28), 0);
        // Two of the eight may be on their way in.
        assert_eq!(tell(&doubts, 29, 20), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_is_due_once_everything_admitted_is_stored() {
        let doubts = Doubts::default();
        tell(&doubts, 30, 26);
        tell(&doubts, 28, 25);
        let is_due = || doubts.of(["n".to_owned()].into_iter())["n"].is_due;
        assert!(!is_due());
        tokio::time::advance(STORED).await;
        assert!(is_due());
        assert_eq!(tell(&doubts, 27, 25), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_in_doubt_of_a_share_that_is_gone() {
        let doubts = Doubts::default();
        let doubt = || {
            tell(&doubts, 30, 26);
            assert_eq!(tell(&doubts, 28, 25), 1);
        };
        doubt();
        doubts.keep(|namespace| namespace == "n");
        assert_eq!(in_doubt(&doubts), 1);
        doubts.keep(|_| false);
        assert_eq!(in_doubt(&doubts), 0);
        doubt();
        // Made anew while nobody watched.
        assert_eq!(tell_of(&doubts, "2", 30, 0), 0);
    }
}
