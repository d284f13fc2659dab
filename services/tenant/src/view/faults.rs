use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::{Resource, ResourceExt as _, runtime::watcher::Event};

use crate::read::{self, Fault, Read, Unreadable};

/// Kind and name. Of the kinds with a namespace there is one object.
type Place = (String, String);

/// What is there and cannot be read.
#[derive(Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    now: BTreeMap<Place, Unreadable>,
    /// What lists under way have brought so far of it.
    listing: BTreeSet<Place>,
}

/// What an event tells.
pub(super) struct Sorted<K> {
    /// The event, if it is about something that can be read, or about a list.
    pub(super) event: Option<Event<K>>,
    /// Names of what cannot be read, or could not and is gone.
    pub(super) lost: Vec<String>,
}

impl Faults {
    /// What is wrong with the object of that kind and name; none if it can be read or is not there.
    pub(crate) fn of<K: Resource<DynamicType = ()>>(&self, name: &str) -> Option<Unreadable> {
        self.locked().now.get(&place::<K>(name)).cloned()
    }

    /// Names of that kind.
    pub(crate) fn names<K: Resource<DynamicType = ()>>(&self) -> Vec<String> {
        let kind = K::kind(&());
        let state = self.locked();
        let of_kind = state.now.keys().filter(|(of, _)| *of == kind);
        of_kind.map(|(_, name)| name.clone()).collect()
    }

    /// Takes what the watch of that kind tells, and parts what can be read of it from what cannot.
    pub(super) fn sort<K>(&self, event: Event<Read<K>>) -> Sorted<K>
    where
        K: Resource<DynamicType = ()>,
    {
        let is_listed = matches!(&event, Event::InitApply(_));
        match read::sort(event) {
            Ok(event) => Sorted {
                lost: self.locked().take(&event),
                event: Some(event),
            },
            Err(Fault::There(fault)) => {
                let name = fault.name();
                fault.warn(&K::kind(&()));
                self.locked().put(place::<K>(&name), *fault, is_listed);
                Sorted::lost(name)
            }
            Err(Fault::Gone(name)) => {
                self.locked().now.remove(&place::<K>(&name));
                Sorted::lost(name)
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Sorted<K> {
    fn lost(name: String) -> Self {
        Self {
            event: None,
            lost: vec![name],
        }
    }
}

impl State {
    /// Takes an event about what can be read, or about a list. Gives the names of what could not be read and is gone, which
    /// a list tells by not having it.
    fn take<K: Resource<DynamicType = ()>>(&mut self, event: &Event<K>) -> Vec<String> {
        let kind = K::kind(&());
        match event {
            Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
                self.now.remove(&place::<K>(&object.name_any()));
                Vec::new()
            }
            Event::Init => {
                self.listing.retain(|(of, _)| *of != kind);
                Vec::new()
            }
            Event::InitDone => self.relist(&kind),
        }
    }

    fn put(&mut self, place: Place, fault: Unreadable, is_listed: bool) {
        if is_listed {
            self.listing.insert(place.clone());
        }
        self.now.insert(place, fault);
    }

    /// Forgets what of `kind` the list that is complete does not have; gives its names.
    fn relist(&mut self, kind: &str) -> Vec<String> {
        let Self { now, listing } = self;
        let is_gone = |place: &Place| place.0 == kind && !listing.contains(place);
        let gone: Vec<Place> = now.keys().filter(|place| is_gone(place)).cloned().collect();
        now.retain(|place, _| !is_gone(place));
        gone.into_iter().map(|(_, name)| name).collect()
    }
}

fn place<K: Resource<DynamicType = ()>>(name: &str) -> Place {
    (K::kind(&()).into_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tenantry_k8s::{Quota, Tenant};

    use super::*;
    use crate::read::tests::read;

    fn tenant(name: &str, quota: &Value) -> Read<Tenant> {
        read(name, &json!({"quota": quota}))
    }

    /// What a whole list says is lost.
    fn list(faults: &Faults, all: &[Read<Tenant>]) -> Vec<String> {
        faults.sort(Event::<Read<Tenant>>::Init);
        for one in all {
            faults.sort(Event::InitApply(one.clone()));
        }
        faults.sort(Event::<Read<Tenant>>::InitDone).lost
    }

    #[test]
    fn what_a_list_does_not_bring_is_gone_and_what_it_brings_is_not() {
        let faults = Faults::default();
        let (fits, broken) = (json!("small"), json!(7));
        faults.sort(Event::Apply(tenant("gone", &broken)));
        faults.sort(Event::Apply(tenant("mended", &broken)));
        let quota: Read<Quota> = read("gone", &json!({"resourcequota": 7}));
        faults.sort(Event::Apply(quota));
        let all = [
            tenant("mended", &fits),
            tenant("stays", &broken),
            tenant("well", &fits),
        ];
        assert_eq!(list(&faults, &all), ["gone"]);
        assert_eq!(faults.names::<Tenant>(), ["stays"]);
        assert_eq!(faults.names::<Quota>(), ["gone"], "another watch's");
        assert_eq!(list(&faults, &all), Vec::<String>::new());
        assert_eq!(list(&faults, &[]), ["stays"]);
        assert_eq!(faults.names::<Tenant>(), Vec::<String>::new());
    }

    #[test]
    fn a_list_that_is_begun_anew_counts_from_its_beginning() {
        let faults = Faults::default();
        faults.sort(Event::<Read<Tenant>>::Init);
        faults.sort(Event::InitApply(tenant("a", &json!(7))));
        // The apiserver went away, and the object meanwhile.
        assert_eq!(list(&faults, &[]), ["a"]);
    }
}
