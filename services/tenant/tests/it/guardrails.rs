//! What a Tenant and the IntegrationConfig forbid is forbidden to the tenant's owner, the service running or not.

use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
    batch::v1::{CronJob, Job},
    core::v1::{PersistentVolumeClaim, Pod, ReplicationController, Service},
    networking::v1::Ingress,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams},
};
use serde_json::{Value, json};
use tenantry_testkit::eventually;

use crate::support::World;

const OWNER: &str = "owl@nordmart.com";

const CONFIG: &str = "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: IntegrationConfig
metadata: {name: tenant-operator-config, namespace: multi-tenant-operator}
spec:
  # Host ports are ours to refuse here, not Pod Security's.
  metadata: {namespaces: {labels: {pod-security.kubernetes.io/enforce: privileged}}}
  tenantPolicies:
    network: {disableIntraTenantNetworking: true, disableNodePortServices: true, disableHostPorts: true}
";

const TENANT: &str = "
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata: {name: strict}
spec:
  quota: small
  namespaces: {withTenantPrefix: [dev]}
  accessControl: {owners: {users: [owl@nordmart.com]}}
  storageClasses: {allowed: [silver]}
  ingressClasses: {allowed: [nginx]}
  podPriorityClasses: {allowed: ['', low]}
  imageRegistries: {allowed: [ghcr.io]}
  serviceAccounts: {denied: [robot]}
  hostValidationConfig: {allowed: [shop.example.com], allowedRegex: '^[a-z]+[.]shop[.]example[.]com$', denyWildcards: true}
";

/// What a kind is refused for, and why.
const REFUSED_PODS: [(&str, &str); 4] = [
    (
        "{containers: [{name: web, image: quay.io/acme/web}]}",
        "container web: image quay.io/acme/web comes from registry quay.io, which is not in imageRegistries.allowed of tenant strict: ghcr.io",
    ),
    (
        "{containers: [{name: web, image: ghcr.io/acme/web}], priorityClassName: high}",
        "priority class high is not in podPriorityClasses.allowed of tenant strict: \"\", low",
    ),
    (
        "{containers: [{name: web, image: ghcr.io/acme/web}], serviceAccountName: robot}",
        "service account robot is in serviceAccounts.denied of tenant strict: robot",
    ),
    (
        "{containers: [{name: web, image: ghcr.io/acme/web, ports: [{containerPort: 80, hostPort: 8080}]}]}",
        "container web asks for host port 8080, which tenantPolicies.network.disableHostPorts of the IntegrationConfig refuses: use a Service",
    ),
];
const REFUSED_OTHERS: [(&str, &str); 5] = [
    (
        "{kind: PersistentVolumeClaim, spec: {storageClassName: gold, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}",
        "storage class gold is not in storageClasses.allowed of tenant strict: silver",
    ),
    (
        "{kind: Ingress, spec: {ingressClassName: alb, rules: [{host: shop.example.com}]}}",
        "ingress class alb is not in ingressClasses.allowed of tenant strict: nginx",
    ),
    (
        "{kind: Ingress, spec: {ingressClassName: nginx, rules: [{host: evil.example.com}]}}",
        "host evil.example.com is not allowed by hostValidationConfig of tenant strict: allowed shop.example.com; allowedRegex ^[a-z]+[.]shop[.]example[.]com$",
    ),
    (
        "{kind: Ingress, spec: {ingressClassName: nginx, rules: [{host: '*.shop.example.com'}]}}",
        "host *.shop.example.com is a wildcard, which hostValidationConfig.denyWildcards of tenant strict refuses: name the host",
    ),
    (
        "{kind: Service, spec: {type: NodePort, ports: [{port: 80}]}}",
        "a service of type NodePort opens ports on the nodes, which tenantPolicies.network.disableNodePortServices of the IntegrationConfig refuses: use ClusterIP, or LoadBalancer with allocateLoadBalancerNodePorts: false",
    ),
];
const LET_IN_POD: &str = "{containers: [{name: web, image: ghcr.io/acme/web, ports: [{containerPort: 80}]}], priorityClassName: low, serviceAccountName: web}";
const LET_IN_OTHERS: [&str; 3] = [
    "{kind: PersistentVolumeClaim, spec: {storageClassName: silver, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}",
    "{kind: Ingress, spec: {ingressClassName: nginx, rules: [{host: shop.example.com}, {host: a.shop.example.com}]}}",
    "{kind: Service, spec: {ports: [{port: 80}]}}",
];

#[tokio::test]
async fn every_rule_binds_the_owner_in_every_kind_while_the_service_is_stopped() {
    let world = World::start().await;
    world.apply(CONFIG);
    world.apply(TENANT);
    for class in ["low", "high"] {
        world.apply(&format!("{{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {{name: {class}}}, value: 1}}"));
    }
    world.wait_for("strict", "Ready", "True").await;
    for account in ["web", "robot"] {
        world
            .kubectl(&format!(
                "create serviceaccount {account} -n strict-dev --as {OWNER}"
            ))
            .unwrap();
    }
    tenants_do_not_write_their_rules(&world);
    policies_against_other_tenants_are_kept(&world).await;
    rules_that_somebody_changes_are_put_back(&world).await;
    world.kill();
    let owner = world.acting_as(Some(OWNER)).await;
    refusals_and_controls(&owner).await;
    // What is switched off goes.
    world.restart(None);
    world.apply(&CONFIG.replace("true", "false"));
    world
        .wait_until_gone(&format!("get networkpolicy {POLICY} -n strict-dev"))
        .await;
    let node_port = yaml(REFUSED_OTHERS[4].0);
    eventually("node ports are let in", async || {
        create(&owner, "strict-dev", &node_port).await
    })
    .await;
}

const POLICY: &str = "disable-intra-tenant-networking-strict";

fn tenants_do_not_write_their_rules(world: &World) {
    let can = |verb: &str, who: &str| {
        world.kubectl(&format!(
            "auth can-i {verb} guardrails.tenantry.dev -n strict-dev {who}"
        ))
    };
    for verb in ["create", "update", "patch", "delete", "deletecollection"] {
        assert!(can(verb, &format!("--as {OWNER}")).is_err(), "{verb}");
        assert!(can(verb, "").is_ok(), "{verb}");
    }
}

async fn policies_against_other_tenants_are_kept(world: &World) {
    let expected = json!({
        "podSelector": {}, "policyTypes": ["Ingress"],
        "ingress": [{"from": [
            {"namespaceSelector": {"matchExpressions": [{"key": "stakater.com/tenant", "operator": "DoesNotExist"}]}},
            {"namespaceSelector": {"matchLabels": {"stakater.com/tenant": "strict"}}},
        ]}],
    });
    let line = format!("networkpolicy {POLICY} -n strict-dev");
    assert_eq!(world.get(&line)["spec"], expected);
    let refused = world.kubectl(&format!("delete {line} --as {OWNER}"));
    let refused = refused.expect_err("the role admin would let an owner");
    assert!(
        refused.contains("is kept by the tenant service"),
        "{refused}"
    );
    world.kubectl(&format!("delete {line}")).unwrap();
    let is_back = async || match world.kubectl(&format!("get {line} -o name")) {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure),
    };
    eventually("the policy is back", is_back).await;
    let open = r#"--type=merge -p {"spec":{"ingress":[{}]}}"#;
    world.kubectl(&format!("patch {line} {open}")).unwrap();
    eventually("the policy is put right", async || {
        let found = world.get(&line)["spec"].clone();
        if found == expected {
            Ok(())
        } else {
            Err(found)
        }
    })
    .await;
}

async fn rules_that_somebody_changes_are_put_back(world: &World) {
    let rules = "guardrails.tenantry.dev tenantry -n strict-dev";
    let registries = format!("get {rules} -o=jsonpath={{.spec.imageRegistries.allowed[*]}}");
    let loose = r#"--type=merge --field-manager=mallory -p {"spec":{"imageRegistries":{"allowed":["quay.io"]}}}"#;
    world.kubectl(&format!("patch {rules} {loose}")).unwrap();
    world.wait_for_answer(&registries, "ghcr.io").await;
    world.kubectl(&format!("delete {rules}")).unwrap();
    world.wait_for_answer(&registries, "ghcr.io").await;
    world.wait_for("strict", "Ready", "True").await;
    world
        .wait_for_fact("strict", "DriftReverted tenantry")
        .await;
}

async fn refusals_and_controls(owner: &Client) {
    let pod = yaml(LET_IN_POD);
    let others = LET_IN_OTHERS.map(yaml);
    for object in workloads(&pod).iter().chain(&others) {
        eventually("it is let in", async || {
            create(owner, "strict-dev", object).await
        })
        .await;
    }
    for (pod, expected) in REFUSED_PODS {
        for object in workloads(&yaml(pod)) {
            let found = refusal(create(owner, "strict-dev", &object).await);
            assert_eq!(found.as_deref(), Some(expected), "{object}");
        }
    }
    for (object, expected) in REFUSED_OTHERS {
        let found = refusal(create(owner, "strict-dev", &yaml(object)).await);
        assert_eq!(found.as_deref(), Some(expected), "{object}");
    }
}

pub(crate) fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// A pod by itself, and in every kind that makes pods.
pub(crate) fn workloads(pod: &Value) -> Vec<Value> {
    let labels = json!({"app": "web"});
    let template = |restart: &str| {
        let mut spec = pod.clone();
        spec["restartPolicy"] = json!(restart);
        json!({"metadata": {"labels": labels}, "spec": spec})
    };
    let selected = json!({"selector": {"matchLabels": labels}, "template": template("Always")});
    let mut stateful = selected.clone();
    stateful["serviceName"] = json!("web");
    let job = json!({"template": template("Never")});
    let kinds = [
        ("Pod", pod.clone()),
        ("Deployment", selected.clone()),
        ("ReplicaSet", selected.clone()),
        ("DaemonSet", selected),
        ("StatefulSet", stateful),
        (
            "ReplicationController",
            json!({"selector": labels, "template": template("Always")}),
        ),
        ("Job", job.clone()),
        (
            "CronJob",
            json!({"schedule": "0 0 * * *", "jobTemplate": {"spec": job}}),
        ),
    ];
    kinds
        .map(|(kind, spec)| json!({"kind": kind, "spec": spec}))
        .into()
}

/// Creates `object` in a dry run, which admission does not tell from earnest.
pub(crate) async fn create(
    client: &Client,
    namespace: &str,
    object: &Value,
) -> kube::Result<DynamicObject> {
    let resource = resource(object["kind"].as_str().unwrap());
    let mut object = object.clone();
    object["apiVersion"] = json!(resource.api_version);
    object["metadata"]["name"] = json!("probe");
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    api.create(&dry, &serde_json::from_value(object).unwrap())
        .await
}

/// The words of the policy that refused; none if nothing did. Any other failure is not for this test.
pub(crate) fn refusal<T>(answer: kube::Result<T>) -> Option<String> {
    let status = match answer {
        Ok(_) => return None,
        Err(kube::Error::Api(status)) => status,
        Err(failure) => panic!("{failure}"),
    };
    let words = status.message.split_once("denied request: ");
    let (policy, words) = words.unwrap_or_else(|| panic!("not by a policy: {}", status.message));
    assert!(policy.contains("tenantry-guardrails-"), "{policy}");
    Some(words.to_owned())
}

fn resource(kind: &str) -> ApiResource {
    match kind {
        "Pod" => ApiResource::erase::<Pod>(&()),
        "Deployment" => ApiResource::erase::<Deployment>(&()),
        "ReplicaSet" => ApiResource::erase::<ReplicaSet>(&()),
        "DaemonSet" => ApiResource::erase::<DaemonSet>(&()),
        "StatefulSet" => ApiResource::erase::<StatefulSet>(&()),
        "ReplicationController" => ApiResource::erase::<ReplicationController>(&()),
        "Job" => ApiResource::erase::<Job>(&()),
        "CronJob" => ApiResource::erase::<CronJob>(&()),
        "PersistentVolumeClaim" => ApiResource::erase::<PersistentVolumeClaim>(&()),
        "Ingress" => ApiResource::erase::<Ingress>(&()),
        "Service" => ApiResource::erase::<Service>(&()),
        other => panic!("no resource for {other}"),
    }
}
