use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::{Error, Stage, Store, grant};
use crate::reconcile::build::Grant;

/// What is recorded of a living tenant now.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Generation of the newest spec.
    pub generation: i64,
    /// Whether everything wanted at that generation was in place once.
    pub is_applied: bool,
    /// Whether the newest event about it says that it is paused.
    pub is_paused: bool,
    /// Uids of its namespaces.
    pub namespaces: BTreeSet<Uuid>,
    /// Its grants, and how far each is.
    pub grants: BTreeMap<Grant, Stage>,
    /// What else that generation was made from last: kind, uid and generation.
    pub inputs: Vec<String>,
}

impl Store {
    /// What is recorded of those of `tenants` that ever were and are not gone.
    ///
    /// One look without a lock: who changes anything by it must ask again in his transaction.
    pub async fn standings(&self, tenants: &[Uuid]) -> Result<HashMap<Uuid, Standing>, Error> {
        let mut conn = self.pool.acquire().await?;
        // Each table is read once, however many tenants are asked for.
        let rows = sqlx::query!(
            r#"WITH owned AS (
                   SELECT tenant_uid, array_agg(namespace_uid) AS namespaces
                   FROM owned_namespace WHERE tenant_uid = ANY ($1) GROUP BY tenant_uid
               ), applied AS (
                   SELECT DISTINCT ON (uid) uid, inputs
                   FROM tenant_application JOIN tenant USING (uid, generation)
                   WHERE uid = ANY ($1) ORDER BY uid, record_time DESC
               )
               SELECT t.uid AS "uid!", t.generation AS "generation!", t.applied_generation >= t.generation AS "is_applied!", t.is_paused AS "is_paused!",
                      o.namespaces AS "namespaces?", a.inputs AS "inputs?"
               FROM tenant t
               LEFT JOIN owned o ON o.tenant_uid = t.uid
               LEFT JOIN applied a ON a.uid = t.uid
               WHERE t.uid = ANY ($1) AND t.delete_time IS NULL"#,
            tenants
        )
        .fetch_all(&mut *conn)
        .await?;
        let mut grants = grant::of(&mut conn, tenants).await?;
        let standings = rows.into_iter().map(|row| {
            let standing = Standing {
                generation: row.generation,
                is_applied: row.is_applied,
                is_paused: row.is_paused,
                namespaces: row.namespaces.unwrap_or_default().into_iter().collect(),
                grants: grants.remove(&row.uid).unwrap_or_default(),
                inputs: row.inputs.unwrap_or_default(),
            };
            (row.uid, standing)
        });
        Ok(standings.collect())
    }
}
