//! A tenant that somebody tore out, our finalizer and all: what it gave is taken back without its release.

use serde_json::json;

use crate::support::{World, tenant};

const OWNER: &str = "owl@nordmart.com";
const BINDINGS: &str = "rolebindings,clusterrolebindings";
const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/nothing";

/// A question for what has a tenant's label.
fn labelled(kinds: &str, tenant: &str) -> String {
    format!("get {kinds} -A -l stakater.com/tenant={tenant} -o name")
}

/// The same for everything that a tenant can leave.
fn traces(tenant: &str) -> String {
    let rest = "namespaces,clusterroles,resourcequotas,limitranges,guardrails,networkpolicies";
    labelled(&format!("{rest},{BINDINGS}"), tenant)
}

/// Two tenants with everything in place; gives what the one called `spared` has.
async fn two(world: &World, torn: &str, spared: &str) -> String {
    for name in [torn, spared] {
        world.apply(&tenant(name, OWNER, ""));
    }
    for name in [torn, spared] {
        world.wait_for(name, "Ready", "True").await;
        let applied = format!("TenantApplied {name}");
        world.wait_for_fact(name, &applied).await;
        let pods = format!("get pods -n {name}-dev");
        assert!(world.can(OWNER, &pods));
    }
    world.kubectl(&traces(spared)).unwrap()
}

/// Pauses a tenant: so it does not get the finalizer back that is taken off it.
async fn pause(world: &World, tenant: &str) {
    let line = format!("annotate tenant {tenant} tenantry.dev/paused=true");
    world.kubectl(&line).unwrap();
    world.wait_for(tenant, "Ready", "Unknown").await;
}

fn disarm(world: &World, tenant: &str) {
    let none = r#"{"metadata":{"finalizers":null}}"#;
    let line = format!("patch tenant {tenant} --type=merge -p {none}");
    world.kubectl(&line).unwrap();
}

fn delete(world: &World, tenant: &str) {
    let line = format!("delete tenant {tenant} --timeout=20s");
    world.kubectl(&line).unwrap();
}

/// Waits until `torn` has nothing any more but its bare namespaces, and sees that the other has lost nothing.
async fn only_the_torn_lost(world: &World, torn: &str, spared: &str, before: &str) {
    world.wait_for_answer(&traces(torn), "").await;
    let kept = world.get(&format!("namespace {torn}-dev"))["metadata"].clone();
    assert_eq!(
        kept["labels"],
        json!({
            "kubernetes.io/metadata.name": format!("{torn}-dev"),
            "pod-security.kubernetes.io/enforce": "baseline",
        })
    );
    let left = world.get(&format!(
        "rolebindings,resourcequotas,limitranges -n {torn}-dev"
    ));
    assert_eq!(left["items"], json!([]));
    let facts = world.facts(torn).await;
    let end = format!("TenantDeleted {torn}");
    assert_eq!(facts.last(), Some(&end), "{facts:?}");
    for fact in [
        format!("MemberRevoked {OWNER}"),
        format!("NamespaceReleased {torn}-dev"),
    ] {
        assert!(facts.contains(&fact), "{facts:?}");
    }
    assert_eq!(who_ended(world, torn).await, ["field_manager:unknown"]);
    let may = |name: &str| world.can(OWNER, &format!("get pods -n {name}-dev"));
    assert!(!may(torn));
    assert!(may(spared));
    assert_eq!(world.kubectl(&traces(spared)).unwrap(), before);
    world.wait_for(spared, "Ready", "True").await;
}

/// Whose deletions of a tenant the history tells.
async fn who_ended(world: &World, tenant: &str) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT actor_kind || ':' || actor_name FROM events.event WHERE tenant = $1 AND kind = 'TenantDeleted'",
    )
    .bind(tenant)
    .fetch_all(&world.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn what_a_torn_out_tenant_gave_is_taken_back_and_its_namespaces_stay() {
    let world = World::shared().await;
    let before = two(&world, "torn", "spared").await;
    pause(&world, "torn").await;
    disarm(&world, "torn");
    delete(&world, "torn");
    only_the_torn_lost(&world, "torn", "spared", &before).await;
    // Another one of that name is a new one.
    world.apply(&tenant("torn", OWNER, "").replace("dev, build", "other"));
    world.wait_for("torn", "Ready", "True").await;
    assert!(world.can(OWNER, "get pods -n torn-other"));
    assert!(!world.can(OWNER, "get pods -n torn-dev"));
}

#[tokio::test]
async fn what_was_torn_out_while_nobody_looked_is_taken_back_after_the_start() {
    let world = World::start().await;
    let before = two(&world, "torn", "spared").await;
    two(&world, "again", "vanished").await;
    world.kill_with_webhooks();
    // Somebody meant this for a tenant that is still to come.
    world.kubectl("create namespace foreign").unwrap();
    world
        .kubectl("label namespace foreign stakater.com/tenant=nobody")
        .unwrap();
    disarm(&world, "torn");
    delete(&world, "torn");
    assert!(world.can(OWNER, "get pods -n torn-dev"));
    come_again(&world);
    vanish(&world);
    world.restart_without_webhooks();
    only_the_torn_lost(&world, "torn", "spared", &before).await;
    for name in ["again", "vanished"] {
        world
            .wait_for_fact(name, &format!("TenantDeleted {name}"))
            .await;
        assert_eq!(who_ended(&world, name).await, ["field_manager:unknown"]);
    }
    world.wait_for("again", "Ready", "True").await;
    assert!(world.can(OWNER, "get pods -n again-dev"));
    let of = "get namespace foreign -o=jsonpath={.metadata.labels.stakater\\.com/tenant}";
    assert_eq!(world.kubectl(of).unwrap(), "nobody");
}

/// Tears out the tenant `again` and makes another one of that name.
fn come_again(world: &World) {
    disarm(world, "again");
    delete(world, "again");
    world.apply(&tenant("again", OWNER, ""));
}

/// Tears out the tenant `vanished`, and everything that could tell of it.
fn vanish(world: &World) {
    disarm(world, "vanished");
    delete(world, "vanished");
    let kinds = "clusterroles,clusterrolebindings,guardrails,namespaces";
    let line = format!("delete {kinds} -l stakater.com/tenant=vanished");
    world.kubectl(&line).unwrap();
}

#[tokio::test]
async fn without_the_database_rights_are_taken_back_and_the_rest_waits_for_it() {
    let world = World::start().await;
    let before = two(&world, "torn", "spared").await;
    pause(&world, "torn").await;
    disarm(&world, "torn");
    world.restart(Some(NOWHERE.to_owned()));
    delete(&world, "torn");
    world.wait_for_answer(&labelled(BINDINGS, "torn"), "").await;
    assert!(!world.can(OWNER, "get pods -n torn-dev"));
    let of = "get namespace torn-dev -o=jsonpath={.metadata.labels.stakater\\.com/tenant}";
    assert_eq!(world.kubectl(of).unwrap(), "torn");
    world.restart(None);
    only_the_torn_lost(&world, "torn", "spared", &before).await;
}
