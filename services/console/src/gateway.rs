//! From a browser's gRPC-web call to a service's gRPC call, in the name of the person whose session it is.
mod proxy;

use std::time::Duration;

use anyhow::Context as _;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::Layer as _;
use url::Url;

use crate::{App, UpstreamConfig};
pub(crate) use proxy::Proxy;

/// A service and the packages of it that browsers may call: not its reflection, not its health.
#[derive(Clone)]
pub(crate) struct Upstream {
    name: &'static str,
    channel: Channel,
    packages: &'static [&'static str],
}

/// The services behind the console.
#[derive(Clone)]
pub struct Upstreams {
    pub(crate) identity: Upstream,
    pub(crate) tenant: Upstream,
    pub(crate) showback: Upstream,
}

/// The services, connected to when used.
///
/// Errors: a malformed URL, an unreadable certificate file, https without certificates.
pub fn upstreams(config: &UpstreamConfig) -> anyhow::Result<Upstreams> {
    let channel = |url: &Url| channel(url, config).with_context(|| format!("preparing {url}"));
    Ok(Upstreams {
        identity: Upstream {
            name: "identity",
            channel: channel(&config.identity_url)?,
            packages: &["tenantry.identity.v1", "tenantry.audit.v1"],
        },
        tenant: Upstream {
            name: "tenant",
            channel: channel(&config.tenant_url)?,
            packages: &["tenantry.tenant.v1", "tenantry.audit.v1"],
        },
        showback: Upstream {
            name: "showback",
            channel: channel(&config.showback_url)?,
            packages: &["tenantry.showback.v1", "tenantry.audit.v1"],
        },
    })
}

fn channel(url: &Url, config: &UpstreamConfig) -> anyhow::Result<Channel> {
    let mut endpoint = Endpoint::from_shared(url.to_string())?
        .connect_timeout(Duration::from_secs(3))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .tcp_nodelay(true);
    if url.scheme() == "https" {
        let path = config
            .services_ca_file
            .as_ref()
            .context("TENANTRY_SERVICES_CA_FILE is not set")?;
        let pem = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        endpoint = endpoint
            .tls_config(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))?;
    }
    Ok(endpoint.connect_lazy())
}

/// The gateway to `upstream`.
pub(crate) fn service(app: &App, upstream: &Upstream) -> GrpcWebService<Proxy> {
    GrpcWebLayer::new().layer(Proxy::new(app, upstream))
}
