//! Budgets that are edited while they are in use.

use std::time::{Duration, Instant};

use serde_json::Value;
use tenantry_testkit::eventually;

use crate::{
    budget::{OWNER, quota, tenant},
    support::World,
};

/// From an edit of a budget until what it admits is admitted.
const ADMITTED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_raised_budget_admits_at_once_and_a_lowered_one_evicts_nothing_and_says_so() {
    let world = World::shared().await;
    world.apply(&quota("edited", "{secrets: 4}"));
    world.apply(&tenant("edited", "edited", &["a", "b"]));
    world.wait_for("edited", "Ready", "True").await;
    for number in 0..4 {
        eventually_made(&world, number).await;
    }
    refused(&world);

    world.apply(&quota("edited", "{secrets: 6}"));
    let raised = Instant::now();
    eventually_made(&world, 4).await;
    let took = raised.elapsed();
    println!("admitted {took:?} after the budget was raised");
    assert!(took < ADMITTED, "{took:?}");
    eventually_made(&world, 5).await;
    refused(&world);

    world.apply(&quota("edited", "{secrets: 3}"));
    told(&world, "quota edited", "in use by: edited (secrets)").await;
    told(&world, "tenant edited", "in use of: secrets").await;
    world.wait_for("edited", "Ready", "True").await;
    refused(&world);
    assert_eq!(live(&world), 6);
    let use_of =
        "{.status.tenants.edited.status.hard.secrets} {.status.tenants.edited.status.used.secrets}";
    let query = format!("get quota edited -o jsonpath={}", use_of.replace(' ', "/"));
    world.wait_for_answer(&query, "3/6").await;

    for number in 0..4 {
        let place = place(number);
        world
            .kubectl(&format!("delete secret s{number} -n {place}"))
            .unwrap();
    }
    eventually_made(&world, 6).await;
    not_told(&world, "quota edited").await;
    not_told(&world, "tenant edited").await;
    refused(&world);
    assert_eq!(live(&world), 3);
}

fn place(number: usize) -> &'static str {
    ["edited-a", "edited-b"][number % 2]
}

async fn eventually_made(world: &World, number: usize) {
    let secret = format!(
        "create secret generic s{number} --as {OWNER} -n {}",
        place(number)
    );
    eventually(&secret, async || match world.kubectl(&secret) {
        Err(refusal) if refusal.contains("exceeded quota: tenant-quota") => Err(refusal),
        other => {
            other.unwrap();
            Ok(())
        }
    })
    .await;
}

fn refused(world: &World) {
    for namespace in ["edited-a", "edited-b"] {
        let more = format!("create secret generic more --as {OWNER} -n {namespace}");
        let refused = world.kubectl(&more).unwrap_err();
        assert!(
            refused.contains("exceeded quota: tenant-quota"),
            "{refused}"
        );
    }
}

fn live(world: &World) -> usize {
    let of = |namespace: &str| {
        let secrets = world.get(&format!("secrets -n {namespace}"))["items"].clone();
        secrets.as_array().unwrap().len()
    };
    of("edited-a") + of("edited-b")
}

fn exceeded(world: &World, what: &str) -> Option<Value> {
    let conditions = world.get(what)["status"]["conditions"].clone();
    let mut conditions = conditions
        .as_array()
        .cloned()
        .unwrap_or_default()
        .into_iter();
    conditions.find(|condition| condition["type"] == "BudgetExceeded")
}

async fn told(world: &World, what: &str, words: &str) {
    eventually(words, async || {
        let found = exceeded(world, what);
        let message = found
            .as_ref()
            .map(|condition| condition["message"].to_string());
        let is_told = message.is_some_and(|message| message.contains(words));
        is_told.then_some(()).ok_or(found)
    })
    .await;
}

async fn not_told(world: &World, what: &str) {
    eventually("no word of a budget", async || {
        match exceeded(world, what) {
            None => Ok(()),
            found => Err(found),
        }
    })
    .await;
}
