use async_nats::HeaderMap;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::RelayError;
use crate::{Envelope, bus::Stream};

/// A numbered event on its way to the stream.
pub(super) struct Outgoing {
    pub(super) log_seq: i64,
    id: Uuid,
    noun: String,
    uid: Uuid,
    revision: i64,
    name: String,
    kind: String,
    actor_kind: String,
    actor_name: String,
    tenant: Option<String>,
    correlation_id: Option<Uuid>,
    causation_id: Option<Uuid>,
    traceparent: Option<String>,
    record_time: jiff_sqlx::Timestamp,
    data: serde_json::Value,
}

impl Outgoing {
    /// When it became true.
    pub(super) fn recorded(&self) -> jiff::Timestamp {
        self.record_time.to_jiff()
    }
}

/// The newest number.
pub(super) async fn newest(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT coalesce(max(log_seq), 0) AS "newest!" FROM events.event"#)
        .fetch_one(conn)
        .await
}

/// Numbered rows that no ack has been seen for, in the order of history.
pub(super) async fn unpublished(
    conn: &mut PgConnection,
    rows_max: i64,
) -> Result<Vec<Outgoing>, sqlx::Error> {
    sqlx::query_as!(
        Outgoing,
        r#"SELECT log_seq AS "log_seq!", id, noun, uid, revision, name, kind, actor_kind, actor_name, tenant,
                  correlation_id, causation_id, traceparent, record_time AS "record_time: jiff_sqlx::Timestamp", data
           FROM events.event WHERE stream_sequence IS NULL AND log_seq IS NOT NULL ORDER BY log_seq LIMIT $1"#,
        rows_max,
    )
    .fetch_all(conn)
    .await
}

/// Rows after `after` that were published to another life of the stream than `generation`, in the order of history.
pub(super) async fn of_earlier(
    pool: &PgPool,
    generation: &str,
    after: i64,
    rows_max: i64,
) -> Result<Vec<Outgoing>, sqlx::Error> {
    sqlx::query_as!(
        Outgoing,
        r#"SELECT log_seq AS "log_seq!", id, noun, uid, revision, name, kind, actor_kind, actor_name, tenant,
                  correlation_id, causation_id, traceparent, record_time AS "record_time: jiff_sqlx::Timestamp", data
           FROM events.event WHERE stream_generation <> $1 AND log_seq > $2 ORDER BY log_seq LIMIT $3"#,
        generation,
        after,
        rows_max,
    )
    .fetch_all(pool)
    .await
}

/// Publishes one event and waits for its ack; returns its stream sequence. A repeat is recognised by `Nats-Msg-Id`.
pub(super) async fn publish(
    stream: &Stream,
    prefix: &str,
    context: &str,
    row: &Outgoing,
) -> Result<i64, RelayError> {
    let subject = format!("{prefix}.{context}.v1.{}.{}", row.noun, row.uid);
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", row.id.to_string());
    headers.insert("Content-Type", "application/cloudevents+json");
    let payload = serde_json::to_vec(&envelope(context, row)).expect("an envelope is JSON");
    let failed = |source| RelayError::Publish {
        log_seq: row.log_seq,
        source,
    };
    let ack = stream
        .context
        .publish_with_headers(subject, headers, payload.into())
        .await
        .map_err(failed)?;
    let ack = ack.await.map_err(failed)?;
    Ok(i64::try_from(ack.sequence).unwrap_or(i64::MAX))
}

/// Notes where in the stream an event is.
pub(super) async fn mark(
    conn: &mut PgConnection,
    log_seq: i64,
    generation: &str,
    sequence: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE events.event SET stream_generation = $2, stream_sequence = $3 WHERE log_seq = $1",
        log_seq,
        generation,
        sequence,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn envelope(context: &str, row: &Outgoing) -> Envelope {
    Envelope {
        specversion: "1.0".into(),
        id: row.id,
        source: format!("tenantry/{context}"),
        type_: Envelope::type_of(context, &row.kind),
        subject: format!("{}/{}", row.noun, row.name),
        time: row.record_time.to_jiff(),
        datacontenttype: "application/json".into(),
        uid: row.uid,
        revision: row.revision,
        actor: format!("{}:{}", row.actor_kind, row.actor_name),
        tenant: row.tenant.clone(),
        correlationid: row.correlation_id,
        causationid: row.causation_id,
        traceparent: row.traceparent.clone(),
        data: row.data.clone(),
    }
}
