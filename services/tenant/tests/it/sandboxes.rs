use serde_json::json;

use crate::support::{World, tenant};

/// A tenant with an owner, an editor and a viewer, and sandboxes as `sandboxes` says.
fn manifest(name: &str, sandboxes: &str) -> String {
    tenant(
        name,
        "anna@aurora.org",
        &format!(", sandboxes: {sandboxes}"),
    )
    .replace(
        "accessControl: {",
        "accessControl: {editors: {users: [bob@aurora.org]}, viewers: {users: [eve@aurora.org]}, ",
    )
    .replace("[dev, build]", "[dev]")
}

#[tokio::test]
async fn sandboxes_come_and_go_with_the_switch() {
    let world = World::shared().await;
    world.apply(&manifest("play", "{enabled: true}"));
    world.wait_for("play", "Ready", "True").await;
    let status = world.get("tenant play")["status"].clone();
    assert_eq!(
        status["deployedSandboxes"],
        json!({"anna@aurora.org": "play-anna-aurora-sandbox", "bob@aurora.org": "play-bob-aurora-sandbox"})
    );
    assert_eq!(status["deployedNamespaces"], json!(["play-dev"]));
    assert_eq!(
        status["managedNamespaces"],
        json!([
            "play-anna-aurora-sandbox",
            "play-bob-aurora-sandbox",
            "play-dev"
        ])
    );
    let kind =
        world.get("namespace play-bob-aurora-sandbox")["metadata"]["labels"]["stakater.com/kind"]
            .clone();
    assert_eq!(kind, "sandbox");
    // One budget: each sandbox has its share of it.
    let shares = status["budgetShares"].as_array().unwrap();
    let configmaps: Vec<&str> = shares
        .iter()
        .map(|share| share["hard"]["configmaps"].as_str().unwrap())
        .collect();
    assert_eq!(configmaps, ["4", "3", "3"]);
    // An editor who leaves takes the own sandbox along.
    world
        .kubectl(r#"patch tenant play --type=merge -p {"spec":{"accessControl":{"editors":null}}}"#)
        .unwrap();
    world
        .wait_until_gone("get namespace play-bob-aurora-sandbox")
        .await;
    world.wait_for("play", "Ready", "True").await;
    assert!(
        world
            .kubectl("get namespace play-anna-aurora-sandbox")
            .is_ok()
    );
    world.kubectl(r#"patch tenant play --type=merge -p {"spec":{"namespaces":{"sandboxes":{"enabled":false}}}}"#).unwrap();
    world
        .wait_until_gone("get namespace play-anna-aurora-sandbox")
        .await;
    world.wait_for("play", "Ready", "True").await;
    assert!(world.get("tenant play")["status"]["deployedSandboxes"].is_null());
    assert!(world.kubectl("get namespace play-dev").is_ok());
}

#[tokio::test]
async fn a_private_sandbox_is_its_users_alone_in_both_directions() {
    let world = World::shared().await;
    world.apply(&manifest("alone", "{enabled: true, private: true}"));
    world.wait_for("alone", "Ready", "True").await;
    let sandbox = "alone-bob-aurora-sandbox";
    let may = |user: &str, verb: &str| world.can(user, &format!("{verb} pods -n {sandbox}"));
    assert!(may("bob@aurora.org", "create"));
    assert!(!may("anna@aurora.org", "get") && !may("eve@aurora.org", "get"));
    assert!(world.can(
        "anna@aurora.org",
        "create pods -n alone-anna-aurora-sandbox"
    ));
    let switch = |to: bool| {
        let patch = format!(
            r#"patch tenant alone --type=merge -p {{"spec":{{"namespaces":{{"sandboxes":{{"private":{to}}}}}}}}}"#
        );
        world.kubectl(&patch).unwrap();
    };
    switch(false);
    world.wait_for("alone", "Ready", "True").await;
    assert!(may("anna@aurora.org", "create") && may("eve@aurora.org", "get"));
    assert!(!may("eve@aurora.org", "create"));
    switch(true);
    world.wait_for("alone", "Ready", "True").await;
    assert!(!may("anna@aurora.org", "get") && !may("eve@aurora.org", "get"));
    assert!(may("bob@aurora.org", "create"));
}

#[tokio::test]
async fn users_and_namespaces_of_one_name_do_not_share_a_sandbox() {
    let world = World::shared().await;
    world.kubectl("create namespace alike-z-sandbox").unwrap();
    let users = "[x@a.org, z]";
    let manifest = manifest("alike", "{enabled: true}").replace("[bob@aurora.org]", users);
    world.apply(&manifest);
    world.wait_for("alike", "Ready", "True").await;
    let sandboxes = || world.get("tenant alike")["status"]["deployedSandboxes"].clone();
    let before = sandboxes();
    assert_eq!(before["x@a.org"], "alike-x-a-sandbox");
    // Somebody else's namespace is left alone.
    let hashed = before["z"].as_str().unwrap();
    assert!(hashed.starts_with("alike-z-") && hashed != "alike-z-sandbox");
    let foreign = world.get("namespace alike-z-sandbox")["metadata"]["labels"].clone();
    assert!(foreign["stakater.com/tenant"].is_null());
    // The later one, though first by name, gets a hash; also after a restart.
    world.apply(&manifest.replace(users, "[x@a.com, x@a.org, z]"));
    world.wait_for("alike", "Ready", "True").await;
    let after = sandboxes();
    assert_eq!(
        [&after["x@a.org"], &after["z"]],
        [&before["x@a.org"], &before["z"]]
    );
    let later = after["x@a.com"].as_str().unwrap();
    assert!(
        later.starts_with("alike-x-a-") && later != "alike-x-a-sandbox",
        "{later}"
    );
}
