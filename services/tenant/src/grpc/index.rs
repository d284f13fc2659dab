//! What there is now, kept by one watch of each kind for all calls and streams.

use std::{mem, sync::Arc, time::Duration};

use futures::StreamExt as _;
use kube::{
    Api, Client, ResourceExt as _,
    runtime::watcher::{self, Event},
};
use tenantry_k8s::{Quota, Tenant};
use tenantry_runtime::{Chain, Health, Pulse, cluster};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    refuse,
    resource::Custom,
    state::{Indexed, State, Things},
};
use crate::read::{self, Fault, Read};

/// Longest time a call waits for the first list after a start.
const FIRST_LIST_MAX: Duration = Duration::from_secs(10);
/// How often a quiet index shows that it is still kept.
const BEAT: Duration = Duration::from_secs(5);
/// Silence after which an index counts as stuck.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Tenants and quotas as they are now.
#[derive(Clone)]
pub struct Indexes {
    pub(super) tenants: Index<Tenant>,
    pub(super) quotas: Index<Quota>,
}

/// Resources of one kind as they are now; none before the first list.
pub(super) struct Index<K> {
    now: watch::Receiver<Option<Arc<State<K>>>>,
}

// The derive would ask for `K: Clone`.
impl<K> Clone for Index<K> {
    fn clone(&self) -> Self {
        Self {
            now: self.now.clone(),
        }
    }
}

/// Gives the indexes, and the work that keeps them, which ends with `token` and shows life to `health`.
pub fn keep(
    client: &Client,
    health: &Health,
    token: CancellationToken,
) -> (
    Indexes,
    impl Future<Output = anyhow::Result<()>> + Send + 'static,
) {
    let pulses = ["tenant index", "quota index"].map(|name| health.pulse(name, SILENCE_MAX));
    let [tenants_alive, quotas_alive] = pulses;
    let (tenants, tenants_kept) = kept::<Tenant>(client, tenants_alive, token.clone());
    let (quotas, quotas_kept) = kept::<Quota>(client, quotas_alive, token);
    let work = async move {
        tokio::join!(tenants_kept, quotas_kept);
        Ok(())
    };
    (Indexes { tenants, quotas }, work)
}

fn kept<K: Indexed>(
    client: &Client,
    pulse: Pulse,
    token: CancellationToken,
) -> (Index<K>, impl Future<Output = ()> + Send + 'static) {
    let (sender, now) = watch::channel(None);
    let mut keeper = Keeper {
        listed: Things::new(),
        now: sender,
        is_failing: false,
    };
    let mut events = Box::pin(
        cluster::watch(Api::<Read<K>>::all(client.clone()), cluster::watching())
            .take_until(token.cancelled_owned()),
    );
    let work = async move {
        loop {
            // A quiet watch is no dead one: waiting for it, with the watch's own timeouts, is the work.
            match tokio::time::timeout(BEAT, events.next()).await {
                Ok(Some(event)) => keeper.take(event),
                Ok(None) => return,
                Err(_quiet) => {}
            }
            pulse.beat();
        }
    };
    (Index { now }, work)
}

struct Keeper<K> {
    /// What a list under way has brought so far.
    listed: Things<K>,
    now: watch::Sender<Option<Arc<State<K>>>>,
    /// Whether the newest word of the watch was a failure.
    is_failing: bool,
}

impl<K: Indexed> Keeper<K> {
    fn take(&mut self, event: watcher::Result<Event<Read<K>>>) {
        let was_failing = std::mem::replace(&mut self.is_failing, event.is_err());
        match event.map(read::sort) {
            Ok(Ok(event)) => self.note(event),
            // Nothing can be told of it. Who looks after it says so.
            Ok(Err(Fault::There(fault))) => self.change(&fault.name(), None),
            Ok(Err(Fault::Gone(name))) => self.change(&name, None),
            Err(failure) if was_failing => {
                tracing::debug!(error = %Chain(&failure), "A watch is taken up again.");
            }
            // Once: while the apiserver is away it fails every few seconds.
            Err(failure) => {
                let kind = K::kind(&());
                tracing::warn!(%kind, error = %Chain(&failure), "A watch failed; answers are as old as this line.");
            }
        }
    }

    fn note(&mut self, event: Event<K>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => {
                let (name, object) = entry(object);
                self.listed.insert(name, object);
            }
            Event::InitDone => {
                let listed = mem::take(&mut self.listed);
                self.now.send_replace(Some(Arc::new(State::of(listed))));
            }
            Event::Apply(object) => {
                let (name, object) = entry(object);
                self.change(&name, Some(object));
            }
            Event::Delete(object) => self.change(&object.name_any(), None),
        }
    }

    /// Puts `thing` in the place of the one of that name; none only takes that one away.
    fn change(&self, name: &str, thing: Option<Arc<K>>) {
        self.now.send_modify(|now| {
            if let Some(state) = now {
                // Copies names and pointers only, and only while somebody still reads the state before.
                Arc::make_mut(state).set(name, thing);
            }
        });
    }
}

fn entry<K: Custom>(mut object: K) -> (String, Arc<K>) {
    // Larger than the rest of a tenant, and no message holds them.
    object.managed_fields_mut().clear();
    (object.name_any(), Arc::new(object))
}

impl<K: Custom> Index<K> {
    /// All, once the first list is in.
    ///
    /// Errors: UNAVAILABLE with CLUSTER_UNAVAILABLE after ten seconds without one.
    pub(super) async fn now(&self) -> Result<Arc<State<K>>, Status> {
        let mut now = self.now.clone();
        let listed = tokio::time::timeout(FIRST_LIST_MAX, now.wait_for(Option::is_some)).await;
        let state = listed.ok().and_then(Result::ok);
        state
            .and_then(|state| state.clone())
            .ok_or_else(|| refuse::unavailable(&format!("{}s", K::kind(&()).to_lowercase())))
    }

    /// Every state from now on, the present one first. A slow reader gets the newest, not each.
    pub(super) fn states(&self) -> States<K> {
        let mut now = self.now.clone();
        now.mark_changed();
        States { now }
    }
}

/// States of an [`Index`], one after the other.
pub(super) struct States<K> {
    now: watch::Receiver<Option<Arc<State<K>>>>,
}

impl<K> States<K> {
    /// The next state; none when nobody keeps the index any more.
    pub(super) async fn next(&mut self) -> Option<Arc<State<K>>> {
        loop {
            self.now.changed().await.ok()?;
            let now = self.now.borrow_and_update().clone();
            if now.is_some() {
                return now;
            }
        }
    }

    /// The newest state, whether it was given before or not.
    pub(super) fn newest(&self) -> Option<Arc<State<K>>> {
        self.now.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tenantry_runtime::auth::Caller;

    use super::*;
    use crate::read::tests::read;

    /// A tenant with one owner; with one that cannot be read where the owner is no text.
    fn tenant(name: &str, owner: impl Into<Value>) -> Read<Tenant> {
        let owner: Value = owner.into();
        let owners = json!({"users": [owner]});
        read(
            name,
            &json!({"quota": "small", "accessControl": {"owners": owners}}),
        )
    }

    fn after(events: impl IntoIterator<Item = Event<Read<Tenant>>>) -> Arc<State<Tenant>> {
        let mut keeper = Keeper::<Tenant> {
            listed: Things::new(),
            now: watch::channel(None).0,
            is_failing: false,
        };
        for event in events {
            keeper.take(Ok(event));
        }
        keeper.now.borrow().clone().expect("a list came first")
    }

    fn list(tenants: Vec<Read<Tenant>>) -> Vec<Event<Read<Tenant>>> {
        let listed = tenants.into_iter().map(Event::InitApply);
        [Event::Init]
            .into_iter()
            .chain(listed)
            .chain([Event::InitDone])
            .collect()
    }

    fn naming(state: &State<Tenant>, username: &str) -> Vec<String> {
        let caller = Caller {
            username: username.into(),
            groups: Vec::new(),
            uid: String::new(),
        };
        state.naming(&caller).into_keys().collect()
    }

    #[test]
    fn who_is_named_follows_each_change() {
        let mut events = list(vec![tenant("a", "bear"), tenant("b", "bear")]);
        events.push(Event::Apply(tenant("a", "owl")));
        events.push(Event::Apply(tenant("c", "bear")));
        let state = after(events.clone());
        assert_eq!(naming(&state, "bear"), ["b", "c"]);
        assert_eq!(naming(&state, "owl"), ["a"]);
        events.push(Event::Delete(tenant("b", "bear")));
        // Nobody can tell whom it names now.
        events.push(Event::Apply(tenant("c", json!({"name": "bear"}))));
        let state = after(events);
        assert!(naming(&state, "bear").is_empty());
        assert_eq!(state.things().keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_new_list_is_all_there_is() {
        let mut events = list(vec![tenant("a", "bear"), tenant("b", "owl")]);
        events.push(Event::Init);
        events.push(Event::InitApply(tenant("b", "bear")));
        let unfinished = after(events.clone());
        assert_eq!(naming(&unfinished, "bear"), ["a"]);
        events.push(Event::InitDone);
        let state = after(events);
        assert_eq!(naming(&state, "bear"), ["b"]);
        assert!(naming(&state, "owl").is_empty());
    }
}
