use serde_json::Value;
use tenantry_domain::{Actor, TenantName};
use uuid::Uuid;

use super::{Error, Record, Seen};

/// How far the history of a tenant is.
struct Known {
    generation: i64,
    is_deleted: bool,
}

impl Known {
    /// Whether something came after `generation`.
    fn is_after(&self, generation: i64) -> bool {
        self.is_deleted || self.generation > generation
    }
}

impl Record {
    /// How generation `generation` of a tenant compares to what is recorded.
    ///
    /// The tenant's row stays locked until the transaction ends.
    pub async fn tenant_seen(&mut self, uid: Uuid, generation: i64) -> Result<Seen, Error> {
        Ok(match self.tenant_locked(uid).await? {
            None => Seen::New,
            Some(known) if known.generation < generation => Seen::Changed,
            Some(_) => Seen::Same,
        })
    }

    /// Makes sure that nothing newer than `generation` of a tenant is recorded before the transaction ends: a replica that
    /// has lost the tenant and does not know it must not end what the next one began.
    ///
    /// Errors: `Late`, if something newer is recorded already.
    pub async fn tenant_held(&mut self, uid: Uuid, generation: i64) -> Result<(), Error> {
        match self.tenant_locked(uid).await? {
            Some(known) if known.is_after(generation) => Err(Error::Late { uid, generation }),
            Some(_) | None => Ok(()),
        }
    }

    /// Locks the tenant's row; none if there is none.
    async fn tenant_locked(&mut self, uid: Uuid) -> Result<Option<Known>, Error> {
        let row = sqlx::query!(
            r#"SELECT generation, delete_time IS NOT NULL AS "is_deleted!" FROM tenant WHERE uid = $1 FOR UPDATE"#,
            uid
        )
        .fetch_optional(self.conn())
        .await?;
        Ok(row.map(|row| Known {
            generation: row.generation,
            is_deleted: row.is_deleted,
        }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_newer_spec_and_the_end_come_after_a_generation() {
        let check = |generation: i64, is_deleted: bool, expected: bool| {
            let known = Known {
                generation,
                is_deleted,
            };
            assert_eq!(known.is_after(5), expected, "{generation} {is_deleted}");
        };
        check(4, false, false);
        check(5, false, false);
        check(6, false, true);
        check(5, true, true);
    }
}
