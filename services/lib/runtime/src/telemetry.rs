use anyhow::Context as _;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::TelemetryConfig;

/// Crates whose TRACE and DEBUG lines print bodies, and so secrets.
const CAPPED: &[&str] = &[
    "aws_smithy_http_client",
    "aws_smithy_runtime",
    "aws_sdk_iam",
    "hyper",
    "h2",
    "rustls",
];

/// Starts logging for `service`. Capped targets stay at `info`, whatever the filter says.
///
/// Errors: a filter that cannot be parsed.
pub fn telemetry(service: &'static str, config: &TelemetryConfig) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&config.filter).context("parsing TENANTRY_LOG")?;
    for target in CAPPED {
        filter = filter.add_directive(format!("{target}=info").parse()?);
    }
    let registry = tracing_subscriber::registry().with(filter);
    match config.format.as_str() {
        "text" => registry
            .with(fmt::layer().with_writer(std::io::stderr))
            .try_init()?,
        _ => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr),
            )
            .try_init()?,
    }
    tracing::info!(service, version = env!("CARGO_PKG_VERSION"), "Starting.");
    Ok(())
}
