//! The three controllers, and which change concerns whom.

use std::{
    collections::HashMap,
    fmt::Debug,
    future,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::{
    core::v1::{LimitRange, Namespace, ResourceQuota},
    networking::v1::Ingress,
    rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    runtime::{
        Controller,
        controller::{Action, Config as ControllerConfig},
        events::{Recorder, Reporter},
        reflector::{ObjectRef, Store as Cache},
        watcher,
    },
};
use tenantry_k8s::{IntegrationConfig, Quota, Tenant, integration_config, keys};
use tenantry_runtime::{Chain, Pulse};
use tokio_util::sync::CancellationToken;

use super::{
    Context, Error, SOON, build, memory::Memory, object::MANAGER, quota, reconcile, settings,
    validate,
};
use crate::{cluster::watching, config::ClusterConfig, store::Store};

/// Reconciles at once, of each controller: the apiserver has others to serve.
const CONCURRENCY: u16 = 4;

/// The tenants of the cluster, kept by a watch.
pub type Tenants = Cache<Tenant>;

/// Builds the controllers. Gives the cache of tenants, and the work, which ends with `token`.
pub fn run(
    client: Client,
    store: Store,
    config: ClusterConfig,
    pulse: Pulse,
    token: CancellationToken,
) -> (Tenants, impl Future<Output = anyhow::Result<()>> + Send) {
    let reporter = Reporter {
        controller: MANAGER.to_owned(),
        instance: None,
    };
    let recorder = Recorder::new(client.clone(), reporter);
    let context = Arc::new(Context {
        client,
        store,
        config,
        recorder,
        memory: Memory::default(),
    });
    let controller = Controller::new(Api::<Tenant>::all(context.client.clone()), watching());
    let tenants = controller.store();
    let work = all(controller, context, pulse, token);
    (tenants, work)
}

async fn all(
    controller: Controller<Tenant>,
    context: Arc<Context>,
    pulse: Pulse,
    token: CancellationToken,
) -> anyhow::Result<()> {
    let cache = controller.store();
    let tenants =
        tenants(controller, &context, cache, &token).run(reconcile, again, context.clone());
    let quotas = quotas(&context, &token).run(quota::reconcile, again, context.clone());
    let settings = integration_configs(&context, &token).run(settings::reconcile, again, context);
    tokio::join!(
        told(tenants),
        told(quotas),
        told(settings),
        beat(pulse, token)
    );
    Ok(())
}

fn tenants(
    controller: Controller<Tenant>,
    context: &Context,
    cache: Tenants,
    token: &CancellationToken,
) -> Controller<Tenant> {
    let client = &context.client;
    let (quotas, settings) = (Heard::default(), Heard::default());
    let (for_namespaces, for_quotas, for_settings) = (cache.clone(), cache.clone(), cache);
    let in_install =
        Api::<IntegrationConfig>::namespaced(client.clone(), &context.config.namespace);
    let the_one = watching().fields(&format!("metadata.name={}", integration_config::NAME));
    controller
        .with_config(ControllerConfig::default().concurrency(CONCURRENCY))
        .watches(
            Api::<Namespace>::all(client.clone()),
            watching(),
            move |namespace| of_namespace(&for_namespaces, &namespace),
        )
        .watches(
            Api::<ResourceQuota>::all(client.clone()),
            ours(),
            |object| labelled(&object),
        )
        .watches(Api::<LimitRange>::all(client.clone()), ours(), |object| {
            labelled(&object)
        })
        .watches(Api::<RoleBinding>::all(client.clone()), ours(), |object| {
            labelled(&object)
        })
        .watches(Api::<ClusterRole>::all(client.clone()), ours(), |object| {
            labelled(&object)
        })
        .watches(
            Api::<ClusterRoleBinding>::all(client.clone()),
            ours(),
            |object| labelled(&object),
        )
        .watches(
            Api::<Quota>::all(client.clone()),
            watching(),
            move |quota: Quota| {
                if quotas.is_news(&quota) {
                    of_quota(&for_quotas, &quota)
                } else {
                    Vec::new()
                }
            },
        )
        .watches(in_install, the_one, move |config: IntegrationConfig| {
            if settings.is_news(&config) {
                every(&for_settings)
            } else {
                Vec::new()
            }
        })
        .graceful_shutdown_on(token.clone().cancelled_owned())
}

fn quotas(context: &Context, token: &CancellationToken) -> Controller<Quota> {
    let client = &context.client;
    Controller::new(Api::<Quota>::all(client.clone()), watching())
        .with_config(ControllerConfig::default().concurrency(CONCURRENCY))
        .watches(
            Api::<Tenant>::all(client.clone()),
            watching(),
            |tenant: Tenant| {
                // Also the one it named before, as the status still says.
                let before = tenant
                    .status
                    .into_iter()
                    .filter_map(|status| status.quota)
                    .flat_map(|quota| quota.available);
                let names = before
                    .map(|available| available.name)
                    .chain([tenant.spec.quota]);
                names
                    .map(|name| ObjectRef::<Quota>::new(&name))
                    .collect::<Vec<_>>()
            },
        )
        .watches(
            Api::<ResourceQuota>::all(client.clone()),
            ours(),
            |share: ResourceQuota| {
                share
                    .labels()
                    .get(build::QUOTA)
                    .map(|name| ObjectRef::<Quota>::new(name))
            },
        )
        .graceful_shutdown_on(token.clone().cancelled_owned())
}

fn integration_configs(
    context: &Context,
    token: &CancellationToken,
) -> Controller<IntegrationConfig> {
    let (client, namespace) = (&context.client, &context.config.namespace);
    Controller::new(
        Api::<IntegrationConfig>::namespaced(client.clone(), namespace),
        watching(),
    )
    .with_config(ControllerConfig::default().concurrency(1))
    .owns(
        Api::<Ingress>::namespaced(client.clone(), namespace),
        ours(),
    )
    .graceful_shutdown_on(token.clone().cancelled_owned())
}

fn ours() -> watcher::Config {
    watching().labels(&format!("{}={}", keys::MANAGED_BY, build::MANAGED_BY))
}

fn labelled<K: ResourceExt>(object: &K) -> Option<ObjectRef<Tenant>> {
    object
        .labels()
        .get(keys::TENANT)
        .map(|tenant| ObjectRef::new(tenant))
}

/// Specs heard of: what only changes its status is no news to tenants, and its status changes with every pod.
#[derive(Default)]
struct Heard(Mutex<HashMap<String, Spec>>);

/// Which spec: uid and generation.
type Spec = (Option<String>, Option<i64>);

impl Heard {
    fn is_news<K: ResourceExt>(&self, object: &K) -> bool {
        let meta = object.meta();
        let state = (meta.uid.clone(), meta.generation);
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert(object.name_any(), state.clone()) != Some(state)
            || meta.deletion_timestamp.is_some()
    }
}

/// The tenant that a namespace is labelled for, and those that want or had it.
fn of_namespace(tenants: &Tenants, namespace: &Namespace) -> Vec<ObjectRef<Tenant>> {
    let name = namespace.name_any();
    let concerned = tenants.state().into_iter().filter(|tenant| {
        let had = tenant
            .status
            .iter()
            .flat_map(|status| &status.managed_namespaces);
        had.into_iter().any(|had| *had == name) || validate::wanted_names(tenant).contains(&name)
    });
    concerned
        .map(|tenant| ObjectRef::from(&*tenant))
        .chain(labelled(namespace))
        .collect()
}

fn of_quota(tenants: &Tenants, quota: &Quota) -> Vec<ObjectRef<Tenant>> {
    let name = quota.name_any();
    let naming = tenants
        .state()
        .into_iter()
        .filter(|tenant| tenant.spec.quota == name);
    naming.map(|tenant| ObjectRef::from(&*tenant)).collect()
}

fn every(tenants: &Tenants) -> Vec<ObjectRef<Tenant>> {
    tenants
        .state()
        .iter()
        .map(|tenant| ObjectRef::from(&**tenant))
        .collect()
}

fn again<K>(_: Arc<K>, _: &Error, _: Arc<Context>) -> Action {
    Action::requeue(SOON)
}

/// Drives a controller and logs what failed, once.
async fn told<K, E>(ends: impl Stream<Item = Result<(ObjectRef<K>, Action), E>>)
where
    K: Resource,
    E: std::error::Error + Debug + 'static,
{
    ends.for_each(|end| {
        if let Err(failure) = end {
            tracing::warn!(error = %Chain(&failure), "Reconcile interrupted; it is tried again.");
        }
        future::ready(())
    })
    .await;
}

/// The controllers' sign of life: they share this task, so a stuck one silences it.
async fn beat(pulse: Pulse, token: CancellationToken) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_secs(1));
    while token.run_until_cancelled(ticks.tick()).await.is_some() {
        pulse.beat();
    }
}
