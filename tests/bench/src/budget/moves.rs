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
use tenantry_k8s::quantity::{Millis, amounts};
use tenantry_testkit::eventually;
use tokio::time::Instant;

use super::{latency::Times, places};
use crate::world::World;

/// Each rests while the others have their turn: what was deleted a moment ago may still count as used.
const TENANTS: usize = 20;
/// Cores of a budget, which is in two shares.
const BUDGET: i128 = 2;
const MILLI: i128 = 1000;

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
    for tenant in 0..TENANTS {
        let namespaces = ["a", "b"].map(str::to_owned);
        let budget = json!({"resourcequota": {"hard": {"requests.cpu": BUDGET.to_string()}}});
        places::tenant(world, &format!("moves{tenant}"), &budget, &namespaces).await?;
        for namespace in pair(tenant) {
            accounts(world, &namespace).await;
        }
    }
    let mut moves = Moves {
        moved: Times::new(),
        plain: Times::new(),
        refused: 0,
    };
    for sample in 0..samples {
        let pair = pair(sample % TENANTS);
        let [a, b] = unused(world, &pair).await;
        let (small, large) = if a < b { (0, 1) } else { (1, 0) };
        // Beyond the smaller share, within the budget.
        let (less, more) = (a.min(b), a.max(b));
        moves
            .plain
            .extend(create(world, &pair[large], more / 2).await?);
        unused(world, &pair).await;
        match create(world, &pair[small], less + more / 2).await? {
            Some(time) => moves.moved.push(time),
            None => moves.refused += 1,
        }
    }
    moves.moved.sort();
    moves.plain.sort();
    Ok(moves)
}

fn pair(tenant: usize) -> [String; 2] {
    ["a", "b"].map(|namespace| format!("moves{tenant}-{namespace}"))
}

/// The time of creating a pod, which is deleted at once; none if a quota refuses it.
async fn create(world: &World, namespace: &str, cpu: i128) -> anyhow::Result<Option<Duration>> {
    let requests = json!({"requests": {"cpu": format!("{cpu}m")}});
    let container = json!({"name": "one", "image": "one", "resources": requests});
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

/// The shares of a tenant, in thousandths of a core, once nothing is used and the whole budget is in them.
async fn unused(world: &World, pair: &[String; 2]) -> [i128; 2] {
    eventually("a budget that is not used", async || {
        let mut shares = [0; 2];
        for (share, namespace) in shares.iter_mut().zip(pair) {
            let quotas = Api::<ResourceQuota>::namespaced(world.client.clone(), namespace);
            let quota = quotas.get("tenant-quota").await.unwrap();
            let status = quota.status.unwrap_or_default();
            let of = |map: Option<BTreeMap<String, Quantity>>| {
                let amount = amounts(map.as_ref()).remove("requests.cpu");
                amount.map(Millis::get)
            };
            let (hard, used) = (of(status.hard), of(status.used));
            *share = hard.filter(|_| used == Some(0)).unwrap_or_default();
        }
        let is_whole = shares.iter().sum::<i128>() == BUDGET * MILLI;
        is_whole.then_some(shares).ok_or(shares)
    })
    .await
}

/// Waits for the account that pods run as.
async fn accounts(world: &World, namespace: &str) {
    let accounts = Api::<ServiceAccount>::namespaced(world.client.clone(), namespace);
    eventually("the default service account", async || {
        accounts.get("default").await
    })
    .await;
}
