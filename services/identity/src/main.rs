//! Order of startup, nothing else.

use std::time::Duration;

use clap::Parser as _;
use tenantry_events::{Bus, Wake, audit};
use tenantry_identity::{
    config::Config,
    grpc::{self, Identity},
    iam::{self, Iam},
    store::Store,
};
use tenantry_runtime::{Health, auth::Auth, metrics, serve, supervise, warn_while_insecure};
use tokio::sync::mpsc;

/// How long stopping may take.
const GRACE: Duration = Duration::from_secs(10);
/// Refusals that wait to be counted.
const REFUSALS_MAX: usize = 1024;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tenantry_runtime::install_tls_provider();
    let config = Config::parse();
    if config.print_config {
        println!("{config:#?}");
        return Ok(());
    }
    tenantry_runtime::telemetry("identity", &config.telemetry)?;
    if config.migrate {
        let own = sqlx::migrate!("../../migrations/identity");
        return tenantry_events::migrate(&config.database, own).await;
    }
    let tls = config.server.tls()?;
    config
        .server
        .require_tls("TENANTRY_NATS_URL", config.nats.is_tls())?;
    config
        .server
        .require_tls("TENANTRY_DATABASE_URL", config.database.is_tls())?;
    if config.replay {
        let pool = tenantry_events::pool(&config.database)?;
        let bus = Bus::lazy("identity", &config.nats);
        let count = tenantry_events::replay(bus, pool, "identity").await?;
        println!("{count} events published again");
        return Ok(());
    }
    let listener = tenantry_runtime::bind(config.server.grpc_addr).await?;
    let metrics = metrics("identity", &config.telemetry).await?;
    let pool = tenantry_events::pool(&config.database)?;
    let (bus, wake) = (Bus::lazy("identity", &config.nats), Wake::default());
    let kube = tenantry_runtime::kube_client().await?;
    let (refused, refusals) = mpsc::channel(REFUSALS_MAX);
    let auth = Auth::new(kube.clone(), refused);
    let store = Store::new(pool.clone(), wake.clone());
    let iam = Iam::new(iam::client().await, store.clone());

    let health = Health::new(&[grpc::NAME, audit::NAME]);
    let relay_pulse = health.pulse("relay", Duration::from_secs(30));
    let keys_pulse = health.pulse("keys", Duration::from_secs(120));
    let service = Identity::new(auth.clone(), iam.clone(), store, kube);
    let routes = tonic::service::Routes::new(grpc::server(service)).add_service(audit::service(
        "identity",
        pool.clone(),
        auth,
    ));
    let supervisor = supervise(GRACE);
    let (stop, drain) = (supervisor.stop(), supervisor.drain());
    supervisor
        .task(
            "insecure",
            warn_while_insecure(config.server.insecure_dev, stop.clone()),
        )
        .task("grpc", serve(listener, tls, health, routes, stop.clone()))
        .task("metrics", metrics.serve(|| (), stop.clone()))
        .task("keys", iam.tend_keys(keys_pulse, stop.clone()))
        .task(
            "refusals",
            tenantry_events::refusals(refusals, pool.clone(), wake.clone(), stop),
        )
        .last(
            "relay",
            tenantry_events::relay(bus, pool, "identity", wake, relay_pulse, drain),
        )
        .until_signal()
        .await
}
