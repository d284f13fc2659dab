//! How soon to look again, and when to tell: work that goes on well is not told of step by step.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{build::Work, status::Outcome};

/// Work that takes longer is told of.
const UNTOLD_MAX: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(super) struct Haste(Mutex<HashMap<Uuid, Begun>>);

/// Work that goes on.
struct Begun {
    since: Instant,
    last: Work,
}

impl Haste {
    /// When to look at the tenant again without a word; none if `outcome` is to be told.
    pub(super) fn pause(&self, tenant: Uuid, outcome: &Outcome<'_>) -> Option<Duration> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !outcome.problems.is_empty() || !outcome.is_recorded || outcome.is_settled() {
            all.remove(&tenant);
            return None;
        }
        let work = outcome.plan.work();
        let begun = all.entry(tenant).or_insert_with(|| Begun {
            since: Instant::now(),
            last: Work::default(),
        });
        let left = UNTOLD_MAX.checked_sub(begun.since.elapsed());
        // The same work again means that it has no effect: then there is no haste.
        let is_new = !work.is_empty() && work != begun.last;
        begun.last = work;
        match left {
            Some(_) if is_new => Some(Duration::ZERO),
            left => left,
        }
    }
}
