//! Rules that come after what they forbid, and classes that members may look at.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tenantry_testkit::eventually;

use crate::{
    guardrails::refusal,
    support::{World, settings, tenant},
};

const OWNER: &str = "owl@nordmart.com";

const OLD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: old, namespace: later-dev, finalizers: [example.com/hold]}
spec: {containers: [{name: web, image: quay.io/acme/web}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: old, namespace: later-dev}
spec:
  replicas: 0
  selector: {matchLabels: {app: old}}
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: web, image: quay.io/acme/web}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: old, namespace: later-dev}
spec: {storageClassName: gold, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: old, namespace: later-dev}
spec: {rules: [{host: old.example.com}]}
"#;
const TIGHT: &str = r#"--type=merge -p {"spec":{"imageRegistries":{"allowed":["ghcr.io"]},"storageClasses":{"allowed":["silver"]},"hostValidationConfig":{"allowed":["shop.example.com"]}}}"#;

#[tokio::test]
async fn what_is_older_than_a_rule_is_told_of_and_can_be_tended() {
    let world = World::shared().await;
    world.apply(&tenant("later", OWNER, ""));
    world.wait_for("later", "Ready", "True").await;
    world
        .kubectl_with(&format!("create -f - --as {OWNER}"), OLD)
        .unwrap();
    world
        .kubectl(&format!("patch tenant later {TIGHT}"))
        .unwrap();
    world.wait_for("later", "GuardrailsViolated", "True").await;
    let message = violated(&world).unwrap();
    for words in [
        "1 ingresses, 1 persistentvolumeclaims, 1 pods",
        "pods later-dev/old: container web: image quay.io/acme/web comes from registry quay.io",
        "persistentvolumeclaims later-dev/old: storage class gold is not in storageClasses.allowed of tenant later: silver",
        "ingresses later-dev/old: host old.example.com is not allowed",
        "kubectl get ingresses,persistentvolumeclaims,pods -n NAMESPACE, in later-dev",
    ] {
        assert!(message.contains(words), "{message}");
    }
    // It is a report, no failure.
    world.wait_for("later", "Ready", "True").await;
    old_things_are_tended(&world);
    debugging_obeys_the_rules_of_today(&world).await;
    old_things_go(&world);
    eventually(
        "nothing breaks the rules any more",
        async || match violated(&world) {
            None => Ok(()),
            Some(message) => Err(message),
        },
    )
    .await;
}

fn violated(world: &World) -> Option<String> {
    let status = world.get("tenant later")["status"].clone();
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions
        .into_iter()
        .find(|condition| condition["type"] == "GuardrailsViolated")?;
    found["message"].as_str().map(str::to_owned)
}

fn old_things_are_tended(world: &World) {
    let may = |line: &str| world.kubectl(&format!("{line} -n later-dev --as {OWNER}"));
    let why = "comes from registry quay.io";
    for line in [
        "label pod old note=kept",
        "scale deployment old --replicas=2",
        "scale deployment old --replicas=0",
        "annotate deployment old note=kept",
        "label ingress old note=kept",
        "label persistentvolumeclaim old note=kept",
    ] {
        may(line).unwrap();
    }
    for line in [
        "set image pod/old web=quay.io/acme/web:2",
        "set image deployment/old web=quay.io/acme/web:2",
        "run new --image=quay.io/acme/web",
    ] {
        let refused = may(line).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
    may("set image deployment/old web=ghcr.io/acme/web").unwrap();
    may("run new --image=ghcr.io/acme/web").unwrap();
}

async fn debugging_obeys_the_rules_of_today(world: &World) {
    let pods = Api::<Pod>::namespaced(world.acting_as(None).await, "later-dev");
    let debug = async |image: &str| {
        let patch = json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": image}]}});
        pods.patch_subresource(
            "ephemeralcontainers",
            "new",
            &PatchParams::default(),
            &Patch::Strategic(patch),
        )
        .await
    };
    let refused = refusal(debug("quay.io/acme/debug").await).unwrap();
    assert!(
        refused
            .starts_with("container debug: image quay.io/acme/debug comes from registry quay.io"),
        "{refused}"
    );
    assert_eq!(refusal(debug("ghcr.io/acme/debug").await), None);
}

fn old_things_go(world: &World) {
    let may = |line: &str| {
        world
            .kubectl(&format!("{line} -n later-dev --as {OWNER}"))
            .unwrap();
    };
    may("delete pod old --wait=false --grace-period=0 --force");
    may(r#"patch pod old --type=merge -p {"metadata":{"finalizers":null}}"#);
    may("delete ingress old");
    may("delete persistentvolumeclaim old");
}

#[tokio::test]
async fn members_read_exactly_the_classes_that_they_may_use() {
    let world = World::shared().await;
    world.apply(&class("seen-gold"));
    world.apply(&class("seen-silver"));
    let list = |classes: &str| {
        let spec = format!("quota: small\n  storageClasses: {classes}");
        world.apply(&tenant("seen", OWNER, "").replace("quota: small", &spec));
    };
    list("{allowed: [seen-silver, seen-later, '']}");
    world.wait_for("seen", "Ready", "True").await;
    let can = |what: &str| {
        world
            .kubectl(&format!("auth can-i {what} --as {OWNER}"))
            .is_ok()
    };
    assert!(can("get storageclasses/seen-silver"));
    assert!(can("watch storageclasses/seen-silver"));
    assert!(!can("get storageclasses/seen-gold"));
    assert!(!can("list storageclasses"));
    assert!(!can("get ingressclasses/seen-silver"));
    let available = "get tenant seen -o=jsonpath={.status.storageClasses.available[*].name}";
    world.wait_for_answer(available, "seen-silver").await;
    world.apply(&class("seen-later"));
    world
        .wait_for_answer(available, "seen-later seen-silver")
        .await;
    // An empty list allows all, and one of nothing but "" leaves nothing to read.
    list("{}");
    world.wait_for("seen", "Ready", "True").await;
    assert!(
        can("list storageclasses")
            && can("watch storageclasses")
            && can("get storageclasses/seen-gold")
    );
    let all = world.kubectl(available).unwrap();
    assert!(
        all.contains("seen-gold") && all.contains("seen-silver"),
        "{all}"
    );
    list("{allowed: ['']}");
    world.wait_for("seen", "Ready", "True").await;
    assert!(!can("list storageclasses") && !can("get storageclasses/seen-silver"));
    world.apply(&tenant("seen", OWNER, ""));
    world
        .kubectl(r#"patch tenant seen --type=merge -p {"spec":{"storageClasses":null}}"#)
        .unwrap();
    world.wait_for("seen", "Ready", "True").await;
    world
        .wait_for_answer("get tenant seen -o=jsonpath={.status.storageClasses}", "")
        .await;
    assert!(!can("get storageclasses/seen-silver"));
}

fn class(name: &str) -> String {
    format!(
        "{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: {name}}}, provisioner: example.com/none}}"
    )
}

#[tokio::test]
async fn whom_the_settings_name_is_held_to_no_rule_and_what_he_made_is_told_of() {
    let world = World::start().await;
    world.apply(&tenant("named", OWNER, "").replace(
        "quota: small",
        "quota: small\n  imageRegistries: {allowed: [ghcr.io]}",
    ));
    world.wait_for("named", "Ready", "True").await;
    let everybody = "create rolebinding everybody -n named-dev --clusterrole=edit --group=system:authenticated --group=system:serviceaccounts";
    world.kubectl(everybody).unwrap();
    let run = |who: &str| {
        world.kubectl(&format!(
            "run web --image=quay.io/acme/web -n named-dev --dry-run=server --as {who}"
        ))
    };
    let tool = "system:serviceaccount:stakater-tools:builder";
    let robot = "system:serviceaccount:robots:builder";
    let controller = "system:serviceaccount:kube-system:replicaset-controller";
    let why = "comes from registry quay.io";
    for who in [
        OWNER,
        "carol@nordmart.com",
        "dave --as-group builders",
        robot,
        controller,
    ] {
        let refused = run(who).unwrap_err();
        assert!(refused.contains(why), "{who}: {refused}");
    }
    // Of the service accounts, those that are privileged as long as none is named.
    run(tool).unwrap();
    let names = "users: ['^carol@'], groups: [builders], serviceAccounts: ['^system:serviceaccount:(robots|kube-system):']";
    world.apply(&settings(&format!(
        "{{accessControl: {{privileged: {{{names}}}}}}}"
    )));
    let told = "get guardrails tenantry -n named-dev -o=jsonpath={.spec.privileged.groups[0]}";
    world.wait_for_answer(told, "builders").await;
    for who in ["carol@nordmart.com", "dave --as-group builders", robot] {
        run(who).unwrap();
    }
    // Nor are the others' workloads freed by who makes their pods.
    for who in [OWNER, "dave", "uncarol@nordmart.com", tool, controller] {
        let refused = run(who).unwrap_err();
        assert!(refused.contains(why), "{who}: {refused}");
    }
    // A report is no change: it is made while the tenant is paused, too.
    world
        .kubectl("annotate tenant named tenantry.dev/paused=true")
        .unwrap();
    world.wait_for("named", "Ready", "Unknown").await;
    world
        .kubectl("run web --image=quay.io/acme/web -n named-dev --as carol@nordmart.com")
        .unwrap();
    world.wait_for("named", "GuardrailsViolated", "True").await;
    world.wait_for("named", "Ready", "Unknown").await;
    world
        .kubectl("delete pod web -n named-dev --grace-period=0 --force")
        .unwrap();
    eventually("nothing breaks the rules any more", async || {
        let conditions = world.get("tenant named")["status"]["conditions"].to_string();
        (!conditions.contains("GuardrailsViolated"))
            .then_some(())
            .ok_or(conditions)
    })
    .await;
}
