use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use tonic::transport::{Identity, ServerTlsConfig};

/// Where a service listens, and how.
#[derive(Debug, Clone, Args)]
pub struct ServerConfig {
    /// Address of the gRPC port.
    #[arg(long, env = "TENANTRY_GRPC_ADDR", default_value = "127.0.0.1:8443")]
    pub grpc_addr: SocketAddr,
    /// PEM certificate chain of the gRPC port.
    #[arg(long, env = "TENANTRY_TLS_CERT_FILE")]
    pub tls_cert_file: Option<PathBuf>,
    /// PEM private key of the gRPC port.
    #[arg(long, env = "TENANTRY_TLS_KEY_FILE")]
    pub tls_key_file: Option<PathBuf>,
    /// 1 allows plain text to people, NATS and Postgres. For one machine only.
    #[arg(long, env = "TENANTRY_INSECURE_DEV", default_value = "0", value_parser = one_or_zero)]
    pub insecure_dev: bool,
}

/// How a process speaks of itself.
#[derive(Debug, Clone, Args)]
pub struct TelemetryConfig {
    /// Filter of log lines, in tracing's form.
    #[arg(long = "log", env = "TENANTRY_LOG", default_value = "info")]
    pub filter: String,
    /// `text` or `json`.
    #[arg(long = "log-format", env = "TENANTRY_LOG_FORMAT", default_value = "json", value_parser = ["text", "json"])]
    pub format: String,
    /// Address of /metrics, for Prometheus: plain HTTP, and nobody's name in it. Unset: nothing is counted.
    #[arg(long, env = "TENANTRY_METRICS_ADDR")]
    pub metrics_addr: Option<SocketAddr>,
}

fn one_or_zero(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" | "" => Ok(false),
        _ => Err("must be 1 or 0".into()),
    }
}

impl ServerConfig {
    /// TLS of the gRPC port; none only where plain text was asked for.
    ///
    /// Errors: neither certificate nor `TENANTRY_INSECURE_DEV=1`, or an unreadable file.
    pub fn tls(&self) -> anyhow::Result<Option<ServerTlsConfig>> {
        let (Some(cert), Some(key)) = (&self.tls_cert_file, &self.tls_key_file) else {
            if self.insecure_dev {
                return Ok(None);
            }
            bail!(
                "TENANTRY_TLS_CERT_FILE and TENANTRY_TLS_KEY_FILE are not set; \
                 set them, or TENANTRY_INSECURE_DEV=1 on one machine"
            );
        };
        let cert = std::fs::read(cert).with_context(|| format!("reading {}", cert.display()))?;
        let key = std::fs::read(key).with_context(|| format!("reading {}", key.display()))?;
        Ok(Some(
            ServerTlsConfig::new().identity(Identity::from_pem(cert, key)),
        ))
    }

    /// Refuses a URL that would carry secrets in plain text, unless plain text was asked for.
    ///
    /// Errors: names `variable` and the way out.
    pub fn require_tls(&self, variable: &str, url_is_tls: bool) -> anyhow::Result<()> {
        if url_is_tls || self.insecure_dev {
            return Ok(());
        }
        bail!(
            "{variable} is plain text, or trusts any server; use TLS (tls:// for NATS, sslmode=verify-full for Postgres), \
             or TENANTRY_INSECURE_DEV=1 on one machine"
        )
    }
}
