//! Creates that fit the budget but not the share of their namespace.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{
    api::core::v1::{Pod, ResourceQuota, ServiceAccount},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;
use tenantry_testkit::eventually;
use tokio::time::Instant;

use super::{latency::Times, places};
use crate::world::World;

const TENANT: &str = "moves";
const NAMESPACES: [&str; 2] = ["moves-a", "moves-b"];
/// Of a budget of two cores, in two shares.
const EVEN: &str = "1";

/// Times of creates.
pub(super) struct Moves {
    /// For which slack had to be moved first.
    pub(super) moved: Times,
    /// For which it had not.
    pub(super) plain: Times,
    /// Of the former, refused at the first try.
    pub(super) refused: usize,
}

pub(super) async fn measure(world: &World, samples: usize) -> anyhow::Result<Moves> {
    let namespaces = ["a", "b"].map(str::to_owned);
    places::tenant(world, TENANT, &json!({"requests.cpu": "2"}), &namespaces).await?;
    for namespace in NAMESPACES {
        accounts(world, namespace).await;
    }
    let mut moves = Moves {
        moved: Times::new(),
        plain: Times::new(),
        refused: 0,
    };
    for sample in 0..samples {
        let namespace = NAMESPACES[sample % NAMESPACES.len()];
        even(world).await;
        match create(world, namespace, "1500m").await? {
            Some(time) => moves.moved.push(time),
            None => moves.refused += 1,
        }
        even(world).await;
        moves.plain.extend(create(world, namespace, "500m").await?);
    }
    moves.moved.sort();
    moves.plain.sort();
    Ok(moves)
}

/// The time of creating a pod, which is deleted at once; none if a quota refuses it.
async fn create(world: &World, namespace: &str, cpu: &str) -> anyhow::Result<Option<Duration>> {
    let container = json!({"name": "one", "image": "one", "resources": {"requests": {"cpu": cpu}}});
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "one"}, "spec": {"containers": [container]},
    }))?;
    let api = Api::<Pod>::namespaced(world.client.clone(), namespace);
    let began = Instant::now();
    let created = api.create(&PostParams::default(), &pod).await;
    let took = began.elapsed();
    match created {
        Ok(_) => {
            let now = DeleteParams::default().grace_period(0);
            api.delete("one", &now).await?;
            Ok(Some(took))
        }
        Err(kube::Error::Api(status)) if status.message.contains("exceeded quota") => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// Waits until nothing is used and both shares are the same.
async fn even(world: &World) {
    for namespace in NAMESPACES {
        let quotas = Api::<ResourceQuota>::namespaced(world.client.clone(), namespace);
        eventually("even shares", async || {
            let quota = quotas.get("tenant-quota").await.unwrap();
            let status = quota.status.unwrap_or_default();
            let of = |map: Option<BTreeMap<String, Quantity>>| Some(map?.remove("requests.cpu")?.0);
            let found = [of(status.hard), of(status.used)];
            let is_even = found == [EVEN, "0"].map(|text| Some(text.to_owned()));
            is_even.then_some(()).ok_or(found)
        })
        .await;
    }
}

/// Waits for the account that pods run as.
async fn accounts(world: &World, namespace: &str) {
    let accounts = Api::<ServiceAccount>::namespaced(world.client.clone(), namespace);
    eventually("the default service account", async || {
        accounts.get("default").await
    })
    .await;
}
