//! Out of the pod: to the node it runs on.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenantry_k8s::tenant::Allowed;

use super::{Attempt, Probe, Stage, Target};

const FIX_POD_SECURITY: &str = "let the namespace enforce Pod Security baseline: see its label pod-security.kubernetes.io/enforce, and metadata.namespaces of the IntegrationConfig";

/// A pod that the rules of the namespace let in, but for `change`.
pub(super) fn pod(stage: &Stage, change: impl FnOnce(&mut Value)) -> Probe {
    let rules = &stage.rules;
    let mut spec =
        json!({"containers": [{"name": "probe", "image": image(rules.image_registries.as_ref())}]});
    if let Some(class) = first(rules.pod_priority_classes.as_ref()) {
        spec["priorityClassName"] = json!(class);
    }
    if let Some(account) = account(stage) {
        spec["serviceAccountName"] = json!(account);
    }
    change(&mut spec);
    let target = Target::inside(&stage.namespace, "v1", "pods");
    Probe::create(
        target,
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tenantry-conformance"}, "spec": spec}),
    )
}

/// A name that the list asks for; none where it asks for nothing, or allows what has none.
pub(super) fn first(rule: Option<&Allowed>) -> Option<&String> {
    let names = &rule?.allowed;
    names.first().filter(|_| !names.contains(&String::new()))
}

fn image(registries: Option<&Allowed>) -> String {
    match first(registries) {
        Some(registry) => format!("{registry}/tenantry/probe"),
        None => "probe".to_owned(),
    }
}

/// None is `default`.
fn account(stage: &Stage) -> Option<&String> {
    let rules = stage.rules.service_accounts.as_ref();
    let denied: BTreeSet<&String> = rules.into_iter().flat_map(|rules| &rules.denied).collect();
    let is_free = |name: &&String| !denied.contains(name);
    let is_default_denied = denied.iter().any(|name| *name == "default");
    stage
        .accounts
        .iter()
        .find(is_free)
        .filter(|_| is_default_denied)
}

pub(super) fn attempts(stage: &Stage) -> Vec<Attempt> {
    let plain = || pod(stage, |_| {});
    let host = |field: &str| pod(stage, |spec| spec[field] = json!(true));
    vec![
        Attempt {
            what: "a privileged pod",
            refused: pod(stage, |spec| {
                spec["containers"][0]["securityContext"] = json!({"privileged": true});
            }),
            // An apiserver that allows no privileged pod to anybody says so first.
            because: &[
                "violates PodSecurity",
                "securityContext.privileged: Forbidden",
            ],
            control: plain(),
            fix: FIX_POD_SECURITY,
        },
        Attempt {
            what: "a hostPath",
            refused: pod(stage, |spec| {
                spec["volumes"] = json!([{"name": "v", "hostPath": {"path": "/"}}]);
            }),
            because: &["hostPath volumes"],
            control: pod(stage, |spec| {
                spec["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
            }),
            fix: FIX_POD_SECURITY,
        },
        Attempt {
            what: "the host's network",
            refused: host("hostNetwork"),
            because: &["host namespaces (hostNetwork=true)"],
            control: plain(),
            fix: FIX_POD_SECURITY,
        },
        Attempt {
            what: "the host's processes",
            refused: host("hostPID"),
            because: &["host namespaces (hostPID=true)"],
            control: plain(),
            fix: FIX_POD_SECURITY,
        },
        Attempt {
            what: "choose a node",
            refused: pod(stage, |spec| {
                spec["nodeName"] = json!("tenantry-conformance")
            }),
            because: &["cannot choose node"],
            control: pod(stage, |spec| spec["nodeSelector"] = json!({"zone": "a"})),
            fix: "apply deploy/policies/protected.yaml: the policy tenantry-nodes or its binding is missing or altered",
        },
    ]
}
