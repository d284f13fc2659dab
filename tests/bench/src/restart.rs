use std::time::Duration;

use anyhow::ensure;
use backon::{ConstantBuilder, Retryable as _};
use k8s_openapi::api::{
    core::v1::{LimitRange, Namespace, ResourceQuota},
    networking::v1::{IngressClass, NetworkPolicy},
    rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding},
    scheduling::v1::PriorityClass,
    storage::v1::StorageClass,
};
use kube::{Api, Client, Resource, api::ListParams};
use serde::de::DeserializeOwned;
use tenantry_k8s::{Guardrails, IntegrationConfig, Quota, Tenant};
use tokio::time::Instant;

use crate::{
    Size,
    audit::{self, Write},
    world::World,
};

/// How exactly the end of a restart is known.
const EXACT: Duration = Duration::from_millis(10);
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
    world.kill_service();
    // On the heap: it is large, for each list is.
    let lists = Box::pin(lists(&world.client)).await?;
    let (before, log) = (audit::writes(world)?.len(), world.log_bytes()?);
    let began = Instant::now();
    world.start_service().await?;
    let looks = ConstantBuilder::new()
        .with_delay(EXACT)
        .with_max_times(6_000);
    let have_looked = async || {
        let said = world.log_after(log)?;
        let have_looked = said.matches(LOOKED).count();
        ensure!(
            have_looked >= size.replicas,
            "{have_looked} replicas have looked at every tenant"
        );
        Ok(())
    };
    have_looked.retry(looks).await?;
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
        list::<Quota>(client, ""),
        list::<IntegrationConfig>(client, ""),
        list::<Namespace>(client, ""),
        list::<ResourceQuota>(client, OURS),
        list::<LimitRange>(client, OURS),
        list::<RoleBinding>(client, OURS),
        list::<ClusterRole>(client, OURS),
        list::<ClusterRoleBinding>(client, OURS),
        list::<Guardrails>(client, OURS),
        list::<NetworkPolicy>(client, OURS),
        list::<StorageClass>(client, ""),
        list::<IngressClass>(client, ""),
        list::<PriorityClass>(client, ""),
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
