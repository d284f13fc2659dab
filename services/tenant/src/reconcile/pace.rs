//! How often the spec of one tenant is brought about: who edits without end waits for himself, and nobody else for him.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::ResourceExt as _;
use tenantry_k8s::Tenant;
use tokio::time::Instant;

/// Changes that are brought about at once: a person with a script.
const BURST: u32 = 10;
/// Between two changes after that.
const APART: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(super) struct Pace(Mutex<HashMap<String, Credit>>);

struct Credit {
    /// The newest spec that was let through.
    generation: i64,
    /// When the credit is or was full again.
    full: Instant,
}

impl Pace {
    /// How long the newest spec of `tenant` must wait; none if it is its turn.
    ///
    /// Only specs count: what becomes of one in the cluster is looked at whenever it changes.
    pub(super) fn pause(&self, tenant: &Tenant) -> Option<Duration> {
        let (uid, now) = (tenant.uid()?, Instant::now());
        let generation = tenant.metadata.generation.unwrap_or(1);
        let mut all = self.locked();
        let credit = all.entry(uid).or_insert(Credit {
            generation: 0,
            full: now,
        });
        if credit.generation >= generation {
            return None;
        }
        let full = credit.full.max(now) + APART;
        let pause = full.saturating_duration_since(now + APART * BURST);
        if !pause.is_zero() {
            return Some(pause);
        }
        *credit = Credit { generation, full };
        None
    }

    /// Others may have looked after the tenants meanwhile. Who edited without end has his credit again, which costs little.
    pub(super) fn forget_all(&self) {
        self.locked().clear();
    }

    /// A tenant that is gone.
    pub(super) fn forget(&self, tenant: &Tenant) {
        self.locked().remove(&tenant.uid().unwrap_or_default());
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Credit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(uid: &str, generation: i64) -> Tenant {
        let mut tenant = Tenant::new("t", tenantry_k8s::TenantSpec::default());
        tenant.metadata.uid = Some(uid.to_owned());
        tenant.metadata.generation = Some(generation);
        tenant
    }

    #[tokio::test(start_paused = true)]
    async fn after_ten_changes_in_a_row_there_is_one_a_second_of_that_tenant_alone() {
        let pace = Pace::default();
        let edits = |count: i64, from: i64| {
            let all = (from..from + count).filter(|n| pace.pause(&tenant("a", *n)).is_none());
            all.count()
        };
        assert_eq!(edits(100, 1), 10);
        assert_eq!(pace.pause(&tenant("b", 1)), None);
        // What was let through is looked at as often as it takes.
        assert_eq!(pace.pause(&tenant("a", 10)), None);
        assert_eq!(pace.pause(&tenant("a", 200)), Some(APART));
        tokio::time::advance(APART).await;
        assert_eq!(edits(100, 201), 1);
        tokio::time::advance(APART * 60).await;
        assert_eq!(edits(100, 301), 10);
        pace.forget(&tenant("a", 400));
        assert_eq!(edits(100, 401), 10);
        pace.forget_all();
        assert_eq!(edits(100, 501), 10);
    }
}
