use futures::{Stream, StreamExt as _, stream::select_all};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::{Api, Client, Resource, runtime::watcher::Event};
use serde::de::DeserializeOwned;
use tenantry_runtime::{Chain, cluster};
use tracing::warn;

/// Something a watch said.
pub(super) enum Word {
    Pod(Box<Event<Pod>>),
    Node(Box<Event<Node>>),
    Namespace(Box<Event<Namespace>>),
    /// A watch failed and is tried again.
    Trouble,
}

/// Everything the three watches say, for ever.
pub(super) fn words(client: &Client) -> impl Stream<Item = Word> + use<> {
    select_all([
        watch(client, |event| Word::Pod(Box::new(event))).boxed(),
        watch(client, |event| Word::Node(Box::new(event))).boxed(),
        watch(client, |event| Word::Namespace(Box::new(event))).boxed(),
    ])
}

fn watch<K>(client: &Client, word: fn(Event<K>) -> Word) -> impl Stream<Item = Word> + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let events = cluster::watch(Api::<K>::all(client.clone()), cluster::watching());
    events.map(move |event| match event {
        Ok(event) => word(event),
        Err(failure) => {
            let kind = K::kind(&());
            warn!(error = %Chain(&failure), %kind, "Watch interrupted.");
            Word::Trouble
        }
    })
}
