use serde_json::Value;
use tenantry_domain::{Actor, TenantName};
use uuid::Uuid;

use super::{Error, Record, Seen};

impl Record {
    /// How generation `generation` of a tenant compares to what is recorded.
    pub async fn tenant_seen(&mut self, uid: Uuid, generation: i64) -> Result<Seen, Error> {
        let known = sqlx::query_scalar!("SELECT generation FROM tenant WHERE uid = $1", uid)
            .fetch_optional(self.conn())
            .await?;
        Ok(match known {
            None => Seen::New,
            Some(known) if known < generation => Seen::Changed,
            Some(_) => Seen::Same,
        })
    }

    /// Keeps a revision of a tenant's spec.
    pub async fn tenant_revision(
        &mut self,
        uid: Uuid,
        name: &TenantName,
        generation: i64,
        spec: &Value,
        actor: &Actor,
    ) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO tenant (uid, name, generation) VALUES ($1, $2, $3)
             ON CONFLICT (uid) DO UPDATE SET generation = excluded.generation WHERE tenant.generation < excluded.generation",
            uid,
            name.as_str(),
            generation,
        )
        .execute(self.conn())
        .await?;
        sqlx::query!(
            "INSERT INTO tenant_revision (uid, generation, spec, actor_kind, actor_name) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            uid,
            generation,
            spec,
            actor.kind.as_str(),
            actor.name,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Notes that everything wanted at `generation` is in place; false if that was known.
    pub async fn tenant_applied(&mut self, uid: Uuid, generation: i64) -> Result<bool, Error> {
        let known =
            sqlx::query_scalar!("SELECT applied_generation FROM tenant WHERE uid = $1", uid)
                .fetch_one(self.conn())
                .await?;
        if known >= generation {
            return Ok(false);
        }
        sqlx::query!(
            "UPDATE tenant SET applied_generation = $2 WHERE uid = $1",
            uid,
            generation
        )
        .execute(self.conn())
        .await?;
        Ok(true)
    }

    /// Notes that a tenant is gone.
    pub async fn tenant_deleted(&mut self, uid: Uuid) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE tenant SET delete_time = now() WHERE uid = $1 AND delete_time IS NULL",
            uid
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
