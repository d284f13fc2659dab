use serde_json::Value;
use tenantry_testkit::eventually;

use crate::support::{World, settings, tenant};

fn with(name: &str, metadata: &str) -> String {
    tenant(
        name,
        "anna@aurora.org",
        &format!(", sandboxes: {{enabled: true}}, metadata: {metadata}"),
    )
}

fn labels(world: &World, namespace: &str) -> Value {
    world.get(&format!("namespace {namespace}"))["metadata"]["labels"].clone()
}

#[tokio::test]
async fn metadata_that_leaves_the_spec_leaves_the_namespaces_and_nothing_else() {
    let world = World::shared().await;
    world.apply(&with(
        "meta",
        "{common: {labels: {a: common, b: common, shared: both}, annotations: {note: ours}}, \
         sandbox: {annotations: {user: '{{ TENANT.USERNAME }}'}}, \
         specific: [{namespaces: [meta-dev], labels: {b: specific}}]}",
    ));
    world.wait_for("meta", "Ready", "True").await;
    let (dev, build) = (labels(&world, "meta-dev"), labels(&world, "meta-build"));
    assert_eq!(
        [&dev["a"], &dev["b"], &build["b"]],
        ["common", "specific", "common"]
    );
    let sandbox = world.get("namespace meta-anna-aurora-sandbox")["metadata"].clone();
    assert_eq!(sandbox["annotations"]["user"], "anna@aurora.org");
    let status = world.get("tenant meta")["status"]["namespaces"].clone();
    assert_eq!(status["commonStatus"]["labels"]["a"], "common");
    assert_eq!(status["specificStatus"][0]["namespace"], "meta-dev");
    assert_eq!(
        status["sandboxStatus"][0]["annotations"]["user"],
        "anna@aurora.org"
    );
    // Others set a label of their own, and one that is ours too.
    world
        .kubectl("label namespace meta-dev theirs=kept")
        .unwrap();
    let shared = r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "meta-dev", "labels": {"shared": "both"}}}"#;
    world
        .kubectl_with("apply --server-side --field-manager=others -f -", shared)
        .unwrap();
    world
        .kubectl(r#"patch tenant meta --type=merge -p {"spec":{"namespaces":{"metadata":null}}}"#)
        .unwrap();
    world.wait_for("meta", "Ready", "True").await;
    let dev = labels(&world, "meta-dev");
    assert!(dev["a"].is_null() && dev["b"].is_null(), "{dev}");
    assert_eq!([&dev["theirs"], &dev["shared"]], ["kept", "both"]);
    assert!(labels(&world, "meta-build")["shared"].is_null());
    let sandbox = world.get("namespace meta-anna-aurora-sandbox")["metadata"].clone();
    assert!(sandbox["annotations"]["user"].is_null());
    assert!(world.get("tenant meta")["status"]["namespaces"].is_null());
}

#[tokio::test]
async fn keys_that_carry_meaning_are_refused_and_values_that_are_no_labels_are_told() {
    let world = World::shared().await;
    for key in [
        "stakater.com/tenant",
        "tenantry.dev/origin",
        "kubernetes.io/metadata.name",
        "app.kubernetes.io/managed-by",
    ] {
        let refused = world
            .kubectl_with(
                "apply --dry-run=server -f -",
                &with("reserved", &format!("{{common: {{labels: {{{key}: x}}}}}}")),
            )
            .unwrap_err();
        assert!(refused.contains("are not for metadata"), "{refused}");
    }
    world.apply(&with(
        "illegal",
        "{common: {labels: {fine: x, app.kubernetes.io/name: x}}, sandbox: {labels: {user: '{{ TENANT.USERNAME }}'}}}",
    ));
    world.wait_for("illegal", "Stalled", "True").await;
    world
        .wait_for_words("illegal", "user=anna@aurora.org is no legal label")
        .await;
    let sandbox = labels(&world, "illegal-anna-aurora-sandbox");
    assert_eq!(sandbox["fine"], "x");
    assert!(sandbox["user"].is_null());
}

#[tokio::test]
async fn the_integration_configs_metadata_is_the_default_and_the_floor() {
    let world = World::start().await;
    world.apply(&settings(
        "{metadata: {namespaces: {labels: {a: config, b: config, pod-security.kubernetes.io/enforce: restricted}}, \
          sandboxes: {labels: {b: sandboxes}, annotations: {user: '{{ TENANT.USERNAME }}'}}}}",
    ));
    world.apply(&with("floor", "{common: {labels: {a: common}}}"));
    world.wait_for("floor", "Ready", "True").await;
    let (dev, sandbox) = (
        labels(&world, "floor-dev"),
        labels(&world, "floor-anna-aurora-sandbox"),
    );
    let level = "pod-security.kubernetes.io/enforce";
    assert_eq!(
        [&dev["a"], &dev["b"], &dev[level]],
        ["common", "config", "restricted"]
    );
    assert_eq!([&sandbox["a"], &sandbox["b"]], ["common", "sandboxes"]);
    world.apply(&with(
        "floor",
        "{common: {labels: {a: common, pod-security.kubernetes.io/enforce: privileged}}}",
    ));
    world
        .wait_for_words(
            "floor",
            "only the IntegrationConfig may go below restricted",
        )
        .await;
    assert_eq!(labels(&world, "floor-dev")[level], "restricted");
    world.apply(&with("floor", "{common: {labels: {a: common}}}"));
    world.apply(&settings("{metadata: {}}"));
    eventually("the defaults leave", async || {
        let dev = labels(&world, "floor-dev");
        if dev["b"].is_null() && dev[level] == "baseline" && dev["a"] == "common" {
            Ok(())
        } else {
            Err(dev)
        }
    })
    .await;
}
