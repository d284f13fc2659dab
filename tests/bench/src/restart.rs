use std::time::Duration;

use k8s_openapi::api::{
    core::v1::{LimitRange, Namespace, ResourceQuota},
    rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding},
};
use kube::{Api, Client, Resource, api::ListParams};
use serde::de::DeserializeOwned;
use tenantry_k8s::Tenant;
use tokio::time::Instant;

use crate::{
    Size,
    audit::{self, Write},
    world::World,
};

/// What the service says once it has looked at every tenant that is its own.
const LOOKED: &str = "Looked at every tenant.";

/// A restart after a crash.
#[derive(Debug, Clone)]
pub(crate) struct Restart {
    /// Until every tenant was looked at.
    pub(crate) took: Duration,
    /// The time of the lists that nobody could do without.
    pub(crate) lists: Duration,
    /// Writes until then.
    pub(crate) writes: Vec<Write>,
}

pub(crate) async fn run(world: &mut World, size: &Size) -> anyhow::Result<Restart> {
    let said = |world: &World| world.log().matches(LOOKED).count();
    world.kill_service();
    let lists = lists(&world.client).await?;
    let (before, looked) = (audit::writes(world)?.len(), said(world));
    let began = Instant::now();
    world.start_service().await?;
    tenantry_testkit::eventually("a look at every tenant", async || {
        let now = said(world);
        (now >= looked + size.replicas).then_some(()).ok_or(now)
    })
    .await;
    let took = began.elapsed();
    let writes = audit::since(world, before)?;
    Ok(Restart {
        took,
        lists,
        writes,
    })
}

/// Each kind that the service looks at, all at once, decoded.
async fn lists(client: &Client) -> anyhow::Result<Duration> {
    let began = Instant::now();
    tokio::try_join!(
        list::<Tenant>(client, ""),
        list::<Namespace>(client, ""),
        list::<ResourceQuota>(client, OURS),
        list::<LimitRange>(client, OURS),
        list::<RoleBinding>(client, OURS),
        list::<ClusterRole>(client, OURS),
        list::<ClusterRoleBinding>(client, OURS),
    )?;
    Ok(began.elapsed())
}

const OURS: &str = "app.kubernetes.io/managed-by=tenantry-tenant";

async fn list<K>(client: &Client, labels: &str) -> anyhow::Result<()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    Api::<K>::all(client.clone())
        .list(&ListParams::default().labels(labels))
        .await?;
    Ok(())
}
