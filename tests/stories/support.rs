use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tenantry_events::NatsConfig;
use tenantry_testkit::{Service, stack};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tonic::transport::{Channel, Endpoint};

/// The services that keep a log.
pub(crate) const WITH_LOG: [Service; 3] = [Service::Identity, Service::Tenant, Service::Showback];

static TURN: RwLock<()> = RwLock::const_new(());

/// Waits until no other story runs: for those that stop services or count every write.
pub(crate) async fn alone() -> RwLockWriteGuard<'static, ()> {
    tenantry_runtime::install_tls_provider();
    TURN.write().await
}

/// Runs beside other stories.
pub(crate) async fn together() -> RwLockReadGuard<'static, ()> {
    tenantry_runtime::install_tls_provider();
    TURN.read().await
}

/// A service's database, as its owner.
pub(crate) async fn database(service: Service) -> PgConnection {
    PgConnection::connect(&stack().owner_database_url(service))
        .await
        .expect("connecting to a service's database")
}

/// Messages in the stream of the installation.
pub(crate) async fn messages() -> u64 {
    stream("TENANTRY").await.messages
}

/// Messages that a stream ever took: this grows also where they replace each other.
pub(crate) async fn messages_written(name: &str) -> u64 {
    stream(name).await.last_sequence
}

async fn stream(name: &str) -> async_nats::jetstream::stream::State {
    let config = NatsConfig {
        nats_url: stack().nats_admin_url().into(),
        nats_nkey_file: None,
    };
    let client = config.connect().await.expect("connecting to NATS");
    let context = async_nats::jetstream::new(client);
    let mut stream = context.get_stream(name).await.expect("reading a stream");
    stream.info().await.expect("reading a stream").state.clone()
}

/// A connection to a service.
pub(crate) async fn channel(service: Service) -> Channel {
    let endpoint = Endpoint::from_shared(stack().url(service)).expect("the stack's URLs are URLs");
    endpoint
        .timeout(Duration::from_secs(10))
        .connect()
        .await
        .expect("connecting to a service")
}

/// A token of the ServiceAccount `default`, who may nothing, made for `audience`.
pub(crate) fn outsider_token(audience: &str) -> String {
    let create = [
        "create",
        "token",
        "default",
        "-n",
        "default",
        "--audience",
        audience,
    ];
    let token = stack()
        .kubectl()
        .args(create)
        .run(Duration::from_secs(10))
        .expect("making a token");
    token.trim().to_owned()
}
