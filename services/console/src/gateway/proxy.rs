use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::{BodyStream, StreamBody};
use jiff::Timestamp;
use tenantry_proto::common::v1::Reason;
use tenantry_runtime::{Chain, status::with_reason};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tower::{Service, ServiceExt as _};
use tracing::warn;

use super::Upstream;
use crate::{App, grpc};

/// Longest time a service may take to answer a call; a browser may ask for less.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// What a service gets of a browser's headers. Not the cookie, not an authorization of the page's own making.
static PASSED_ON: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::TE,
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-request-id"),
];

/// Forwards one call with the token of the caller's session.
#[derive(Clone)]
pub(crate) struct Proxy {
    app: App,
    upstream: Upstream,
}

impl Proxy {
    pub(super) fn new(app: &App, upstream: &Upstream) -> Self {
        Self {
            app: app.clone(),
            upstream: upstream.clone(),
        }
    }

    async fn forward(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let path = request.uri().path().to_owned();
        if !is_served(&path, self.upstream.packages) {
            return Err(not_served(&path));
        }
        let session = grpc::session(&self.app, request.headers()).await?;
        let (mut parts, body) = request.into_parts();
        parts.headers = headers(&parts.headers, &session.id_token)?;
        let answer = self.call(Request::from_parts(parts, body)).await?;
        // A stream goes on no longer than the token it was allowed by; the page opens it again.
        let left = Duration::try_from(session.id_expires.duration_since(Timestamp::now()))
            .unwrap_or_default();
        Ok(answer.map(|body| until(body, Instant::now() + left, self.app.stop.clone())))
    }

    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let mut channel = self.upstream.channel.clone();
        let answer = async { channel.ready().await?.call(request).await };
        match tokio::time::timeout(ANSWER_MAX, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                warn!(service = self.upstream.name, error = %Chain(&error), "Service not reached.");
                Err(self.unavailable("cannot be reached"))
            }
            Err(elapsed) => {
                warn!(service = self.upstream.name, error = %elapsed, "Service does not answer.");
                Err(self.unavailable("does not answer"))
            }
        }
    }

    fn unavailable(&self, how: &str) -> Status {
        let name = self.upstream.name;
        let message = format!("the {name} service {how}; try again in a moment");
        with_reason(
            Code::Unavailable,
            Reason::ServiceUnavailable,
            message,
            [("service", name.to_owned())],
        )
    }
}

impl Service<Request<Body>> for Proxy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let proxy = self.clone();
        Box::pin(async move {
            Ok(proxy
                .forward(request)
                .await
                .unwrap_or_else(Status::into_http))
        })
    }
}

/// True for `/<package>.<Service>/<Method>` of one of the `packages`.
fn is_served(path: &str, packages: &[&str]) -> bool {
    let service = path
        .strip_prefix('/')
        .and_then(|path| path.split_once('/'))
        .map(|(service, _)| service);
    let package = service
        .and_then(|service| service.rsplit_once('.'))
        .map(|(package, _)| package);
    package.is_some_and(|package| packages.contains(&package))
}

fn not_served(path: &str) -> Status {
    let message = format!("{path} is not served here; check the address, or update the page");
    let metadata = [("path", path.to_owned())];
    with_reason(Code::Unimplemented, Reason::NotFound, message, metadata)
}

fn headers(sent: &HeaderMap, id_token: &str) -> Result<HeaderMap, Status> {
    let mut headers: HeaderMap = PASSED_ON
        .iter()
        .filter_map(|name| Some((name.clone(), sent.get(name)?.clone())))
        .collect();
    let mut bearer = HeaderValue::from_str(&format!("Bearer {id_token}")).map_err(|source| {
        warn!(error = %Chain(&source), "A session's token is no header value.");
        let message = "the session's token cannot be sent; log in again";
        with_reason(Code::Internal, Reason::Internal, message, [])
    })?;
    bearer.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, bearer);
    Ok(headers)
}

/// `body`, ended with UNAVAILABLE at `deadline` or when the process stops, so that the page asks again.
fn until(body: Body, deadline: Instant, stop: tokio_util::sync::CancellationToken) -> Body {
    let ended = async move {
        let _ = tokio::time::timeout_at(deadline, stop.cancelled()).await;
    };
    let last = futures::stream::once(async {
        Ok::<_, Status>(http_body::Frame::<Bytes>::trailers(reopen()))
    });
    let mut is_complete = false;
    let frames = BodyStream::new(body)
        .take_until(Box::pin(ended))
        .chain(last);
    // The service's own trailers are the end; ours follow only where it was cut.
    let frames = frames.take_while(move |frame| {
        let goes_on = !is_complete;
        is_complete |= frame.as_ref().map_or(true, http_body::Frame::is_trailers);
        std::future::ready(goes_on)
    });
    Body::new(StreamBody::new(frames))
}

fn reopen() -> HeaderMap {
    let message = "the stream ended with its token; open it again";
    let metadata = [("service", "console".to_owned())];
    let status = with_reason(
        Code::Unavailable,
        Reason::ServiceUnavailable,
        message,
        metadata,
    );
    let mut trailers = HeaderMap::new();
    // Written by a constant message: it always is a valid header.
    let _ = status.add_header(&mut trailers);
    trailers
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn only_the_packages_of_a_service_are_served() {
        let packages = &["tenantry.tenant.v1", "tenantry.audit.v1"];
        assert!(is_served(
            "/tenantry.tenant.v1.TenantService/ListTenants",
            packages
        ));
        assert!(is_served(
            "/tenantry.audit.v1.AuditService/ListAuditEntries",
            packages
        ));
        assert!(!is_served(
            "/tenantry.identity.v1.IdentityService/ListUsers",
            packages
        ));
        assert!(!is_served(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            packages
        ));
        assert!(!is_served("/tenantry.tenant.v1", packages));
    }

    #[test]
    fn every_refusal_of_the_gateway_has_a_reason() {
        let reason = |headers: HeaderMap| {
            let status = Status::from_header_map(&headers).unwrap();
            let details = status.get_error_details();
            details.error_info().unwrap().reason.clone()
        };
        let absent = not_served("/x.Y/Z").into_http::<()>();
        assert_eq!(reason(absent.headers().clone()), "NOT_FOUND");
        assert_eq!(reason(reopen()), "SERVICE_UNAVAILABLE");
    }

    #[test]
    fn a_page_cannot_choose_its_authorization() {
        let mut sent = HeaderMap::new();
        sent.insert(
            header::AUTHORIZATION,
            HeaderValue::from_static("Bearer stolen"),
        );
        sent.insert(header::COOKIE, HeaderValue::from_static("tenantry=secret"));
        let passed = headers(&sent, "own").unwrap();
        assert_eq!(passed.get(header::AUTHORIZATION).unwrap(), "Bearer own");
        assert!(passed.get(header::COOKIE).is_none());
    }
}
