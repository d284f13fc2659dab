use sqlx::PgConnection;
use tenantry_domain::TenantName;
use uuid::Uuid;

use super::{
    Error, Store, failed,
    first_use::{Scope, record_first_uses},
    lock,
};

/// A namespace and the tenant it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The namespace.
    pub namespace_uid: Uuid,
    /// Its name.
    pub namespace: String,
    /// The tenant.
    pub tenant: TenantName,
    /// Its Kubernetes uid: a tenant made again is another one.
    pub tenant_uid: Uuid,
}

impl Store {
    /// From `at_s` on, the namespace is the tenant's.
    ///
    /// Whoever owned it before does not any more. Starts after every earlier ownership, whatever two clocks say.
    pub async fn begin_ownership(
        conn: &mut PgConnection,
        owned: &Owned,
        revision: i64,
        at_s: i64,
    ) -> Result<(), Error> {
        let doing = failed("beginning an ownership");
        lock(conn).await.map_err(&doing)?;
        sqlx::query!(
            "UPDATE ownership_interval SET to_s = GREATEST(from_s, $2) WHERE namespace_uid = $1 AND to_s IS NULL",
            owned.namespace_uid,
            at_s,
        )
        .execute(&mut *conn)
        .await
        .map_err(&doing)?;
        sqlx::query!(
            "INSERT INTO ownership_interval (namespace_uid, from_revision, from_s, to_s, namespace, tenant, tenant_uid)
             SELECT $1, $2, began.from_s, (SELECT GREATEST(deleted_s, began.from_s) FROM deleted_tenant WHERE tenant_uid = $6), $4, $5, $6
             FROM (SELECT GREATEST($3::bigint, (SELECT max(to_s) FROM ownership_interval WHERE namespace_uid = $1)) AS from_s) began
             ON CONFLICT (namespace_uid, from_revision) DO NOTHING",
            owned.namespace_uid,
            revision,
            at_s,
            owned.namespace,
            owned.tenant.as_str(),
            owned.tenant_uid,
        )
        .execute(&mut *conn)
        .await
        .map_err(&doing)?;
        record_first_uses(conn, &Scope::Namespace(owned.namespace_uid), at_s)
            .await
            .map(drop)
    }

    /// From `at_s` on, the namespace is not this tenant's; whoever else took it over keeps it.
    /// Returns false while the event that began it has not been applied.
    pub async fn end_ownership(
        conn: &mut PgConnection,
        owned: &Owned,
        revision: i64,
        at_s: i64,
    ) -> Result<bool, Error> {
        let ended = sqlx::query!(
            "UPDATE ownership_interval SET to_s = LEAST(to_s, GREATEST(from_s, $4)), to_revision = $3
             WHERE namespace_uid = $1 AND tenant_uid = $2 AND from_revision < $3 AND to_revision IS NULL",
            owned.namespace_uid,
            owned.tenant_uid,
            revision,
            at_s,
        )
        .execute(conn)
        .await
        .map_err(failed("ending an ownership"))?;
        Ok(ended.rows_affected() > 0 || revision == 1)
    }

    /// From `at_s` on, the tenant owns nothing, also not what an event on its way would still give it.
    pub async fn delete_tenant(
        conn: &mut PgConnection,
        tenant_uid: Uuid,
        at_s: i64,
    ) -> Result<(), Error> {
        let doing = failed("ending a tenant's ownership");
        sqlx::query!(
            "INSERT INTO deleted_tenant (tenant_uid, deleted_s) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            tenant_uid,
            at_s,
        )
        .execute(&mut *conn)
        .await
        .map_err(&doing)?;
        sqlx::query!(
            "UPDATE ownership_interval SET to_s = GREATEST(from_s, $2) WHERE tenant_uid = $1 AND to_s IS NULL",
            tenant_uid,
            at_s,
        )
        .execute(conn)
        .await
        .map_err(&doing)?;
        Ok(())
    }
}
