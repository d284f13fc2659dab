use std::time::{Duration, Instant};

use serde_json::Value;
use tenantry_testkit::eventually;

use crate::support::{World, tenant};

#[tokio::test]
async fn the_history_tells_the_story_in_order() {
    let world = World::shared().await;
    world.apply(&tenant("story", "owl@nordmart.com", ""));
    world.wait_for("story", "Ready", "True").await;
    world.wait_for_fact("story", "TenantApplied story").await;
    let facts = world.facts("story").await;
    let expected = [
        "TenantCreated story",
        "NamespaceCreated story-build",
        "NamespaceCreated story-dev",
        "MemberGrantRequested owl@nordmart.com",
        "MemberGrantRequested owl@nordmart.com",
        "MemberGranted owl@nordmart.com",
        "MemberGranted owl@nordmart.com",
        "TenantApplied story",
    ];
    let mut sorted = (facts.clone(), expected.map(str::to_owned).to_vec());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    assert_eq!(
        facts.first().map(String::as_str),
        Some("TenantCreated story")
    );
    assert_eq!(
        facts.last().map(String::as_str),
        Some("TenantApplied story")
    );
    let actor: String = sqlx::query_scalar(
        "SELECT actor_name FROM tenant_revision JOIN tenant USING (uid) WHERE name = 'story'",
    )
    .fetch_one(&world.pool())
    .await
    .unwrap();
    assert_eq!(actor, "platform-admin");
}

/// Everything that a write would move.
async fn traces(world: &World) -> (Vec<String>, i64) {
    let kinds = "tenants,quotas.tenantoperator.stakater.com,integrationconfigs,namespaces,resourcequotas,limitranges,rolebindings,clusterroles,clusterrolebindings,guardrails,networkpolicies,ingresses,events";
    let objects = world.get(&format!("{kinds} -A"));
    let versions = objects["items"].as_array().unwrap().iter().map(|object| {
        format!(
            "{} {}",
            object["metadata"]["uid"], object["metadata"]["resourceVersion"]
        )
    });
    let events = sqlx::query_scalar("SELECT count(*) FROM events.event")
        .fetch_one(&world.pool())
        .await
        .unwrap();
    (versions.collect(), events)
}

#[tokio::test]
#[allow(
    clippy::disallowed_methods,
    reason = "the passing of time is what is measured"
)]
async fn at_rest_nothing_is_written_also_after_a_restart() {
    let world = World::start().await;
    world.apply(&tenant("rest", "owl@nordmart.com", ""));
    world.wait_for("rest", "Ready", "True").await;
    world.wait_for_fact("rest", "TenantApplied rest").await;
    // Use is told of after ten seconds at the latest. How much there is the shares say: Kubernetes counts its own configmap
    // of a namespace only if it came before the share, or long after.
    eventually("the use is told", async || {
        let shares = world.get("resourcequotas -A -l stakater.com/tenant=rest");
        let quota = world.get("quota.tenantoperator.stakater.com small");
        let used = |value: &Value| value.as_str().and_then(|used| used.parse::<u32>().ok());
        let shares = shares["items"].as_array().cloned().unwrap_or_default();
        let sum: Option<u32> = shares
            .iter()
            .map(|share| used(&share["status"]["used"]["configmaps"]))
            .sum();
        let told = used(&quota["status"]["tenants"]["rest"]["status"]["used"]["configmaps"]);
        match (told, sum) {
            (Some(told), Some(sum)) if told == sum => Ok(()),
            other => Err(other),
        }
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = traces(&world).await;
    world.restart(None);
    world.channel().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(traces(&world).await, before);
}

/// Without Postgres a look lasts two seconds and the next one follows after five: three seconds after one told of it, none is under way.
#[allow(
    clippy::disallowed_methods,
    reason = "the service tells nobody that it waits"
)]
async fn between_two_looks() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}

#[tokio::test]
async fn without_the_database_rights_go_and_new_ones_wait() {
    let world = World::start().await;
    world.apply(&tenant("outage", "owl@nordmart.com", ""));
    world.wait_for("outage", "Ready", "True").await;
    world.restart(Some("postgres://nobody@127.0.0.1:1/nothing".to_owned()));
    world.wait_for("outage", "HistoryUnavailable", "True").await;
    between_two_looks().await;
    world.kubectl(r#"patch tenant outage --type=merge -p {"spec":{"accessControl":{"owners":{"users":["crow@nordmart.com"]}}}}"#).unwrap();
    let patched = Instant::now();
    let may = |user: &str| {
        world
            .kubectl(&format!("auth can-i get pods -n outage-dev --as {user}"))
            .is_ok()
    };
    eventually("owl loses the right", async || {
        if may("owl@nordmart.com") {
            Err("still has it")
        } else {
            Ok(())
        }
    })
    .await;
    // The service gives Postgres two seconds to answer: whoever is removed does not wait for that.
    let took = patched.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    world.wait_for("outage", "HistoryUnavailable", "True").await;
    assert!(!may("crow@nordmart.com"));
    world.restart(None);
    world.wait_for("outage", "Ready", "True").await;
    assert!(may("crow@nordmart.com"));
    world
        .wait_for_fact("outage", "MemberRevoked owl@nordmart.com")
        .await;
    world
        .wait_for_fact("outage", "MemberGranted crow@nordmart.com")
        .await;
}

#[tokio::test]
async fn a_kill_in_the_middle_changes_nothing_in_the_end() {
    let world = World::start().await;
    for n in 0..5 {
        world.apply(&tenant(&format!("kill-{n}"), "owl@nordmart.com", ""));
        world.restart(None);
    }
    for n in 0..5 {
        let name = format!("kill-{n}");
        world.wait_for(&name, "Ready", "True").await;
        world
            .wait_for_fact(&name, &format!("TenantApplied {name}"))
            .await;
        let facts = world.facts(&name).await;
        assert_eq!(facts.len(), 8, "{facts:?}");
    }
}
