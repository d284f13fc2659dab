//! What was in place when a tenant was settled last, and what the history has: how a deletion by others is told from
//! something new, and what need not be recorded again.
//!
//! Kept in memory only: a deletion while we are down is put back all the same, and not told as drift; after a start the
//! history is asked once, about all tenants together.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::{
    build::{Drift, Plan},
    dereference::Observed,
    object::{Key, Kind, Object},
    record::Recorded,
    status::Outcome,
};
use crate::store::Standing;

type InPlace = BTreeSet<Key>;

/// What is known of one tenant.
#[derive(Default)]
struct Known {
    in_place: Option<InPlace>,
    recorded: Option<Recorded>,
    is_paused: Option<bool>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Memory {
    state: Mutex<State>,
    /// Held by whoever asks the history about all tenants.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    tenants: HashMap<Uuid, Known>,
    /// Whether somebody asks, or has asked, the history about all tenants.
    is_asked: bool,
    /// How often everything was forgotten.
    lapses: usize,
}

/// A question to the history.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// Whether it is about every tenant that is ours, or about one.
    pub(super) is_of_all: bool,
    lapses: usize,
    _asking: Option<tokio::sync::MutexGuard<'a, ()>>,
}

impl Memory {
    /// Objects that were in place, that `plan` wants, and that somebody deleted.
    pub(super) fn missing(&self, tenant: Uuid, plan: &Plan, observed: &Observed) -> Vec<Drift> {
        let memory = self.locked();
        let known = memory.tenants.get(&tenant);
        let Some(before) = known.and_then(|known| known.in_place.as_ref()) else {
            return Vec::new();
        };
        let mut due = plan
            .namespaces
            .iter()
            .chain(&plan.structure)
            .chain(&plan.grants)
            .peekable();
        if due.peek().is_none() {
            return Vec::new();
        }
        // What is wanted may have changed with it: the shares of a quota do.
        let there = in_place(observed);
        let is_missing =
            |object: &&Object| before.contains(&object.key) && !there.contains(&object.key);
        let missing: Vec<&Key> = due.filter(is_missing).map(|object| &object.key).collect();
        // A namespace takes its content with it: one line says so.
        let gone: BTreeSet<&str> = missing
            .iter()
            .filter(|key| key.kind == Kind::Namespace)
            .map(|key| key.name.as_str())
            .collect();
        let lines = missing
            .into_iter()
            .filter(|key| !gone.contains(key.namespace.as_str()));
        lines
            .map(|key| Drift {
                key: key.clone(),
                field_manager: String::new(),
                difference: "deleted".into(),
            })
            .collect()
    }

    /// Keeps what is in place, if `outcome` is settled.
    pub(super) fn remember(&self, tenant: Uuid, outcome: &Outcome<'_>) {
        if outcome.is_settled() {
            let in_place = Some(in_place(outcome.observed));
            let mut memory = self.locked();
            memory.tenants.entry(tenant).or_default().in_place = in_place;
        }
    }

    /// What the history has as of our last word to it; none if we have not spoken yet.
    pub(super) fn recorded(&self, tenant: Uuid) -> Option<Recorded> {
        self.locked().tenants.get(&tenant)?.recorded.clone()
    }

    /// Keeps what the history has.
    pub(super) fn record(&self, tenant: Uuid, recorded: Recorded) {
        let mut memory = self.locked();
        memory.tenants.entry(tenant).or_default().recorded = Some(recorded);
    }

    /// Whether the history has a tenant as paused; none if we have not asked yet.
    pub(super) fn is_paused(&self, tenant: Uuid) -> Option<bool> {
        self.locked().tenants.get(&tenant)?.is_paused
    }

    /// Keeps whether the history has a tenant as paused.
    pub(super) fn record_paused(&self, tenant: Uuid, is_paused: bool) {
        let mut memory = self.locked();
        memory.tenants.entry(tenant).or_default().is_paused = Some(is_paused);
    }

    /// What to ask the history: the first to ask does so for all, and who comes meanwhile waits for the answer. Where there is
    /// none, each asks for his own.
    pub(super) async fn question(&self) -> Question<'_> {
        let (is_of_all, lapses) = {
            let mut memory = self.locked();
            let was_asked = std::mem::replace(&mut memory.is_asked, true);
            (!was_asked, memory.lapses)
        };
        let asking = self.asking.lock().await;
        Question {
            is_of_all,
            lapses,
            _asking: is_of_all.then_some(asking),
        }
    }

    /// Takes the answer: what the history has of each that it knows. Our own word, where there is one, is newer.
    pub(super) fn recall(&self, question: Question<'_>, answer: HashMap<Uuid, Standing>) {
        let mut memory = self.locked();
        if question.lapses != memory.lapses {
            return;
        }
        for (tenant, standing) in answer {
            let known = memory.tenants.entry(tenant).or_default();
            known.is_paused.get_or_insert(standing.is_paused);
            known.recorded.get_or_insert_with(|| standing.into());
        }
    }

    /// Others may have looked after the tenants meanwhile.
    pub(super) fn forget_all(&self) {
        let mut memory = self.locked();
        let lapses = memory.lapses + 1;
        *memory = State {
            lapses,
            ..State::default()
        };
    }

    /// A tenant that is gone.
    pub(super) fn forget(&self, tenant: Uuid) {
        self.locked().tenants.remove(&tenant);
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_place(observed: &Observed) -> InPlace {
    let namespaces = observed.namespaces.iter();
    let namespaces = namespaces.map(|namespace| Key::of(Kind::Namespace, namespace));
    let shares = observed.quotas.iter();
    let shares = shares.map(|share| Key::of(Kind::ResourceQuota, share));
    let others = observed.objects.keys().cloned();
    namespaces.chain(shares).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(generation: i64) -> Standing {
        Standing {
            generation,
            is_applied: true,
            is_paused: false,
            namespaces: BTreeSet::new(),
            grants: std::collections::BTreeMap::new(),
            inputs: Vec::new(),
        }
    }

    fn generation(memory: &Memory, tenant: Uuid) -> Option<i64> {
        Some(memory.recorded(tenant)?.generation)
    }

    #[tokio::test]
    async fn the_first_asks_for_all_until_everything_is_forgotten() {
        let memory = Memory::default();
        let is_of_all = async || memory.question().await.is_of_all;
        assert!(is_of_all().await && !is_of_all().await);
        memory.forget_all();
        assert!(is_of_all().await && !is_of_all().await);
    }

    #[tokio::test]
    async fn who_comes_meanwhile_waits_for_the_answer() {
        let (memory, tenant) = (Memory::default(), Uuid::now_v7());
        let of_all = memory.question().await;
        let mut late = Box::pin(memory.question());
        assert!(futures::poll!(&mut late).is_pending());
        memory.recall(of_all, HashMap::from([(tenant, standing(1))]));
        assert!(!late.await.is_of_all);
        assert_eq!(generation(&memory, tenant), Some(1));
        // He holds up nobody himself.
        let (one, other) = tokio::join!(memory.question(), memory.question());
        assert!(!one.is_of_all && !other.is_of_all);
    }

    #[tokio::test]
    async fn an_answer_adds_to_what_we_said_and_is_of_no_use_after_a_lapse() {
        let (memory, [one, other]) = (Memory::default(), [Uuid::now_v7(), Uuid::now_v7()]);
        let question = memory.question().await;
        memory.record(one, standing(3).into());
        let answer = || HashMap::from([one, other].map(|tenant| (tenant, standing(2))));
        memory.recall(question, answer());
        assert_eq!(generation(&memory, one), Some(3));
        assert_eq!(generation(&memory, other), Some(2));
        assert_eq!(memory.is_paused(one), Some(false));
        let late = memory.question().await;
        memory.forget_all();
        memory.recall(late, answer());
        assert_eq!(generation(&memory, one), None);
    }
}
