//! Streams: what there is, then every change, until the caller leaves or we stop.
//!
//! A stream compares the state it has told with the newest one. A slow caller so misses steps between, never the outcome,
//! and holds nothing but pointers: no queue that could overflow, and no lag to give up on.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use kube::ResourceExt as _;
use tenantry_domain::{NameError, QuotaName, TenantName};
use tenantry_k8s::{Quota, Tenant};
use tenantry_proto::tenant::v1::{Change, WatchQuotasResponse, WatchTenantsResponse};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    Service, Streamed,
    index::{Index, States},
    quota::in_sight,
    refuse,
    resource::Custom,
    sight::{ASKED_AGAIN, Gaze, Sight},
    state::{State, Things},
};
use crate::convert::tenant_message;

/// The longest that doubling makes of the time between two questions about a refusal, which may be meant.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// Tenants in sight. One that leaves the sight is told as deleted, in the last state that was seen.
pub(super) async fn tenants(
    service: &Service,
    gaze: Gaze,
) -> Result<Streamed<WatchTenantsResponse>, Status> {
    let _name: Option<TenantName> = only(&gaze)?;
    let look: Look<Tenant> = |gaze, tenants| Box::pin(gaze.tenants(tenants));
    let told = Told::open(&service.indexes.tenants, gaze, look).await?;
    let messages = told
        .stream(service.token.clone())
        .map_ok(|(change, tenant, _)| WatchTenantsResponse {
            change: change.into(),
            tenant: Some(tenant_message(&tenant)),
        });
    Ok(messages.boxed())
}

/// All quotas, or the one of that name, with the use of the tenants in sight.
pub(super) async fn quotas(
    service: &Service,
    gaze: Gaze,
) -> Result<Streamed<WatchQuotasResponse>, Status> {
    let _name: Option<QuotaName> = only(&gaze)?;
    let look: Look<Quota> = |gaze, quotas| Box::pin(gaze.quotas(quotas));
    let told = Told::open(&service.indexes.quotas, gaze, look).await?;
    let steps = told.stream(service.token.clone());
    let service = service.clone();
    let messages = steps.and_then(move |(change, quota, sight)| {
        let service = service.clone();
        async move {
            Ok(WatchQuotasResponse {
                change: change.into(),
                quota: Some(in_sight(&service, &sight, &quota).await?),
            })
        }
    });
    Ok(messages.boxed())
}

/// The one name that is looked at, which a thing can have; none for all.
fn only<N: TryFrom<String, Error = NameError>>(gaze: &Gaze) -> Result<Option<N>, Status> {
    gaze.name()
        .map(|name| refuse::name("name", name))
        .transpose()
}

/// What the caller of a stream may see of a state.
type Look<K> = for<'a> fn(&'a mut Gaze, &'a State<K>) -> BoxFuture<'a, Result<Things<K>, Status>>;
/// A change, and the sight that it was seen with.
type Step<K> = (Change, Arc<K>, Arc<Sight>);

/// What the caller of a stream was told of, and what is to be told next.
struct Told<K> {
    states: States<K>,
    gaze: Gaze,
    look: Look<K>,
    patience: Duration,
    shown: Things<K>,
    next: VecDeque<Step<K>>,
}

impl<K: Custom> Told<K> {
    /// Errors: those of [`Index::now`]. Silence would look like a cluster without any.
    async fn open(index: &Index<K>, gaze: Gaze, look: Look<K>) -> Result<Self, Status> {
        index.now().await?;
        Ok(Self {
            states: index.states(),
            gaze,
            look,
            patience: ASKED_AGAIN,
            shown: Things::new(),
            next: VecDeque::new(),
        })
    }

    fn stream(
        self,
        token: CancellationToken,
    ) -> impl Stream<Item = Result<Step<K>, Status>> + Send + 'static {
        let steps = stream::try_unfold(self, async |mut told: Self| {
            Ok(told.next().await?.map(|step| (step, told)))
        });
        steps.take_until(token.cancelled_owned())
    }

    /// The next change; none when nobody keeps the index any more.
    async fn next(&mut self) -> Result<Option<Step<K>>, Status> {
        while self.next.is_empty() {
            let Some(state) = self.state().await else {
                return Ok(None);
            };
            let seen = (self.look)(&mut self.gaze, &state).await?;
            let sight = self.gaze.sight().await?;
            self.next = changes(&self.shown, &seen)
                .into_iter()
                .map(|(change, thing)| (change, thing, sight.clone()))
                .collect();
            self.shown = seen;
        }
        Ok(self.next.pop_front())
    }

    /// The next state, or the newest once more if something in it was refused: the cluster tells nobody when it takes notice
    /// of a role.
    async fn state(&mut self) -> Option<Arc<State<K>>> {
        if !self.gaze.has_refused() {
            return self.states.next().await;
        }
        let next = tokio::time::timeout(self.patience, self.states.next()).await;
        match next {
            Ok(state) => {
                self.patience = ASKED_AGAIN;
                state
            }
            Err(_elapsed) => {
                self.patience = (self.patience * 2).min(PATIENCE_MAX);
                self.states.newest()
            }
        }
    }
}

/// What leads from one state to the next, what is gone first.
fn changes<K: Custom>(before: &Things<K>, after: &Things<K>) -> Vec<(Change, Arc<K>)> {
    let is_same = |one: &K, other: &K| one.uid() == other.uid();
    let gone = before
        .iter()
        .filter(|(name, thing)| !after.get(*name).is_some_and(|now| is_same(now, thing)))
        .map(|(_, thing)| (Change::Deleted, thing.clone()));
    let there = after.iter().filter_map(|(name, thing)| {
        let known = before.get(name).filter(|known| is_same(known, thing));
        match known {
            None => Some((Change::Added, thing.clone())),
            Some(known) if known.resource_version() == thing.resource_version() => None,
            Some(_) => Some((Change::Modified, thing.clone())),
        }
    });
    gone.chain(there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry_k8s::QuotaSpec;

    fn state(things: &[(&str, &str, &str)]) -> Things<Quota> {
        let quota = |name: &str, uid: &str, version: &str| {
            let mut quota = Quota::new(name, QuotaSpec::default());
            quota.metadata.uid = Some(uid.to_owned());
            quota.metadata.resource_version = Some(version.to_owned());
            Arc::new(quota)
        };
        things
            .iter()
            .map(|(name, uid, version)| ((*name).to_owned(), quota(name, uid, version)))
            .collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        let before = state(&[("a", "1", "1"), ("b", "2", "2"), ("c", "3", "3")]);
        let after = state(&[("a", "1", "1"), ("b", "2", "4"), ("d", "5", "5")]);
        let told: Vec<_> = changes(&before, &after)
            .into_iter()
            .map(|(change, quota)| (change, quota.name_any()))
            .collect();
        let expected = [
            (Change::Deleted, "c".to_owned()),
            (Change::Modified, "b".to_owned()),
            (Change::Added, "d".to_owned()),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn one_made_anew_under_the_same_name_is_another() {
        let told: Vec<_> = changes(&state(&[("a", "1", "1")]), &state(&[("a", "2", "7")]))
            .into_iter()
            .map(|(change, quota)| (change, quota.uid().unwrap()))
            .collect();
        let expected = [
            (Change::Deleted, "1".to_owned()),
            (Change::Added, "2".to_owned()),
        ];
        assert_eq!(told, expected);
    }
}
