//! Which replica looks after what: each renews a Lease, and a thing belongs to the live replica that ranks highest for it.
//!
//! A Lease does not fence: what two replicas do at once must be harmless. Who asks before each write whether the thing is
//! still his stops in time but for the one write under way, which is the same whoever makes it; a share, which is not, is
//! written before anybody else can have the tenant; and the history takes nothing that goes by an older spec than it has.

mod members;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::bail;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    core::ObjectMeta,
};
use tenantry_k8s::keys;
use tenantry_runtime::{Chain, Pulse};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    cluster::{self, SHARE_MAX, within},
    reconcile::{build::MANAGED_BY, object::MANAGER},
};
use members::{LEASE, Members};

/// Between two renewals.
const RENEWAL: Duration = Duration::from_secs(2);
/// A replica that could not renew stops before the others take over.
const TRUSTED: Duration = Duration::from_secs(5);
/// The others hear of a new replica within a renewal.
const HEARD: Duration = Duration::from_secs(3);

// A write of a share that began in trust ends before the others take over.
const _: () = assert!(TRUSTED.as_secs() + SHARE_MAX.as_secs() < LEASE.as_secs());

/// This replica among the others.
pub struct Shards {
    client: Client,
    namespace: String,
    replica: String,
    /// Tells this process from another that was given the same name.
    process: Uuid,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    members: Members,
    renewed: Option<Instant>,
    joined: Option<Instant>,
    /// Times that a renewal came so late that nothing was ours meanwhile.
    lapses: usize,
}

/// What decides who owns what, and since when.
#[derive(PartialEq)]
struct Standing {
    living: Vec<String>,
    is_heard: bool,
    lapses: usize,
}

impl Shards {
    /// A replica called `replica`, which no other running one may be.
    pub fn new(client: Client, namespace: &str, replica: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            replica: replica.to_owned(),
            process: Uuid::now_v7(),
            state: Mutex::default(),
        }
    }

    /// Whether this replica looks after `thing` now.
    pub fn owns(&self, thing: &str) -> bool {
        let state = self.locked();
        let (Some(renewed), Some(joined)) = (state.renewed, state.joined) else {
            return false;
        };
        let is_heard =
            state.members.living() == [self.replica.as_str()] || joined.elapsed() >= HEARD;
        is_heard
            && renewed.elapsed() < TRUSTED
            && state.members.first_for(thing) == Some(self.replica.as_str())
    }

    /// Renews the Lease until `token` is cancelled, and tells `changed` when things may have gone to another replica.
    ///
    /// Errors: another process has the same name.
    pub async fn keep(
        &self,
        changed: watch::Sender<()>,
        pulse: Pulse,
        token: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(RENEWAL);
        let mut owned = None;
        while token.run_until_cancelled(ticks.tick()).await.is_some() {
            match self.renew().await {
                Ok(Renewed::Ours) => pulse.beat(),
                Ok(Renewed::Taken(holder)) => bail!(
                    "another process renews the Lease of replica {}: {holder}; give each replica a name of its own (TENANTRY_REPLICA)",
                    self.replica
                ),
                Err(failure) => {
                    tracing::warn!(error = %Chain(&failure), "Lease not renewed; it is tried again.");
                }
            }
            let now = self.standing();
            if owned.as_ref() != Some(&now) {
                tracing::info!(members = ?now.living, is_heard = now.is_heard, "Replicas share the tenants.");
                owned = Some(now);
                changed.send_replace(());
            }
        }
        Ok(())
    }

    /// Gives everything up at once, so that nobody waits for the Lease to end.
    pub async fn leave(&self) {
        let left = within(
            self.leases()
                .delete(&self.lease_name(), &DeleteParams::default()),
        )
        .await;
        if let Err(failure) = left {
            tracing::warn!(error = %Chain(&failure), "Lease not given up; it ends by itself.");
        }
    }

    fn standing(&self) -> Standing {
        let state = self.locked();
        let living: Vec<String> = state
            .members
            .living()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let is_heard = state.joined.is_some_and(|joined| joined.elapsed() >= HEARD);
        let is_alone = living == [self.replica.clone()];
        Standing {
            living,
            is_heard: is_heard || is_alone,
            lapses: state.lapses,
        }
    }

    async fn renew(&self) -> Result<Renewed, cluster::Error> {
        let params = ListParams::default().labels(&format!("{}={MANAGED_BY}", keys::MANAGED_BY));
        let began = Instant::now();
        let leases = within(self.leases().list(&params)).await?.items;
        let ours = leases
            .iter()
            .find(|lease| lease.name_any() == self.lease_name());
        let holder = ours
            .and_then(holder)
            .filter(|holder| *holder != self.holder());
        if let Some(holder) = holder
            && self.locked().joined.is_some()
        {
            return Ok(Renewed::Taken(holder));
        }
        let lease = self.lease(Timestamp::now());
        let params = PatchParams::apply(MANAGER).force();
        within(
            self.leases()
                .patch(&self.lease_name(), &params, &Patch::Apply(&lease)),
        )
        .await?;
        let forgotten = self.seen(&leases, began);
        for replica in forgotten {
            let name = format!("{PREFIX}{replica}");
            within(self.leases().delete(&name, &DeleteParams::default())).await?;
        }
        Ok(Renewed::Ours)
    }

    /// Notes the Leases there are, ours renewed; gives the replicas whose Lease is of no use.
    fn seen(&self, leases: &[Lease], at: Instant) -> Vec<String> {
        let of = |lease: &Lease| {
            let replica = lease.name_any().strip_prefix(PREFIX)?.to_owned();
            Some((replica, lease.resource_version().unwrap_or_default()))
        };
        let mut state = self.locked();
        let listed = leases.iter().filter_map(of).collect();
        state.members.take(listed, &self.replica, at);
        // What changed in such a gap was passed by.
        let is_lapse = state
            .renewed
            .is_some_and(|before| before.elapsed() >= TRUSTED);
        state.lapses += usize::from(is_lapse);
        state.renewed = Some(at);
        state.joined.get_or_insert(at);
        let forgotten = state.members.forgotten();
        forgotten.into_iter().map(str::to_owned).collect()
    }

    fn lease(&self, now: Timestamp) -> Lease {
        let labels = [(keys::MANAGED_BY, MANAGED_BY), (keys::PART_OF, "tenantry")];
        Lease {
            metadata: ObjectMeta {
                name: Some(self.lease_name()),
                labels: Some(
                    labels
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .into(),
                ),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.holder()),
                lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
                renew_time: Some(MicroTime(now)),
                ..LeaseSpec::default()
            }),
        }
    }

    fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn lease_name(&self) -> String {
        format!("{PREFIX}{}", self.replica)
    }

    fn holder(&self) -> String {
        format!("{}/{}", self.replica, self.process)
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of the names of Leases.
const PREFIX: &str = "tenantry-tenant-";

/// How a renewal went.
enum Renewed {
    Ours,
    /// By the holder of this name.
    Taken(String),
}

fn holder(lease: &Lease) -> Option<String> {
    lease.spec.as_ref()?.holder_identity.clone()
}
