use std::sync::{Mutex, PoisonError};

use kube::{
    Resource, ResourceExt,
    runtime::{
        reflector::{ObjectRef, Store, store::Writer},
        watcher::Event,
    },
};

use super::{dead::Dead, revision};

/// Custom resources of one kind, in the form that a controller reads them.
pub(crate) struct Custom<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    state: Mutex<State<K>>,
    now: Store<K>,
}

struct State<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    writer: Writer<K>,
    dead: Dead,
}

impl<K> Default for Custom<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    fn default() -> Self {
        let writer = Writer::new(());
        Self {
            now: writer.as_reader(),
            state: Mutex::new(State {
                writer,
                dead: Dead::default(),
            }),
        }
    }
}

impl<K> Custom<K>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    /// The resources as they are now.
    pub(crate) fn now(&self) -> Store<K> {
        self.now.clone()
    }

    /// Takes what the apiserver answered to a write of ours.
    pub(crate) fn note(&self, object: K) {
        let is_end = object.meta().deletion_timestamp.is_some() && object.finalizers().is_empty();
        match is_end {
            true => self.apply(&Event::Delete(object)),
            false if self.is_known(&object) => {}
            false => self.apply(&Event::Apply(object)),
        }
    }

    /// Takes what the watch tells; gives the resource if that is news.
    pub(super) fn take(&self, event: Event<K>) -> Option<K> {
        if matches!(&event, Event::Apply(object) if self.is_known(object)) {
            return None;
        }
        self.apply(&event);
        match event {
            Event::Apply(object) | Event::Delete(object) | Event::InitApply(object) => Some(object),
            Event::Init | Event::InitDone => None,
        }
    }

    /// Waits for the first list.
    pub(super) async fn listed(&self) {
        // The writer lives as long as this, so there is no error to come.
        let _ = self.now.wait_until_ready().await;
    }

    /// Whether `object` is no newer than what we have, as the echo of our own write is.
    fn is_known(&self, object: &K) -> bool {
        let known = self.now.get(&ObjectRef::from_obj(object));
        known.is_some_and(|known| {
            known.uid() == object.uid() && revision(&*known) >= revision(object)
        })
    }

    fn apply(&self, event: &Event<K>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Delete(object) => state.dead.bury(object.uid()),
            Event::Apply(object) if state.dead.has(object.uid().as_ref()) => return,
            Event::Apply(_) | Event::Init | Event::InitApply(_) | Event::InitDone => {}
        }
        state.writer.apply_watcher_event(event);
    }
}
