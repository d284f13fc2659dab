//! Numbers the log and brings it to the stream. One relay per service holds a session advisory lock on the very
//! connection it writes with, so one that lost its lock can write nothing.

mod number;
mod publish;
mod replay;

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use sqlx::{Connection as _, PgConnection, PgPool};
use tenantry_runtime::{Chain, Pulse};
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{Bus, BusError, metrics};

pub use replay::replay;

/// Rows a round takes at most.
const BATCH_ROWS_MAX: i64 = 200;
/// How long a sleeping relay waits before it looks by itself.
const LOOK: Duration = Duration::from_secs(1);
/// Advisory lock of the relay; one per database, so one per service.
const LOCK: i64 = 0x74_65_6e_61_6e_74_72_79;

/// Wakes the relay after a commit. NOTIFY inside the transaction would serialise commits.
#[derive(Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Says that there is something to relay.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    async fn wait(&self) {
        // Elapsed is the poll behind the wake-up.
        let _ = timeout(LOOK, self.0.notified()).await;
    }
}

/// Why a round failed. Nothing is lost by it: rows wait in the log.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("relaying from the log")]
    Log(#[from] sqlx::Error),
    #[error("relaying to the stream")]
    Bus(#[from] BusError),
    #[error("publishing event {log_seq}")]
    Publish {
        log_seq: i64,
        #[source]
        source: async_nats::jetstream::context::PublishError,
    },
}

/// Relays the log of `context` until `token` is cancelled and the log is empty or the stream away.
///
/// Beats `pulse` each round, also while Postgres or NATS are away: waiting for them is its work then.
pub async fn relay(
    bus: Bus,
    pool: PgPool,
    context: &'static str,
    wake: Wake,
    pulse: Pulse,
    token: CancellationToken,
) -> anyhow::Result<()> {
    metrics::describe_relay();
    let mut pauses = backoff();
    loop {
        pulse.beat();
        let is_last = token.is_cancelled();
        match hold(&bus, &pool, context, &wake, &pulse, &token).await {
            Ok(()) if token.is_cancelled() => return Ok(()),
            Ok(()) => pauses = backoff(),
            Err(failure) => {
                tracing::warn!(error = %Chain(&failure), "Relay interrupted; events wait in the log.")
            }
        }
        if is_last {
            return Ok(());
        }
        let pause = pauses.next().unwrap_or(LOOK);
        let _ = timeout(pause, token.cancelled()).await;
    }
}

fn backoff() -> backon::ExponentialBackoff {
    let delays = ExponentialBuilder::default().with_min_delay(Duration::from_millis(100));
    delays
        .with_max_delay(Duration::from_secs(5))
        .with_jitter()
        .without_max_times()
        .build()
}

/// Takes the lock and relays while it can. Returns when told to stop.
async fn hold(
    bus: &Bus,
    pool: &PgPool,
    context: &'static str,
    wake: &Wake,
    pulse: &Pulse,
    token: &CancellationToken,
) -> Result<(), RelayError> {
    let mut conn = pool.acquire().await?.detach();
    if !lock(&mut conn, pulse, token).await? {
        conn.close().await?;
        return Ok(());
    }
    loop {
        pulse.beat();
        let numbered = number::number(&mut conn, context, BATCH_ROWS_MAX).await?;
        let published = publish_round(bus, &mut conn, context).await?;
        let is_full = [numbered, published]
            .iter()
            .any(|rows| i64::try_from(*rows) == Ok(BATCH_ROWS_MAX));
        if is_full {
            continue;
        }
        if token.is_cancelled() {
            return Ok(());
        }
        token.run_until_cancelled(wake.wait()).await;
    }
}

/// Waits for the lock on the one connection, and says whether it is ours: not if told to stop while another relay has it.
async fn lock(
    conn: &mut PgConnection,
    pulse: &Pulse,
    token: &CancellationToken,
) -> Result<bool, RelayError> {
    loop {
        pulse.beat();
        let is_ours = sqlx::query_scalar!("SELECT pg_try_advisory_lock($1)", LOCK)
            .fetch_one(&mut *conn)
            .await?;
        if is_ours == Some(true) || token.is_cancelled() {
            return Ok(is_ours == Some(true));
        }
        metrics::waiting(0, None);
        let _ = timeout(LOOK, token.cancelled()).await;
    }
}

/// Publishes one batch; touches NATS only when there is something to say.
async fn publish_round(
    bus: &Bus,
    conn: &mut PgConnection,
    context: &str,
) -> Result<usize, RelayError> {
    let rows = publish::unpublished(conn, BATCH_ROWS_MAX).await?;
    tell(conn, &rows).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let stream = bus.stream().await?;
    for row in &rows {
        let sequence = publish::publish(&stream, &bus.spec.prefix, context, row).await?;
        publish::mark(conn, row.log_seq, &stream.generation(), sequence).await?;
    }
    Ok(rows.len())
}

/// Tells how much waits. The log is asked only where `rows` are not all.
async fn tell(conn: &mut PgConnection, rows: &[publish::Outgoing]) -> Result<(), RelayError> {
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let waiting = match rows.first() {
        Some(oldest) if count == BATCH_ROWS_MAX => {
            // Rows are published in the order of their numbers, which have no gaps.
            let newest = publish::newest(conn).await?;
            newest - oldest.log_seq + 1
        }
        _ => count,
    };
    metrics::waiting(waiting, rows.first().map(publish::Outgoing::recorded));
    Ok(())
}
