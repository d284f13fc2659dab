//! Past the rules that the Tenant and the IntegrationConfig set for the namespace; only those that are set can be tried.

use serde_json::{Value, json};

use super::{
    Attempt, Probe, Stage, Target,
    pods::{first, pod},
};

/// Of every cluster, and of no tenant's list.
const SYSTEM_PRIORITY: &str = "system-cluster-critical";
const NOT_LISTED: &str = "tenantry-conformance";
const FIX: &str = "apply deploy/policies/guardrails.yaml: the policy for this kind or its binding for creation is missing or altered";

pub(super) fn attempts(stage: &Stage) -> Vec<Attempt> {
    let all = [
        image(stage),
        priority(stage),
        account(stage),
        host_port(stage),
        storage(stage),
        ingress_class(stage),
        host(stage),
        node_port(stage),
    ];
    all.into_iter().flatten().collect()
}

fn attempt(
    what: &'static str,
    because: &'static [&'static str],
    refused: Probe,
    control: Probe,
) -> Attempt {
    Attempt {
        what,
        refused,
        because,
        control,
        fix: FIX,
    }
}

fn plain(stage: &Stage) -> Probe {
    pod(stage, |_| {})
}

fn image(stage: &Stage) -> Option<Attempt> {
    let rule = stage.rules.image_registries.as_ref()?;
    let foreign = pod(stage, |spec| {
        spec["containers"][0]["image"] = json!("registry.invalid/probe");
    });
    let because = &["is not in imageRegistries.allowed"];
    let tried = attempt("an image from elsewhere", because, foreign, plain(stage));
    (!rule.allowed.is_empty()).then_some(tried)
}

fn priority(stage: &Stage) -> Option<Attempt> {
    let names = &stage.rules.pod_priority_classes.as_ref()?.allowed;
    let higher = pod(stage, |spec| {
        spec["priorityClassName"] = json!(SYSTEM_PRIORITY)
    });
    let because = &["is not in podPriorityClasses.allowed"];
    let tried = attempt("a priority above all", because, higher, plain(stage));
    let is_ruled = !names.is_empty() && !names.iter().any(|name| name == SYSTEM_PRIORITY);
    is_ruled.then_some(tried)
}

/// One that exists: of another the apiserver says so first.
fn account(stage: &Stage) -> Option<Attempt> {
    let denied = &stage.rules.service_accounts.as_ref()?.denied;
    let name = denied.iter().find(|name| stage.accounts.contains(*name))?;
    let denied = pod(stage, |spec| spec["serviceAccountName"] = json!(name));
    let because = &["is in serviceAccounts.denied"];
    Some(attempt(
        "a denied service account",
        because,
        denied,
        plain(stage),
    ))
}

fn host_port(stage: &Stage) -> Option<Attempt> {
    let network = stage.rules.network.as_ref()?;
    let opened = pod(stage, |spec| {
        spec["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 8080}]);
    });
    // Pod Security says so first, where it is enforced.
    let because = &["disableHostPorts", "violates PodSecurity"];
    let tried = attempt("a port of the host", because, opened, plain(stage));
    (network.disable_host_ports == Some(true)).then_some(tried)
}

fn storage(stage: &Stage) -> Option<Attempt> {
    let rule = stage.rules.storage_classes.as_ref()?;
    let allowed = rule.allowed.first()?;
    let claim = |class: &str| {
        let spec = json!({"storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}});
        create(
            stage,
            "v1",
            "persistentvolumeclaims",
            "PersistentVolumeClaim",
            &spec,
        )
    };
    let because = &["is not in storageClasses.allowed"];
    Some(attempt(
        "a storage class that is not allowed",
        because,
        claim(NOT_LISTED),
        claim(allowed),
    ))
}

fn ingress_class(stage: &Stage) -> Option<Attempt> {
    let allowed = stage.rules.ingress_classes.as_ref()?.allowed.first()?;
    let refused = ingress(stage, NOT_LISTED, listed_host(stage));
    let because = &["is not in ingressClasses.allowed"];
    let what = "an ingress class that is not allowed";
    Some(attempt(
        what,
        because,
        refused,
        ingress(stage, allowed, listed_host(stage)),
    ))
}

fn host(stage: &Stage) -> Option<Attempt> {
    let rule = stage.rules.host_validation_config.as_ref()?;
    let class = first(stage.rules.ingress_classes.as_ref()).map_or("", String::as_str);
    let because = &["is not allowed by hostValidationConfig"];
    let refused = ingress(stage, class, Some("tenantry-conformance.invalid"));
    let control = match listed_host(stage) {
        Some(host) => ingress(stage, class, Some(host)),
        // Nobody can tell a host by a regular expression alone.
        None => Probe::may(
            "create",
            "networking.k8s.io",
            "ingresses",
            Some(&stage.namespace),
        ),
    };
    let is_ruled = !rule.allowed.is_empty() || rule.allowed_regex.is_some();
    is_ruled.then_some(attempt("somebody else's host", because, refused, control))
}

fn listed_host(stage: &Stage) -> Option<&str> {
    let rule = stage.rules.host_validation_config.as_ref()?;
    let is_plain = |host: &&String| !host.is_empty() && !host.starts_with('*');
    rule.allowed.iter().find(is_plain).map(String::as_str)
}

fn ingress(stage: &Stage, class: &str, host: Option<&str>) -> Probe {
    let backend = json!({"service": {"name": "probe", "port": {"number": 80}}});
    let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
    let mut rule = json!({"http": {"paths": paths}});
    if let Some(host) = host {
        rule["host"] = json!(host);
    }
    let mut spec = json!({"rules": [rule]});
    if !class.is_empty() {
        spec["ingressClassName"] = json!(class);
    }
    create(stage, "networking.k8s.io/v1", "ingresses", "Ingress", &spec)
}

fn node_port(stage: &Stage) -> Option<Attempt> {
    let network = stage.rules.network.as_ref()?;
    let service = |kind: &str| {
        let spec = json!({"type": kind, "ports": [{"port": 80}]});
        create(stage, "v1", "services", "Service", &spec)
    };
    let because = &["disableNodePortServices"];
    let tried = attempt(
        "a port of the nodes",
        because,
        service("NodePort"),
        service("ClusterIP"),
    );
    (network.disable_node_port_services == Some(true)).then_some(tried)
}

fn create(
    stage: &Stage,
    api: &'static str,
    resource: &'static str,
    kind: &str,
    spec: &Value,
) -> Probe {
    let target = Target::inside(&stage.namespace, api, resource);
    let metadata = json!({"name": "tenantry-conformance"});
    Probe::create(
        target,
        json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}),
    )
}
