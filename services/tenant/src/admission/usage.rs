//! What an object counts for in a ResourceQuota, as the apiserver counts it. Pure.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Container, PersistentVolumeClaimSpec, PodSpec, ResourceRequirements, ServiceSpec,
    },
    apimachinery::pkg::api::resource::Quantity,
};
use kube::core::{DynamicObject, admission::AdmissionRequest};
use serde::de::DeserializeOwned;
use tenantry_k8s::quantity::Millis;

const ONE: Millis = Millis::new(1000);
/// Ends the keys that are about claims of one class.
const CLASS: &str = ".storageclass.storage.k8s.io/";

/// An object that is there, or is about to be.
pub(crate) struct Creation {
    group: String,
    resource: String,
    what: What,
}

enum What {
    Pod(Box<PodSpec>),
    Claim(Box<PersistentVolumeClaimSpec>),
    Service(Box<ServiceSpec>),
    /// Counts as one of its kind.
    Other,
}

type Amounts = BTreeMap<String, Quantity>;

impl Creation {
    /// The object that `request` wants to create.
    pub(super) fn of(request: &AdmissionRequest<DynamicObject>) -> Self {
        let (group, resource) = (&request.resource.group, &request.resource.resource);
        let object = request.object.as_ref();
        let what = match (group.as_str(), resource.as_str()) {
            ("", "pods") => spec(object).map(What::Pod),
            ("", "persistentvolumeclaims") => spec(object).map(What::Claim),
            ("", "services") => spec(object).map(What::Service),
            _ => None,
        };
        Self {
            group: group.clone(),
            resource: resource.clone(),
            // One that cannot be read is refused by the apiserver itself.
            what: what.unwrap_or(What::Other),
        }
    }

    /// A pod that is there.
    pub(crate) fn pod(spec: &PodSpec) -> Self {
        Self::core("pods", What::Pod(Box::new(spec.clone())))
    }

    /// A claim that is there.
    pub(crate) fn claim(spec: &PersistentVolumeClaimSpec) -> Self {
        Self::core(
            "persistentvolumeclaims",
            What::Claim(Box::new(spec.clone())),
        )
    }

    /// A service that is there.
    pub(crate) fn service(spec: &ServiceSpec) -> Self {
        Self::core("services", What::Service(Box::new(spec.clone())))
    }

    fn core(resource: &str, what: What) -> Self {
        Self {
            group: String::new(),
            resource: resource.to_owned(),
            what,
        }
    }

    /// What it adds to `key` of a ResourceQuota; most add nothing to most.
    pub(crate) fn adds(&self, key: &str) -> Millis {
        if self.is_counted_by(key) {
            return ONE;
        }
        match &self.what {
            What::Pod(pod) => of_pod(pod, key),
            What::Claim(claim) => of_claim(claim, key),
            What::Service(service) => of_service(service, key),
            What::Other => Millis::ZERO,
        }
    }

    /// `count/configmaps` and `count/deployments.apps`; kinds of the core group also have keys by their mere name.
    fn is_counted_by(&self, key: &str) -> bool {
        match key.strip_prefix("count/") {
            Some(counted) => match counted.split_once('.') {
                Some((resource, group)) => resource == self.resource && group == self.group,
                None => counted == self.resource && self.group.is_empty(),
            },
            None => key == self.resource && self.group.is_empty(),
        }
    }
}

fn spec<S: DeserializeOwned>(object: Option<&DynamicObject>) -> Option<Box<S>> {
    let spec = object?.data.get("spec")?.clone();
    serde_json::from_value(spec).ok().map(Box::new)
}

/// Requests by the key `requests.cpu` or `cpu`, limits by `limits.cpu`; extended resources have `requests.` keys only.
fn of_pod(pod: &PodSpec, key: &str) -> Millis {
    match key.strip_prefix("limits.") {
        Some(resource) => whole(pod, resource, |of| of.limits.as_ref()),
        None => {
            let resource = key.strip_prefix("requests.").unwrap_or(key);
            whole(pod, resource, |of| of.requests.as_ref())
        }
    }
}

/// The larger of what runs together and of each step of initialisation; what the pod says of itself goes before.
fn whole(
    pod: &PodSpec,
    resource: &str,
    pick: impl Fn(&ResourceRequirements) -> Option<&Amounts>,
) -> Millis {
    let amount = |of: Option<&ResourceRequirements>| of.and_then(|of| read(pick(of), resource));
    let of = |container: &Container| {
        amount(container.resources.as_ref())
            .unwrap_or_default()
            .get()
    };
    let (mut sidecars, mut peak) = (0, 0);
    for container in pod.init_containers.iter().flatten() {
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars += of(container);
            peak = peak.max(sidecars);
        } else {
            peak = peak.max(sidecars + of(container));
        }
    }
    let running = sidecars + pod.containers.iter().map(of).sum::<i128>();
    let own = amount(pod.resources.as_ref()).map_or(peak.max(running), Millis::get);
    let overhead = read(pod.overhead.as_ref(), resource).unwrap_or_default();
    Millis::new(own + overhead.get())
}

fn of_claim(claim: &PersistentVolumeClaimSpec, key: &str) -> Millis {
    let key = match key.split_once(CLASS) {
        Some((class, _)) if claim.storage_class_name.as_deref() != Some(class) => {
            return Millis::ZERO;
        }
        Some((_, key)) => key,
        None => key,
    };
    match key {
        "persistentvolumeclaims" => ONE,
        "requests.storage" => {
            let requests = claim.resources.as_ref().and_then(|of| of.requests.as_ref());
            read(requests, "storage").unwrap_or_default()
        }
        _ => Millis::ZERO,
    }
}

fn of_service(service: &ServiceSpec, key: &str) -> Millis {
    let is_balanced = service.type_.as_deref() == Some("LoadBalancer");
    match key {
        "services.loadbalancers" if is_balanced => ONE,
        "services.nodeports" => Millis::new(node_ports(service) * 1000),
        _ => Millis::ZERO,
    }
}

/// Every port of a NodePort service, and of a balanced one unless only those it names were to be taken.
fn node_ports(service: &ServiceSpec) -> i128 {
    let ports = service.ports.iter().flatten();
    let named = |named: usize| i128::try_from(named).unwrap_or(i128::MAX);
    match service.type_.as_deref() {
        Some("LoadBalancer") if service.allocate_load_balancer_node_ports == Some(false) => named(
            ports
                .filter(|port| port.node_port.is_some_and(|port| port > 0))
                .count(),
        ),
        Some("NodePort" | "LoadBalancer") => named(ports.count()),
        _ => 0,
    }
}

fn read(amounts: Option<&Amounts>, resource: &str) -> Option<Millis> {
    Millis::parse(amounts?.get(resource)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(group: &str, resource: &str, spec: &Value, expected: &[(&str, i128)]) {
        let object = json!({"metadata": {"name": "x"}, "spec": spec});
        let request = serde_json::from_value(json!({
            "uid": "1", "kind": {"group": group, "version": "v1", "kind": "Some"},
            "resource": {"group": group, "version": "v1", "resource": resource},
            "operation": "CREATE", "userInfo": {}, "dryRun": false, "name": "x", "object": object,
        }));
        let creation = Creation::of(&request.unwrap());
        for (key, millis) in expected {
            assert_eq!(creation.adds(key).get(), *millis, "{resource} {key} {spec}");
        }
    }

    #[test]
    fn each_kind_counts_by_its_own_keys() {
        check(
            "",
            "configmaps",
            &json!({}),
            &[
                ("configmaps", 1000),
                ("count/configmaps", 1000),
                ("secrets", 0),
                ("count/configmaps.apps", 0),
            ],
        );
        check(
            "apps",
            "deployments",
            &json!({}),
            &[
                ("count/deployments.apps", 1000),
                ("count/deployments", 0),
                ("deployments", 0),
            ],
        );
    }

    #[test]
    fn pods_count_what_they_need_at_their_height() {
        let container = |cpu: &str| json!({"name": "c", "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "1"}}});
        let mut sidecar = container("100m");
        sidecar["restartPolicy"] = "Always".into();
        let two = json!([container("300m"), container("200m")]);
        let spec = json!({"containers": two, "overhead": {"cpu": "50m"}});
        check(
            "",
            "pods",
            &spec,
            &[
                ("cpu", 550),
                ("requests.cpu", 550),
                ("limits.cpu", 2050),
                ("pods", 1000),
                ("count/pods", 1000),
                ("memory", 0),
            ],
        );
        let spec = json!({"containers": two, "initContainers": [sidecar, container("900m")]});
        check("", "pods", &spec, &[("cpu", 1000)]);
        let spec = json!({"containers": two, "resources": {"requests": {"cpu": "2"}}});
        check("", "pods", &spec, &[("cpu", 2000), ("limits.cpu", 2000)]);
        let gpu = json!({"requests": {"nvidia.com/gpu": "2", "hugepages-2Mi": "4Mi"}});
        check(
            "",
            "pods",
            &json!({"containers": [{"name": "c", "resources": gpu}]}),
            &[
                ("requests.nvidia.com/gpu", 2000),
                ("hugepages-2Mi", 4_194_304_000),
            ],
        );
    }

    #[test]
    fn claims_count_by_size_and_by_class() {
        let spec =
            json!({"storageClassName": "gold", "resources": {"requests": {"storage": "2Gi"}}});
        check(
            "",
            "persistentvolumeclaims",
            &spec,
            &[
                ("requests.storage", 2_147_483_648_000),
                ("persistentvolumeclaims", 1000),
                (
                    "gold.storageclass.storage.k8s.io/requests.storage",
                    2_147_483_648_000,
                ),
                (
                    "gold.storageclass.storage.k8s.io/persistentvolumeclaims",
                    1000,
                ),
                ("lead.storageclass.storage.k8s.io/persistentvolumeclaims", 0),
            ],
        );
    }

    #[test]
    fn services_count_by_type_and_ports() {
        let ports = json!([{"port": 1, "nodePort": 30_001}, {"port": 2}]);
        let check = |spec: Value, balancers: i128, node_ports: i128| {
            let expected = [
                ("services", 1000),
                ("services.loadbalancers", balancers),
                ("services.nodeports", node_ports),
            ];
            check("", "services", &spec, &expected);
        };
        check(json!({"type": "ClusterIP", "ports": ports}), 0, 0);
        check(json!({"type": "NodePort", "ports": ports}), 0, 2000);
        check(json!({"type": "LoadBalancer", "ports": ports}), 1000, 2000);
        let spec =
            json!({"type": "LoadBalancer", "ports": ports, "allocateLoadBalancerNodePorts": false});
        check(spec, 1000, 1000);
    }
}
