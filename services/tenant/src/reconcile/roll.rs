//! Who was looked at since this replica's share changed: the end of a start, as an operator would like to see it.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use tokio::time::Instant;

/// See the module.
#[derive(Default)]
pub(super) struct Roll(Mutex<Option<Calling>>);

struct Calling {
    since: Instant,
    count: usize,
    waiting: HashSet<String>,
}

impl Roll {
    /// Forgets who was looked at.
    pub(super) fn restart(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Notes that `name` of `all` was looked at, and says so when it was the last.
    pub(super) fn note(&self, name: &str, all: impl FnOnce() -> HashSet<String>) {
        let mut calling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let calling = calling.get_or_insert_with(|| {
            let waiting = all();
            Calling {
                since: Instant::now(),
                count: waiting.len(),
                waiting,
            }
        });
        if calling.waiting.remove(name) && calling.waiting.is_empty() {
            let took = calling.since.elapsed().as_millis();
            tracing::info!(tenants = calling.count, %took, "Looked at every tenant.");
        }
    }
}
