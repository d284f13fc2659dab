//! Tenants that are edited now and then, beside something that is edited without end.

use std::{
    convert::Infallible,
    pin::pin,
    time::{Duration, Instant},
};

use futures::TryStreamExt as _;
use kube::{
    Api,
    api::{Patch, PatchParams, WatchEvent, WatchParams},
};
use serde_json::json;
use tenantry_k8s::Tenant;

/// 100 edits a second.
const EDITS_APART: Duration = Duration::from_millis(10);

/// Who edits tenants.
pub struct Editor {
    /// As whom.
    pub tenants: Api<Tenant>,
}

impl Editor {
    /// Makes `viewer` the only viewer of a tenant.
    ///
    /// Panics: the apiserver does not take it.
    pub async fn edit(&self, name: &str, viewer: &str) -> Tenant {
        let patch = json!({"spec": {"accessControl": {"viewers": {"users": [viewer]}}}});
        let params = PatchParams::default();
        let patched = self
            .tenants
            .patch(name, &params, &Patch::Merge(patch))
            .await;
        patched.expect("editing a tenant")
    }

    /// Edits tenants one after the other; gives how long each took until it was ready again.
    ///
    /// Panics: see [`Self::edit`].
    pub async fn one_by_one(&self, names: &[String], viewer: &str) -> Vec<Duration> {
        let mut all = Vec::new();
        for name in names {
            let began = Instant::now();
            let edited = self.edit(name, viewer).await;
            self.ready(&edited).await;
            all.push(began.elapsed());
        }
        all
    }

    /// Edits one tenant without end, and counts.
    ///
    /// Panics: see [`Self::edit`].
    pub async fn without_end(&self, name: &str, edits: &mut usize) -> Infallible {
        let edit = async |number: usize| {
            self.edit(name, &format!("viewer-{number}")).await;
            *edits += 1;
        };
        without_end(edit).await
    }

    /// Waits until the spec of `edited` is in force.
    async fn ready(&self, edited: &Tenant) {
        let name = edited.metadata.name.clone().unwrap_or_default();
        let from = edited.metadata.resource_version.clone().unwrap_or_default();
        let params = WatchParams::default().fields(&format!("metadata.name={name}"));
        let events = self.tenants.watch(&params, &from).await;
        let mut events = pin!(events.expect("watching a tenant"));
        while let Some(event) = events.try_next().await.expect("watching a tenant") {
            let (WatchEvent::Modified(tenant) | WatchEvent::Added(tenant)) = event else {
                continue;
            };
            if is_ready(&tenant, edited.metadata.generation) {
                return;
            }
        }
        panic!("the watch of {name} ended before it was ready");
    }
}

/// Whether a tenant says that it is ready, as of `generation` or a later one.
pub fn is_ready(tenant: &Tenant, generation: Option<i64>) -> bool {
    let conditions = tenant.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| {
        condition.type_ == "Ready"
            && condition.status == "True"
            && condition.observed_generation >= generation
    })
}

/// Edits a hundred times a second, counting from zero.
pub async fn without_end(mut edit: impl AsyncFnMut(usize)) -> Infallible {
    let (mut ticks, mut number) = (tokio::time::interval(EDITS_APART), 0);
    loop {
        ticks.tick().await;
        edit(number).await;
        number += 1;
    }
}

/// Does `work` while `other` goes on.
pub async fn beside<T>(
    other: impl Future<Output = Infallible>,
    work: impl Future<Output = T>,
) -> T {
    tokio::select! {
        never = other => match never {},
        done = work => done,
    }
}
