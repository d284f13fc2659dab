//! What is known to run, and what each sighting changes about it. Pure: time and sightings in, changes out.

mod node;

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{NodeSighting, PodEnd, PodSighting};
use crate::{cost::Quantities, price::PriceKey};

/// One write to the intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A pod begins to hold something.
    OpenUsage(NewUsage),
    /// A pod's open interval turns out to hold another amount since its beginning.
    AmendUsage {
        /// The pod.
        pod_uid: Uuid,
        /// Start of the interval.
        start_s: i64,
        /// What it holds.
        request: Quantities,
    },
    /// A pod's open interval ends.
    CloseUsage {
        /// The pod.
        pod_uid: Uuid,
        /// Start of the interval.
        start_s: i64,
        /// Its end.
        end: End,
    },
    /// A node begins to have something, at a price.
    OpenNode {
        /// The node.
        node: NodeSighting,
        /// When.
        start_s: i64,
    },
    /// The price key of an open interval was not known at its beginning.
    AmendNode {
        /// The node.
        node_uid: Uuid,
        /// Start of the interval.
        start_s: i64,
        /// What it has.
        capacity: Quantities,
        /// Its price key.
        price_key: PriceKey,
    },
    /// A node's open interval ends.
    CloseNode {
        /// The node.
        node_uid: Uuid,
        /// Start of the interval.
        start_s: i64,
        /// Its end.
        end: End,
        /// Whether the node is gone; otherwise it goes on in another interval.
        is_gone: bool,
    },
}

/// The beginning of a usage interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUsage {
    /// The pod.
    pub pod_uid: Uuid,
    /// When.
    pub start_s: i64,
    /// Namespace by identity.
    pub namespace_uid: Uuid,
    /// Namespace by name.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Node that reserves for it.
    pub node: String,
    /// What it holds.
    pub request: Quantities,
}

/// When an interval ended, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// First second after.
    pub end_s: i64,
    /// Latest it can have been, if the end was not observed; `end_s` is the last proof of life then.
    pub latest_s: Option<i64>,
}

/// What is known of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodState {
    /// It holds something.
    Open {
        /// Start of its open interval.
        start_s: i64,
        /// What it holds.
        request: Quantities,
    },
    /// Its last interval ended then.
    Closed {
        /// First second after.
        end_s: i64,
    },
}

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// Start of its open interval.
    pub start_s: i64,
    /// What it looked like last.
    pub node: NodeSighting,
}

/// Everything that is known to be there.
#[derive(Debug, Default)]
pub struct Ledger {
    pods: HashMap<Uuid, Pod>,
    nodes: HashMap<String, NodeState>,
    namespaces: HashMap<String, Uuid>,
    /// Pods whose namespace has not been seen yet: the two watches are not in step.
    waiting: HashMap<Uuid, PodSighting>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
struct Pod {
    node: String,
    state: PodState,
}

impl Ledger {
    /// A pod as an earlier process left it.
    pub fn restore_pod(&mut self, uid: Uuid, node: String, state: PodState) {
        self.pods.insert(uid, Pod { node, state });
    }

    /// A node as an earlier process left it.
    pub fn restore_node(&mut self, state: NodeState) {
        self.nodes.insert(state.node.name.clone(), state);
    }

    /// The changes since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// A namespace is there.
    pub fn see_namespace(&mut self, name: String, uid: Uuid, now_s: i64) {
        let waiting = std::mem::take(&mut self.waiting);
        let (ready, waiting) = waiting
            .into_iter()
            .partition(|(_, pod)| pod.namespace == name);
        self.waiting = waiting;
        self.namespaces.insert(name, uid);
        let ready: HashMap<Uuid, PodSighting> = ready;
        for pod in ready.into_values() {
            self.see_pod(pod, now_s);
        }
    }

    /// A namespace is gone; one of that name made since stays.
    pub fn lose_namespace(&mut self, name: &str, uid: Uuid) {
        if self.namespaces.get(name) == Some(&uid) {
            self.namespaces.remove(name);
        }
    }

    /// A pod is there.
    pub fn see_pod(&mut self, pod: PodSighting, now_s: i64) {
        let Some(namespace_uid) = self.namespaces.get(&pod.namespace).copied() else {
            self.waiting.insert(pod.uid, pod);
            return;
        };
        if let Some(start_s) = self.beginning(&pod) {
            let initial = match pod.initializing {
                Some((request, until)) if until.is_none_or(|until| until > start_s) => request,
                _ => pod.request,
            };
            self.open(&pod, namespace_uid, start_s, initial);
        }
        let Some(Pod {
            state: PodState::Open { start_s, request },
            ..
        }) = self.pods.get(&pod.uid)
        else {
            return;
        };
        if let Some((at_s, request)) = split(&pod, *request, now_s) {
            self.split(&pod, namespace_uid, (*start_s, at_s), request);
        }
        match pod.end {
            Some(PodEnd::At(end_s)) => self.close_pod(pod.uid, end_s, None),
            Some(PodEnd::Unknown) => self.close_pod(pod.uid, now_s, None),
            None => {}
        }
    }

    /// When a sighting begins an interval, if it does.
    fn beginning(&self, pod: &PodSighting) -> Option<i64> {
        match self.pods.get(&pod.uid).map(|known| known.state) {
            None => Some(pod.scheduled_s),
            Some(PodState::Open { .. }) => None,
            // A pod that lives outlived its node object, which a kubelet may delete and make again.
            Some(PodState::Closed { end_s }) => {
                let node = self.nodes.get(&pod.node).filter(|_| pod.end.is_none())?;
                Some(end_s.max(node.start_s).max(pod.scheduled_s))
            }
        }
    }

    fn open(&mut self, pod: &PodSighting, namespace_uid: Uuid, start_s: i64, request: Quantities) {
        let state = PodState::Open { start_s, request };
        self.pods.insert(
            pod.uid,
            Pod {
                node: pod.node.clone(),
                state,
            },
        );
        self.changes.push(Change::OpenUsage(NewUsage {
            pod_uid: pod.uid,
            start_s,
            namespace_uid,
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            node: pod.node.clone(),
            request,
        }));
    }

    fn split(
        &mut self,
        pod: &PodSighting,
        namespace_uid: Uuid,
        (start_s, at_s): (i64, i64),
        request: Quantities,
    ) {
        if at_s > start_s {
            self.close_pod(pod.uid, at_s, None);
            self.open(pod, namespace_uid, at_s, request);
        } else {
            let state = PodState::Open { start_s, request };
            self.pods.insert(
                pod.uid,
                Pod {
                    node: pod.node.clone(),
                    state,
                },
            );
            self.changes.push(Change::AmendUsage {
                pod_uid: pod.uid,
                start_s,
                request,
            });
        }
    }

    /// A pod was deleted; its last words may say when it ended.
    pub fn lose_pod(&mut self, uid: Uuid, last: Option<&PodSighting>, now_s: i64) {
        let end_s = match last.and_then(|pod| pod.end) {
            Some(PodEnd::At(end_s)) => end_s.min(now_s),
            Some(PodEnd::Unknown) | None => now_s,
        };
        // A pod that came and went while its namespace was unheard of is not told of again; it cannot be placed.
        self.waiting.remove(&uid);
        self.close_pod(uid, end_s, None);
        self.pods.remove(&uid);
    }

    /// Those of a full list that nothing is known of.
    pub fn unknown(&self, list: &[(Uuid, Option<PodSighting>)]) -> Vec<Uuid> {
        let uids = list.iter().map(|(uid, _)| *uid);
        uids.filter(|uid| !self.pods.contains_key(uid)).collect()
    }

    /// A full list of pods is in.
    pub fn see_list(
        &mut self,
        list: Vec<(Uuid, Option<PodSighting>)>,
        proof_s: Option<i64>,
        now_s: i64,
    ) {
        let listed = list.iter().map(|(uid, _)| *uid).collect();
        for pod in list.into_iter().filter_map(|(_, pod)| pod) {
            self.see_pod(pod, now_s);
        }
        self.miss_pods(&listed, proof_s, now_s);
    }

    /// A full list of pods is in: known ones that are absent ended somewhere between the last proof of life and now.
    fn miss_pods(&mut self, listed: &HashSet<Uuid>, proof_s: Option<i64>, now_s: i64) {
        let absent: Vec<Uuid> = self
            .pods
            .keys()
            .filter(|uid| !listed.contains(uid))
            .copied()
            .collect();
        for uid in absent {
            self.close_pod(uid, proof_s.unwrap_or(i64::MIN), Some(now_s));
            self.pods.remove(&uid);
        }
        self.waiting.retain(|uid, _| listed.contains(uid));
    }

    fn close_pod(&mut self, pod_uid: Uuid, end_s: i64, latest_s: Option<i64>) {
        let Some(pod) = self.pods.get_mut(&pod_uid) else {
            return;
        };
        let PodState::Open { start_s, .. } = pod.state else {
            return;
        };
        let end = End::after(start_s, end_s, latest_s);
        pod.state = PodState::Closed { end_s: end.end_s };
        self.changes.push(Change::CloseUsage {
            pod_uid,
            start_s,
            end,
        });
    }
}

/// When and to what a pod's request changed since `held`.
fn split(pod: &PodSighting, held: Quantities, now_s: i64) -> Option<(i64, Quantities)> {
    match pod.initializing {
        Some((request, None)) => (request != held).then_some((now_s, request)),
        Some((request, Some(until_s))) if request == held => Some((until_s, pod.request)),
        // A resize seen only after the end: nothing is held any more.
        _ if pod.end.is_some() => None,
        _ => (pod.request != held).then_some((now_s, pod.request)),
    }
}

impl End {
    /// An end that is not before the start, whatever two clocks say.
    fn after(start_s: i64, end_s: i64, latest_s: Option<i64>) -> Self {
        let end_s = end_s.max(start_s);
        Self {
            end_s,
            latest_s: latest_s.map(|latest_s| latest_s.max(end_s)),
        }
    }
}

#[cfg(test)]
mod tests;
