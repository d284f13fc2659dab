use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Error, Record};

impl Record {
    /// Namespaces recorded as the tenant's, by their uid.
    pub async fn namespaces(&mut self, tenant_uid: Uuid) -> Result<BTreeMap<Uuid, String>, Error> {
        let rows = sqlx::query!(
            "SELECT namespace_uid, namespace FROM owned_namespace WHERE tenant_uid = $1",
            tenant_uid
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.namespace_uid, row.namespace))
            .collect())
    }

    /// Records a namespace as the tenant's.
    pub async fn namespace_owned(
        &mut self,
        tenant_uid: Uuid,
        uid: Uuid,
        name: &str,
    ) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO owned_namespace (namespace_uid, namespace, tenant_uid) VALUES ($1, $2, $3)
             ON CONFLICT (namespace_uid) DO UPDATE SET tenant_uid = excluded.tenant_uid",
            uid,
            name,
            tenant_uid,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Records that a namespace is no longer the tenant's.
    pub async fn namespace_released(&mut self, tenant_uid: Uuid, uid: Uuid) -> Result<(), Error> {
        sqlx::query!(
            "DELETE FROM owned_namespace WHERE namespace_uid = $1 AND tenant_uid = $2",
            uid,
            tenant_uid
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
