use async_nats::jetstream::Message;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Whether `revision` is newer than all that `consumer` applied of `uid`; if so, remembers it and holds its row.
pub(super) async fn is_newer(
    conn: &mut PgConnection,
    consumer: &str,
    uid: Uuid,
    revision: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO events.projection AS projection (consumer, uid, revision) VALUES ($1, $2, $3)
         ON CONFLICT (consumer, uid) DO UPDATE SET revision = excluded.revision
         WHERE projection.revision < excluded.revision",
        consumer,
        uid,
        revision,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps a message as it came; a repeat changes nothing.
pub(super) async fn bury(
    pool: &PgPool,
    consumer: &str,
    message: &Message,
    error: &str,
) -> Result<(), sqlx::Error> {
    let sequence = message.info().map_or(0, |info| info.stream_sequence);
    sqlx::query!(
        "INSERT INTO events.dead_letter (consumer, stream_sequence, subject, payload, error)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (consumer, stream_sequence) DO NOTHING",
        consumer,
        i64::try_from(sequence).unwrap_or(i64::MAX),
        message.subject.as_str(),
        message.payload.as_ref(),
        error,
    )
    .execute(pool)
    .await?;
    Ok(())
}
