//! All SQL of the service, beside what the event log's library has.

pub mod key_journal;
pub mod preimage;

use sqlx::PgPool;
use tenantry_domain::{Actor, ActorKind};
use tenantry_events::{Fact, RecordError, Wake, record};
use tenantry_runtime::Chain;
use uuid::Uuid;

/// The database did not take or give something. Always transient, or a bug.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A fact was not recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Something of our own was not stored or read.
    #[error("{operation}")]
    Sql {
        /// What was tried.
        operation: &'static str,
        /// What Postgres says.
        #[source]
        source: sqlx::Error,
    },
}

impl Error {
    fn sql(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Sql { operation, source }
    }
}

/// The newest event about a thing of one name.
#[derive(Debug, Clone)]
pub struct Newest {
    /// What it says.
    pub kind: String,
    /// The thing.
    pub uid: Uuid,
    /// Who caused it.
    pub actor: Actor,
    /// Request it was part of.
    pub correlation: Option<Uuid>,
    /// What it carries.
    pub data: serde_json::Value,
}

/// The service's database. Clones share the pool.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    wake: Wake,
}

impl Store {
    /// A store over `pool` that wakes the relay by `wake`.
    pub fn new(pool: PgPool, wake: Wake) -> Self {
        Self { pool, wake }
    }

    /// The pool, for the SQL of the other half of this house.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Adds `fact` to the log.
    pub async fn record(&self, fact: &Fact) -> Result<(), Error> {
        let begin = "beginning a record";
        let mut tx = self.pool.begin().await.map_err(Error::sql(begin))?;
        record(&mut tx, fact).await?;
        tx.commit()
            .await
            .map_err(Error::sql("committing a record"))?;
        self.wake.wake();
        Ok(())
    }

    /// Adds `fact` to the log if that can be done now: taking away does not wait for the database.
    pub async fn note(&self, fact: &Fact) {
        if let Err(failure) = self.record(fact).await {
            // Names only: `data` may be personal and the log of the process goes elsewhere than the history.
            tracing::warn!(
                kind = fact.kind, noun = fact.noun, name = %fact.name, actor = %fact.actor, error = %Chain(&failure),
                "Deletion done but not recorded; the same call again records it."
            );
        }
    }

    /// The newest event about the thing of `noun` that is called `name`.
    pub async fn newest(&self, noun: &str, name: &str) -> Result<Option<Newest>, Error> {
        let row = sqlx::query!(
            "SELECT kind, uid, actor_kind, actor_name, correlation_id, data FROM events.event
             WHERE noun = $1 AND name = $2 ORDER BY row_id DESC LIMIT 1",
            noun,
            name,
        );
        let row = row.fetch_optional(&self.pool).await;
        let row = row.map_err(Error::sql("reading the newest event of a name"))?;
        Ok(row.map(|row| Newest {
            kind: row.kind,
            uid: row.uid,
            actor: Actor {
                kind: ActorKind::parse(&row.actor_kind).unwrap_or(ActorKind::System),
                name: row.actor_name,
            },
            correlation: row.correlation_id,
            data: row.data,
        }))
    }
}
