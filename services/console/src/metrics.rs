//! Counts answers by route, and how long each took to begin.

use ::http::StatusCode;
use axum::{extract::Request, middleware::Next, response::Response};
use metrics::{counter, describe_counter, describe_histogram, histogram};
use tokio::time::Instant;

const REQUESTS: &str = "tenantry_http_requests_total";
const DURATION: &str = "tenantry_http_request_duration_seconds";
/// Beginnings of paths. What begins otherwise is a file of the web app, or any word a caller thinks of.
const ROUTES: [&str; 5] = [
    "/api/identity/",
    "/api/tenant/",
    "/api/showback/",
    "/api/console/",
    "/auth/",
];

pub(crate) fn describe() {
    describe_counter!(
        REQUESTS,
        "HTTP answers by route and status; how a call of a service ended, that service tells."
    );
    describe_histogram!(DURATION, "Time until an answer began.");
}

/// Counts one request.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let (began, route) = (Instant::now(), route_of(request.uri().path()));
    let answer = next.run(request).await;
    let status = StatusCode::as_str(&answer.status()).to_owned();
    counter!(REQUESTS, "route" => route, "status" => status).increment(1);
    histogram!(DURATION, "route" => route).record(began.elapsed());
    answer
}

fn route_of(path: &str) -> &'static str {
    let mut routes = ROUTES.into_iter();
    routes.find(|route| path.starts_with(route)).unwrap_or("/")
}
