use std::{collections::HashMap, time::Duration};

use jiff::{Timestamp, Unit};
use sqlx::PgPool;
use tenantry_domain::{Refusal, TenantName};
use tenantry_proto::common::v1::Refusal as Message;
use tenantry_runtime::Chain;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Fact, Wake, record};

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
    let mut counts: HashMap<Refusal, i64> = HashMap::new();
    let mut dropped = 0u64;
    let mut flush = tokio::time::interval(MINUTE);
    loop {
        tokio::select! {
            Some(refusal) = incoming.recv() => {
                if counts.len() < KINDS_MAX || counts.contains_key(&refusal) {
                    *counts.entry(refusal).or_default() += 1;
                } else {
                    dropped += 1;
                }
            }
            _ = flush.tick() => write(&pool, &wake, &mut counts, &mut dropped).await,
            () = token.cancelled() => {
                write(&pool, &wake, &mut counts, &mut dropped).await;
                return Ok(());
            }
        }
    }
}

async fn write(pool: &PgPool, wake: &Wake, counts: &mut HashMap<Refusal, i64>, dropped: &mut u64) {
    if counts.is_empty() {
        return;
    }
    match insert(pool, counts).await {
        Ok(()) => {
            wake.wake();
            if *dropped > 0 {
                tracing::warn!(
                    dropped = *dropped,
                    "More different refusals in a minute than are kept."
                );
            }
            counts.clear();
            *dropped = 0;
        }
        // They stay counted and are tried again in a minute.
        Err(failure) => tracing::warn!(error = %Chain(&*failure), "Refusals not recorded yet."),
    }
}

async fn insert(
    pool: &PgPool,
    counts: &HashMap<Refusal, i64>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let minute = Timestamp::now().round(Unit::Minute)?;
    let mut tx = pool.begin().await?;
    for (refusal, count) in counts {
        record(&mut tx, &fact(refusal, *count, minute)).await?;
    }
    tx.commit().await?;
    Ok(())
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
    match TenantName::parse(&refusal.subject) {
        Ok(tenant) if refusal.method.contains(".tenant.") => fact.with_tenant(tenant),
        _ => fact,
    }
}
