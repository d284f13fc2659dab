//! One call to one service: the caller's token, a request id, a deadline, and patience with a service that restarts.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tonic::{
    Code, Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use uuid::Uuid;

use crate::{args::Settings, error::Error};

/// Largest reply that is accepted: a full page of audit entries with their data.
pub(crate) const REPLY_BYTES_MAX: usize = 64 << 20;

/// A client of one service, and what goes with each of its calls.
pub(crate) struct Service<C> {
    client: C,
    line: Line,
}

/// Where a service is and who is asking.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) service: &'static str,
    pub(crate) url: String,
    pub(crate) token: MetadataValue<Ascii>,
    pub(crate) timeout: Duration,
}

impl<C: Clone> Service<C> {
    pub(crate) fn new(client: C, line: Line) -> Self {
        Self { client, line }
    }

    /// Calls an rpc that may be repeated: UNAVAILABLE, and nothing else, is retried.
    pub(crate) async fn call<M: Clone, R>(
        &self,
        message: M,
        rpc: impl AsyncFn(C, Request<M>) -> Result<Response<R>, Status>,
    ) -> Result<R, Error> {
        // 0.1 + 0.2 + 0.4 + 0.8 s: a restarting service is back by then, an absent one is reported soon.
        let patience = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_times(4);
        let attempts = (|| self.attempt(message.clone(), &rpc))
            .retry(patience)
            .when(|error| matches!(error, Error::Rpc { status, .. } if status.code() == Code::Unavailable));
        self.within_deadline(attempts).await
    }

    /// Calls an rpc whose repetition would do its work twice.
    pub(crate) async fn call_once<M: Clone, R>(
        &self,
        message: M,
        rpc: impl AsyncFn(C, Request<M>) -> Result<Response<R>, Status>,
    ) -> Result<R, Error> {
        self.within_deadline(self.attempt(message, &rpc)).await
    }

    /// Opens a stream, which lives until either side ends it.
    pub(crate) async fn open<M, R>(
        &self,
        message: M,
        rpc: impl AsyncFn(C, Request<M>) -> Result<Response<R>, Status>,
    ) -> Result<(R, Line), Error> {
        let (request, request_id) = self.line.request(message);
        let reply = self.within_deadline(async {
            rpc(self.client.clone(), request)
                .await
                .map_err(|status| self.line.refused(status, request_id))
        });
        Ok((reply.await?.into_inner(), self.line.clone()))
    }

    async fn attempt<M, R>(
        &self,
        message: M,
        rpc: &impl AsyncFn(C, Request<M>) -> Result<Response<R>, Status>,
    ) -> Result<R, Error> {
        let (mut request, request_id) = self.line.request(message);
        request.set_timeout(self.line.timeout);
        match rpc(self.client.clone(), request).await {
            Ok(reply) => Ok(reply.into_inner()),
            Err(status) => Err(self.line.refused(status, request_id)),
        }
    }

    async fn within_deadline<R>(
        &self,
        work: impl Future<Output = Result<R, Error>>,
    ) -> Result<R, Error> {
        let timeout = self.line.timeout;
        tokio::time::timeout(timeout, work)
            .await
            .unwrap_or_else(|_elapsed| {
                let timeout_seconds =
                    format!("{}.{:03}", timeout.as_secs(), timeout.subsec_millis());
                Err(Error::Timeout {
                    service: self.line.service,
                    timeout_seconds,
                })
            })
    }
}

impl Line {
    fn request<M>(&self, message: M) -> (Request<M>, String) {
        let request_id = Uuid::now_v7().to_string();
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", self.token.clone());
        if let Ok(id) = request_id.parse() {
            request.metadata_mut().insert("x-request-id", id);
        }
        (request, request_id)
    }

    /// The failure of a call, with the id under which the service logged it.
    pub(crate) fn refused(&self, status: Status, request_id: String) -> Error {
        let logged = status
            .metadata()
            .get("x-request-id")
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        Error::Rpc {
            service: self.service,
            url: self.url.clone(),
            request_id: logged.unwrap_or(request_id),
            status: Box::new(status),
        }
    }
}

/// A connection that is made when it is first used.
pub(crate) fn channel(
    service: &'static str,
    url: &str,
    settings: &Settings,
) -> Result<Channel, Error> {
    let invalid = |source| Error::AddressInvalid {
        service,
        url: url.to_owned(),
        source,
    };
    let mut endpoint = Endpoint::from_shared(url.to_owned()).map_err(invalid)?;
    let is_encrypted = endpoint.uri().scheme_str() == Some("https");
    if is_encrypted {
        endpoint = endpoint.tls_config(tls(settings)?).map_err(invalid)?;
    } else if !settings.insecure_dev && !is_loopback(endpoint.uri().host()) {
        return Err(Error::PlainText {
            url: url.to_owned(),
        });
    }
    let connect = settings.timeout.min(Duration::from_secs(5));
    Ok(endpoint.connect_timeout(connect).connect_lazy())
}

fn tls(settings: &Settings) -> Result<ClientTlsConfig, Error> {
    match &settings.ca_file {
        None => Ok(ClientTlsConfig::new().with_native_roots()),
        Some(path) => {
            let pem = std::fs::read(path).map_err(|source| Error::File {
                action: "reading",
                path: path.clone(),
                source,
            })?;
            Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
        }
    }
}

fn is_loopback(host: Option<&str>) -> bool {
    host.is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost"
            || bare
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        assert!(
            is_loopback(Some("127.0.0.1"))
                && is_loopback(Some("localhost"))
                && is_loopback(Some("[::1]"))
        );
        assert!(
            !is_loopback(Some("10.0.0.1"))
                && !is_loopback(Some("127.0.0.1.example.com"))
                && !is_loopback(None)
        );
    }
}
