use std::time::Duration;

use anyhow::Context as _;
use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{TelemetryConfig, bind};

/// What the exporter writes.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Upper bounds of histograms, in seconds: from a read in memory to the longest call.
const BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Between two rounds in which the exporter sorts durations into buckets: until then it keeps each.
const UPKEEP: Duration = Duration::from_secs(5);

/// Figures for whoever is on call; see [`metrics`].
pub struct Metrics(Option<(TcpListener, PrometheusHandle)>);

/// Counts from now on, if `TENANTRY_METRICS_ADDR` is set; counting costs next to nothing otherwise.
///
/// By the crate `metrics` and not `prometheus-client`: it is used as `tracing` is, so one line where something happens says
/// so, and nobody hands a registry there. Who counts describes what at the start of its task.
///
/// Errors: the address, with the cause.
pub async fn metrics(service: &'static str, config: &TelemetryConfig) -> anyhow::Result<Metrics> {
    let Some(addr) = config.metrics_addr else {
        return Ok(Metrics(None));
    };
    let listener = bind(addr).await?;
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &BUCKETS)?;
    let handle = builder.install_recorder()?;
    let version = env!("CARGO_PKG_VERSION");
    gauge!("tenantry_build_info", "service" => service, "version" => version).set(1);
    Ok(Metrics(Some((listener, handle))))
}

impl Metrics {
    /// Serves /metrics until `token` is cancelled; before each answer, `look` may set what is not counted as it happens.
    ///
    /// Errors: a listener that fails.
    pub async fn serve(
        self,
        look: impl Fn() + Clone + Send + Sync + 'static,
        token: CancellationToken,
    ) -> anyhow::Result<()> {
        let Self(Some((listener, handle))) = self else {
            token.cancelled().await;
            return Ok(());
        };
        let keep = upkeep(handle.clone(), token.clone());
        let answer = move || {
            look();
            std::future::ready(([(CONTENT_TYPE, TEXT)], handle.render()))
        };
        let routes = Router::new().route("/metrics", get(answer));
        let serving = axum::serve(listener, routes).with_graceful_shutdown(token.cancelled_owned());
        let (served, ()) = tokio::join!(serving.into_future(), keep);
        served.context("serving metrics")
    }
}

/// Keeps durations from piling up while nobody asks.
async fn upkeep(handle: PrometheusHandle, token: CancellationToken) {
    let mut ticks = tokio::time::interval(UPKEEP);
    while token.run_until_cancelled(ticks.tick()).await.is_some() {
        handle.run_upkeep();
    }
}
