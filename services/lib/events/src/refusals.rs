use std::{collections::HashMap, time::Duration};

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use sqlx::PgPool;
use tenantry_domain::Refusal;
use tenantry_proto::common::v1::Refusal as Message;
use tenantry_runtime::Chain;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Fact, Wake, metrics, record};

/// Different refusals kept per minute; a flood beyond it is counted on the last line of the log only.
const KINDS_MAX: usize = 1000;
const MINUTE: Duration = Duration::from_secs(60);

/// Records refusals from `incoming` as `RequestRefused`, aggregated per actor, method, reason, subject and minute.
///
/// What waits is recorded when `token` is cancelled, too.
pub async fn refusals(
    mut incoming: mpsc::Receiver<Refusal>,
    pool: PgPool,
    wake: Wake,
    token: CancellationToken,
) -> anyhow::Result<()> {
    metrics::describe_refusals();
    let mut counts = Counts::default();
    let mut flush = tokio::time::interval(MINUTE);
    loop {
        tokio::select! {
            Some(refusal) = incoming.recv() => counts.add(refusal),
            _ = flush.tick() => write(&pool, &wake, &mut counts).await,
            () = token.cancelled() => {
                while let Ok(refusal) = incoming.try_recv() {
                    counts.add(refusal);
                }
                write(&pool, &wake, &mut counts).await;
                return Ok(());
            }
        }
    }
}

#[derive(Default)]
struct Counts {
    kept: HashMap<Refusal, i64>,
    dropped: u64,
}

impl Counts {
    fn add(&mut self, refusal: Refusal) {
        metrics::refused(&refusal);
        if self.kept.len() < KINDS_MAX || self.kept.contains_key(&refusal) {
            *self.kept.entry(refusal).or_default() += 1;
        } else {
            self.dropped += 1;
        }
    }
}

async fn write(pool: &PgPool, wake: &Wake, counts: &mut Counts) {
    if counts.kept.is_empty() {
        return;
    }
    match insert(pool, &counts.kept).await {
        Ok(()) => {
            wake.wake();
            let Counts { dropped, .. } = std::mem::take(counts);
            if dropped > 0 {
                tracing::warn!(
                    dropped,
                    "More different refusals in a minute than are kept."
                );
            }
        }
        // They stay counted and are tried again in a minute.
        Err(failure) => tracing::warn!(error = %Chain(&*failure), "Refusals not recorded yet."),
    }
}

async fn insert(
    pool: &PgPool,
    counts: &HashMap<Refusal, i64>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let minute = minute_of(Timestamp::now())?;
    let mut tx = pool.begin().await?;
    for (refusal, count) in counts {
        record(&mut tx, &fact(refusal, *count, minute)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The minute that `time` lies in: never one that has not begun.
fn minute_of(time: Timestamp) -> Result<Timestamp, jiff::Error> {
    let down = TimestampRound::new()
        .smallest(Unit::Minute)
        .mode(RoundMode::Floor);
    time.round(down)
}

fn fact(refusal: &Refusal, count: i64, minute: Timestamp) -> Fact {
    let message = Message {
        method: refusal.method.clone(),
        reason: refusal.reason.clone(),
        subject: refusal.subject.clone(),
        count,
        minute: Some(pbjson_types::Timestamp {
            seconds: minute.as_second(),
            nanos: 0,
        }),
    };
    let data = serde_json::json!({ "refusal": message });
    let fact = Fact::new(
        "refusal",
        Uuid::now_v7(),
        &refusal.method,
        "RequestRefused",
        refusal.actor.clone(),
        &data,
    );
    match &refusal.tenant {
        Some(tenant) => fact.with_tenant(tenant.clone()),
        None => fact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_begins_before_what_is_counted_in_it() {
        let check = |time: &str, expected: &str| {
            let minute = minute_of(time.parse().unwrap()).unwrap();
            assert_eq!(minute, expected.parse::<Timestamp>().unwrap());
        };
        check("2026-03-03T10:00:59.9Z", "2026-03-03T10:00:00Z");
        check("2026-03-03T10:01:00Z", "2026-03-03T10:01:00Z");
    }
}
