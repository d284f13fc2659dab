use std::{collections::BTreeSet, pin::pin};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, PartialObjectMeta},
    runtime::{
        watcher,
        watcher::{Config, Event},
    },
};
use tokio::sync::watch;

use super::item::Items;

/// Namespace and name of each.
type Names = BTreeSet<(String, String)>;

/// What lives, as the apiserver tells, each change in its order.
#[derive(Debug, Clone, Default)]
pub(super) struct Living {
    pub(super) is_listed: bool,
    pub(super) now: Names,
    pub(super) most: usize,
}

impl Living {
    pub(super) async fn wait_for(told: &watch::Receiver<Self>, what: impl FnMut(&Self) -> bool) {
        let mut told = told.clone();
        let found = told.wait_for(what).await;
        found.expect("whoever waits ends before the teller");
    }

    fn take(&mut self, event: Event<impl kube::Resource>) {
        match event {
            Event::Init => {}
            Event::InitDone => self.is_listed = true,
            Event::InitApply(object) | Event::Apply(object) => {
                self.now.insert(name_of(&object));
                self.most = self.most.max(self.now.len());
            }
            Event::Delete(object) => {
                self.now.remove(&name_of(&object));
            }
        }
    }
}

fn name_of(object: &impl kube::Resource) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn secrets(judge: &Client) -> Api<PartialObjectMeta<Secret>> {
    Api::all(judge.clone())
}

/// Does `work` while `told` is kept up to date.
pub(super) async fn while_followed<T>(
    judge: &Client,
    items: &Items,
    told: &watch::Sender<Living>,
    work: impl Future<Output = T>,
) -> T {
    let config = Config::default().labels(&items.selector());
    let mut events = pin!(watcher(secrets(judge), config));
    let following = async {
        while let Some(event) = events.next().await {
            let event = event.expect("a watch of secrets");
            told.send_modify(|living| living.take(event));
        }
    };
    tokio::select! {
        () = following => panic!("the watch of secrets ended"),
        done = work => done,
    }
}

/// Waits until the watch has told of everything; gives how many live.
pub(super) async fn caught_up(
    judge: &Client,
    items: &Items,
    told: &watch::Receiver<Living>,
) -> usize {
    let selected = ListParams::default().labels(&items.selector());
    let listed = secrets(judge).list(&selected).await;
    let listed = listed.expect("listing secrets").items;
    let names: Names = listed.iter().map(name_of).collect();
    Living::wait_for(told, |living| living.now == names).await;
    names.len()
}
