use jiff::Timestamp;
use sqlx::PgPool;
use tenantry_domain::ActorKind;
use tenantry_proto::audit::v1::{Actor, AuditEntry, ListAuditEntriesRequest, actor::Kind};
use tenantry_runtime::{auth::Authority, page, status};
use tonic::Status;
use uuid::Uuid;

/// A valid question to the log.
pub(super) struct Query {
    pub(super) page_size: usize,
    /// What a page token is bound to.
    pub(super) text: String,
    after_log_seq: i64,
    tenant: Option<String>,
    actor: Option<String>,
    noun: Option<String>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Query {
    pub(super) fn parse(request: ListAuditEntriesRequest) -> Result<Self, Status> {
        let start = time(request.start_time, "start_time")?;
        let end = time(request.end_time, "end_time")?;
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            return Err(status::invalid_field(
                "end_time",
                "must be after start_time",
            ));
        }
        let text = format!(
            "{}\n{}\n{}\n{start:?}\n{end:?}",
            request.tenant, request.actor, request.noun
        );
        let cursor = page::cursor(&request.page_token, &text)?;
        Ok(Self {
            page_size: page::size(request.page_size)?,
            after_log_seq: cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0),
            text,
            tenant: some(request.tenant),
            actor: some(request.actor),
            noun: some(request.noun),
            start,
            end,
        })
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn time(given: Option<pbjson_types::Timestamp>, field: &str) -> Result<Option<Timestamp>, Status> {
    given
        .map(|time| {
            Timestamp::new(time.seconds, time.nanos)
                .map_err(|error| status::invalid_field(field, format!("is no time: {error}")))
        })
        .transpose()
}

struct Row {
    id: Uuid,
    log_seq: i64,
    kind: String,
    noun: String,
    uid: Uuid,
    name: String,
    revision: i64,
    actor_kind: String,
    actor_name: String,
    record_time: jiff_sqlx::Timestamp,
    tenant: Option<String>,
    data: serde_json::Value,
    correlation_id: Option<Uuid>,
    hash: Vec<u8>,
}

/// One page of the numbered events that `query` selects, in the order of history.
pub(super) async fn list(
    _reader: &Authority,
    pool: &PgPool,
    context: &str,
    query: &Query,
) -> Result<Vec<AuditEntry>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, log_seq AS "log_seq!", kind, noun, uid, name, revision, actor_kind, actor_name,
                  record_time AS "record_time: jiff_sqlx::Timestamp", tenant, data, correlation_id, hash AS "hash!"
           FROM events.event
           WHERE log_seq > $1
             AND ($2::text IS NULL OR tenant = $2)
             AND ($3::text IS NULL OR actor_name = $3)
             AND ($4::text IS NULL OR noun = $4)
             AND ($5::timestamptz IS NULL OR record_time >= $5)
             AND ($6::timestamptz IS NULL OR record_time < $6)
           ORDER BY log_seq LIMIT $7"#,
        query.after_log_seq,
        query.tenant,
        query.actor,
        query.noun,
        query.start.map(jiff_sqlx::Timestamp::from) as Option<jiff_sqlx::Timestamp>,
        query.end.map(jiff_sqlx::Timestamp::from) as Option<jiff_sqlx::Timestamp>,
        i64::try_from(query.page_size).unwrap_or(i64::MAX),
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| entry(context, row)).collect())
}

fn entry(context: &str, row: Row) -> AuditEntry {
    let time = row.record_time.to_jiff();
    AuditEntry {
        id: row.id.to_string(),
        log_seq: row.log_seq,
        source: context.to_owned(),
        r#type: row.kind,
        noun: row.noun,
        uid: row.uid.to_string(),
        name: row.name,
        revision: row.revision,
        actor: Some(Actor {
            kind: kind(&row.actor_kind).into(),
            name: row.actor_name,
        }),
        record_time: Some(pbjson_types::Timestamp {
            seconds: time.as_second(),
            nanos: time.subsec_nanosecond(),
        }),
        tenant: row.tenant.unwrap_or_default(),
        // Data is an object always; anything else shows as none rather than hiding the entry.
        data: serde_json::from_value(row.data).ok(),
        correlation_id: row
            .correlation_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        hash: row.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn kind(word: &str) -> Kind {
    match ActorKind::parse(word) {
        Some(ActorKind::User) => Kind::User,
        Some(ActorKind::FieldManager) => Kind::FieldManager,
        Some(ActorKind::System) => Kind::System,
        None => Kind::Unspecified,
    }
}
