use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{Error, Store};

/// A change by others that was put back.
#[derive(Debug, Clone, PartialEq)]
pub struct Reverted {
    /// Place in the log.
    pub row_id: i64,
    /// Id of the event.
    pub id: Uuid,
    /// The event's message.
    pub data: Value,
    /// When it was put back.
    pub recorded: Timestamp,
}

/// Which drift is asked for.
#[derive(Debug, Clone)]
pub struct DriftQuery<'a> {
    /// Name of the tenant.
    pub tenant: &'a str,
    /// Only since the tenant of this uid is known.
    pub uid: Option<Uuid>,
    /// Only what is older than this row.
    pub before: Option<i64>,
    /// How many at most.
    pub limit: i64,
}

impl Store {
    /// Drift put back in what is a tenant's, newest first.
    pub async fn drift(&self, query: &DriftQuery<'_>) -> Result<Vec<Reverted>, Error> {
        let rows = sqlx::query!(
            r#"SELECT row_id, id, data, record_time AS "record_time: jiff_sqlx::Timestamp" FROM events.event
               WHERE tenant = $1 AND kind = 'DriftReverted' AND ($2::bigint IS NULL OR row_id < $2)
                 AND ($3::uuid IS NULL OR record_time >= (SELECT min(record_time) FROM tenant_revision WHERE uid = $3))
               ORDER BY row_id DESC LIMIT $4"#,
            query.tenant,
            query.before,
            query.uid,
            query.limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let drift = rows.into_iter().map(|row| Reverted {
            row_id: row.row_id,
            id: row.id,
            data: row.data,
            recorded: row.record_time.to_jiff(),
        });
        Ok(drift.collect())
    }
}
