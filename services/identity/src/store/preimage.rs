//! What aws-auth said before we changed it.

use sha2::{Digest as _, Sha256};

use super::{Error, Store};
use crate::{aws_auth::Data, history::Cause};

/// aws-auth as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Preimage<'a> {
    /// Its `data`.
    pub data: &'a Data,
    /// Its resourceVersion.
    pub resource_version: &'a str,
    /// What the edit is for.
    pub reason: &'a str,
}

impl Store {
    /// Keeps `before` ahead of an edit.
    pub async fn keep_preimage(&self, cause: &Cause, before: Preimage<'_>) -> Result<(), Error> {
        let data = serde_json::json!(before.data);
        let hash = Sha256::digest(data.to_string());
        let insert = sqlx::query!(
            "INSERT INTO aws_auth_preimage (correlation_id, actor, reason, resource_version, sha256, data)
             VALUES ($1, $2, $3, $4, $5, $6)",
            cause.correlation,
            cause.actor.to_string(),
            before.reason,
            before.resource_version,
            hash.as_slice(),
            data,
        );
        let kept = insert.execute(self.pool()).await;
        kept.map(drop)
            .map_err(Error::sql("keeping the former aws-auth"))
    }
}
