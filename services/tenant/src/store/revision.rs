//! What tenants wanted, and what was in place for it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use tenantry_domain::{Actor, TenantName};
use uuid::Uuid;

use super::{Error, Record, Store, actor};

/// A spec of a tenant as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// Name of the tenant.
    pub tenant: String,
    /// Kubernetes uid of the tenant.
    pub uid: Uuid,
    /// Generation of the spec.
    pub generation: i64,
    /// The spec as in the custom resource.
    pub spec: Value,
    /// Who wrote it.
    pub actor: Actor,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// When everything it wants was in place first.
    pub applied: Option<Timestamp>,
    /// When the tenant was gone.
    pub deleted: Option<Timestamp>,
}

/// Which revisions are asked for.
#[derive(Debug, Clone, Default)]
pub struct RevisionQuery<'a> {
    /// Name of the tenant.
    pub tenant: &'a str,
    /// Only the tenant of this uid.
    pub uid: Option<Uuid>,
    /// Only this generation.
    pub generation: Option<i64>,
    /// Only what was recorded up to this moment.
    pub at: Option<Timestamp>,
    /// Only those before this one.
    pub before: Option<Position>,
    /// How many at most.
    pub limit: i64,
}

/// Place of a revision in the order of its list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Generation, where two were recorded at once.
    pub generation: i64,
}

/// What was in place for a revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// Generation of the tenant's spec.
    pub generation: i64,
    /// What else it was made from.
    pub inputs: Vec<String>,
    /// Kind, namespace, name and digest of each object.
    pub objects: Value,
    /// When it was seen in place.
    pub recorded: Timestamp,
}

impl Store {
    /// Uid of the tenant that has the name now, as far as is recorded.
    pub async fn living(&self, tenant: &str) -> Result<Option<Uuid>, Error> {
        Ok(sqlx::query_scalar!(
            "SELECT t.uid FROM tenant t JOIN tenant_revision r ON r.uid = t.uid
             WHERE t.name = $1 AND t.delete_time IS NULL ORDER BY r.record_time DESC LIMIT 1",
            tenant
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Uids of all of the name of which no end is recorded: those that went without a release are among them until somebody
    /// sees that.
    pub async fn living_all(&self, tenant: &str) -> Result<Vec<Uuid>, Error> {
        Ok(sqlx::query_scalar!(
            "SELECT uid FROM tenant WHERE name = $1 AND delete_time IS NULL",
            tenant
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The same where `uid` is of a tenant that was never seen; nobody came before one that was.
    pub async fn living_before(&self, tenant: &TenantName, uid: Uuid) -> Result<Vec<Uuid>, Error> {
        Ok(sqlx::query_scalar!(
            "SELECT uid FROM tenant WHERE name = $1 AND delete_time IS NULL
             AND NOT EXISTS (SELECT FROM tenant WHERE uid = $2)",
            tenant.as_str(),
            uid
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Names of the tenants of which no end is recorded.
    pub async fn living_names(&self) -> Result<BTreeSet<String>, Error> {
        let names = sqlx::query_scalar!("SELECT name FROM tenant WHERE delete_time IS NULL")
            .fetch_all(&self.pool)
            .await?;
        Ok(names.into_iter().collect())
    }

    /// Revisions of a tenant, newest first.
    pub async fn revisions(&self, query: &RevisionQuery<'_>) -> Result<Vec<Revision>, Error> {
        let at = |time: Option<Timestamp>| time.map(jiff_sqlx::Timestamp::from);
        let rows = sqlx::query!(
            r#"SELECT t.name, r.uid, r.generation, r.spec, r.actor_kind, r.actor_name,
                      r.record_time AS "record_time: jiff_sqlx::Timestamp",
                      t.delete_time AS "delete_time: jiff_sqlx::Timestamp",
                      (SELECT min(a.record_time) FROM tenant_application a
                       WHERE a.uid = r.uid AND a.generation = r.generation) AS "apply_time: jiff_sqlx::Timestamp"
               FROM tenant_revision r JOIN tenant t ON t.uid = r.uid
               WHERE t.name = $1 AND ($2::uuid IS NULL OR r.uid = $2) AND ($3::bigint IS NULL OR r.generation = $3)
                 AND ($4::timestamptz IS NULL OR r.record_time <= $4)
                 AND ($5::timestamptz IS NULL OR (r.record_time, r.generation) < ($5, $6::bigint))
               ORDER BY r.record_time DESC, r.generation DESC LIMIT $7"#,
            query.tenant,
            query.uid,
            query.generation,
            at(query.at) as Option<jiff_sqlx::Timestamp>,
            at(query.before.map(|before| before.recorded)) as Option<jiff_sqlx::Timestamp>,
            query.before.map(|before| before.generation),
            query.limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let revisions = rows.into_iter().map(|row| Revision {
            tenant: row.name,
            uid: row.uid,
            generation: row.generation,
            spec: row.spec,
            actor: actor(&row.actor_kind, row.actor_name),
            recorded: row.record_time.to_jiff(),
            applied: row.apply_time.map(jiff_sqlx::Timestamp::to_jiff),
            deleted: row.delete_time.map(jiff_sqlx::Timestamp::to_jiff),
        });
        Ok(revisions.collect())
    }

    /// What was in place for a revision, oldest first.
    pub async fn applications(
        &self,
        uid: Uuid,
        generation: i64,
    ) -> Result<Vec<Application>, Error> {
        let rows = sqlx::query!(
            r#"SELECT generation, inputs, objects, record_time AS "record_time: jiff_sqlx::Timestamp"
               FROM tenant_application WHERE uid = $1 AND generation = $2 ORDER BY application_id"#,
            uid,
            generation
        )
        .fetch_all(&self.pool)
        .await?;
        let applications = rows.into_iter().map(|row| Application {
            generation: row.generation,
            inputs: row.inputs,
            objects: row.objects,
            recorded: row.record_time.to_jiff(),
        });
        Ok(applications.collect())
    }
}

impl Record {
    /// Keeps what is in place for a revision; a repetition changes nothing.
    pub async fn application(
        &mut self,
        uid: Uuid,
        generation: i64,
        inputs: &[String],
        objects: &Value,
    ) -> Result<(), Error> {
        // An INSERT that conflicts takes a number all the same, and at rest nothing is written.
        sqlx::query!(
            "INSERT INTO tenant_application (uid, generation, inputs, objects) SELECT $1, $2, $3, $4
             WHERE NOT EXISTS (
                 SELECT FROM tenant_application WHERE uid = $1 AND generation = $2 AND inputs = $3
             )
             ON CONFLICT DO NOTHING",
            uid,
            generation,
            inputs,
            objects,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
