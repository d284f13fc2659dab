use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::{Server, ServerTlsConfig},
};
use tower::ServiceBuilder;
use tower_http::{
    classify::{GrpcCode, GrpcErrorsAsFailures, SharedClassifier},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    trace::TraceLayer,
};

use crate::Health;

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
        .layer(TraceLayer::new(ours_alone()))
        .map_request(note_method);
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .tcp_nodelay(true)
        .timeout(CALL_MAX)
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

/// Answers that are the caller's to mend: no error of ours, and no line at that level.
const OF_CALLERS: [GrpcCode; 9] = [
    GrpcCode::Cancelled,
    GrpcCode::InvalidArgument,
    GrpcCode::NotFound,
    GrpcCode::AlreadyExists,
    GrpcCode::PermissionDenied,
    GrpcCode::FailedPrecondition,
    GrpcCode::Aborted,
    GrpcCode::OutOfRange,
    GrpcCode::Unauthenticated,
];

/// Counts as a failure only what is ours.
fn ours_alone() -> SharedClassifier<GrpcErrorsAsFailures> {
    let classifier = OF_CALLERS
        .into_iter()
        .fold(GrpcErrorsAsFailures::new(), |classifier, code| {
            classifier.with_success(code)
        });
    SharedClassifier::new(classifier)
}

fn note_method<B>(mut request: http::Request<B>) -> http::Request<B> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    request.extensions_mut().insert(MethodPath(path));
    request
}
