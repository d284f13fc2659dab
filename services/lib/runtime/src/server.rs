use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use http::HeaderName;
use tenantry_proto::common::v1::Reason;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Status,
    body::Body,
    service::Routes,
    transport::{Server, ServerTlsConfig},
};
use tower::ServiceBuilder;
use tower_http::{
    classify::{GrpcCode, GrpcErrorsAsFailures, SharedClassifier},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    trace::TraceLayer,
};

use tracing::Span;

use crate::{
    Health,
    calls::{self, Count},
    status,
};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest time a unary handler may take.
const CALL_MAX: Duration = Duration::from_secs(30);
/// Calls at once on one connection.
const CALLS_PER_CONNECTION: usize = 256;

/// Path of the called method, put into the request's extensions for the audit.
#[derive(Debug, Clone)]
pub(crate) struct MethodPath(pub(crate) String);

/// Takes the port; a taken one fails before anything heavy starts.
///
/// Errors: the address, with the cause.
pub async fn bind(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr)
        .await
        .with_context(|| format!("listening on {addr}"))
}

/// Serves `routes` with health and reflection until `token` is cancelled, then lets calls finish.
///
/// Errors: a transport that cannot be served.
pub async fn serve(
    listener: TcpListener,
    tls: Option<ServerTlsConfig>,
    health: Health,
    routes: Routes,
    token: CancellationToken,
) -> anyhow::Result<()> {
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(tenantry_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .context("building reflection")?;
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(
            TraceLayer::new(ours_alone())
                .make_span_with(span_of)
                .on_response(tell),
        )
        .layer(Count)
        .map_request(note_method)
        .map_future(within_limit);
    calls::describe();
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .tcp_nodelay(true)
        .concurrency_limit_per_connection(CALLS_PER_CONNECTION);
    if let Some(tls) = tls {
        server = server.tls_config(tls).context("configuring TLS")?;
    }
    let serving = server
        .layer(layers)
        .add_routes(routes.add_service(health_service).add_service(reflection))
        .serve_with_incoming_shutdown(
            TcpListenerStream::new(listener),
            token.clone().cancelled_owned(),
        );
    let (served, ()) = tokio::join!(serving, health.report(reporter, token));
    served.context("serving gRPC")
}

/// Answers that are the caller's to mend, and outages, which the handler that met them logs: no error of ours, and no
/// second line.
const NO_FAULTS: [GrpcCode; 12] = [
    GrpcCode::Cancelled,
    GrpcCode::InvalidArgument,
    GrpcCode::NotFound,
    GrpcCode::AlreadyExists,
    GrpcCode::PermissionDenied,
    GrpcCode::FailedPrecondition,
    GrpcCode::Aborted,
    GrpcCode::OutOfRange,
    GrpcCode::Unauthenticated,
    GrpcCode::ResourceExhausted,
    GrpcCode::Unimplemented,
    GrpcCode::Unavailable,
];

/// Counts as a failure only what is ours.
fn ours_alone() -> SharedClassifier<GrpcErrorsAsFailures> {
    let classifier = NO_FAULTS
        .into_iter()
        .fold(GrpcErrorsAsFailures::new(), |classifier, code| {
            classifier.with_success(code)
        });
    SharedClassifier::new(classifier)
}

/// Answers that mean no outage and no fault: what was asked for was not done because of what was asked for, or by whom.
const REFUSALS: [Code; 9] = [
    Code::InvalidArgument,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::OutOfRange,
    Code::Unauthenticated,
    Code::ResourceExhausted,
];

/// A refusal is told, so that the request id which its caller has leads somewhere. An outage was, by who met it.
fn tell(response: &http::Response<Body>, _latency: Duration, _span: &Span) {
    let refused = Status::from_header_map(response.headers())
        .filter(|status| REFUSALS.contains(&status.code()));
    if let Some(refused) = refused {
        let reason = status::reason(&refused).unwrap_or_default();
        tracing::info!(code = ?refused.code(), reason, told = refused.message(), "Call refused.");
    }
}

/// Puts the method and the id, which the caller is told, on every line that is logged during a call.
fn span_of<B>(request: &http::Request<B>) -> Span {
    let id = request.headers().get(&REQUEST_ID);
    let request_id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    let method = request.uri().path().trim_start_matches('/');
    tracing::info_span!("call", method, request_id)
}

/// Not the transport's own limit: its answer has no reason.
async fn within_limit<F, E>(call: F) -> Result<http::Response<Body>, E>
where
    F: Future<Output = Result<http::Response<Body>, E>>,
{
    match tokio::time::timeout(CALL_MAX, call).await {
        Ok(answer) => answer,
        Err(_elapsed) => Ok(too_slow().into_http()),
    }
}

fn too_slow() -> Status {
    let seconds = CALL_MAX.as_secs();
    let message = format!(
        "the call took longer than {seconds} s and may yet take effect; look before you repeat it"
    );
    let metadata = [("seconds", seconds.to_string())];
    status::with_reason(
        Code::DeadlineExceeded,
        Reason::DeadlineExceeded,
        message,
        metadata,
    )
}

fn note_method<B>(mut request: http::Request<B>) -> http::Request<B> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    request.extensions_mut().insert(MethodPath(path));
    request
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;
    use tower::{Service as _, ServiceExt as _};

    use super::*;
    use crate::telemetry::{Lines, subscriber};

    #[tokio::test]
    async fn every_line_of_a_call_has_its_request_id() {
        let lines = Lines::default();
        let _guard =
            tracing::subscriber::set_default(subscriber("info", "json", lines.clone()).unwrap());
        let mut service = ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(
                TraceLayer::new(ours_alone())
                    .make_span_with(span_of)
                    .on_response(tell),
            )
            .service_fn(async |request: http::Request<Body>| {
                let status = match request.uri().path().rsplit('/').next() {
                    Some("GetAway") => {
                        tracing::warn!("Call not done.");
                        Status::unavailable("later")
                    }
                    Some("GetNone") => {
                        status::with_reason(Code::NotFound, Reason::NotFound, "no x", [])
                    }
                    _ => Status::ok(""),
                };
                Ok::<_, std::convert::Infallible>(status.into_http::<Body>())
            });
        for method in ["GetAway", "GetNone", "GetOne"] {
            let request = http::Request::get(format!("/tenantry.x.v1.XService/{method}"))
                .header("x-request-id", format!("id-{method}"))
                .body(Body::empty())
                .unwrap();
            service.ready().await.unwrap().call(request).await.unwrap();
        }
        let text = lines.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines.len(),
            2,
            "an outage is logged once, and success is not: {text}"
        );
        let check = |line: &str, words: [&str; 3]| {
            assert!(words.iter().all(|word| line.contains(word)), "{line}");
        };
        check(
            lines[0],
            [
                r#""request_id":"id-GetAway""#,
                r#""method":"tenantry.x.v1.XService/GetAway""#,
                "Call not done.",
            ],
        );
        check(
            lines[1],
            [
                r#""request_id":"id-GetNone""#,
                r#""reason":"NOT_FOUND""#,
                "no x",
            ],
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_takes_too_long_is_told_why() {
        let answer = within_limit(std::future::pending::<Result<_, ()>>());
        let status = Status::from_header_map(answer.await.unwrap().headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "DEADLINE_EXCEEDED");
        // The control: an answer in time passes as it is.
        let prompt = within_limit(async { Ok::<_, ()>(http::Response::new(Body::empty())) });
        assert!(prompt.await.unwrap().headers().is_empty());
    }
}
