//! The cases that the tenant service judges by itself, judged by the apiserver: each pod in every kind of workload.

use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry_testkit::eventually;

use crate::{
    guardrails::{create, refusal, workloads},
    support::World,
};

const OWNER: &str = "judge@nordmart.com";

/// Objects under one set of rules.
#[derive(Deserialize)]
struct Group {
    rules: Value,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    object: Value,
    refused: Option<String>,
}

#[tokio::test]
async fn the_apiserver_judges_every_case_as_we_do() {
    let world = World::shared().await;
    let text = include_str!("../../src/reconcile/violations/cases.yaml");
    let groups: Vec<Group> = serde_saphyr::from_str(text).unwrap();
    for class in ["low", "high"] {
        let manifest = format!(
            "{{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {{name: {class}}}, value: 1}}"
        );
        world.apply(&manifest);
    }
    let owner = world.acting_as(Some(OWNER)).await;
    nothing_is_let_in_without_rules(&world, &owner).await;
    for (index, group) in groups.iter().enumerate() {
        let namespace = format!("cases-{index}");
        place(&world, &namespace, Some(&group.rules));
        ready(&owner, &namespace).await;
        for case in &group.cases {
            let wrapped = match case.object["kind"].as_str() {
                Some("Pod") => workloads(&case.object["spec"]),
                _ => vec![case.object.clone()],
            };
            for object in wrapped {
                let found = refusal(create(&owner, &namespace, &object).await);
                assert_eq!(found, case.refused, "{object}");
            }
        }
    }
}

/// A namespace that looks like a tenant's, of a tenant that is not there: nobody writes its rules but this test.
fn place(world: &World, namespace: &str, rules: Option<&Value>) {
    let mut items = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {"stakater.com/tenant": "cases"}}}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "owner", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OWNER}]}),
    ];
    for account in ["web", "robot"] {
        items.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace}}));
    }
    items.extend(rules.map(|rules| {
        json!({"apiVersion": "tenantry.dev/v1alpha1", "kind": "Guardrails", "metadata": {"name": "tenantry", "namespace": namespace}, "spec": rules})
    }));
    world.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
}

/// Waits until the policies are in force at all.
async fn nothing_is_let_in_without_rules(world: &World, owner: &Client) {
    place(world, "cases-bare", None);
    let pod = json!({"containers": [{"name": "web", "image": "nginx"}]});
    let others = [
        json!({"kind": "PersistentVolumeClaim", "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
        json!({"kind": "Ingress", "spec": {"rules": [{"host": "a.example"}]}}),
        json!({"kind": "Service", "spec": {"ports": [{"port": 80}]}}),
    ];
    let expected = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    for object in workloads(&pod).iter().chain(&others) {
        eventually("nothing is let in", async || {
            match refusal(create(owner, "cases-bare", object).await) {
                Some(found) if found == expected => Ok(()),
                other => Err(other),
            }
        })
        .await;
    }
}

/// Waits until the rules of the namespace have reached the policies, and its standard account is there.
async fn ready(owner: &Client, namespace: &str) {
    let service = json!({"kind": "Service", "spec": {"ports": [{"port": 80}]}});
    eventually("the rules are known", async || {
        create(owner, namespace, &service).await
    })
    .await;
    let accounts = kube::Api::<k8s_openapi::api::core::v1::ServiceAccount>::namespaced(
        owner.clone(),
        namespace,
    );
    eventually("the standard account", async || {
        accounts.get("default").await
    })
    .await;
}

#[tokio::test]
async fn the_policies_fit_the_types_that_they_judge() {
    let world = World::shared().await;
    for subject in ["workloads", "claims", "ingresses", "services"] {
        let line = format!("validatingadmissionpolicy tenantry-guardrails-{subject}");
        let status = eventually("the policy's types are checked", async || {
            let policy = world.get(&line);
            let is_checked = policy["status"]["observedGeneration"].is_number();
            if is_checked {
                Ok(policy["status"].clone())
            } else {
                Err(policy)
            }
        })
        .await;
        assert!(
            status["typeChecking"]["expressionWarnings"].is_null(),
            "{status}"
        );
    }
}

const BUSY: &str = r#"
apiVersion: batch/v1
kind: Job
metadata: {name: busy}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: web, image: nginx}]}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: busy}
spec: {storageClassName: gold, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"#;

#[tokio::test]
async fn a_namespace_goes_though_its_rules_may_go_first() {
    let world = World::shared().await;
    let owner = world.acting_as(Some(OWNER)).await;
    place(&world, "cases-gone", Some(&json!({"tenant": "cases"})));
    ready(&owner, "cases-gone").await;
    let make = format!("create -f - -n cases-gone --as {OWNER}");
    world.kubectl_with(&make, BUSY).unwrap();
    // Both have finalizers, which their controllers take off by an update.
    eventually("the job's pod", async || {
        let pods = world.get("pods -n cases-gone")["items"].clone();
        let is_held = pods[0]["metadata"]["finalizers"][0] == "batch.kubernetes.io/job-tracking";
        if is_held { Ok(()) } else { Err(pods) }
    })
    .await;
    world
        .kubectl("delete guardrails tenantry -n cases-gone")
        .unwrap();
    let service = json!({"kind": "Service", "spec": {"ports": [{"port": 80}]}});
    eventually("nothing new is let in", async || {
        refusal(create(&owner, "cases-gone", &service).await).ok_or("let in")
    })
    .await;
    world
        .kubectl("delete namespace cases-gone --wait=false")
        .unwrap();
    world.wait_until_gone("get namespace cases-gone").await;
}
