//! HTTPS, with the certificate that is shown now. A connection under way keeps the one it began with.
//!
//! Whoever reaches the port is heard, for the apiserver shows us nothing that it could be told by. So a client has bounds: how
//! many there are, how long each may take to say what it wants, and how much that may be.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tenantry_runtime::Chain;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Connections at once. An apiserver asks all it has to ask over a few; more of them wait until one ends.
const CONNECTIONS_MAX: usize = 256;
/// Longest time a client may take to agree on keys.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// Longest time a client may take to begin its first request, and over HTTP/1 each one.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// Longest time a body may take to come. The apiserver has given up by then.
const BODY_MAX: Duration = Duration::from_secs(10);
/// Largest body. The apiserver takes an object of 3 MiB and sends an update of it as new and as old; the rest is for what is
/// around them.
const BODY_BYTES_MAX: usize = 8 << 20;
/// Longest silence of a client that has asked before. The apiserver itself hangs up after 90 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// Longest time answers under way have when the process stops.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What is shown; none before the first certificate.
pub(super) type Shown = Option<Arc<ServerConfig>>;

/// Serves `routes` on `listener` until `token` is cancelled, then lets answers finish.
pub(super) async fn serve(
    listener: TcpListener,
    shown: watch::Receiver<Shown>,
    routes: Router,
    token: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    // Before the first certificate there is nobody whom the apiserver could trust.
                    if let Some(config) = shown.borrow().clone() {
                        connections.spawn(converse(stream, config, routes.clone(), token.clone()));
                    }
                }
                // Of one connection, or of too many open files: the next may do.
                Err(failure) => tracing::warn!(error = %Chain(&failure), "A connection was lost."),
            },
            Some(_) = connections.join_next() => {}
            () = token.cancelled() => break,
        }
    }
    let drained = async { while connections.join_next().await.is_some() {} };
    // What is left is cut off: the apiserver asks another replica.
    let _ = timeout(DRAIN_MAX, drained).await;
}

async fn converse(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    routes: Router,
    token: CancellationToken,
) {
    let handshake = TlsAcceptor::from(config).accept(stream);
    let Ok(Ok(stream)) = timeout(HANDSHAKE_MAX, handshake).await else {
        tracing::debug!("A client did not agree on keys.");
        return;
    };
    let (asked, asking) = watch::channel(());
    let builder = builder();
    let service = TowerToHyperService::new(bounded(routes, asked));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = silence(asking) => {
            connection.as_mut().graceful_shutdown();
            // What does not end by itself then is cut off.
            timeout(DRAIN_MAX, connection).await.unwrap_or(Ok(()))
        }
        () = token.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(failure) = ended {
        tracing::debug!(error = %Chain(&*failure), "A connection ended early.");
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX);
    builder
}

/// The routes, for one connection: each request is told to `asked`, and is whole before it is looked at.
fn bounded(routes: Router, asked: watch::Sender<()>) -> Router {
    routes
        .layer(from_fn_with_state(asked, hear))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

async fn hear(
    State(asked): State<watch::Sender<()>>,
    request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    asked.send_replace(());
    let (head, body) = request.into_parts();
    let read = timeout(BODY_MAX, to_bytes(body, BODY_BYTES_MAX)).await;
    let body = read
        .map_err(|_elapsed| StatusCode::REQUEST_TIMEOUT)?
        .map_err(|failure| {
            tracing::debug!(error = %Chain(&failure), "A body was not taken.");
            StatusCode::PAYLOAD_TOO_LARGE
        })?;
    Ok(next.run(Request::from_parts(head, Body::from(body))).await)
}

/// Ends when nothing was asked for too long.
async fn silence(mut asking: watch::Receiver<()>) {
    let mut longest = HEAD_MAX;
    while let Ok(Ok(())) = timeout(longest, asking.changed()).await {
        longest = SILENCE_MAX;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_never_asks_is_sent_away_sooner_than_who_asked() {
        let (asked, asking) = watch::channel(());
        let begun = Instant::now();
        silence(asking).await;
        assert!(begun.elapsed() >= HEAD_MAX && begun.elapsed() < SILENCE_MAX);
        let (begun, asking) = (Instant::now(), asked.subscribe());
        asked.send_replace(());
        silence(asking).await;
        assert!(begun.elapsed() >= SILENCE_MAX);
    }
}
