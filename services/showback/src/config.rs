//! Every setting with type, default and unit; the only reader of the environment.

use std::{path::PathBuf, time::Duration};

use clap::Parser;
use tenantry_events::{DatabaseConfig, NatsConfig};
use tenantry_runtime::{ServerConfig, TelemetryConfig};

/// Says what each tenant cost.
#[derive(Debug, Clone, Parser)]
#[command(name = "tenantry-showback", version)]
pub struct Config {
    /// gRPC port and what protects it.
    #[command(flatten)]
    pub server: ServerConfig,
    /// Log lines.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Postgres.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// NATS.
    #[command(flatten)]
    pub nats: NatsConfig,
    /// Price book, a YAML file; read once, at the start.
    #[arg(
        long,
        env = "TENANTRY_PRICE_BOOK",
        default_value = "deploy/pricebook.yaml"
    )]
    pub price_book: PathBuf,
    /// Brings the database up to date, as its owner, and exits.
    #[arg(long)]
    pub migrate: bool,
    /// Publishes the event log again to a stream that was lost and made anew, and exits.
    #[arg(long)]
    pub replay: bool,
    /// Prints the effective settings, secrets hidden, and exits.
    #[arg(long)]
    pub print_config: bool,
}

impl Config {
    /// How long the process may take to stop.
    pub const GRACE: Duration = Duration::from_secs(10);

    /// Reads flags and environment.
    ///
    /// Errors: a plain-text database or stream outside one machine, by name.
    pub fn read() -> anyhow::Result<Self> {
        let config = Self::parse();
        let (database, nats) = (config.database.is_tls(), config.nats.is_tls());
        config
            .server
            .require_tls("TENANTRY_DATABASE_URL", database)?;
        config.server.require_tls("TENANTRY_NATS_URL", nats)?;
        Ok(config)
    }
}
