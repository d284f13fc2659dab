//! Every setting with type, default and unit; the only reader of the environment.

use std::{net::SocketAddr, time::Duration};

use clap::Parser;
use tenantry_events::{DatabaseConfig, NatsConfig};
use tenantry_runtime::{ServerConfig, TelemetryConfig};
use url::Url;

/// Turns Tenants into namespaces, rights and quotas.
#[derive(Debug, Clone, Parser)]
#[command(name = "tenantry-tenant", version)]
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
    /// NATS; not needed by `--migrate`.
    #[command(flatten)]
    pub nats: NatsConfig,
    /// What concerns the cluster.
    #[command(flatten)]
    pub cluster: ClusterConfig,
    /// The webhooks on our own kinds.
    #[command(flatten)]
    pub webhook: WebhookConfig,
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

/// What concerns the cluster.
#[derive(Debug, Clone, clap::Args)]
pub struct ClusterConfig {
    /// Namespace of the installation: the IntegrationConfig and the ingresses live in it.
    #[arg(
        long,
        env = "TENANTRY_NAMESPACE",
        default_value = "multi-tenant-operator"
    )]
    pub namespace: String,
    /// Domain of the ingresses where the IntegrationConfig names no host: `console.<domain>` and so on.
    #[arg(
        long,
        env = "TENANTRY_INGRESS_DOMAIN",
        default_value = "tenantry.local"
    )]
    pub ingress_domain: String,
    /// Class of the ingresses where the IntegrationConfig names none.
    #[arg(long, env = "TENANTRY_INGRESS_CLASS", default_value = "nginx")]
    pub ingress_class: String,
    /// Name of this replica, which no other running one may have; the host's name if unset.
    #[arg(long, env = "TENANTRY_REPLICA", default_value_t = host_name())]
    pub replica: String,
}

/// The host's name: in a cluster, the pod's.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_lowercase()
}

/// The webhooks on our own kinds.
#[derive(Debug, Clone, clap::Args)]
pub struct WebhookConfig {
    /// Address of the webhooks' HTTPS port. Unset: no webhooks.
    #[arg(long, env = "TENANTRY_WEBHOOK_ADDR")]
    pub webhook_addr: Option<SocketAddr>,
    /// URL by which the apiserver reaches the webhooks, where it is not by the Service tenantry-tenant-webhook.
    #[arg(long, env = "TENANTRY_WEBHOOK_URL")]
    pub webhook_url: Option<Url>,
    /// Lifetime of the webhooks' certificate, in seconds; it is replaced after two thirds of it. 90 days.
    #[arg(
        long,
        env = "TENANTRY_WEBHOOK_CERTIFICATE_SECONDS",
        default_value_t = 90 * 24 * 3600,
        value_parser = clap::value_parser!(u32).range(6..)
    )]
    pub webhook_certificate_seconds: u32,
}

impl WebhookConfig {
    /// Names that the apiserver calls us by, in `namespace`.
    pub(crate) fn names(&self, namespace: &str) -> Vec<String> {
        let service = format!("tenantry-tenant-webhook.{namespace}.svc");
        let host = self.webhook_url.as_ref().and_then(Url::host_str);
        // An IPv6 host stands in brackets in a URL, and without them in a certificate.
        let host = host.map(|host| host.trim_matches(['[', ']']).to_owned());
        [service].into_iter().chain(host).collect()
    }
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

    /// Where gRPC listens.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.server.grpc_addr
    }
}
