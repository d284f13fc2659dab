//! Every setting of the service; the only reader of its environment, beside the AWS SDK's own `AWS_…` variables.

use clap::Parser;
use tenantry_events::{DatabaseConfig, NatsConfig};
use tenantry_runtime::{ServerConfig, TelemetryConfig};

/// Who is who: IAM users, groups and keys, and their names in the cluster.
#[derive(Debug, Clone, Parser)]
#[command(name = "tenantry-identity", version)]
pub struct Config {
    /// Where it listens.
    #[command(flatten)]
    pub server: ServerConfig,
    /// How it logs.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Its database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// The stream.
    #[command(flatten)]
    pub nats: NatsConfig,
    /// Brings the database up to date, as its owner, and ends.
    #[arg(long)]
    pub migrate: bool,
    /// Publishes the event log again to a stream that was lost and made anew, and ends.
    #[arg(long)]
    pub replay: bool,
    /// Prints the settings in force, without secrets, and ends.
    #[arg(long)]
    pub print_config: bool,
}
