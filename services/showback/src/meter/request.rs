use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, ContainerStatus, Pod, PodSpec, PodStatus, ResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};
use tenantry_k8s::quantity::Millis;

use crate::cost::{Each, Quantities};

/// What a pod holds of its node, before and after its init containers are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Requests {
    /// While init containers run: the larger of theirs and everybody else's.
    pub(super) initializing: Quantities,
    /// Afterwards: app containers and sidecars.
    pub(super) running: Quantities,
}

type Amounts = BTreeMap<String, Quantity>;

/// Kubernetes' effective request: Σ app containers + Σ sidecars, or the largest step of initialisation, + overhead.
pub(super) fn requests(pod: &Pod) -> Requests {
    let Some(spec) = &pod.spec else {
        return Requests {
            initializing: Each::splat(0),
            running: Each::splat(0),
        };
    };
    let is_infeasible = pod.status.as_ref().is_some_and(is_resize_infeasible);
    let status = |name: &str| {
        pod.status
            .as_ref()
            .and_then(|status| status_of(status, name))
    };
    let of = |container: &Container| {
        container_request(container, status(&container.name), is_infeasible)
    };

    let mut sidecars = Each::splat(0);
    let mut peak = Each::splat(0);
    for container in spec.init_containers.iter().flatten() {
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = add(sidecars, of(container));
        } else {
            peak = max(peak, add(sidecars, of(container)));
        }
    }
    let running = spec.containers.iter().map(of).fold(sidecars, add);
    let initializing = max(running, peak);
    let overhead = amounts(spec.overhead.as_ref());
    let whole = |sum: Quantities| add(at_pod_level(spec, sum), overhead);
    Requests {
        initializing: whole(initializing),
        running: whole(running),
    }
}

/// While a resize is under way, the scheduler keeps the largest of what is wanted, allotted and in force.
fn container_request(
    container: &Container,
    status: Option<&ContainerStatus>,
    is_infeasible: bool,
) -> Quantities {
    let wanted = requirements(container.resources.as_ref());
    let Some(status) = status else { return wanted };
    let in_force = requirements(status.resources.as_ref());
    let allotted = amounts(status.allocated_resources.as_ref());
    let held = max(in_force, allotted);
    if is_infeasible && held != Each::splat(0) {
        held
    } else {
        max(wanted, held)
    }
}

fn is_resize_infeasible(status: &PodStatus) -> bool {
    status.conditions.iter().flatten().any(|condition| {
        condition.type_ == "PodResizePending" && condition.reason.as_deref() == Some("Infeasible")
    })
}

fn status_of<'a>(status: &'a PodStatus, name: &str) -> Option<&'a ContainerStatus> {
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten())
        .find(|status| status.name == name)
}

/// A request set for the pod as a whole stands in place of the sum.
fn at_pod_level(spec: &PodSpec, sum: Quantities) -> Quantities {
    let Some(requests) = spec.resources.as_ref().and_then(|it| it.requests.as_ref()) else {
        return sum;
    };
    let set = amounts(Some(requests));
    Each {
        cpu: if requests.contains_key("cpu") {
            set.cpu
        } else {
            sum.cpu
        },
        memory: if requests.contains_key("memory") {
            set.memory
        } else {
            sum.memory
        },
        gpu: sum.gpu,
    }
}

fn requirements(resources: Option<&ResourceRequirements>) -> Quantities {
    let Some(resources) = resources else {
        return Each::splat(0);
    };
    // The apiserver fills requests from limits; extended resources may come with limits alone.
    let mut amounts_set = resources.limits.clone().unwrap_or_default();
    amounts_set.extend(resources.requests.clone().unwrap_or_default());
    amounts(Some(&amounts_set))
}

/// CPU, memory and GPUs of a resource list; what cannot be read counts as nothing, because the apiserver checked it.
pub(super) fn amounts(list: Option<&Amounts>) -> Quantities {
    let mut sum = Each::splat(0);
    for (resource, quantity) in list.into_iter().flatten() {
        let millis = Millis::parse(quantity).map_or(0, Millis::get);
        let whole = i64::try_from((millis + 999) / 1_000).unwrap_or(i64::MAX);
        match resource.as_str() {
            "cpu" => sum.cpu = i64::try_from(millis).unwrap_or(i64::MAX),
            "memory" => sum.memory = whole,
            name if name.ends_with("/gpu") => sum.gpu += whole,
            _ => {}
        }
    }
    sum
}

fn add(a: Quantities, b: Quantities) -> Quantities {
    a.zip(b).map(|(a, b)| a.saturating_add(b))
}

fn max(a: Quantities, b: Quantities) -> Quantities {
    a.zip(b).map(|(a, b)| a.max(b))
}
