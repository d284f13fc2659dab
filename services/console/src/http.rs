//! The routes, and what holds for all of them.
use std::sync::Arc;

use ::http::{HeaderName, HeaderValue, StatusCode, header};
use anyhow::Context as _;
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    trace::TraceLayer,
};

use crate::{
    Provider, PublicUrl, Sessions, Upstreams, assets, gateway, grpc, login, metrics, oidc,
};

/// What every handler may need.
#[derive(Clone)]
pub struct App {
    /// Address people type.
    pub public: Arc<PublicUrl>,
    /// The identity provider.
    pub provider: Arc<Provider>,
    /// Who is logged in.
    pub sessions: Sessions,
    /// The services.
    pub upstreams: Upstreams,
    /// Cancelled when the process is told to stop.
    pub stop: CancellationToken,
}

/// Serves until `token` is cancelled, then lets calls finish.
///
/// Errors: a listener that fails.
pub async fn serve(
    listener: TcpListener,
    app: App,
    token: CancellationToken,
) -> anyhow::Result<()> {
    metrics::describe();
    axum::serve(listener, router(app))
        .with_graceful_shutdown(token.cancelled_owned())
        .await
        .context("serving HTTP")
}

fn router(app: App) -> Router {
    let calls = Router::new()
        .nest_service(
            "/api/identity",
            gateway::service(&app, &app.upstreams.identity),
        )
        .nest_service("/api/tenant", gateway::service(&app, &app.upstreams.tenant))
        .nest_service(
            "/api/showback",
            gateway::service(&app, &app.upstreams.showback),
        )
        .nest_service("/api/console", grpc::service(&app))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            only_from_our_page,
        ));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/auth/login", get(login::begin))
        .route(oidc::CALLBACK_PATH, get(login::callback))
        .route("/auth/logout", post(login::logout))
        .merge(calls)
        .fallback(get(assets::serve))
        .layer(middleware::from_fn_with_state(app.clone(), harden))
        .layer(middleware::from_fn(metrics::count))
        .layer(PropagateRequestIdLayer::x_request_id())
        // Addresses of the way back carry the code: the span has the path only.
        .layer(TraceLayer::new_for_http().make_span_with(span_of))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .with_state(app)
}

fn span_of(request: &Request) -> tracing::Span {
    let id = request.headers().get("x-request-id");
    let request_id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!("request", %method, path, request_id)
}

async fn ready(State(app): State<App>) -> Response {
    if app.sessions.is_ready() {
        return "ok\n".into_response();
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "sessions cannot be read: NATS is not connected\n",
    )
        .into_response()
}

/// No other site can call in a person's name: its Origin differs, and it cannot send this content type unasked.
async fn only_from_our_page(State(app): State<App>, request: Request, next: Next) -> Response {
    if !is_our_origin(&request, &app.public) {
        return (
            StatusCode::FORBIDDEN,
            "the Origin header is not this console's\n",
        )
            .into_response();
    }
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    if !content_type.is_some_and(|found| found.starts_with(b"application/grpc-web")) {
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "only application/grpc-web is served here\n",
        )
            .into_response();
    }
    next.run(request).await
}

/// True if the page that sent `request` is this console's own.
pub(crate) fn is_our_origin<B>(request: &::http::Request<B>, public: &PublicUrl) -> bool {
    request
        .headers()
        .get(header::ORIGIN)
        .is_some_and(|found| found.as_bytes() == public.origin().as_bytes())
}

/// What browsers are told about every answer.
async fn harden(State(app): State<App>, request: Request, next: Next) -> Response {
    static FIXED: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=()",
        ),
    ];
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    for (name, value) in &FIXED {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    if app.public.is_tls() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    answer
}
