use k8s_openapi::{
    api::core::v1::{ContainerStatus, Pod, PodCondition, PodSpec, PodStatus},
    apimachinery::pkg::apis::meta::v1::Time,
};
use uuid::Uuid;

use super::request::{Requests, requests};
use crate::cost::Quantities;

/// What a bound pod says about itself at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSighting {
    /// Identity; names come back, uids don't.
    pub uid: Uuid,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Node that reserves for it.
    pub node: String,
    /// When the scheduler bound it.
    pub scheduled_s: i64,
    /// What it holds while init containers run, if that is another amount, and when they were done.
    pub initializing: Option<(Quantities, Option<i64>)>,
    /// What it holds otherwise.
    pub request: Quantities,
    /// When it ended, if it did.
    pub end: Option<PodEnd>,
}

/// How a pod says that it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodEnd {
    /// Its last container finished then.
    At(i64),
    /// It is over and does not say since when, as an evicted pod.
    Unknown,
}

impl PodSighting {
    /// Reads a pod; none while no node reserves anything for it.
    pub fn of(pod: &Pod) -> Option<Self> {
        let (meta, spec) = (&pod.metadata, pod.spec.as_ref()?);
        let node = spec.node_name.clone().filter(|node| !node.is_empty())?;
        let conditions = pod
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_deref());
        let conditions = conditions.unwrap_or_default();
        // A pod made with its node already set has no such condition at first.
        let bound = since(conditions, "PodScheduled").or(meta.creation_timestamp.as_ref());
        let Requests {
            initializing,
            running,
        } = requests(pod);
        let initialized_s = since(conditions, "Initialized").map(second);
        Some(Self {
            uid: meta.uid.as_ref()?.parse().ok()?,
            namespace: meta.namespace.clone()?,
            name: meta.name.clone()?,
            node,
            scheduled_s: second(bound?),
            initializing: (initializing != running).then_some((initializing, initialized_s)),
            request: running,
            end: end(pod, spec),
        })
    }
}

fn second(time: &Time) -> i64 {
    time.0.as_second()
}

/// When a condition became true.
fn since<'a>(conditions: &'a [PodCondition], kind: &str) -> Option<&'a Time> {
    let is_true = |it: &&PodCondition| it.type_ == kind && it.status == "True";
    conditions
        .iter()
        .find(is_true)?
        .last_transition_time
        .as_ref()
}

/// A terminated container ends nothing by itself: it may be started again.
fn end(pod: &Pod, spec: &PodSpec) -> Option<PodEnd> {
    let status = pod.status.as_ref()?;
    let is_over = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let is_leaving = pod.metadata.deletion_timestamp.is_some();
    match last_finish(spec, status) {
        Some(finished_s) if is_over || is_leaving => Some(PodEnd::At(finished_s)),
        _ if is_over => Some(PodEnd::Unknown),
        _ => None,
    }
}

/// When the last container finished, if all app containers and sidecars have.
fn last_finish(spec: &PodSpec, status: &PodStatus) -> Option<i64> {
    let apps = status.container_statuses.as_deref().unwrap_or_default();
    let is_sidecar = |name: &str| {
        let mut init = spec.init_containers.iter().flatten();
        init.any(|it| it.name == name && it.restart_policy.as_deref() == Some("Always"))
    };
    let sidecars = status.init_container_statuses.iter().flatten();
    let sidecars = sidecars.filter(|status| is_sidecar(&status.name));
    if apps.len() < spec.containers.len() {
        return None;
    }
    let finishes: Option<Vec<i64>> = apps.iter().chain(sidecars).map(finished).collect();
    finishes?.into_iter().max()
}

fn finished(status: &ContainerStatus) -> Option<i64> {
    let terminated = status.state.as_ref()?.terminated.as_ref()?;
    terminated.finished_at.as_ref().map(second)
}
