//! What every process of Tenantry needs to start, answer, and stop.
//!
//! Enters: settings, signals, calls with a bearer token. Leaves: a served gRPC port, an [`auth::Authority`] for each
//! allowed call, refusals for the audit.
//! Deliberately absent: SQL, NATS, and any service's own rules.

pub mod auth;
mod calls;
mod chain;
pub mod cluster;
mod config;
mod health;
mod insecure;
mod metrics;
pub mod page;
mod server;
pub mod status;
mod supervise;
mod telemetry;

pub use chain::Chain;
pub use cluster::kube_client;
pub use config::{ServerConfig, TelemetryConfig};
pub use health::{Health, Pulse};
pub use insecure::warn_while_insecure;
pub use metrics::{Metrics, metrics};
pub use server::{bind, serve};
pub use supervise::{Supervisor, supervise, to_completion};
pub use telemetry::telemetry;

/// Installs aws-lc-rs as the process' TLS provider. The first line of every `main` and of the test harness.
///
/// A second call changes nothing.
pub fn install_tls_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means another thread was faster, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}
