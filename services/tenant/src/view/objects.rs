use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::{Resource, ResourceExt, runtime::watcher::Event};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use super::{
    dead::Dead,
    light::lighten,
    packed::{Json, Packed},
};
use crate::reconcile::object::{Key, Kind, Object};

/// Namespace and name; no namespace is empty.
pub(crate) type Name = (String, String);

/// An object that is not what it was, and the tenants whose label it has or had.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) name: Name,
    pub(super) tenants: BTreeSet<String>,
}

/// Objects of one kind, as the watch tells and as our own writes were answered.
///
/// Invariant: never older than our own last write.
pub(crate) struct Objects<K> {
    state: Mutex<State<K>>,
    is_listed: watch::Sender<bool>,
}

struct State<K> {
    now: HashMap<Name, Packed<K>>,
    of_tenant: HashMap<String, BTreeSet<Name>>,
    dead: Dead,
    /// What a list under way has brought so far.
    listing: HashMap<Name, Packed<K>>,
    /// The newest revision that was known when that list began: what is not in it and no newer is gone.
    begun: u64,
}

impl<K> Default for Objects<K> {
    fn default() -> Self {
        let state = State {
            now: HashMap::new(),
            of_tenant: HashMap::new(),
            dead: Dead::default(),
            listing: HashMap::new(),
            begun: 0,
        };
        Self {
            state: Mutex::new(state),
            is_listed: watch::Sender::new(false),
        }
    }
}

impl<K: Resource + Serialize + DeserializeOwned> Objects<K> {
    /// Objects with the label of `tenant`, by name.
    pub(crate) fn of(&self, tenant: &str) -> Vec<K> {
        let found = self.packed(tenant);
        found.iter().map(|(_, json)| json.read()).collect()
    }

    /// The same, unread, as objects of `kind`.
    pub(super) fn unread(&self, kind: Kind, tenant: &str) -> Vec<Object> {
        let found = self.packed(tenant).into_iter();
        found
            .map(|((namespace, name), json)| Object {
                key: Key {
                    kind,
                    namespace,
                    name,
                },
                value: json.value(),
            })
            .collect()
    }

    fn packed(&self, tenant: &str) -> Vec<(Name, Json<K>)> {
        let state = self.locked();
        let names = state.of_tenant.get(tenant).into_iter().flatten();
        names
            .filter_map(|name| Some((name.clone(), state.now.get(name)?.json.clone())))
            .collect()
    }

    /// Names of the objects with the label of `tenant`.
    pub(super) fn names_of(&self, tenant: &str) -> Vec<Name> {
        let state = self.locked();
        let names = state.of_tenant.get(tenant).into_iter().flatten();
        names.cloned().collect()
    }

    /// The object of that name; an empty namespace for cluster objects.
    pub(crate) fn find(&self, namespace: &str, name: &str) -> Option<K> {
        let name = (namespace.to_owned(), name.to_owned());
        let found = self.locked().now.get(&name).map(|known| known.json.clone());
        found.as_ref().map(Json::read)
    }

    /// Whether there is an object of that name; an empty namespace for cluster objects.
    pub(crate) fn has(&self, namespace: &str, name: &str) -> bool {
        let name = (namespace.to_owned(), name.to_owned());
        self.locked().now.contains_key(&name)
    }

    /// The only object; none if there is none.
    pub(crate) fn only(&self) -> Option<K> {
        let found = self
            .locked()
            .now
            .values()
            .next()
            .map(|known| known.json.clone());
        found.as_ref().map(Json::read)
    }

    /// Names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.locked();
        let mut names: Vec<String> = state.now.keys().map(|(_, name)| name.clone()).collect();
        names.sort();
        names
    }

    /// Tenants whose label some object has.
    pub(super) fn tenants(&self) -> Vec<String> {
        self.locked().of_tenant.keys().cloned().collect()
    }

    /// Takes what the apiserver answered to a write of ours.
    pub(super) fn note(&self, mut object: K) {
        lighten(&mut object);
        let packed = Packed::of(&object);
        self.locked().put(name_of(&object), packed);
    }

    /// Takes back what a deletion of ours ended: the one with that uid, and no other that came by its name.
    pub(super) fn end(&self, key: &Key, uid: Option<String>) {
        let name = (key.namespace.clone(), key.name.clone());
        self.locked().ended(name, uid);
    }

    /// Takes away an object that can be read no more, though it is there. It may be read again.
    pub(super) fn forget(&self, namespace: &str, name: &str) {
        self.locked()
            .remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// Takes what the watch tells; gives what changed by it, our own writes aside.
    pub(super) fn take(&self, event: Event<K>) -> Vec<Change> {
        match event {
            Event::Init => {
                let mut state = self.locked();
                state.listing.clear();
                let known = state.now.values().map(|known| known.revision);
                state.begun = known.max().unwrap_or_default();
                Vec::new()
            }
            Event::InitApply(object) => {
                let packed = Packed::of(&object);
                self.locked().listing.insert(name_of(&object), packed);
                Vec::new()
            }
            Event::InitDone => {
                let changes = self.locked().relist();
                let is_first = !self.is_listed.send_replace(true);
                // The first list is no change: everything is looked at after a start.
                if is_first { Vec::new() } else { changes }
            }
            Event::Apply(object) => {
                let packed = Packed::of(&object);
                let told = self.locked().told(name_of(&object), packed);
                told.into_iter().collect()
            }
            Event::Delete(object) => {
                let ended = self.locked().ended(name_of(&object), object.uid());
                ended.into_iter().collect()
            }
        }
    }

    /// Waits for the first list.
    pub(super) async fn listed(&self) {
        // The sender lives as long as this, so there is no error to come.
        let _ = self.is_listed.subscribe().wait_for(|listed| *listed).await;
    }

    fn locked(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> State<K> {
    /// What the watch tells of a change. One that is older than our own last write is in the answer to it already, and
    /// yet was told of by nobody.
    fn told(&mut self, name: Name, object: Packed<K>) -> Option<Change> {
        match self.now.get(&name) {
            Some(known) if known.revision > object.revision => Some(Change {
                tenants: known.tenant.iter().cloned().chain(object.tenant).collect(),
                name,
            }),
            _ => self.put(name, object),
        }
    }

    fn put(&mut self, name: Name, object: Packed<K>) -> Option<Change> {
        if self.dead.has(object.uid.as_ref()) {
            return None;
        }
        let known = self.now.get(&name);
        if known.is_some_and(|known| known.revision >= object.revision) {
            return None;
        }
        let before = self.remove(&name).and_then(|before| before.tenant);
        let now = object.tenant.clone();
        if let Some(tenant) = &now {
            self.of_tenant
                .entry(tenant.clone())
                .or_default()
                .insert(name.clone());
        }
        self.now.insert(name.clone(), object);
        Some(Change {
            name,
            tenants: before.into_iter().chain(now).collect(),
        })
    }

    fn ended(&mut self, name: Name, uid: Option<String>) -> Option<Change> {
        self.dead.bury(uid.clone());
        // Another of that name may have come meanwhile.
        if self.now.get(&name)?.uid != uid {
            return None;
        }
        let ended = self.remove(&name)?;
        Some(Change {
            name,
            tenants: ended.tenant.into_iter().collect(),
        })
    }

    /// Replaces everything by what was listed, what was written since aside.
    fn relist(&mut self) -> Vec<Change> {
        let listing = std::mem::take(&mut self.listing);
        let missing: Vec<Name> = self
            .now
            .iter()
            .filter(|(name, known)| !listing.contains_key(*name) && known.revision <= self.begun)
            .map(|(name, _)| name.clone())
            .collect();
        let mut changes = Vec::new();
        for name in missing {
            let ended = self.remove(&name);
            self.dead
                .bury(ended.as_ref().and_then(|ended| ended.uid.clone()));
            let tenant = ended.and_then(|ended| ended.tenant);
            changes.push(Change {
                name,
                tenants: tenant.into_iter().collect(),
            });
        }
        // All of them: events were missed, and our own writes may have had what they would have told.
        for (name, object) in listing {
            let unchanged = Change {
                name: name.clone(),
                tenants: object.tenant.iter().cloned().collect(),
            };
            changes.push(self.put(name, object).unwrap_or(unchanged));
        }
        changes
    }

    fn remove(&mut self, name: &Name) -> Option<Packed<K>> {
        let ended = self.now.remove(name)?;
        if let Some(tenant) = &ended.tenant
            && let Some(names) = self.of_tenant.get_mut(tenant)
        {
            names.remove(name);
            if names.is_empty() {
                self.of_tenant.remove(tenant);
            }
        }
        Some(ended)
    }
}

fn name_of<K: Resource>(object: &K) -> Name {
    (object.namespace().unwrap_or_default(), object.name_any())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn object(name: &str, uid: &str, revision: u64, tenant: &str) -> ConfigMap {
        let metadata = json!({
            "name": name, "namespace": "n", "uid": uid,
            "resourceVersion": revision.to_string(), "labels": {"stakater.com/tenant": tenant},
        });
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    fn listed(all: &[ConfigMap]) -> Objects<ConfigMap> {
        let objects = Objects::default();
        list(&objects, all);
        objects
    }

    fn list(objects: &Objects<ConfigMap>, all: &[ConfigMap]) -> Vec<Change> {
        objects.take(Event::Init);
        for one in all {
            objects.take(Event::InitApply(one.clone()));
        }
        objects.take(Event::InitDone)
    }

    fn names(objects: &Objects<ConfigMap>, tenant: &str) -> Vec<String> {
        let all = objects.of(tenant);
        all.iter().map(ResourceExt::name_any).collect()
    }

    #[test]
    fn a_change_of_label_concerns_both_tenants() {
        let objects = listed(&[object("x", "1", 1, "a")]);
        let changes = objects.take(Event::Apply(object("x", "1", 2, "b")));
        assert_eq!(changes[0].tenants, ["a", "b"].map(str::to_owned).into());
        assert_eq!(
            (names(&objects, "a"), names(&objects, "b")),
            (vec![], vec!["x".to_owned()])
        );
    }

    #[test]
    fn the_echo_of_our_own_write_is_no_change() {
        let objects = listed(&[object("x", "1", 1, "a")]);
        objects.note(object("x", "1", 3, "a"));
        // Somebody else's, which the answer to our write had in it already.
        assert_eq!(
            objects.take(Event::Apply(object("x", "1", 2, "a"))).len(),
            1
        );
        assert_eq!(objects.take(Event::Apply(object("x", "1", 3, "a"))), []);
        assert_eq!(
            objects.take(Event::Apply(object("x", "1", 4, "a"))).len(),
            1
        );
    }

    #[test]
    fn what_we_deleted_does_not_come_back_by_an_older_event() {
        let objects = listed(&[object("x", "1", 1, "a")]);
        let end = |uid: &str| {
            let key = Key {
                kind: Kind::RoleBinding,
                namespace: "n".into(),
                name: "x".into(),
            };
            objects.end(&key, Some(uid.to_owned()));
        };
        end("1");
        assert_eq!(objects.take(Event::Apply(object("x", "1", 2, "a"))), []);
        assert_eq!(names(&objects, "a"), Vec::<String>::new());
        assert_eq!(
            objects.take(Event::Apply(object("x", "2", 4, "a"))).len(),
            1
        );
        assert_eq!(objects.take(Event::Delete(object("x", "1", 3, "a"))), []);
        // The answer to the deletion may come later than what was made since.
        end("1");
        assert_eq!(names(&objects, "a"), ["x"]);
    }

    #[test]
    fn what_the_watch_says_is_gone_does_not_come_back_by_a_late_answer() {
        let objects = listed(&[object("x", "1", 1, "a")]);
        assert_eq!(
            objects.take(Event::Delete(object("x", "1", 3, "a"))).len(),
            1
        );
        objects.note(object("x", "1", 2, "a"));
        assert_eq!(names(&objects, "a"), Vec::<String>::new());
    }

    #[test]
    fn a_list_takes_away_what_is_gone_and_not_what_is_newer() {
        let objects = listed(&[object("x", "1", 1, "a"), object("y", "2", 2, "a")]);
        objects.take(Event::Init);
        // While the list is under way.
        objects.note(object("z", "3", 9, "a"));
        objects.take(Event::InitApply(object("y", "2", 5, "a")));
        let changes = objects.take(Event::InitDone);
        let mut changed: Vec<String> = changes.into_iter().map(|change| change.name.1).collect();
        changed.sort();
        assert_eq!(changed, ["x", "y"]);
        assert_eq!(names(&objects, "a"), ["y", "z"]);
        assert_eq!(list(&objects, &[]).len(), 2);
        assert_eq!(names(&objects, "a"), Vec::<String>::new());
    }

    #[test]
    fn what_could_not_be_read_for_a_while_is_not_dead() {
        let objects = listed(&[object("x", "1", 1, "a")]);
        objects.forget("n", "x");
        assert_eq!(names(&objects, "a"), Vec::<String>::new());
        assert_eq!(
            objects.take(Event::Apply(object("x", "1", 3, "a"))).len(),
            1
        );
        assert_eq!(names(&objects, "a"), ["x"]);
    }
}
