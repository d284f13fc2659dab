//! Objects from another schema than ours: nobody but themselves is the worse for them.

use serde_json::{Value, json};
use tenantry_testkit::eventually;

use crate::support::{QUOTA, World, settings, tenant};

/// Stores `manifest` while the schema admits anything at `path` of the spec, and puts the schema back.
async fn store(world: &World, crd: &str, path: &[&str], manifest: &str) {
    let crd = format!("{crd}.tenantoperator.stakater.com");
    let found = world.get(&format!("crd {crd}"));
    let before = found["spec"]["versions"][0]["schema"].clone();
    let mut loose = before.clone();
    without_rules(&mut loose);
    let mut place = &mut loose["openAPIV3Schema"]["properties"]["spec"];
    for name in path {
        place = &mut place["properties"][name];
    }
    *place = json!({"x-kubernetes-preserve-unknown-fields": true});
    set_schema(world, &crd, &loose);
    // The apiserver takes a moment to go by another schema.
    eventually("an object of another schema", async || {
        world.kubectl_with("apply -f -", manifest)
    })
    .await;
    set_schema(world, &crd, &before);
}

fn without_rules(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("x-kubernetes-validations");
            fields.values_mut().for_each(without_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(without_rules),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn set_schema(world: &World, crd: &str, schema: &Value) {
    let patch = json!([{"op": "replace", "path": "/spec/versions/0/schema", "value": schema}]);
    let line = format!("patch crd {crd} --type=json --patch-file=/dev/stdin");
    world.kubectl_with(&line, &patch.to_string()).unwrap();
}

/// The message of the condition Ready of an object that is not ready for `reason`.
async fn not_ready(world: &World, object: &str, reason: &str) -> String {
    eventually(&format!("{reason} of {object}"), async || {
        let status = world.get(object)["status"].clone();
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions
            .into_iter()
            .find(|found| found["type"] == "Ready" && found["reason"] == reason);
        found
            .and_then(|found| found["message"].as_str().map(str::to_owned))
            .ok_or(status)
    })
    .await
}

/// Waits until the log names `field`: of such an object the apiserver takes no status where a rule of its schema reads the
/// field.
async fn logged(world: &World, field: &str) {
    eventually(&format!("a line about {field}"), async || {
        let is_logged = world.log().contains(field);
        is_logged.then_some(()).ok_or("no such line")
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_cannot_be_read_is_told_of_and_hides_no_other() {
    let world = World::start().await;
    world.apply(&tenant("whole", "owl@nordmart.com", ""));
    world.apply(&tenant("broken", "owl@nordmart.com", ""));
    for name in ["whole", "broken"] {
        world.wait_for(name, "Ready", "True").await;
    }
    // The webhook reads it, too, and would refuse it.
    world.kill_with_webhooks();
    let broken =
        tenant("broken", "owl@nordmart.com", "").replace("[owl@nordmart.com]", "{name: owl}");
    store(
        &world,
        "tenants",
        &["accessControl", "owners", "users"],
        &broken,
    )
    .await;
    world.restart_without_webhooks();
    logged(&world, "spec.accessControl.owners.users").await;
    // It keeps what it has, and the others are looked after.
    let owner = "get rolebinding tenant-owner-admin -n broken-dev -o=jsonpath={.subjects[0].name}";
    assert_eq!(world.kubectl(owner).unwrap(), "owl@nordmart.com");
    world.apply(&tenant("whole", "crow@nordmart.com", ""));
    world.wait_for("whole", "Ready", "True").await;
    world.apply(&tenant("new", "owl@nordmart.com", ""));
    world.wait_for("new", "Ready", "True").await;
    // Corrected, it is looked after again.
    world.apply(&tenant("broken", "crow@nordmart.com", ""));
    world.wait_for("broken", "Ready", "True").await;
    world.wait_for_answer(owner, "crow@nordmart.com").await;
}

#[tokio::test]
async fn a_quota_that_cannot_be_read_leaves_its_tenants_their_shares_and_hides_no_other() {
    let world = World::start().await;
    world.apply(&QUOTA.replace("name: small", "name: broken"));
    let of = |name: &str, quota: &str| {
        tenant(name, "owl@nordmart.com", "").replace("quota: small", &format!("quota: {quota}"))
    };
    world.apply(&of("struck", "broken"));
    world.apply(&of("spared", "small"));
    for name in ["struck", "spared"] {
        world.wait_for(name, "Ready", "True").await;
    }
    let share = "get resourcequota tenant-quota -n struck-dev -o=jsonpath={.spec.hard.configmaps}";
    let before = world.kubectl(share).unwrap();
    let limits =
        "    - max:\n        cpu: 800m\n      min:\n        cpu: 200m\n      type: Container\n";
    let broken = QUOTA
        .replace("name: small", "name: broken")
        .replace(limits, "      none\n");
    assert!(broken.contains("none"));
    store(&world, "quotas", &["limitrange", "limits"], &broken).await;
    let message = not_ready(&world, "tenant struck", "QuotaUnreadable").await;
    assert!(
        message.contains("Quota broken: spec.limitrange.limits: invalid type"),
        "{message}"
    );
    not_ready(&world, "quota broken", "Unreadable").await;
    assert_eq!(world.kubectl(share).unwrap(), before);
    world.apply(&QUOTA.replace("\"10\"", "\"20\""));
    let spared = "get quota small -o=jsonpath={.status.tenants.spared.status.hard.configmaps}";
    world.wait_for_answer(spared, "20").await;
    world.apply(&QUOTA.replace("name: small", "name: broken"));
    world.wait_for("struck", "Ready", "True").await;
}

#[tokio::test]
async fn settings_that_cannot_be_read_change_nobodys_rights() {
    let world = World::start().await;
    let roles = "tenantRoles: {default: {owner: {clusterRoles: [edit]}, editor: {clusterRoles: [edit]}, viewer: {clusterRoles: [view]}}}";
    world.apply(&settings(&format!(
        "{{accessControl: {{rbac: {{{roles}}}}}}}"
    )));
    world.apply(&tenant("held", "owl@nordmart.com", ""));
    world.wait_for("held", "Ready", "True").await;
    let broken = settings(&format!(
        "{{accessControl: {{rbac: {{{roles}}}, privileged: {{users: 7}}}}}}"
    ));
    world.kill_with_webhooks();
    store(
        &world,
        "integrationconfigs",
        &["accessControl", "privileged", "users"],
        &broken,
    )
    .await;
    world.restart_without_webhooks();
    let message = not_ready(&world, "tenant held", "SettingsUnreadable").await;
    assert!(
        message.contains("spec.accessControl.privileged.users: invalid type"),
        "{message}"
    );
    logged(&world, "spec.accessControl.privileged.users").await;
    assert!(world.can("owl@nordmart.com", "create pods -n held-dev"));
    assert!(!world.can("owl@nordmart.com", "create rolebindings -n held-dev"));
    world.apply(&settings(&format!(
        "{{accessControl: {{rbac: {{{roles}}}}}}}"
    )));
    world.wait_for("held", "Ready", "True").await;
    assert!(!world.can("owl@nordmart.com", "create rolebindings -n held-dev"));
}
