use serde_json::Value;
use tenantry_domain::Actor;
use uuid::Uuid;

use super::{Error, Record, Seen};

impl Record {
    /// How generation `generation` of a quota compares to what is recorded.
    pub async fn quota_seen(&mut self, uid: Uuid, generation: i64) -> Result<Seen, Error> {
        let known = sqlx::query_scalar!("SELECT generation FROM quota WHERE uid = $1", uid)
            .fetch_optional(self.conn())
            .await?;
        Ok(match known {
            None => Seen::New,
            Some(known) if known < generation => Seen::Changed,
            Some(_) => Seen::Same,
        })
    }

    /// Keeps a revision of a quota's spec.
    pub async fn quota_revision(
        &mut self,
        uid: Uuid,
        name: &str,
        generation: i64,
        spec: &Value,
        actor: &Actor,
    ) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO quota (uid, name, generation) VALUES ($1, $2, $3)
             ON CONFLICT (uid) DO UPDATE SET generation = excluded.generation WHERE quota.generation < excluded.generation",
            uid,
            name,
            generation,
        )
        .execute(self.conn())
        .await?;
        sqlx::query!(
            "INSERT INTO quota_revision (uid, generation, spec, actor_kind, actor_name) VALUES ($1, $2, $3, $4, $5)
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

    /// Notes that a quota is gone.
    pub async fn quota_deleted(&mut self, uid: Uuid) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE quota SET delete_time = now() WHERE uid = $1 AND delete_time IS NULL",
            uid
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
