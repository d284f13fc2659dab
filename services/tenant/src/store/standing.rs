use std::collections::{BTreeMap, BTreeSet};

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
    /// What is recorded of the tenant; none if it never was, or is gone.
    ///
    /// One look without a lock: who changes anything by it must ask again in his transaction.
    pub async fn standing(&self, uid: Uuid) -> Result<Option<Standing>, Error> {
        let mut conn = self.pool.acquire().await?;
        let row = sqlx::query!(
            r#"SELECT generation, applied_generation >= generation AS "is_applied!", is_paused,
                      ARRAY(SELECT namespace_uid FROM owned_namespace WHERE tenant_uid = t.uid) AS "namespaces!",
                      (SELECT inputs FROM tenant_application a WHERE a.uid = t.uid AND a.generation = t.generation
                       ORDER BY record_time DESC LIMIT 1) AS inputs
               FROM tenant t WHERE uid = $1 AND delete_time IS NULL"#,
            uid
        )
        .fetch_optional(&mut *conn)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(Standing {
            generation: row.generation,
            is_applied: row.is_applied,
            is_paused: row.is_paused,
            namespaces: row.namespaces.into_iter().collect(),
            grants: grant::of(&mut conn, uid).await?,
            inputs: row.inputs.unwrap_or_default(),
        }))
    }
}
