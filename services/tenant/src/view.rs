//! What is there, kept by one watch of each kind and by the answers to our own writes: a reconcile reads memory, and
//! sees what it wrote.
//!
//! Enters: watch events, answers of the apiserver. Leaves: the objects of a tenant, and who must look again.
//! Deliberately absent: any decision about what should be there.

mod custom;
mod dead;
pub(crate) mod demands;
mod doubts;
mod faults;
mod leftovers;
mod light;
mod lost;
mod objects;
mod packed;
mod wants;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::StreamExt as _;
use k8s_openapi::api::{
    core::v1::{LimitRange, Namespace, ResourceQuota},
    networking::v1::{IngressClass, NetworkPolicy},
    rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding},
    scheduling::v1::PriorityClass,
    storage::v1::StorageClass,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::DynamicObject,
    runtime::{
        WatchStreamExt as _,
        reflector::ObjectRef,
        watcher::{self, Event},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use tenantry_k8s::{
    Guardrails, IntegrationConfig, Quota, Tenant, TenantSpec, integration_config, keys,
};
use tenantry_runtime::{
    Chain,
    cluster::{self, watching},
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    read::Read,
    reconcile::{
        build,
        object::{Key, Kind, Object},
    },
};
use custom::Custom;
use demands::Demands;
pub use doubts::Doubt;
use doubts::Doubts;
use faults::Faults;
use light::lighten;
use objects::Change;
pub(crate) use objects::Objects;
use wants::Wants;

/// Objects in one answer to a list: answers come one after the other, and each is waited for.
const PAGE: u32 = 2_000;
/// First tries of a list at once: each takes memory until it is read.
const LISTS: usize = 3;
/// Longest wait for the first lists.
const LISTS_MAX: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Default)]
pub struct View {
    pub(crate) tenants: Custom<Tenant>,
    pub(crate) quotas: Custom<Quota>,
    pub(crate) configs: Objects<IntegrationConfig>,
    pub(crate) namespaces: Objects<Namespace>,
    pub(crate) shares: Objects<ResourceQuota>,
    pub(crate) limits: Objects<LimitRange>,
    pub(crate) bindings: Objects<RoleBinding>,
    pub(crate) roles: Objects<ClusterRole>,
    pub(crate) role_bindings: Objects<ClusterRoleBinding>,
    pub(crate) guardrails: Objects<Guardrails>,
    pub(crate) network_policies: Objects<NetworkPolicy>,
    pub(crate) storage_classes: Objects<StorageClass>,
    pub(crate) ingress_classes: Objects<IngressClass>,
    pub(crate) priority_classes: Objects<PriorityClass>,
    pub(crate) demands: Demands,
    pub(crate) doubts: Doubts,
    moved: watch::Sender<()>,
    /// What of the above cannot be read.
    pub(crate) faults: Faults,
    wants: Wants,
}

/// The first lists are not in yet.
#[derive(Debug, thiserror::Error)]
#[error("the cluster was not listed within {} s", LISTS_MAX.as_secs())]
pub struct NotListed;

/// Who must look again.
#[derive(Clone)]
pub(crate) struct Queue {
    pub(crate) tenants: mpsc::Sender<ObjectRef<Tenant>>,
    /// Who can wait for more of their kind.
    pub(crate) patient: mpsc::Sender<ObjectRef<Tenant>>,
    pub(crate) quotas: mpsc::Sender<ObjectRef<Quota>>,
}

impl Queue {
    /// Asks for a look at what no controller has in its store.
    pub(crate) fn look_at(&self, tenants: Vec<String>, quotas: Vec<String>) {
        for name in tenants {
            // A full queue is a busy start; then the log alone tells of it.
            let _ = self.tenants.try_send(ObjectRef::new(&name));
        }
        for name in quotas {
            let _ = self.quotas.try_send(ObjectRef::new(&name));
        }
    }
}

/// Who must look again because of one event.
#[derive(Default)]
struct Again {
    tenants: Vec<String>,
    /// Tenants whose look can wait for more of its kind.
    patient: Vec<String>,
    quotas: Vec<String>,
}

impl View {
    /// Waits until everything was listed once.
    ///
    /// Errors: not within ten seconds.
    pub async fn listed(&self) -> Result<(), NotListed> {
        let all = async {
            tokio::join!(
                self.tenants.listed(),
                self.quotas.listed(),
                self.configs.listed(),
                self.namespaces.listed(),
                self.shares.listed(),
                self.limits.listed(),
                self.bindings.listed(),
                self.roles.listed(),
                self.role_bindings.listed(),
                self.guardrails.listed(),
                self.network_policies.listed(),
                self.storage_classes.listed(),
                self.ingress_classes.listed(),
                self.priority_classes.listed(),
            );
        };
        tokio::time::timeout(LISTS_MAX, all)
            .await
            .map_err(|_elapsed| NotListed)
    }

    /// Older tenants that want a namespace of a name that `tenant` wants, by that name.
    pub(crate) fn rivals(&self, tenant: &Tenant) -> BTreeMap<String, String> {
        let age = |tenant: &Tenant| (tenant.creation_timestamp(), tenant.name_any());
        let own = age(tenant);
        let is_older = |name: &String| {
            let rival = self.tenants.now().get(&ObjectRef::new(name));
            rival.is_some_and(|rival| age(&rival) < own)
        };
        let contested = self.wants.contested(&tenant.name_any()).into_iter();
        contested
            .filter_map(|(name, rivals)| Some((name, rivals.into_iter().find(is_older)?)))
            .collect()
    }

    /// Tenants whose lists have the namespace.
    pub(crate) fn wanting(&self, namespace: &str) -> BTreeSet<String> {
        self.wants.of(namespace)
    }

    /// Objects of ours for `tenant` that are neither namespaces nor shares.
    pub(crate) fn others_of(&self, tenant: &str) -> BTreeMap<Key, Object> {
        let all = [
            self.limits.unread(Kind::LimitRange, tenant),
            self.guardrails.unread(Kind::Guardrails, tenant),
            self.network_policies.unread(Kind::NetworkPolicy, tenant),
            self.bindings.unread(Kind::RoleBinding, tenant),
            self.roles.unread(Kind::ClusterRole, tenant),
            self.role_bindings.unread(Kind::ClusterRoleBinding, tenant),
        ];
        let all = all.into_iter().flatten();
        all.map(|object| (object.key.clone(), object)).collect()
    }

    /// Tells of each change of a share.
    pub(crate) fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// Takes the apiserver's answer to a write of an object of ours.
    pub(crate) fn note(&self, kind: Kind, object: DynamicObject) {
        match kind {
            Kind::Namespace => note(&self.namespaces, object),
            Kind::ResourceQuota => note(&self.shares, object),
            Kind::LimitRange => note(&self.limits, object),
            Kind::RoleBinding => note(&self.bindings, object),
            Kind::ClusterRole => note(&self.roles, object),
            Kind::ClusterRoleBinding => note(&self.role_bindings, object),
            Kind::Guardrails => note(&self.guardrails, object),
            Kind::NetworkPolicy => note(&self.network_policies, object),
            // Of the installation, not of a tenant.
            Kind::Ingress => {}
        }
    }

    /// Takes back an object that we deleted and that is gone.
    pub(crate) fn end(&self, key: &Key, uid: Option<String>) {
        match key.kind {
            Kind::Namespace => self.namespaces.end(key, uid),
            Kind::ResourceQuota => self.shares.end(key, uid),
            Kind::LimitRange => self.limits.end(key, uid),
            Kind::RoleBinding => self.bindings.end(key, uid),
            Kind::ClusterRole => self.roles.end(key, uid),
            Kind::ClusterRoleBinding => self.role_bindings.end(key, uid),
            Kind::Guardrails => self.guardrails.end(key, uid),
            Kind::NetworkPolicy => self.network_policies.end(key, uid),
            Kind::Ingress => {}
        }
    }

    /// Keeps the view until `token` is cancelled, and tells `queue` who must look again.
    pub(crate) async fn keep(
        self: Arc<Self>,
        client: Client,
        install_namespace: String,
        queue: Queue,
        token: CancellationToken,
    ) {
        let config = watching().fields(&format!("metadata.name={}", integration_config::NAME));
        let configs =
            Api::<Read<IntegrationConfig>>::namespaced(client.clone(), &install_namespace);
        let all = Follow {
            view: self,
            client,
            queue,
            first_lists: Arc::new(Semaphore::new(LISTS)),
            token,
        };
        // Each by itself: after a start they all have much to read.
        let mut watches = JoinSet::new();
        watches.spawn(all.of_ours(|view| &view.bindings));
        watches.spawn(all.follow(all.everywhere(), watching(), Self::of_any_tenant));
        watches.spawn(all.follow(all.everywhere(), watching(), Self::of_any_quota));
        watches.spawn(all.follow(configs, config, move |view, event| {
            view.of_any_config(&install_namespace, event)
        }));
        watches.spawn(all.follow(all.everywhere(), small(), Self::of_namespace));
        watches.spawn(all.follow(all.everywhere(), ours(), Self::of_share));
        watches.spawn(all.of_ours(|view| &view.limits));
        watches.spawn(all.of_ours(|view| &view.roles));
        watches.spawn(all.of_ours(|view| &view.role_bindings));
        watches.spawn(all.of_ours(|view| &view.guardrails));
        watches.spawn(all.of_ours(|view| &view.network_policies));
        watches.spawn(all.follow(all.everywhere(), watching(), |view, event| {
            view.of_class(&view.storage_classes, event, |spec| {
                spec.storage_classes.is_some()
            })
        }));
        watches.spawn(all.follow(all.everywhere(), watching(), |view, event| {
            view.of_class(&view.ingress_classes, event, |spec| {
                spec.ingress_classes.is_some()
            })
        }));
        watches.spawn(all.follow(all.everywhere(), watching(), |view, event| {
            view.of_class(&view.priority_classes, event, |spec| {
                spec.pod_priority_classes.is_some()
            })
        }));
        watches.join_all().await;
    }

    /// Tenants that name the quota.
    fn naming(&self, quota: &str) -> Vec<String> {
        let tenants = self.tenants.now().state();
        let naming = tenants.iter().filter(|tenant| tenant.spec.quota == quota);
        naming.map(|tenant| tenant.name_any()).collect()
    }

    fn of_tenant(&self, event: Event<Tenant>) -> Again {
        if matches!(event, Event::InitDone) {
            return self.of_listed_tenants();
        }
        let is_end = matches!(event, Event::Delete(_));
        let Some(tenant) = self.tenants.take(event) else {
            return Again::default();
        };
        let rivals = self.wants.set(&tenant, is_end);
        // The quota it named before, as the status still says. One that has not changed hears nothing new.
        let before = tenant.status.iter().flat_map(|status| &status.quota);
        let before = before.flat_map(|quota| &quota.available);
        let mut quotas: BTreeSet<String> = before.map(|before| before.name.clone()).collect();
        let is_same = quotas.len() == 1 && quotas.contains(&tenant.spec.quota);
        quotas.insert(tenant.spec.quota.clone());
        Again {
            tenants: rivals.into_iter().chain([tenant.name_any()]).collect(),
            quotas: quotas.into_iter().filter(|_| is_end || !is_same).collect(),
            ..Again::default()
        }
    }

    /// A list of all tenants is complete. Of what it does not have, no event tells that it is gone.
    fn of_listed_tenants(&self) -> Again {
        let before = self.tenants.now().state();
        self.tenants.take(Event::InitDone);
        let now = self.tenants.now();
        let is_known = |name: &str| now.get(&ObjectRef::new(name)).is_some();
        let gone = before.iter().filter(|tenant| !is_known(&tenant.name_any()));
        let (gone, quotas): (Vec<_>, Vec<_>) = gone
            .map(|tenant| (tenant.name_any(), tenant.spec.quota.clone()))
            .unzip();
        let unreadable = self.faults.names::<Tenant>();
        let is_there =
            |name: &str| is_known(name) || unreadable.iter().any(|unreadable| unreadable == name);
        Again {
            tenants: self.wants.keep(is_there).into_iter().chain(gone).collect(),
            quotas,
            ..Again::default()
        }
    }

    fn of_quota(&self, event: Event<Quota>) -> Again {
        let is_list = matches!(event, Event::InitApply(_));
        let before = generation_of(&event, &self.quotas);
        let Some(quota) = self.quotas.take(event) else {
            return Again::default();
        };
        let name = quota.name_any();
        // What only changes its status is no news to tenants, and its status changes with every pod.
        let is_news = !is_list && before != quota.metadata.generation;
        Again {
            tenants: if is_news {
                self.naming(&name)
            } else {
                Vec::new()
            },
            quotas: vec![name],
            ..Again::default()
        }
    }

    fn of_config(&self, event: Event<IntegrationConfig>) -> Again {
        let before = self.generation_of_config();
        let changes = self.configs.take(event);
        if changes.is_empty() || before == self.generation_of_config() {
            return Again::default();
        }
        self.everybody()
    }

    fn everybody(&self) -> Again {
        let tenants = self.tenants.now().state();
        Again {
            tenants: tenants.iter().map(|tenant| tenant.name_any()).collect(),
            ..Again::default()
        }
    }

    fn generation_of_config(&self) -> Option<(Option<String>, Option<i64>)> {
        let config = self.configs.only();
        config.map(|config| (config.uid(), config.metadata.generation))
    }

    /// The tenants that a namespace is or was labelled for, and those that want it.
    fn of_namespace(&self, event: Event<Namespace>) -> Again {
        let changes = self.namespaces.take(event);
        let wanting = changes
            .iter()
            .flat_map(|change| self.wants.of(&change.name.1))
            .collect::<Vec<_>>();
        let mut again = of_labelled(changes);
        again.tenants.extend(wanting);
        again
    }

    /// The tenants that have a rule about classes of this kind.
    fn of_class<K>(
        &self,
        classes: &Objects<K>,
        event: Event<K>,
        has_rule: impl Fn(&TenantSpec) -> bool,
    ) -> Again
    where
        K: Resource + Serialize + DeserializeOwned,
    {
        if classes.take(event).is_empty() {
            return Again::default();
        }
        let tenants = self.tenants.now().state();
        let concerned = tenants.iter().filter(|tenant| has_rule(&tenant.spec));
        Again {
            tenants: concerned.map(|tenant| tenant.name_any()).collect(),
            ..Again::default()
        }
    }

    fn of_share(&self, event: Event<ResourceQuota>) -> Again {
        let is_listed = matches!(event, Event::InitDone);
        let is_change = matches!(event, Event::Apply(_));
        match &event {
            Event::Apply(share) | Event::InitApply(share) => {
                self.demands.hear(share, is_change);
                self.doubts.hear(share);
            }
            Event::Delete(share) => {
                let namespace = share.namespace().unwrap_or_default();
                self.demands.forget(&namespace);
                self.doubts.forget(&namespace);
            }
            Event::Init | Event::InitDone => {}
        }
        let quota = match &event {
            Event::Apply(share) | Event::Delete(share) => share.labels().get(build::QUOTA).cloned(),
            Event::Init | Event::InitApply(_) | Event::InitDone => None,
        };
        let mut again = of_labelled(self.shares.take(event));
        if is_listed {
            let has_share = |namespace: &str| self.shares.has(namespace, build::SHARE);
            self.demands.keep(has_share);
            self.doubts.keep(has_share);
        }
        if !again.tenants.is_empty() {
            again.quotas.extend(quota);
        }
        self.moved.send_replace(());
        if is_change {
            let tenants = again.tenants.into_iter();
            (again.tenants, again.patient) = tenants.partition(|tenant| self.is_urgent(tenant));
        }
        again
    }

    /// Whether a create in a namespace of the tenant waits for a share, or may find one that is free by mistake only.
    fn is_urgent(&self, tenant: &str) -> bool {
        let shares = self.shares.names_of(tenant);
        let namespaces = || shares.iter().map(|(namespace, _)| namespace.clone());
        !self.demands.of(namespaces()).is_empty() || !self.doubts.of(namespaces()).is_empty()
    }
}

fn generation_of(event: &Event<Quota>, quotas: &Custom<Quota>) -> Option<i64> {
    let (Event::Apply(quota) | Event::Delete(quota)) = event else {
        return None;
    };
    let known = quotas.now().get(&ObjectRef::from_obj(quota))?;
    // An older one is a change that nobody was told of.
    let is_newer = quotas.age(quota) != Some(Ordering::Less);
    let is_same = known.uid() == quota.uid() && is_newer && !matches!(event, Event::Delete(_));
    is_same.then_some(known.metadata.generation)?
}

fn of_labelled(changes: Vec<Change>) -> Again {
    Again {
        tenants: changes
            .into_iter()
            .flat_map(|change| change.tenants)
            .collect(),
        ..Again::default()
    }
}

fn note<K>(objects: &Objects<K>, object: DynamicObject)
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
{
    match object.try_parse::<K>() {
        Ok(object) => objects.note(object),
        // The watch tells of it, too.
        Err(failure) => tracing::warn!(error = %Chain(&failure), "An answer could not be read."),
    }
}

/// A watch of what is ours.
pub(crate) fn ours() -> watcher::Config {
    small().labels(&format!("{}={}", keys::MANAGED_BY, build::MANAGED_BY))
}

/// A watch of objects of a kilobyte or two each.
fn small() -> watcher::Config {
    watching().page_size(PAGE)
}

/// Revision of an object: the apiserver's versions are numbers that grow, also between objects of one kind.
fn revision<K: Resource>(object: &K) -> u64 {
    let version = object.meta().resource_version.as_deref();
    version
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}

/// Follows watches.
#[derive(Clone)]
struct Follow {
    view: Arc<View>,
    client: Client,
    queue: Queue,
    first_lists: Arc<Semaphore>,
    token: CancellationToken,
}

impl Follow {
    fn everywhere<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = ()>,
    {
        Api::all(self.client.clone())
    }

    /// Objects that we write for tenants.
    fn of_ours<K>(
        &self,
        objects: fn(&View) -> &Objects<K>,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        K: Resource<DynamicType = ()>
            + Clone
            + Serialize
            + DeserializeOwned
            + Debug
            + Send
            + 'static,
    {
        self.follow(self.everywhere(), ours(), move |view, event| {
            of_labelled(objects(view).take(event))
        })
    }

    fn follow<K>(
        &self,
        api: Api<K>,
        config: watcher::Config,
        take: impl Fn(&View, Event<K>) -> Again + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let this = self.clone();
        async move {
            let events = cluster::watch(api, config).modify(lighten);
            let mut events = pin!(events.take_until(this.token.cancelled()));
            // Nobody closes it.
            let mut turn = this.first_lists.acquire().await.ok();
            while let Some(event) = events.next().await {
                if !matches!(event, Ok(Event::Init | Event::InitApply(_))) {
                    drop(turn.take());
                }
                match event {
                    Ok(event) => this.tell(take(&this.view, event)).await,
                    Err(failure) => {
                        let kind = K::kind(&());
                        tracing::warn!(%kind, error = %Chain(&failure), "A watch is taken up again.");
                    }
                }
            }
        }
    }

    async fn tell(&self, again: Again) {
        for name in again.tenants {
            // Nobody listens any more only when the process stops.
            let _ = self.queue.tenants.send(ObjectRef::new(&name)).await;
        }
        for name in again.patient {
            let _ = self.queue.patient.send(ObjectRef::new(&name)).await;
        }
        for name in again.quotas {
            let _ = self.queue.quotas.send(ObjectRef::new(&name)).await;
        }
    }
}
