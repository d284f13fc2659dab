//! How soon to look again, and when to tell: work that goes on well is not told of step by step, but once, with all that
//! was done.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    build::{Drift, Revoke, Work},
    object::Key,
    status::Outcome,
};

/// Work that takes longer is told of.
const UNTOLD_MAX: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(super) struct Haste(Mutex<HashMap<Uuid, Begun>>);

/// Work that goes on.
struct Begun {
    since: Instant,
    last: Work,
    untold: Deeds,
}

/// What was done since somebody was told.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    /// Namespaces made.
    pub(super) namespaces: Vec<String>,
    /// Bindings that lost rights.
    pub(super) taken: usize,
    /// Bindings that gained rights.
    pub(super) given: usize,
    /// Changes by others that were put back.
    pub(super) drift: Vec<Drift>,
}

/// What follows a look.
#[derive(Debug)]
pub(super) enum Next {
    /// Another look, after this time, and not a word.
    Look(Duration),
    /// A word about how it is, and about what was done.
    Tell(Deeds),
}

impl Haste {
    /// What follows the look that had this `outcome`.
    pub(super) fn next(&self, tenant: Uuid, outcome: &Outcome<'_>) -> Next {
        let mut all = self.locked();
        let begun = all.entry(tenant).or_insert_with(|| Begun {
            since: Instant::now(),
            last: Work::default(),
            untold: Deeds::default(),
        });
        begun.untold.note(outcome);
        if !outcome.problems.is_empty() || !outcome.is_recorded || outcome.is_settled() {
            let ended = all.remove(&tenant);
            return Next::Tell(ended.map(|begun| begun.untold).unwrap_or_default());
        }
        let work = outcome.plan.work();
        let left = UNTOLD_MAX.checked_sub(begun.since.elapsed());
        // The same work again means that it has no effect: then there is no haste. Nor is there while a share is waited for,
        // which is told of, unless what was dropped has to come again.
        let has_share = outcome.valid.budget.as_ref();
        let has_share = has_share.is_some_and(|budget| !budget.hard.is_empty());
        let is_told = has_share && !outcome.plan.waiting.is_empty() && outcome.plan.drop.is_empty();
        let is_new = !work.is_empty() && work != begun.last && !is_told;
        begun.last = work;
        match left {
            Some(_) if is_new => Next::Look(Duration::ZERO),
            Some(left) => Next::Look(left),
            None => Next::Tell(std::mem::take(&mut begun.untold)),
        }
    }

    /// Forgets every tenant but `ours`: others tell of the rest.
    pub(super) fn keep(&self, ours: &HashSet<Uuid>) {
        self.locked().retain(|tenant, _| ours.contains(tenant));
    }

    /// A tenant that is gone.
    pub(super) fn forget(&self, tenant: Uuid) {
        self.locked().remove(&tenant);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Uuid, Begun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deeds {
    fn note(&mut self, outcome: &Outcome<'_>) {
        let plan = outcome.plan;
        let is_done = |key: &&Key| outcome.has_done(key);
        let made = plan.namespaces.iter().map(|object| &object.key);
        let is_new = |key: &&Key| {
            let mut spaces = outcome.valid.spaces.iter();
            spaces.any(|space| !space.exists && space.name == key.name)
        };
        let made = made.filter(is_done).filter(is_new);
        self.namespaces.extend(made.map(|key| key.name.clone()));
        self.taken += plan.revoke.iter().map(Revoke::key).filter(is_done).count();
        let given = plan.grants.iter().map(|object| &object.key);
        self.given += given.filter(is_done).count();
        let put_back = plan.drift.iter().filter(|drift| is_done(&&drift.key));
        self.drift.extend(put_back.cloned());
    }
}
