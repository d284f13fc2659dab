//! Counts gRPC calls by method and code, and how long each waited for its answer.

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use metrics::{counter, describe_counter, describe_histogram, histogram};
use tokio::time::Instant;
use tonic::{Code, body::Body};
use tower::{Layer, Service};

const REQUESTS: &str = "tenantry_grpc_requests_total";
const DURATION: &str = "tenantry_grpc_request_duration_seconds";

pub(crate) fn describe() {
    describe_counter!(REQUESTS, "gRPC calls that ended, by method and code.");
    describe_histogram!(
        DURATION,
        "Time until a gRPC call was answered; of a stream, until it began."
    );
}

/// Counts what goes through the service below.
#[derive(Clone)]
pub(crate) struct Count;

impl<S> Layer<S> for Count {
    type Service = Counted<S>;

    fn layer(&self, below: S) -> Counted<S> {
        Counted(below)
    }
}

/// See [`Count`].
#[derive(Clone)]
pub(crate) struct Counted<S>(S);

impl<S, B> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = Call::begin(request.uri().path());
        let answer = self.0.call(request);
        Box::pin(async move { Ok(call.answered(answer.await?)) })
    }
}

/// A call under way. Counted when it is dropped, however it ends.
struct Call {
    method: String,
    began: Instant,
    code: Code,
}

impl Call {
    fn begin(path: &str) -> Self {
        Self {
            method: path.trim_start_matches('/').to_owned(),
            began: Instant::now(),
            // Until it is known better: who goes away before the end gets no code.
            code: Code::Cancelled,
        }
    }

    /// Watches for the code, which comes with the headers of a refusal and after the body of anything else.
    fn answered(mut self, answer: Response<Body>) -> Response<Body> {
        self.note(answer.headers());
        histogram!(DURATION, "method" => self.method_known()).record(self.began.elapsed());
        answer.map(|body| {
            Body::new(body.map_frame(move |frame| {
                if let Some(trailers) = frame.trailers_ref() {
                    self.note(trailers);
                }
                frame
            }))
        })
    }

    fn note(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get("grpc-status") {
            self.code = Code::from_bytes(code.as_bytes());
        }
    }

    /// The method, if it is one: a caller must not be able to make a line for each word he thinks of.
    fn method_known(&self) -> String {
        match self.code {
            Code::Unimplemented => "unknown".to_owned(),
            _ => self.method.clone(),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = match self.code {
            Code::Ok => "OK".to_owned(),
            other => format!("{other:?}"),
        };
        counter!(REQUESTS, "method" => self.method_known(), "code" => code).increment(1);
    }
}
