use sqlx::{Connection as _, PgConnection, PgPool, migrate::Migrator};
use tenantry_events::DatabaseConfig;

use crate::{place, unique};

/// A database of one's own on the stack's Postgres, migrated, gone on drop.
pub struct Database {
    name: String,
    /// As the service's own role sees it: no DDL.
    pub pool: PgPool,
    /// The same for code that connects by itself.
    pub config: DatabaseConfig,
}

impl Database {
    /// A database with the event log and the tables of `own`.
    pub async fn create(own: Migrator) -> Self {
        let name = unique("test_");
        let mut admin = PgConnection::connect(&place::superuser_url("postgres"))
            .await
            .expect("connecting to Postgres");
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "CREATE DATABASE {name} OWNER tenantry_owner"
        )))
        .execute(&mut admin)
        .await
        .expect("creating the test's database");
        let owner = DatabaseConfig {
            database_url: place::owner_url(&name).into(),
        };
        tenantry_events::migrate(&owner, own)
            .await
            .expect("migrating the test's database");
        let config = DatabaseConfig {
            database_url: place::service_url(&name).into(),
        };
        let pool = tenantry_events::pool(&config).expect("making a pool");
        Self { name, pool, config }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let url = place::superuser_url("postgres");
        // Drop cannot wait inside the test's runtime, so the statement gets a thread and runtime of its own.
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&url).await?;
                sqlx::query(sqlx::AssertSqlSafe(statement))
                    .execute(&mut admin)
                    .await?;
                anyhow::Ok(())
            })
        });
        if !matches!(dropper.join(), Ok(Ok(()))) {
            eprintln!("database {} is left behind", self.name);
        }
    }
}
