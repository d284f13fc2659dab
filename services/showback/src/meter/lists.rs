use std::collections::HashSet;

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::{ResourceExt as _, runtime::watcher::Event};
use uuid::Uuid;

use super::{Ledger, NodeSighting, PodSighting, words::Word};

/// Every pod of a full list; one that no node reserves for has no sighting.
pub(super) type PodList = Vec<(Uuid, Option<PodSighting>)>;

/// When a word was heard, and the last proof of life of everything known before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now_s: i64,
    pub(super) proof_s: Option<i64>,
}

/// How far the lists are that each watch begins with.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pods: Progress<PodList>,
    nodes: Progress<HashSet<Uuid>>,
    namespaces: Progress<()>,
}

#[derive(Debug)]
enum Progress<T> {
    Under(T),
    Done,
}

impl<T: Default> Default for Progress<T> {
    fn default() -> Self {
        Self::Under(T::default())
    }
}

impl Lists {
    /// Whether everything there is has been listed, and watched since.
    pub(super) fn is_complete(&self) -> bool {
        matches!(
            (&self.pods, &self.nodes, &self.namespaces),
            (Progress::Done, Progress::Done, Progress::Done)
        )
    }

    /// Passes a word on to the ledger. A list of pods is held back until it is full, and returned then.
    pub(super) fn take(&mut self, word: Word, ledger: &mut Ledger, at: Moment) -> Option<PodList> {
        let now_s = at.now_s;
        match word {
            Word::Pod(event) => return self.take_pod(*event, ledger, now_s),
            Word::Node(event) => self.take_node(*event, ledger, at),
            Word::Namespace(event) => self.take_namespace(*event, ledger, now_s),
            Word::Trouble => {}
        }
        None
    }

    fn take_pod(&mut self, event: Event<Pod>, ledger: &mut Ledger, now_s: i64) -> Option<PodList> {
        match event {
            Event::Init => self.pods = Progress::Under(PodList::new()),
            Event::InitApply(pod) => {
                if let (Progress::Under(list), Some(uid)) = (&mut self.pods, uid(&pod)) {
                    list.push((uid, PodSighting::of(&pod)));
                }
            }
            Event::InitDone => {
                return match std::mem::replace(&mut self.pods, Progress::Done) {
                    Progress::Under(list) => Some(list),
                    Progress::Done => None,
                };
            }
            Event::Apply(pod) => {
                if let Some(pod) = PodSighting::of(&pod) {
                    ledger.see_pod(pod, now_s);
                }
            }
            Event::Delete(pod) => {
                if let Some(uid) = uid(&pod) {
                    ledger.lose_pod(uid, PodSighting::of(&pod).as_ref(), now_s);
                }
            }
        }
        None
    }

    fn take_node(&mut self, event: Event<Node>, ledger: &mut Ledger, at: Moment) {
        let now_s = at.now_s;
        match event {
            Event::Init => self.nodes = Progress::Under(HashSet::new()),
            Event::InitApply(node) => {
                if let (Progress::Under(list), Some(uid)) = (&mut self.nodes, uid(&node)) {
                    list.insert(uid);
                }
                see_node(&node, ledger, now_s);
            }
            Event::InitDone => {
                if let Progress::Under(list) = std::mem::replace(&mut self.nodes, Progress::Done) {
                    ledger.miss_nodes(&list, at.proof_s, now_s);
                }
            }
            Event::Apply(node) => see_node(&node, ledger, now_s),
            Event::Delete(node) => {
                if let Some(uid) = uid(&node) {
                    ledger.lose_node(&node.name_any(), uid, now_s);
                }
            }
        }
    }

    fn take_namespace(&mut self, event: Event<Namespace>, ledger: &mut Ledger, now_s: i64) {
        match event {
            Event::Init => self.namespaces = Progress::Under(()),
            Event::InitDone => self.namespaces = Progress::Done,
            Event::InitApply(namespace) | Event::Apply(namespace) => {
                if let Some(uid) = uid(&namespace) {
                    ledger.see_namespace(namespace.name_any(), uid, now_s);
                }
            }
            Event::Delete(namespace) => {
                if let Some(uid) = uid(&namespace) {
                    ledger.lose_namespace(&namespace.name_any(), uid);
                }
            }
        }
    }
}

fn see_node(node: &Node, ledger: &mut Ledger, now_s: i64) {
    if let Some(node) = NodeSighting::of(node) {
        ledger.see_node(node, now_s);
    }
}

fn uid(object: &impl kube::Resource) -> Option<Uuid> {
    object.meta().uid.as_ref()?.parse().ok()
}
