//! The way to the issuer: rustls with aws-lc-rs, no redirects, a deadline.
use std::{path::Path, pin::Pin, time::Duration};

use ::http::Request;
use anyhow::{Context as _, ensure};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use openidconnect::{HttpRequest, HttpResponse};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// How long the issuer may take for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(8);
/// Larger than any discovery document, key set or token answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why the issuer gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("sending the request")]
    Send {
        #[source]
        source: hyper_util::client::legacy::Error,
    },
    #[error("reading the answer")]
    Read {
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("no answer in time")]
    Late {
        #[source]
        source: tokio::time::error::Elapsed,
    },
}

type Answer = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send>>;

/// A client that follows no redirect, as openidconnect asks: one could lead it anywhere.
#[derive(Clone)]
pub(super) struct IssuerHttp {
    client: Client<HttpsConnector<HttpConnector>, Full<bytes::Bytes>>,
}

impl IssuerHttp {
    pub(super) fn new(ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let config = ClientConfig::builder()
            .with_root_certificates(roots(ca_file)?)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// The form that openidconnect takes.
    pub(super) fn closure(&self) -> impl Fn(HttpRequest) -> Answer + Send + Sync + 'static {
        let http = self.clone();
        move |request| {
            let http = http.clone();
            Box::pin(async move {
                tokio::time::timeout(ANSWER_MAX, http.send(request))
                    .await
                    .map_err(|source| HttpError::Late { source })?
            })
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request: Request<Full<bytes::Bytes>> = request.map(Full::from);
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|source| HttpError::Send { source })?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|source| HttpError::Read { source })?;
        Ok(HttpResponse::from_parts(parts, body.to_bytes().to_vec()))
    }
}

fn roots(ca_file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // A machine without system certificates is fine as long as a file is given.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let certificates = CertificateDer::pem_file_iter(path)
            .with_context(|| format!("reading {}", path.display()))?;
        for certificate in certificates {
            roots.add(certificate.with_context(|| format!("parsing {}", path.display()))?)?;
        }
    }
    ensure!(
        !roots.is_empty(),
        "no trusted certificate; set TENANTRY_OIDC_CA_FILE or install ca-certificates"
    );
    Ok(roots)
}
