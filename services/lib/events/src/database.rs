use std::{str::FromStr as _, time::Duration};

use anyhow::Context as _;
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

/// Longest wait for a connection: an absent database answers quickly.
const ACQUIRE_MAX: Duration = Duration::from_secs(2);
/// Connections of one process.
const CONNECTIONS_MAX: u32 = 10;

/// Where the service's database is.
#[derive(Debug, Clone, Args)]
pub struct DatabaseConfig {
    /// URL of the service's own database; with `--migrate`, of the owner role.
    #[arg(long, env = "TENANTRY_DATABASE_URL", hide_env_values = true)]
    pub database_url: SecretString,
}

impl DatabaseConfig {
    /// Options with the limits that Postgres leaves open.
    ///
    /// Errors: a URL that cannot be parsed (its text is not repeated, it holds a password).
    pub fn options(&self) -> anyhow::Result<PgConnectOptions> {
        let options = PgConnectOptions::from_str(self.database_url.expose_secret())
            .ok()
            .context("TENANTRY_DATABASE_URL is not a postgres:// URL")?;
        Ok(options.options([
            ("statement_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("lock_timeout", "5s"),
        ]))
    }

    /// Whether the URL insists on TLS with a server that proves who it is: `sslmode=require` takes any certificate.
    pub fn is_tls(&self) -> bool {
        PgConnectOptions::from_str(self.database_url.expose_secret()).is_ok_and(|options| {
            matches!(
                options.get_ssl_mode(),
                PgSslMode::VerifyCa | PgSslMode::VerifyFull
            )
        })
    }
}

/// A pool that connects when it is used.
///
/// Errors: those of [`DatabaseConfig::options`].
pub fn pool(config: &DatabaseConfig) -> anyhow::Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_MAX)
        .connect_lazy_with(config.options()?))
}

/// Brings the event log and then the service's `own` tables up to date. Run as the owner role, by `--migrate`.
///
/// Errors: an unreachable database or a migration that fails or was changed after it ran.
pub async fn migrate(config: &DatabaseConfig, own: Migrator) -> anyhow::Result<()> {
    let pool = pool(config)?;
    let mut log = sqlx::migrate!("../../../migrations/events");
    log.dangerous_set_table_name("_sqlx_migrations_events");
    log.run(&pool).await.context("migrating the event log")?;
    own.run(&pool)
        .await
        .context("migrating the service's tables")?;
    pool.close().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_verified_server_counts_as_tls() {
        let check = |mode: &str, expected| {
            let url = format!("postgres://me@db.example.com/identity?sslmode={mode}");
            let config = DatabaseConfig {
                database_url: url.into(),
            };
            assert_eq!(config.is_tls(), expected, "{mode}");
        };
        for mode in ["disable", "allow", "prefer", "require"] {
            check(mode, false);
        }
        for mode in ["verify-ca", "verify-full"] {
            check(mode, true);
        }
    }
}
