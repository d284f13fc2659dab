use std::collections::{HashSet, VecDeque};

/// How many are remembered: far more than what can be under way at once.
const MEMORY: usize = 4096;

/// Uids of objects that are gone, which an answer or an event under way must not bring back.
#[derive(Default)]
pub(super) struct Dead {
    uids: HashSet<String>,
    order: VecDeque<String>,
}

impl Dead {
    pub(super) fn bury(&mut self, uid: Option<String>) {
        let Some(uid) = uid else { return };
        if self.uids.insert(uid.clone()) {
            self.order.push_back(uid);
        }
        if self.order.len() > MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.uids.remove(&oldest);
        }
    }

    pub(super) fn has(&self, uid: Option<&String>) -> bool {
        uid.is_some_and(|uid| self.uids.contains(uid))
    }
}
