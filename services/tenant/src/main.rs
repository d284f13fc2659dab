//! Order of startup, nothing else.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tenantry_events::{Bus, Wake, audit};
use tenantry_runtime::{Health, auth::Auth};
use tenantry_tenant::{
    admission, config::Config, grpc, metrics, reconcile, store::Store, view::View,
};
use tokio::sync::mpsc;
use tonic::service::Routes;

/// Refusals that may wait to be recorded.
const REFUSALS: usize = 1024;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tenantry_runtime::install_tls_provider();
    let config = Config::read().context("reading the settings")?;
    if config.print_config {
        println!("{config:#?}");
        return Ok(());
    }
    tenantry_runtime::telemetry("tenant", &config.telemetry)?;
    if config.migrate {
        return tenantry_events::migrate(
            &config.database,
            sqlx::migrate!("../../migrations/tenant"),
        )
        .await;
    }
    if config.replay {
        let pool = tenantry_events::pool(&config.database)?;
        let bus = Bus::lazy("tenant", &config.nats);
        let count = tenantry_events::replay(bus, pool, "tenant").await?;
        println!("{count} events published again");
        return Ok(());
    }
    let tls = config.server.tls()?;
    let listener = tenantry_runtime::bind(config.grpc_addr()).await?;
    let metrics = tenantry_runtime::metrics("tenant", &config.telemetry).await?;
    let webhook_listener = admission::bind(&config.webhook).await?;
    let pool = tenantry_events::pool(&config.database)?;
    let client = tenantry_runtime::kube_client()
        .await
        .context("configuring the cluster's client")?;
    let (refusals, refused) = mpsc::channel(REFUSALS);
    let auth = Auth::new(client.clone(), refusals.clone());
    let (bus, wake) = (Bus::lazy("tenant", &config.nats), Wake::default());
    let health = Health::new(&[grpc::NAME, audit::NAME]);
    let supervisor = tenantry_runtime::supervise(Config::GRACE);
    let (stop, drain) = (supervisor.stop(), supervisor.drain());
    let store = Store::new(pool.clone(), wake.clone());
    let pulse = health.pulse("reconcile", Duration::from_secs(30));
    let view = Arc::new(View::default());
    let reconciling = reconcile::run(
        client.clone(),
        view.clone(),
        store.clone(),
        config.cluster.clone(),
        pulse,
        stop.clone(),
    );
    let (indexes, indexing) = grpc::keep(&client, &health, stop.clone());
    let webhook = admission::Webhook {
        client: client.clone(),
        view: view.clone(),
        namespace: config.cluster.namespace.clone(),
        config: config.webhook.clone(),
        refusals,
        pulse: health.pulse("admission", Duration::from_secs(30)),
    };
    let seen = view.clone();
    let service = grpc::Service {
        client,
        auth: auth.clone(),
        indexes,
        view,
        store,
        install_namespace: config.cluster.namespace.clone(),
        token: stop.clone(),
    };
    let routes = Routes::new(grpc::server(service)).add_service(audit::service(
        "tenant",
        pool.clone(),
        auth,
    ));
    let relay_pulse = health.pulse("relay", Duration::from_secs(30));
    supervisor
        .task(
            "insecure",
            tenantry_runtime::warn_while_insecure(config.server.insecure_dev, stop.clone()),
        )
        .task(
            "grpc",
            tenantry_runtime::serve(listener, tls, health, routes, stop.clone()),
        )
        .task(
            "metrics",
            metrics.serve(move || metrics::look(&seen), stop.clone()),
        )
        .task("reconcile", reconciling)
        .task("index", indexing)
        .task(
            "admission",
            admission::serve(webhook_listener, webhook, stop.clone()),
        )
        .task(
            "refusals",
            tenantry_events::refusals(refused, pool.clone(), wake.clone(), stop),
        )
        .last(
            "relay",
            tenantry_events::relay(bus, pool, "tenant", wake, relay_pulse, drain),
        )
        .until_signal()
        .await
}
