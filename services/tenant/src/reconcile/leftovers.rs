//! Leftovers: what a tenant leaves that goes without its release, because somebody took our finalizer off by force. Members
//! would keep the rights that it gave them.
//!
//! They are taken back as in a release that keeps the namespaces, for nobody can say any more that they were to go. What
//! names the tenant goes last, so that whatever interrupts this is seen again.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use backon::{ConstantBuilder, Retryable as _};
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota};
use kube::{
    Api, ResourceExt,
    core::{ObjectMeta, response::reason},
    runtime::reflector::ObjectRef,
};
use tenantry_domain::TenantName;
use tenantry_k8s::{Tenant, TenantSpec, keys};
use tenantry_runtime::Chain;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    Context, Error,
    build::MANAGED_BY,
    dereference::{Observed, dereference},
    former::{self, stand_in},
    object::Object,
    release,
    run::CONCURRENCY,
    validate::{Valid, validate},
};
use crate::{
    cluster::{self, within},
    read::Read,
    view::{Queue, View},
};

/// Names whose leftovers are being taken back: what is heard of them meanwhile begins nothing anew.
pub(super) struct Collecting {
    names: Mutex<HashSet<String>>,
    /// The apiserver has others to serve.
    turns: Semaphore,
}

impl Default for Collecting {
    fn default() -> Self {
        Self {
            names: Mutex::default(),
            turns: Semaphore::new(CONCURRENCY.into()),
        }
    }
}

impl Collecting {
    fn locked(&self) -> MutexGuard<'_, HashSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names of tenants that only labels tell of, once everything is listed.
pub(super) async fn names(context: Arc<Context>) -> Vec<ObjectRef<Tenant>> {
    // Each of these waits is long by itself.
    while context.view.listed().await.is_err() {}
    let names = context.view.left_behind();
    names.iter().map(|name| ObjectRef::new(name)).collect()
}

/// Takes back what the tenant of that name left, if it is gone. What fails is tried again.
pub(super) async fn tenant(context: &Context, queue: &Queue, name: &str) {
    if !context.collecting.locked().insert(name.to_owned()) {
        return;
    }
    let attempt = || Box::pin(collect(context, name));
    let collected = attempt
        .retry(ConstantBuilder::new().without_max_times())
        .adjust(|failure: &Error, _| Some(failure.retry_after()))
        .notify(|failure: &Error, _| {
            tracing::warn!(tenant = name, error = %Chain(failure), "Leftovers not taken back; it is tried again.");
        })
        .await;
    context.collecting.locked().remove(name);
    for name in collected.unwrap_or_default() {
        // Nobody listens any more only when the process stops.
        let _ = queue.tenants.send(ObjectRef::new(&name)).await;
    }
}

/// One attempt. Gives the tenants to look at because of it.
async fn collect(context: &Context, name: &str) -> Result<BTreeSet<String>, Error> {
    // Nobody closes it.
    let _turn = context.collecting.turns.acquire().await;
    context.view.listed().await?;
    let nobody = BTreeSet::new();
    let Ok(parsed) = TenantName::try_from(name.to_owned()) else {
        return Ok(nobody);
    };
    if !context.shards.owns(name) || !is_gone(context, name).await? {
        return Ok(nobody);
    }
    if let Some((_, observed)) = left(context, name) {
        let taken = release::take_rights(context, name, &observed).await;
        taken.map_err(|failure| failure.of(name))?;
    }
    record_end(context, &parsed).await?;
    // Looked at anew: the history may have been away for long.
    let Some((valid, observed)) = left(context, name) else {
        return Ok(nobody);
    };
    if is_gone(context, name).await? {
        let kept = release::keep_namespaces(context, &valid, &observed).await;
        kept.map_err(|failure| failure.of(name))?;
        tracing::info!(tenant = name, "Leftovers of a tenant taken back.");
    }
    Ok(concerned(&context.view, name, &observed))
}

/// What is left of a tenant; none if there is nothing.
fn left(context: &Context, name: &str) -> Option<(Valid, Observed)> {
    let tenant = stand_in(name, Uuid::nil(), TenantSpec::default());
    let mut observed = dereference(&context.view, &tenant, &context.config.namespace);
    // It fails for a name that no tenant can have.
    let valid = validate(&tenant, &observed).ok()?;
    let is_left = |namespace: &Namespace| valid.owns(namespace) && is_ours(namespace);
    observed.namespaces.retain(is_left);
    is_any(&context.view, &observed).then_some((valid, observed))
}

/// Whether we ever did anything in it: somebody may have set a tenant's label before there is such a tenant.
fn is_ours(namespace: &Namespace) -> bool {
    let manager = namespace.labels().get(keys::MANAGED_BY);
    manager.is_some_and(|manager| manager == MANAGED_BY)
}

/// Whether something is there that is not on its way out already, or that still gives somebody a right.
fn is_any(view: &View, observed: &Observed) -> bool {
    // Of what went with its namespace not every watch has told yet.
    let is_there = |namespace: &str| namespace.is_empty() || view.namespaces.has("", namespace);
    let is_staying = |meta: &ObjectMeta| meta.deletion_timestamp.is_none();
    let gives = |object: &Object| !object.value["subjects"].is_null();
    let mut namespaces = observed.namespaces.iter();
    let mut shares = observed.quotas.iter();
    let mut others = observed.objects.values();
    namespaces.any(|namespace| is_staying(&namespace.metadata))
        || shares.any(|share| is_staying(&share.metadata) && is_there(place(share)))
        || others.any(|other| (!other.is_going() || gives(other)) && is_there(&other.key.namespace))
}

fn place(share: &ResourceQuota) -> &str {
    share.metadata.namespace.as_deref().unwrap_or_default()
}

/// Whether there is no tenant of that name: none that was seen, none that cannot be read, and none that came this moment.
async fn is_gone(context: &Context, name: &str) -> Result<bool, Error> {
    let view = &context.view;
    let known = view.tenants.now().get(&ObjectRef::new(name));
    if known.is_some() || view.faults.of::<Tenant>(name).is_some() {
        return Ok(false);
    }
    let tenants = Api::<Read<Tenant>>::all(context.client.clone());
    match within(tenants.get(name)).await {
        Ok(_) => Ok(false),
        // Where the whole kind is not served, the answer is 404 without this reason.
        Err(cluster::Error::Call(kube::Error::Api(status)))
            if status.reason == reason::NOT_FOUND =>
        {
            Ok(true)
        }
        Err(source) => Err(Error::Cluster {
            name: name.to_owned(),
            source,
        }),
    }
}

/// Records the end of everybody who had the name.
async fn record_end(context: &Context, name: &TenantName) -> Result<(), Error> {
    let late = |source| Error::Store {
        name: name.to_string(),
        source,
    };
    let living = context
        .store
        .living_all(name.as_str())
        .await
        .map_err(late)?;
    // Asked after the history: what is living there may be one that came meanwhile.
    if living.is_empty() || !is_gone(context, name.as_str()).await? {
        return Ok(());
    }
    former::end(context, name, &living).await.map_err(late)
}

/// Who may have been looked at in the middle of it, and lost what he had just got: whoever came by that name, and whoever has
/// the namespaces now, where objects of any tenant have the same names.
fn concerned(view: &View, name: &str, observed: &Observed) -> BTreeSet<String> {
    let others = observed.objects.values();
    let others = others.map(|other| other.key.namespace.as_str());
    let places = observed.quotas.iter().map(place).chain(others);
    let owner = |place: &str| {
        let namespace = view.namespaces.find("", place)?;
        namespace.labels().get(keys::TENANT).cloned()
    };
    let is_back = view.tenants.now().get(&ObjectRef::new(name)).is_some();
    let same = is_back.then(|| name.to_owned());
    places
        .filter_map(owner)
        .filter(|owner| owner != name)
        .chain(same)
        .collect()
}
