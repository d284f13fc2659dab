use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tenantry_k8s::{Quota, Tenant};
use tokio::time::Instant;

use crate::{Size, flood::AT_ONCE, judge, world::World};

/// The service's times for all tenants.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    /// From the first apply until the last tenant was ready.
    pub(crate) took: Duration,
    /// From each tenant's apply until it was ready, sorted.
    pub(crate) each: Vec<Duration>,
}

/// Applies every tenant at once and waits until each is ready.
pub(crate) async fn run(world: &World, size: &Size) -> anyhow::Result<Applied> {
    quota(world, 10).await?;
    let names = names(size);
    let judging = judge::ready(world, &names);
    let began = Instant::now();
    let applying = async {
        let applied: Vec<_> = names
            .iter()
            .map(|name| timed(&world.client, name, size))
            .collect();
        stream::iter(applied)
            .buffer_unordered(AT_ONCE)
            .try_collect::<BTreeMap<_, _>>()
            .await
    };
    let (applied, ready) = tokio::try_join!(applying, judging)?;
    let took = ready
        .values()
        .max()
        .map(|at| *at - began)
        .unwrap_or_default();
    let mut each: Vec<Duration> = applied.iter().map(|(name, at)| ready[name] - *at).collect();
    each.sort();
    judge::hold(world, &names, size).await?;
    Ok(Applied { took, each })
}

async fn timed(client: &Client, name: &str, size: &Size) -> anyhow::Result<(String, Instant)> {
    let at = Instant::now();
    tenant(client, name, size).await?;
    Ok((name.to_owned(), at))
}

/// Names of the tenants of a round.
pub(crate) fn names(size: &Size) -> Vec<String> {
    (0..size.tenants).map(|n| format!("team-{n}")).collect()
}

/// Changes the quota that all tenants share; gives the time until every share is the new one.
pub(crate) async fn edit(world: &World, size: &Size) -> anyhow::Result<Duration> {
    let began = Instant::now();
    quota(world, 20).await?;
    judge::shares(world, size, 20).await?;
    Ok(began.elapsed())
}

/// The quota that all tenants share: so many configmaps for each namespace of a tenant.
pub(crate) async fn quota(world: &World, configmaps: usize) -> anyhow::Result<()> {
    let spec = json!({
        "resourcequota": {"hard": {"configmaps": configmaps.to_string(), "memory": "8Gi"}},
        "limitrange": {"limits": [{"type": "Container", "max": {"cpu": "800m"}, "min": {"cpu": "200m"}}]},
    });
    quota_of(&world.client, "bench", &spec).await
}

/// A quota.
pub(crate) async fn quota_of(client: &Client, name: &str, spec: &Value) -> anyhow::Result<()> {
    let quota = json!({
        "apiVersion": "tenantoperator.stakater.com/v1beta1", "kind": "Quota",
        "metadata": {"name": name}, "spec": spec,
    });
    put::<Quota>(client, name, &quota).await
}

/// A tenant with one owner of its own.
pub(crate) async fn tenant(client: &Client, name: &str, size: &Size) -> anyhow::Result<()> {
    let namespaces: Vec<String> = (0..size.namespaces).map(|n| format!("n{n}")).collect();
    tenant_of(client, name, "bench", &namespaces).await
}

/// A tenant with one owner of its own, under the quota `quota`.
pub(crate) async fn tenant_of(
    client: &Client,
    name: &str,
    quota: &str,
    namespaces: &[String],
) -> anyhow::Result<()> {
    let tenant = json!({
        "apiVersion": "tenantoperator.stakater.com/v1beta3", "kind": "Tenant",
        "metadata": {"name": name},
        "spec": {
            "quota": quota,
            "namespaces": {"withTenantPrefix": namespaces},
            "accessControl": {"owners": {"users": [format!("{name}@nordmart.com")]}},
        },
    });
    put::<Tenant>(client, name, &tenant).await
}

async fn put<K>(client: &Client, name: &str, object: &Value) -> anyhow::Result<()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let params = PatchParams::apply("bench").force();
    let api = Api::<K>::all(client.clone());
    api.patch(name, &params, &Patch::Apply(object)).await?;
    Ok(())
}
