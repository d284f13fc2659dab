//! Streams: what there is, then every change, until the caller leaves or we stop.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use kube::{
    Api, Client, ResourceExt,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use tenantry_k8s::{Quota, Tenant};
use tenantry_proto::tenant::v1::{
    self as proto, Change, WatchQuotasResponse, WatchTenantsResponse,
};
use tenantry_runtime::Chain;
use tokio_util::sync::CancellationToken;

use super::{Streamed, resource::Custom, sight::Sight};
use crate::{
    cluster::watching,
    convert::{quota_message, tenant_message},
};

/// Tenants in `sight`; one that leaves the sight is told as deleted, by its name only.
pub(super) fn tenants(
    client: &Client,
    sight: Sight,
    name: &str,
    token: CancellationToken,
) -> Streamed<WatchTenantsResponse> {
    let is_seen = move |tenant: &Tenant| sight.has(tenant);
    let message = |change: Change, tenant: Tenant, is_seen: bool| {
        let full = || tenant_message(&tenant);
        let bare = || proto::Tenant {
            name: tenant.name_any(),
            ..proto::Tenant::default()
        };
        Ok(WatchTenantsResponse {
            change: change.into(),
            tenant: Some(if is_seen { full() } else { bare() }),
        })
    };
    changes(client, name, token, is_seen)
        .map(move |(change, tenant, is_seen)| message(change, tenant, is_seen))
        .boxed()
}

/// All quotas, or the one of that name.
pub(super) fn quotas(
    client: &Client,
    name: &str,
    token: CancellationToken,
) -> Streamed<WatchQuotasResponse> {
    let message = |change: Change, quota: &Quota| {
        Ok(WatchQuotasResponse {
            change: change.into(),
            quota: Some(quota_message(quota)),
        })
    };
    changes(client, name, token, |_: &Quota| true)
        .map(move |(change, quota, _)| message(change, &quota))
        .boxed()
}

/// Changes to the resources that `is_seen`, or were. The flag says whether the last state may be shown.
fn changes<K: Custom>(
    client: &Client,
    name: &str,
    token: CancellationToken,
    is_seen: impl Fn(&K) -> bool + Send + 'static,
) -> impl futures::Stream<Item = (Change, K, bool)> + Send + 'static {
    let config = match name {
        "" => watching(),
        name => watching().fields(&format!("metadata.name={name}")),
    };
    let mut known = Known {
        shown: BTreeMap::new(),
        relisted: None,
    };
    watcher(Api::<K>::all(client.clone()), config)
        .default_backoff()
        .take_until(token.cancelled_owned())
        .flat_map(move |event| stream::iter(known.take(event, &is_seen)))
}

/// What the caller was told of.
struct Known<K> {
    shown: BTreeMap<String, K>,
    /// Names seen since a new list began.
    relisted: Option<BTreeMap<String, ()>>,
}

type Changes<K> = Vec<(Change, K, bool)>;

impl<K: Custom> Known<K> {
    fn take(
        &mut self,
        event: watcher::Result<Event<K>>,
        is_seen: &impl Fn(&K) -> bool,
    ) -> Changes<K> {
        match event {
            Ok(Event::Init) => {
                self.relisted = Some(BTreeMap::new());
                Vec::new()
            }
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                if let Some(names) = &mut self.relisted {
                    names.insert(object.name_any(), ());
                }
                self.applied(object, is_seen).into_iter().collect()
            }
            Ok(Event::InitDone) => self.swept(),
            Ok(Event::Delete(object)) => {
                let was_shown = self.shown.remove(&object.name_any()).is_some();
                was_shown
                    .then_some((Change::Deleted, object, true))
                    .into_iter()
                    .collect()
            }
            Err(failure) => {
                tracing::debug!(error = %Chain(&failure), "A watch is taken up again.");
                Vec::new()
            }
        }
    }

    fn applied(&mut self, object: K, is_seen: &impl Fn(&K) -> bool) -> Option<(Change, K, bool)> {
        let name = object.name_any();
        if !is_seen(&object) {
            return self
                .shown
                .remove(&name)
                .map(|_| (Change::Deleted, object, false));
        }
        match self.shown.insert(name, object.clone()) {
            None => Some((Change::Added, object, true)),
            Some(before) if before.resource_version() == object.resource_version() => None,
            Some(_) => Some((Change::Modified, object, true)),
        }
    }

    /// What a new list no longer has is gone.
    fn swept(&mut self) -> Changes<K> {
        let Some(names) = self.relisted.take() else {
            return Vec::new();
        };
        let gone: Vec<String> = self
            .shown
            .keys()
            .filter(|name| !names.contains_key(*name))
            .cloned()
            .collect();
        gone.iter()
            .filter_map(|name| self.shown.remove(name))
            .map(|object| (Change::Deleted, object, true))
            .collect()
    }
}
