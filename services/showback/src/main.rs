//! Order of startup, nothing else.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use tenantry_events::{Bus, Wake, audit};
use tenantry_proto::showback::v1::showback_service_server::ShowbackServiceServer;
use tenantry_runtime::{Health, auth::Auth};
use tenantry_showback::{
    config::Config,
    consume,
    grpc::{self, Showback},
    meter::{self, Hearing, Meter},
    price,
    store::Store,
};
use tokio::sync::{Semaphore, mpsc, watch};
use tonic::{codec::CompressionEncoding, service::Routes};

/// Name of this context on the stream and in the log.
const CONTEXT: &str = "showback";
/// Refusals that may wait to be counted.
const REFUSALS_MAX: usize = 1_000;
/// Longest silence of a loop that is well.
const SILENCE_MAX: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tenantry_runtime::install_tls_provider();
    let config = Config::read().context("reading configuration")?;
    if config.print_config {
        println!("{config:#?}");
        return Ok(());
    }
    if config.migrate {
        let own = sqlx::migrate!("../../migrations/showback");
        return tenantry_events::migrate(&config.database, own).await;
    }
    if config.replay {
        let pool = tenantry_events::pool(&config.database)?;
        let bus = Bus::lazy(CONTEXT, &config.nats);
        let count = tenantry_events::replay(bus, pool, CONTEXT).await?;
        println!("{count} events published again");
        return Ok(());
    }
    run(config).await
}

async fn run(config: Config) -> anyhow::Result<()> {
    tenantry_runtime::telemetry(CONTEXT, &config.telemetry)?;
    let tls = config.server.tls()?;
    let listener = tenantry_runtime::bind(config.server.grpc_addr).await?;
    let metrics = tenantry_runtime::metrics(CONTEXT, &config.telemetry).await?;
    let text = std::fs::read_to_string(&config.price_book);
    let text = text.with_context(|| format!("reading {}", config.price_book.display()))?;
    let book = Arc::new(price::parse(&text).context("loading the price book")?);
    let pool = tenantry_events::pool(&config.database)?;
    let (store, bus, wake) = (
        Store::new(pool.clone()),
        Bus::lazy(CONTEXT, &config.nats),
        Wake::default(),
    );
    let client = tenantry_runtime::kube_client()
        .await
        .context("finding the cluster")?;

    let (refused, refusals) = mpsc::channel(REFUSALS_MAX);
    let (heard, hearing) = watch::channel(Hearing::default());
    let auth = Auth::new(client.clone(), refused);
    let health = Health::new(&[grpc::NAME, audit::NAME]);
    let pulse = |name| health.pulse(name, SILENCE_MAX);
    let (metering, consuming, relaying) = (pulse("meter"), pulse("consume"), pulse("relay"));

    let clock = Timestamp::now;
    let showback = Showback {
        store: store.clone(),
        auth: auth.clone(),
        book: Arc::clone(&book),
        hearing,
        clock,
        turns: Arc::new(Semaphore::new(grpc::REPORTS_MAX)),
    };
    let showback = ShowbackServiceServer::new(showback)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip);
    let routes = Routes::new(showback).add_service(audit::service(CONTEXT, pool.clone(), auth));
    let meter = Meter {
        client,
        store: store.clone(),
        wake: wake.clone(),
        pulse: metering,
        hearing: heard,
        clock,
    };

    let tasks = tenantry_runtime::supervise(Config::GRACE);
    let (stop, drain) = (tasks.stop(), tasks.drain());
    let consume = tenantry_events::consume(
        bus.clone(),
        pool.clone(),
        consume::spec(),
        consume::Ownership,
        wake.clone(),
        consuming,
        stop.clone(),
    );
    tasks
        .task(
            "insecure",
            tenantry_runtime::warn_while_insecure(config.server.insecure_dev, stop.clone()),
        )
        .task(
            "grpc",
            tenantry_runtime::serve(listener, tls, health, routes, stop.clone()),
        )
        .task("metrics", metrics.serve(|| (), stop.clone()))
        .task("meter", meter::run(meter, stop.clone()))
        .task("consume", consume)
        .task(
            "prices",
            price::keep(book, store, wake.clone(), stop.clone()),
        )
        .task(
            "refusals",
            tenantry_events::refusals(refusals, pool.clone(), wake.clone(), stop),
        )
        .last(
            "relay",
            tenantry_events::relay(bus, pool, CONTEXT, wake, relaying, drain),
        )
        .until_signal()
        .await
}
