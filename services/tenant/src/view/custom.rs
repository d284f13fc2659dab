use std::{
    cmp::Ordering,
    sync::{Mutex, PoisonError},
};

use kube::{
    Resource, ResourceExt,
    runtime::{
        reflector::{ObjectRef, Store, store::Writer},
        watcher::Event,
    },
};

use super::{dead::Dead, light::lighten, revision};

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
    pub(crate) fn note(&self, mut object: K) {
        lighten(&mut object);
        let is_end = object.meta().deletion_timestamp.is_some() && object.finalizers().is_empty();
        match is_end {
            true => self.apply(&Event::Delete(object)),
            false => self.apply(&Event::Apply(object)),
        }
    }

    /// Takes what the watch tells; gives the resource if that is news.
    pub(super) fn take(&self, event: Event<K>) -> Option<K> {
        if matches!(&event, Event::Apply(object) if self.is_echo(object)) {
            return None;
        }
        self.apply(&event);
        match event {
            // Ours may be newer.
            Event::Apply(object) => self
                .now
                .get(&ObjectRef::from_obj(&object))
                .map(|now| K::clone(&now)),
            Event::Delete(object) | Event::InitApply(object) => Some(object),
            Event::Init | Event::InitDone => None,
        }
    }

    /// Takes away a resource that can be read no more, though it is there; gives it as it was.
    pub(super) fn forget(&self, name: &str) -> Option<K> {
        let known = self.now.get(&ObjectRef::new(name))?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = K::clone(&known);
        // It is not buried: it lives, and may be read again.
        state
            .writer
            .apply_watcher_event(&Event::Delete(known.clone()));
        Some(known)
    }

    /// Waits for the first list.
    pub(super) async fn listed(&self) {
        // The writer lives as long as this, so there is no error to come.
        let _ = self.now.wait_until_ready().await;
    }

    /// Whether `object` is the very one that we have, as the answer to our own write was.
    ///
    /// An older one is no echo: it is somebody else's change, which that answer had in it and nobody was told of.
    fn is_echo(&self, object: &K) -> bool {
        self.age(object) == Some(Ordering::Equal)
    }

    /// How old `object` is beside what we have of it; none if we have nothing.
    pub(super) fn age(&self, object: &K) -> Option<Ordering> {
        let known = self.now.get(&ObjectRef::from_obj(object));
        let known = known.filter(|known| known.uid() == object.uid())?;
        Some(revision(object).cmp(&revision(&*known)))
    }

    fn apply(&self, event: &Event<K>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Delete(object) => state.dead.bury(object.uid()),
            Event::Apply(object) if state.dead.has(object.uid().as_ref()) => return,
            Event::Apply(object) if self.age(object) == Some(Ordering::Less) => return,
            Event::Apply(_) | Event::Init | Event::InitApply(_) | Event::InitDone => {}
        }
        state.writer.apply_watcher_event(event);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tenantry_k8s::Quota;

    use super::*;

    fn quota(revision: u64, generation: i64) -> Quota {
        let metadata = json!({
            "name": "q", "uid": "1", "resourceVersion": revision.to_string(), "generation": generation,
        });
        serde_json::from_value(json!({
            "apiVersion": "tenantoperator.stakater.com/v1beta1", "kind": "Quota", "metadata": metadata, "spec": {},
        }))
        .unwrap()
    }

    #[test]
    fn a_change_that_our_own_write_had_in_it_is_told_once() {
        let quotas = Custom::<Quota>::default();
        quotas.take(Event::Apply(quota(1, 1)));
        // Somebody's change came between our read and our write, whose answer has it.
        quotas.note(quota(3, 2));
        let told = quotas.take(Event::Apply(quota(2, 2))).unwrap();
        assert_eq!(revision(&told), 3);
        assert!(quotas.take(Event::Apply(quota(3, 2))).is_none());
        assert!(quotas.take(Event::Apply(quota(4, 2))).is_some());
    }

    #[test]
    fn an_end_stays_one() {
        let quotas = Custom::<Quota>::default();
        quotas.take(Event::Apply(quota(1, 1)));
        quotas.take(Event::Delete(quota(2, 1)));
        quotas.note(quota(2, 1));
        assert!(quotas.now().state().is_empty());
    }
}
