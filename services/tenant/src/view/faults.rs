use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::{Resource, ResourceExt as _, runtime::watcher::Event};

use crate::read::{self, Fault, Read, Unreadable};

/// Kind and name. Of the kinds with a namespace there is one object.
type Place = (String, String);

/// What is there and cannot be read.
#[derive(Default)]
pub(crate) struct Faults(Mutex<BTreeMap<Place, Unreadable>>);

impl Faults {
    /// What is wrong with the object of that kind and name; none if it can be read or is not there.
    pub(crate) fn of<K: Resource<DynamicType = ()>>(&self, name: &str) -> Option<Unreadable> {
        self.locked().get(&place::<K>(name)).cloned()
    }

    /// Names of that kind.
    pub(crate) fn names<K: Resource<DynamicType = ()>>(&self) -> Vec<String> {
        let kind = K::kind(&());
        let all = self.locked();
        let of_kind = all.keys().filter(|(of, _)| *of == kind);
        of_kind.map(|(_, name)| name.clone()).collect()
    }

    /// The event, if it is about something that can be read; otherwise the name of what cannot.
    pub(super) fn sort<K>(&self, event: Event<Read<K>>) -> Result<Event<K>, String>
    where
        K: Resource<DynamicType = ()>,
    {
        match read::sort(event) {
            Ok(event) => {
                if let Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) =
                    &event
                {
                    self.locked().remove(&place::<K>(&object.name_any()));
                }
                Ok(event)
            }
            Err(Fault::There(fault)) => {
                let name = fault.name();
                fault.warn(&K::kind(&()));
                self.locked().insert(place::<K>(&name), *fault);
                Err(name)
            }
            Err(Fault::Gone(name)) => {
                self.locked().remove(&place::<K>(&name));
                Err(name)
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Place, Unreadable>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place<K: Resource<DynamicType = ()>>(name: &str) -> Place {
    (K::kind(&()).into_owned(), name.to_owned())
}
