//! All SQL: what was observed and applied, with the event log in the same transaction.

mod access;
mod drift;
mod grant;
mod namespace;
mod pause;
mod quota;
mod revision;
mod standing;
mod tenant;

pub use access::{Access, AccessQuery};
pub use drift::{DriftQuery, Reverted};
pub use grant::Stage;
pub use revision::{Application, Position, Revision, RevisionQuery};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
pub use standing::Standing;
use tenantry_domain::{Actor, ActorKind};
use tenantry_events::{Fact, RecordError, Wake};
use uuid::Uuid;

/// Why something was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres does not answer, or refuses.
    #[error("recording in the tenant database")]
    Database(#[from] sqlx::Error),
    /// An event cannot be added.
    #[error(transparent)]
    Event(#[from] RecordError),
    /// Another replica has recorded a newer spec of the tenant, or its end.
    #[error(
        "generation {generation} of tenant {uid} is late: a newer one, or its end, is recorded"
    )]
    Late {
        /// Kubernetes uid.
        uid: Uuid,
        /// Generation that was gone by.
        generation: i64,
    },
}

/// How a thing compares to what was last recorded of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Never seen before.
    New,
    /// Known, with an older spec.
    Changed,
    /// Known as it is.
    Same,
}

/// The tenant database.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    wake: Wake,
}

impl Store {
    /// Records in `pool` and wakes the relay after each commit.
    pub fn new(pool: PgPool, wake: Wake) -> Self {
        Self { pool, wake }
    }

    /// One transaction; nothing counts before [`Record::commit`].
    pub async fn begin(&self) -> Result<Record, Error> {
        Ok(Record {
            tx: self.pool.begin().await?,
            wake: self.wake.clone(),
            has_events: false,
        })
    }
}

/// The actor of two columns.
fn actor(kind: &str, name: String) -> Actor {
    Actor {
        // The columns' CHECK admits no other word.
        kind: ActorKind::parse(kind).unwrap_or(ActorKind::System),
        name,
    }
}

/// State and events that become true together.
pub struct Record {
    tx: Transaction<'static, Postgres>,
    wake: Wake,
    has_events: bool,
}

impl Record {
    /// Adds an event, unless the thing's newest says the same.
    pub async fn event(&mut self, fact: &Fact) -> Result<(), Error> {
        tenantry_events::record(&mut self.tx, fact).await?;
        self.has_events = true;
        Ok(())
    }

    /// Makes it all true at once.
    pub async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await?;
        if self.has_events {
            self.wake.wake();
        }
        Ok(())
    }

    fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}
