//! All SQL.

mod first_use;
mod interval;
mod observed;
mod ownership;
mod price_book;

use sqlx::{PgConnection, PgPool};

pub use interval::Restored;
pub use ownership::Owned;

/// Advisory lock between metering and ownership: each looks for what the other wrote to find a first use.
const FIRST_USE_LOCK: i64 = 0x73_68_6f_77;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres is away or refuses.
    #[error("{doing}")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// What Postgres says.
        #[source]
        source: sqlx::Error,
    },
    /// A fact was not recorded.
    #[error(transparent)]
    Record(#[from] tenantry_events::RecordError),
}

/// Turns what Postgres says into an [`Error`] that names the operation.
fn failed(doing: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |source| Error::Sql { doing, source }
}

/// Intervals, owners and price books.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// A store that connects when it is used.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

/// Holds the other writer of intervals off until the transaction ends.
async fn lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", FIRST_USE_LOCK)
        .fetch_one(conn)
        .await?;
    Ok(())
}
