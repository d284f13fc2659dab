use sqlx::PgConnection;
use uuid::Uuid;

use crate::Fact;

/// What [`record`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The thing's newest event says the same already.
    Unchanged,
    /// A new event.
    Event {
        /// Its id.
        id: Uuid,
        /// The thing's new revision.
        revision: i64,
    },
}

/// Most bytes of name and data. NATS takes a message of 1 MiB, and the envelope around them must fit, too: an event
/// that cannot be published would hold up all that come after it.
const BYTES_MAX: usize = 512 * 1024;

/// Recording a fact failed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It could never be published.
    #[error("recording {kind} of {noun} {uid}: {bytes} bytes are more than {BYTES_MAX}")]
    TooLarge {
        /// Kind of thing.
        noun: &'static str,
        /// What became true.
        kind: &'static str,
        /// Identifier of the thing.
        uid: Uuid,
        /// Size of name and data.
        bytes: usize,
    },
    /// The database did not take it.
    #[error("recording {kind} of {noun} {uid}")]
    Store {
        /// Kind of thing.
        noun: &'static str,
        /// What became true.
        kind: &'static str,
        /// Identifier of the thing.
        uid: Uuid,
        /// What the database says.
        #[source]
        source: sqlx::Error,
    },
}

/// Adds `fact` to the log, inside the caller's transaction, unless the thing's newest event says the same.
///
/// Takes the thing's row lock until the transaction ends, so events of one thing have one order.
/// Wake the relay after the commit, not before.
pub async fn record(conn: &mut PgConnection, fact: &Fact) -> Result<Recorded, RecordError> {
    let Fact {
        noun, kind, uid, ..
    } = *fact;
    let bytes = fact.name.len() + fact.data.to_string().len();
    if bytes > BYTES_MAX {
        return Err(RecordError::TooLarge {
            noun,
            kind,
            uid,
            bytes,
        });
    }
    append(conn, fact)
        .await
        .map_err(|source| RecordError::Store {
            noun,
            kind,
            uid,
            source,
        })
}

async fn append(conn: &mut PgConnection, fact: &Fact) -> Result<Recorded, sqlx::Error> {
    let digest = fact.digest();
    let Some(revision) = next_revision(conn, fact.uid, &digest).await? else {
        return Ok(Recorded::Unchanged);
    };
    let id = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO events.event (id, noun, uid, revision, name, kind, actor_kind, actor_name, tenant, correlation_id, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id,
        fact.noun,
        fact.uid,
        revision,
        fact.name,
        fact.kind,
        fact.actor.kind.as_str(),
        fact.actor.name,
        fact.tenant.as_ref().map(|tenant| tenant.as_str()),
        fact.correlation,
        fact.data,
    )
    .execute(conn)
    .await?;
    Ok(Recorded::Event { id, revision })
}

/// Locks the thing and counts its revision up; none if `digest` is its newest already.
async fn next_revision(
    conn: &mut PgConnection,
    uid: Uuid,
    digest: &[u8],
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "INSERT INTO events.thing AS thing (uid, revision, digest) VALUES ($1, 1, $2)
         ON CONFLICT (uid) DO UPDATE SET revision = thing.revision + 1, digest = excluded.digest
         WHERE thing.digest <> excluded.digest
         RETURNING revision",
        uid,
        digest,
    )
    .fetch_optional(conn)
    .await
}
