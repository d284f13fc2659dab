use std::collections::HashSet;

use uuid::Uuid;

use super::{Change, End, Ledger, NodeSighting, NodeState, PodState};

impl Ledger {
    /// A node is there.
    pub fn see_node(&mut self, node: NodeSighting, now_s: i64) {
        let known = self.nodes.get(&node.name).cloned();
        match known {
            Some(known) if known.node.uid == node.uid => self.see_again(known, node, now_s),
            Some(known) => {
                // Another machine under the old name: the old one ended before this one began.
                let end_s = node.created_s.min(now_s);
                let end = End::after(known.start_s, end_s, None);
                self.close_node(&known.node.name, end, end.end_s);
                self.open_node(node, None);
            }
            None => self.open_node(node, None),
        }
    }

    fn see_again(&mut self, known: NodeState, node: NodeSighting, now_s: i64) {
        if known.node == node {
            return;
        }
        let start_s = known.start_s;
        // The cloud's controller labels a node some seconds after it joined; the machine was of that type all along.
        let is_label_late = known.node.price_key.instance_type.is_empty();
        if (is_label_late && known.node.capacity == node.capacity) || now_s <= start_s {
            let (node_uid, capacity) = (node.uid, node.capacity);
            let price_key = node.price_key.clone();
            self.nodes
                .insert(node.name.clone(), NodeState { start_s, node });
            self.changes.push(Change::AmendNode {
                node_uid,
                start_s,
                capacity,
                price_key,
            });
            return;
        }
        let end = End::after(start_s, now_s, None);
        self.changes.push(Change::CloseNode {
            node_uid: node.uid,
            start_s,
            end,
            is_gone: false,
        });
        self.open_node(node, Some(now_s));
    }

    fn open_node(&mut self, node: NodeSighting, start_s: Option<i64>) {
        let start_s = start_s.unwrap_or(node.created_s);
        self.nodes.insert(
            node.name.clone(),
            NodeState {
                start_s,
                node: node.clone(),
            },
        );
        self.changes.push(Change::OpenNode { node, start_s });
    }

    /// A node was deleted; its pods hold nothing from then on.
    pub fn lose_node(&mut self, name: &str, uid: Uuid, now_s: i64) {
        let Some(known) = self.nodes.get(name).filter(|known| known.node.uid == uid) else {
            return;
        };
        let end = End::after(known.start_s, now_s, None);
        self.close_node(name, end, i64::MAX);
    }

    /// A full list of nodes is in: known ones that are absent ended somewhere between the last proof of life and now.
    pub fn miss_nodes(&mut self, listed: &HashSet<Uuid>, proof_s: Option<i64>, now_s: i64) {
        let absent: Vec<NodeState> = self
            .nodes
            .values()
            .filter(|it| !listed.contains(&it.node.uid))
            .cloned()
            .collect();
        for NodeState { start_s, node } in absent {
            let end = End::after(start_s, proof_s.unwrap_or(i64::MIN), Some(now_s));
            self.close_node(&node.name, end, i64::MAX);
        }
    }

    /// Ends a node, and what pods bound to it before `before_s` hold there.
    fn close_node(&mut self, name: &str, end: End, before_s: i64) {
        let Some(NodeState { start_s, node }) = self.nodes.remove(name) else {
            return;
        };
        let is_here = |pod: &super::Pod| match pod.state {
            PodState::Open { start_s, .. } => pod.node == name && start_s < before_s,
            PodState::Closed { .. } => false,
        };
        let pods: Vec<Uuid> = self
            .pods
            .iter()
            .filter(|(_, pod)| is_here(pod))
            .map(|(uid, _)| *uid)
            .collect();
        for uid in pods {
            self.close_pod(uid, end.end_s, end.latest_s);
        }
        self.changes.push(Change::CloseNode {
            node_uid: node.uid,
            start_s,
            end,
            is_gone: true,
        });
    }
}
