//! The controllers, and what drives them.

use std::{collections::HashSet, fmt::Debug, sync::Arc, time::Duration};

use futures::{
    FutureExt as _, Stream, StreamExt as _,
    future::{BoxFuture, ready},
    stream,
};
use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace},
    networking::v1::Ingress,
};
use kube::{
    Api, Client, Resource,
    runtime::{
        Controller,
        controller::{self, Action, Config as ControllerConfig},
        events::{Recorder, Reporter},
        reflector::{ObjectRef, Store},
    },
};
use serde::de::DeserializeOwned;
use tenantry_k8s::{IntegrationConfig, integration_config};
use tenantry_runtime::{
    Chain, Pulse,
    cluster::{watch_again, watching},
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, WatchStream};
use tokio_util::sync::CancellationToken;

use super::{
    Context, Error, former,
    haste::Haste,
    leftovers::{self, Collecting},
    memory::Memory,
    object::MANAGER,
    pace::Pace,
    privileged, quota, reconcile,
    roll::Roll,
    settings, unreadable,
    violations::Looks,
};
use crate::{
    config::ClusterConfig,
    metrics::{self, reconciled},
    read::Read,
    shard::Shards,
    store::Store as History,
    view::{Queue, View, ours},
};

/// Reconciles at once, of each controller: the apiserver has others to serve.
pub(super) const CONCURRENCY: u16 = 8;
/// Names that wait to be looked at again; beyond it, watches wait.
const QUEUE_MAX: usize = 1024;
/// Each namespace's use is told by itself; those of one tenant are looked at together.
const TOGETHER: Duration = Duration::from_millis(100);

/// Runs the controllers, and keeps `view` for them, until `token` is cancelled.
pub async fn run(
    client: Client,
    view: Arc<View>,
    store: History,
    config: ClusterConfig,
    pulse: Pulse,
    token: CancellationToken,
) -> anyhow::Result<()> {
    metrics::describe_tenants();
    let reporter = Reporter {
        controller: MANAGER.to_owned(),
        instance: None,
    };
    let context = Arc::new(Context {
        recorder: Recorder::new(client.clone(), reporter),
        view,
        shards: Shards::new(client.clone(), &config.namespace, &config.replica),
        client,
        store,
        config,
        memory: Memory::default(),
        haste: Haste::default(),
        pace: Pace::default(),
        looks: Looks::default(),
        quotas: quota::Quotas::default(),
        roll: Roll::default(),
        collecting: Collecting::default(),
    });
    let (for_tenants, tenants) = mpsc::channel(QUEUE_MAX);
    let (for_patient, patient) = mpsc::channel(QUEUE_MAX);
    let (for_quotas, quotas) = mpsc::channel(QUEUE_MAX);
    let queue = Queue {
        tenants: for_tenants,
        patient: for_patient,
        quotas: for_quotas,
    };
    let (unread, look_again) = (queue.clone(), queue.clone());
    let keeping = context.view.clone().keep(
        context.client.clone(),
        context.config.namespace.clone(),
        queue,
        token.clone(),
    );
    let (changed, changes) = watch::channel(());
    let sharing = context.shards.keep(changed, pulse, token.clone());
    let changes = || WatchStream::from_changes(changes.clone());
    let (start_over, bereft, former) = (context.clone(), context.clone(), context.clone());
    let tenants = controller(context.view.tenants.now(), tenants, &token)
        .reconcile_on(together(patient))
        .reconcile_all_on(changes().inspect(move |()| start_over.forget(&unread)))
        .reconcile_on(
            changes()
                .then(move |()| leftovers::names(bereft.clone()))
                .flat_map(stream::iter),
        )
        .reconcile_on(
            changes()
                .then(move |()| former::names(former.clone()))
                .flat_map(stream::iter),
        );
    let quotas = controller(context.view.quotas.now(), quotas, &token).reconcile_all_on(changes());
    let settings = integration_configs(&context, &token).reconcile_all_on(changes());
    let place = installation(&context, &token).reconcile_all_on(changes());
    // On the heap: together they would not fit a thread's stack.
    let work = async {
        tokio::join!(
            Box::pin(keeping),
            Box::pin(told(
                tenants.run(
                    |tenant, context| reconciled("tenant", reconcile(tenant, context)),
                    again,
                    context.clone(),
                ),
                |name| { absent(context.clone(), look_again.clone(), token.clone(), name).boxed() },
            )),
            Box::pin(told(
                quotas.run(
                    |quota, context| reconciled("quota", quota::reconcile(quota, context)),
                    again,
                    context.clone(),
                ),
                |name| unreadable::quota(context.clone(), name).boxed(),
            )),
            Box::pin(told(
                settings.run(
                    |config, context| {
                        reconciled("integration_config", settings::reconcile(config, context))
                    },
                    again,
                    context.clone(),
                ),
                |_| ready(()).boxed(),
            )),
            Box::pin(told(
                place.run(
                    |place, context| {
                        reconciled("installation", privileged::reconcile(place, context))
                    },
                    again,
                    context.clone(),
                ),
                |_| ready(()).boxed(),
            )),
        );
        Ok(())
    };
    tokio::try_join!(sharing, work)?;
    context.shards.leave().await;
    Ok(())
}

/// Looks at a tenant that is not in the view: it cannot be read, or it is gone and may have left something.
async fn absent(context: Arc<Context>, queue: Queue, token: CancellationToken, name: String) {
    unreadable::tenant(context.clone(), name.clone()).await;
    // What is still left at the end of the process is seen at the next start.
    token
        .run_until_cancelled(leftovers::tenant(&context, &queue, &name))
        .await;
}

/// A controller of what `names` asks for.
fn controller<K>(
    now: Store<K>,
    names: mpsc::Receiver<ObjectRef<K>>,
    token: &CancellationToken,
) -> Controller<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    Controller::for_stream(stream::pending(), now)
        .with_config(ControllerConfig::default().concurrency(CONCURRENCY))
        .reconcile_on(ReceiverStream::new(names))
        .graceful_shutdown_on(token.clone().cancelled_owned())
}

/// Each name once of all that come within a while.
fn together<K>(names: mpsc::Receiver<ObjectRef<K>>) -> impl Stream<Item = ObjectRef<K>>
where
    K: Resource<DynamicType = ()>,
{
    let names = ReceiverStream::new(names);
    let batches = tokio_stream::StreamExt::chunks_timeout(names, QUEUE_MAX, TOGETHER);
    batches.flat_map(|names| stream::iter(names.into_iter().collect::<HashSet<_>>()))
}

fn integration_configs(
    context: &Context,
    token: &CancellationToken,
) -> Controller<Read<IntegrationConfig>> {
    let (client, namespace) = (&context.client, &context.config.namespace);
    Controller::new(
        Api::<Read<IntegrationConfig>>::namespaced(client.clone(), namespace),
        watching(),
    )
    .with_config(ControllerConfig::default().concurrency(1))
    .trigger_backoff(watch_again())
    .owns(
        Api::<Ingress>::namespaced(client.clone(), namespace),
        ours(),
    )
    .graceful_shutdown_on(token.clone().cancelled_owned())
}

/// A controller of the namespace of the installation, for what must be in it whether or not there is an IntegrationConfig.
fn installation(context: &Context, token: &CancellationToken) -> Controller<Namespace> {
    let (client, namespace) = (&context.client, &context.config.namespace);
    let named = |name: &str| watching().fields(&format!("metadata.name={name}"));
    let place = ObjectRef::<Namespace>::new(namespace);
    let again = place.clone();
    Controller::new(Api::<Namespace>::all(client.clone()), named(namespace))
        .with_config(ControllerConfig::default().concurrency(1))
        .trigger_backoff(watch_again())
        .watches(
            Api::<Read<IntegrationConfig>>::namespaced(client.clone(), namespace),
            named(integration_config::NAME),
            move |_: Read<IntegrationConfig>| Some(place.clone()),
        )
        .watches(
            Api::<ConfigMap>::namespaced(client.clone(), namespace),
            named(privileged::NAME),
            move |_: ConfigMap| Some(again.clone()),
        )
        .graceful_shutdown_on(token.clone().cancelled_owned())
}

fn again<K>(_: Arc<K>, failure: &Error, _: Arc<Context>) -> Action {
    Action::requeue(failure.retry_after())
}

/// Drives a controller and logs what failed, once; `missing` hears of what it was asked for in vain.
async fn told<K, E>(
    ends: impl Stream<Item = Result<(ObjectRef<K>, Action), controller::Error<Error, E>>>,
    missing: impl Fn(String) -> BoxFuture<'static, ()>,
) where
    K: Resource,
    E: std::error::Error + Debug + 'static,
{
    // The controller goes on meanwhile.
    ends.for_each_concurrent(None, |end| match end {
        Ok(_) => ready(()).boxed(),
        // Something of ours that outlived its tenant, or came before it; or what cannot be read.
        Err(controller::Error::ObjectNotFound(object)) => missing(object.name),
        Err(failure) => {
            tracing::warn!(error = %Chain(&failure), "Reconcile interrupted; it is tried again.");
            ready(()).boxed()
        }
    })
    .await;
}
