use sqlx::PgPool;

use super::{BATCH_ROWS_MAX, RelayError, publish};
use crate::Bus;

/// Publishes again what was published to an earlier life of the stream, in the order of history. Returns how many events.
///
/// For a stream that was lost and made anew. Repeating it is harmless: the stream knows ids it has seen within the hour,
/// and consumers skip revisions they have. The marks in the log stay: an event is marked once, with its first publication.
///
/// Errors: the log or the stream cannot be reached; begin again then.
pub async fn replay(bus: Bus, pool: PgPool, context: &'static str) -> anyhow::Result<usize> {
    Ok(republish(&bus, &pool, context).await?)
}

async fn republish(bus: &Bus, pool: &PgPool, context: &str) -> Result<usize, RelayError> {
    let stream = bus.stream().await?;
    let generation = stream.generation();
    let (mut after, mut count) = (0, 0);
    loop {
        let rows = publish::of_earlier(pool, &generation, after, BATCH_ROWS_MAX).await?;
        let Some(last) = rows.last() else {
            return Ok(count);
        };
        after = last.log_seq;
        for row in &rows {
            publish::publish(&stream, &bus.spec.prefix, context, row).await?;
            count += 1;
        }
    }
}
