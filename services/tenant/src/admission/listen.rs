//! HTTPS, with the certificate that is shown now. A connection under way keeps the one it began with.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tenantry_runtime::Chain;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Longest time a client may take to agree on keys.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
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
            accepted = listener.accept() => match accepted {
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
    let _ = tokio::time::timeout(DRAIN_MAX, drained).await;
}

async fn converse(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    routes: Router,
    token: CancellationToken,
) {
    let handshake = TlsAcceptor::from(config).accept(stream);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_MAX, handshake).await else {
        tracing::debug!("A client did not agree on keys.");
        return;
    };
    let builder = Builder::new(TokioExecutor::new());
    let service = TowerToHyperService::new(routes);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = token.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(failure) = ended {
        tracing::debug!(error = %Chain(&*failure), "A connection ended early.");
    }
}
