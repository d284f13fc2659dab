use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    core::v1::{Namespace, ResourceQuota},
};
use kube::{
    Api, ResourceExt,
    api::PostParams,
    runtime::{WatchStreamExt as _, watcher},
};
use tenantry_k8s::Tenant;
use tenantry_testkit::is_ready;
use tokio::time::Instant;

use crate::{Size, flood::AT_ONCE, world::World};

/// Longer than any size that is measured here takes.
const PATIENCE: Duration = Duration::from_secs(900);

/// When each tenant said that it is ready, at its present generation.
pub(crate) async fn ready(
    world: &World,
    names: &[String],
) -> anyhow::Result<BTreeMap<String, Instant>> {
    let mut waiting: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut ready = BTreeMap::new();
    let tenants = Api::<Tenant>::all(world.client.clone());
    let mut told = pin!(
        watcher(tenants, watcher::Config::default())
            .default_backoff()
            .applied_objects()
    );
    let all = async {
        while !waiting.is_empty() {
            let tenant = told.next().await.context("the watch ended")??;
            let name = tenant.name_any();
            if is_ready(&tenant, tenant.metadata.generation) && waiting.remove(name.as_str()) {
                ready.insert(name, Instant::now());
            }
        }
        anyhow::Ok(())
    };
    if tokio::time::timeout(PATIENCE, all)
        .await
        .map(|done| done.is_err())
        .unwrap_or(true)
    {
        bail!("not ready: {waiting:?}");
    }
    Ok(ready)
}

/// Whether what was said is so: namespaces active, quotas enforced, the owner let in here and refused next door.
pub(crate) async fn hold(world: &World, names: &[String], size: &Size) -> anyhow::Result<()> {
    let neighbours = names.iter().zip(names.iter().cycle().skip(1));
    let checks: Vec<_> = neighbours
        .map(|(name, other)| check(world, name, other, size))
        .collect();
    stream::iter(checks)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn check(world: &World, name: &str, other: &str, size: &Size) -> anyhow::Result<()> {
    let owner = format!("{name}@nordmart.com");
    for number in 0..size.namespaces {
        let (own, foreign) = (format!("{name}-n{number}"), format!("{other}-n{number}"));
        let namespace = Api::<Namespace>::all(world.client.clone())
            .get(&own)
            .await?;
        let phase = namespace.status.and_then(|status| status.phase);
        ensure!(phase.as_deref() == Some("Active"), "{own} is {phase:?}");
        let shares = Api::<ResourceQuota>::namespaced(world.client.clone(), &own);
        let share = shares.get("tenant-quota").await?;
        let hard = share
            .status
            .and_then(|status| status.hard)
            .unwrap_or_default();
        ensure!(
            hard.contains_key("configmaps") && hard.contains_key("memory"),
            "{own}: {hard:?}"
        );
        ensure!(
            may(world, &owner, &own).await?,
            "{owner} is refused in {own}"
        );
        ensure!(
            other == name || !may(world, &owner, &foreign).await?,
            "{owner} is let into {foreign}"
        );
    }
    Ok(())
}

async fn may(world: &World, user: &str, namespace: &str) -> anyhow::Result<bool> {
    let attributes = ResourceAttributes {
        namespace: Some(namespace.to_owned()),
        verb: Some("create".to_owned()),
        resource: Some("pods".to_owned()),
        ..ResourceAttributes::default()
    };
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user.to_owned()),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews = Api::<SubjectAccessReview>::all(world.client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Waits until the enforced shares of each tenant add up to `configmaps`.
pub(crate) async fn shares(world: &World, size: &Size, configmaps: usize) -> anyhow::Result<()> {
    let mut of_tenant: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let all = Api::<ResourceQuota>::all(world.client.clone());
    let mut told = pin!(
        watcher(all, watcher::Config::default())
            .default_backoff()
            .applied_objects()
    );
    let is_split = |shares: &BTreeMap<String, usize>| shares.values().sum::<usize>() == configmaps;
    let waiting = async {
        loop {
            let share = told.next().await.context("the watch ended")??;
            let tenant = share
                .labels()
                .get("stakater.com/tenant")
                .cloned()
                .unwrap_or_default();
            let hard = share
                .status
                .as_ref()
                .and_then(|status| status.hard.as_ref()?.get("configmaps"));
            let hard = hard
                .and_then(|hard| hard.0.parse().ok())
                .unwrap_or_default();
            let shares = of_tenant.entry(tenant).or_default();
            shares.insert(share.namespace().unwrap_or_default(), hard);
            let is_done = of_tenant.len() == size.tenants && of_tenant.values().all(is_split);
            if is_done {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .context("shares of the edited quota")?
}
