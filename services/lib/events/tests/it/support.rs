use std::time::Duration;

use sqlx::{PgPool, migrate::Migrator};
use tenantry_domain::Actor;
use tenantry_events::{Bus, Fact, Recorded, Wake, record, relay};
use tenantry_runtime::Health;
use tenantry_testkit::{Database, TestStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A database with the event log only, and a stream.
pub(crate) async fn places() -> (Database, TestStream) {
    tenantry_runtime::install_tls_provider();
    tokio::join!(Database::create(Migrator::DEFAULT), TestStream::create())
}

pub(crate) fn fact(uid: Uuid, size: u32) -> Fact {
    let data = serde_json::json!({ "size": size });
    Fact::new("box", uid, "a-box", "BoxResized", Actor::user("ada"), &data)
}

/// Records `fact` in a transaction of its own.
pub(crate) async fn commit(pool: &PgPool, fact: &Fact) -> Recorded {
    let mut tx = pool.begin().await.unwrap();
    let recorded = record(&mut tx, fact).await.unwrap();
    tx.commit().await.unwrap();
    recorded
}

/// A running relay; aborting it is as good as killing the process.
pub(crate) struct RunningRelay {
    pub(crate) wake: Wake,
    pub(crate) task: JoinHandle<anyhow::Result<()>>,
    pub(crate) token: CancellationToken,
}

#[allow(clippy::disallowed_methods, reason = "a test supervises its own tasks")]
pub(crate) fn start_relay(bus: Bus, pool: PgPool) -> RunningRelay {
    let (wake, token) = (Wake::default(), CancellationToken::new());
    let pulse = Health::new(&[]).pulse("relay", Duration::from_secs(30));
    let task = tokio::spawn(relay(bus, pool, "box", wake.clone(), pulse, token.clone()));
    RunningRelay { wake, task, token }
}

/// `log_seq` of every numbered event, and how many were marked as published.
pub(crate) async fn history(pool: &PgPool) -> (Vec<i64>, i64) {
    let rows: Vec<(Option<i64>, Option<i64>)> = sqlx::query_as(
        "SELECT log_seq, stream_sequence FROM events.event ORDER BY log_seq NULLS LAST",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let published = rows
        .iter()
        .filter(|(_, sequence)| sequence.is_some())
        .count();
    (
        rows.iter().filter_map(|(log_seq, _)| *log_seq).collect(),
        i64::try_from(published).unwrap(),
    )
}
