//! Order of startup, nothing else.
use std::{sync::Arc, time::Duration};

use clap::Parser as _;
use tenantry_console::{App, Config, Provider, Sessions, serve, upstreams};
use tenantry_runtime::{
    bind, install_tls_provider, metrics, supervise, telemetry, warn_while_insecure,
};

/// Longest time open calls and streams have to finish.
const GRACE: Duration = Duration::from_secs(15);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    install_tls_provider();
    let config = Config::parse();
    if config.print_config {
        println!("{config:#?}");
        return Ok(());
    }
    let public = config.check()?; // complete or refuse; no insecure default
    telemetry("console", &config.telemetry)?;
    let listener = bind(config.http_addr).await?; // a taken port fails before anything heavy
    let metrics = metrics("console", &config.telemetry).await?;
    let provider = Arc::new(Provider::lazy(&config.oidc, &public)?); // asks the issuer when used
    let sessions = Sessions::lazy(&config.session, provider.clone()).await?; // connects when used
    let upstreams = upstreams(&config.upstream)?;

    let supervisor = supervise(GRACE);
    let stop = supervisor.stop();
    let app = App {
        public: Arc::new(public),
        provider,
        sessions,
        upstreams,
        stop: stop.clone(),
    };
    supervisor
        .task(
            "insecure",
            warn_while_insecure(config.insecure_dev, stop.clone()),
        )
        .task("metrics", metrics.serve(|| (), stop.clone()))
        .task("http", serve(listener, app, stop))
        .until_signal()
        .await
}
