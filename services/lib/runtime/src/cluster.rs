//! The way to the apiserver: no answer is waited for longer than ten seconds, no silent watch is believed, and who is told
//! to come back later comes back then.

mod ask;
mod bound;
mod closed;

use std::time::Duration;

use anyhow::bail;
use backon::ExponentialBuilder;
use futures::Stream;
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Api, Client, Config, Resource,
    client::{ClientBuilder, ConfigExt as _},
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, ExponentialBackoff, watcher},
    },
};
use serde::de::DeserializeOwned;
use tower::{BoxError, ServiceBuilder};

use ask::Ask;
pub use bound::Silent;
pub use closed::Busy;

/// Longest time until a connection stands, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// A connection that nobody used for so long is not used again: it may have died without a word.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// A host that answers no packet for so long is gone.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(15);
/// Between two looks whether the host of a quiet connection is there.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// The apiserver ends each watch after so long. What lasts longer is dead.
const WATCH_SECONDS: u32 = 25;
/// Between two tries of a watch; at most twice as long, for replicas must not come all at once.
const AGAIN_MAX: Duration = Duration::from_secs(2);

/// A client for the process' own ServiceAccount.
///
/// Errors: no kubeconfig and no in-cluster configuration.
pub async fn kube_client() -> anyhow::Result<Client> {
    connect(&Config::infer().await?)
}

fn connect(config: &Config) -> anyhow::Result<Client> {
    if let Some(proxy) = &config.proxy_url {
        bail!("the kubeconfig has a proxy-url ({proxy}), which is not supported");
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(KEEPALIVE));
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(Some(CONNECT_MAX));
    let http = Http::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_MAX)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer_fn(Ask::new)
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}

/// Settings of every watch.
pub fn watching() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// Everything that a watch tells. It is taken up again within seconds, however long the apiserver was away.
pub fn watch<K>(
    api: Api<K>,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    watcher(api, config).backoff(watch_again())
}

/// When to take a watch up again.
pub fn watch_again() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(AGAIN_MAX)
        .with_jitter()
        .without_max_times()
        .into()
}
