use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Parser};
use secrecy::{ExposeSecret as _, SecretString};
use tenantry_runtime::TelemetryConfig;
use url::{Host, Url};

/// Settings of the console. No field is a secret: secrets are in the files named here.
#[derive(Debug, Parser)]
#[command(name = "tenantry-console", version, about = "Tenantry's web console")]
pub struct Config {
    /// Address of the HTTP port. A proxy in front of it terminates TLS.
    #[arg(long, env = "TENANTRY_HTTP_ADDR", default_value = "127.0.0.1:8080")]
    pub http_addr: SocketAddr,
    /// Address people type; the Origin that calls must have.
    #[arg(long, env = "TENANTRY_PUBLIC_URL")]
    pub public_url: Url,
    /// 1 allows plain HTTP on a loopback address. For one machine only.
    #[arg(long, env = "TENANTRY_INSECURE_DEV", default_value = "0", value_parser = one_or_zero)]
    pub insecure_dev: bool,
    /// The identity provider.
    #[command(flatten)]
    pub oidc: OidcConfig,
    /// Where sessions are kept.
    #[command(flatten)]
    pub session: SessionConfig,
    /// Where calls go.
    #[command(flatten)]
    pub upstream: UpstreamConfig,
    /// Logging.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Prints the effective settings and exits.
    #[arg(long)]
    pub print_config: bool,
}

/// The identity provider.
#[derive(Debug, Args)]
pub struct OidcConfig {
    /// Issuer, as in its tokens.
    #[arg(long, env = "TENANTRY_OIDC_ISSUER")]
    pub oidc_issuer: Url,
    /// What people call the identity provider.
    #[arg(long, env = "TENANTRY_OIDC_NAME", default_value = "Keycloak")]
    pub oidc_name: String,
    /// Client of this console.
    #[arg(long, env = "TENANTRY_OIDC_CLIENT_ID", default_value = "console")]
    pub oidc_client_id: String,
    /// File with the client's secret.
    #[arg(long, env = "TENANTRY_OIDC_CLIENT_SECRET_FILE")]
    pub oidc_client_secret_file: PathBuf,
    /// PEM certificates trusted for the issuer beside the system's.
    #[arg(long, env = "TENANTRY_OIDC_CA_FILE")]
    pub oidc_ca_file: Option<PathBuf>,
}

/// Where sessions are kept.
#[derive(Debug, Args)]
pub struct SessionConfig {
    /// NATS server. The URL may carry a password.
    #[arg(long, env = "TENANTRY_NATS_URL", hide_env_values = true)]
    pub nats_url: SecretString,
    /// File with the nkey seed of this service; none where the server asks for none.
    #[arg(long, env = "TENANTRY_NATS_NKEY_FILE")]
    pub nats_nkey_file: Option<PathBuf>,
    /// File with 32 random bytes in base64, the same for every replica.
    #[arg(long, env = "TENANTRY_SESSION_KEY_FILE")]
    pub session_key_file: PathBuf,
    /// Longest life of a session, in seconds; the identity provider may end it sooner.
    #[arg(long, env = "TENANTRY_SESSION_MAX_SECONDS", default_value_t = 36_000)]
    pub session_max_seconds: u32,
}

/// Where calls go.
#[derive(Debug, Args)]
pub struct UpstreamConfig {
    /// Identity service.
    #[arg(long, env = "TENANTRY_IDENTITY_URL")]
    pub identity_url: Url,
    /// Tenant service.
    #[arg(long, env = "TENANTRY_TENANT_URL")]
    pub tenant_url: Url,
    /// Showback service.
    #[arg(long, env = "TENANTRY_SHOWBACK_URL")]
    pub showback_url: Url,
    /// PEM certificates that sign the services' own; needed where their URLs are https.
    #[arg(long, env = "TENANTRY_SERVICES_CA_FILE")]
    pub services_ca_file: Option<PathBuf>,
}

/// The address people type.
///
/// Invariant: has no path; is https, or http on a loopback address in development.
#[derive(Debug, Clone)]
pub struct PublicUrl {
    url: Url,
}

impl Config {
    /// Refuses what would be unsafe.
    ///
    /// Errors: names the variable and the way out.
    pub fn check(&self) -> anyhow::Result<PublicUrl> {
        let urls = &self.upstream;
        let services = [
            ("TENANTRY_IDENTITY_URL", &urls.identity_url),
            ("TENANTRY_TENANT_URL", &urls.tenant_url),
            ("TENANTRY_SHOWBACK_URL", &urls.showback_url),
            ("TENANTRY_OIDC_ISSUER", &self.oidc.oidc_issuer),
        ];
        for (variable, url) in services {
            ensure!(
                url.scheme() == "https" || self.insecure_dev,
                "{variable} is plain text; use https, or TENANTRY_INSECURE_DEV=1 on one machine"
            );
        }
        ensure!(
            self.session.nats_url.expose_secret().starts_with("tls://") || self.insecure_dev,
            "TENANTRY_NATS_URL is plain text; use tls://, or TENANTRY_INSECURE_DEV=1 on one machine"
        );
        PublicUrl::new(self.public_url.clone(), self.insecure_dev).context("TENANTRY_PUBLIC_URL")
    }
}

impl PublicUrl {
    pub(crate) fn new(url: Url, insecure_dev: bool) -> anyhow::Result<Self> {
        ensure!(
            url.path() == "/" && url.query().is_none(),
            "must have no path"
        );
        match url.scheme() {
            "https" => {}
            "http" if insecure_dev && is_loopback(&url) => {}
            _ => bail!("must be https, or http on a loopback address with TENANTRY_INSECURE_DEV=1"),
        }
        Ok(Self { url })
    }

    /// The Origin header of the web app.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// True when browsers reach the console by TLS.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The absolute form of a `path` of this console.
    pub fn join(&self, path: &str) -> anyhow::Result<Url> {
        self.url
            .join(path)
            .with_context(|| format!("joining {path}"))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn one_or_zero(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" | "" => Ok(false),
        _ => Err("must be 1 or 0".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, insecure_dev: bool) -> bool {
        PublicUrl::new(url.parse().unwrap(), insecure_dev).is_ok()
    }

    #[test]
    fn plain_http_is_for_loopback_in_development() {
        assert!(check("https://console.example.com", false));
        assert!(check("http://127.0.0.1:8080", true));
        assert!(!check("http://127.0.0.1:8080", false));
        assert!(!check("http://console.example.com", true));
        assert!(!check("https://example.com/console", false));
    }
}
