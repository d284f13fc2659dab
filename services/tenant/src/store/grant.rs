use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, Record};
use crate::{
    member::{Role, Subject},
    reconcile::build::Grant,
};

/// How far a grant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Wanted; it may or may not be in the cluster.
    Requested,
    /// Seen in place.
    Bound,
}

/// Grants recorded for each of `tenants`.
pub(super) async fn of(
    conn: &mut PgConnection,
    tenants: &[Uuid],
) -> Result<HashMap<Uuid, BTreeMap<Grant, Stage>>, Error> {
    let rows = sqlx::query!(
        "SELECT tenant_uid, namespace, role, subject, is_group, cluster_roles, is_bound
         FROM member_grant WHERE tenant_uid = ANY ($1)",
        tenants
    )
    .fetch_all(conn)
    .await?;
    let mut grants = HashMap::<Uuid, BTreeMap<Grant, Stage>>::new();
    for row in rows {
        let subject = Subject {
            is_group: row.is_group,
            name: row.subject,
        };
        let stage = if row.is_bound {
            Stage::Bound
        } else {
            Stage::Requested
        };
        // The column's CHECK admits no other word.
        let Some(role) = Role::parse(&row.role) else {
            continue;
        };
        let grant = Grant {
            namespace: row.namespace,
            role,
            subject,
            cluster_roles: row.cluster_roles,
        };
        let of_tenant = grants.entry(row.tenant_uid).or_default();
        of_tenant.insert(grant, stage);
    }
    Ok(grants)
}

impl Record {
    /// Grants recorded for a tenant.
    pub async fn grants(&mut self, tenant_uid: Uuid) -> Result<BTreeMap<Grant, Stage>, Error> {
        let mut grants = of(self.conn(), &[tenant_uid]).await?;
        Ok(grants.remove(&tenant_uid).unwrap_or_default())
    }

    /// Records how far a grant is.
    pub async fn grant_at(
        &mut self,
        tenant_uid: Uuid,
        grant: &Grant,
        stage: Stage,
    ) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO member_grant (tenant_uid, namespace, role, subject, is_group, cluster_roles, is_bound)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (tenant_uid, namespace, role, subject, is_group)
             DO UPDATE SET cluster_roles = excluded.cluster_roles, is_bound = excluded.is_bound",
            tenant_uid,
            grant.namespace,
            grant.role.as_str(),
            grant.subject.name,
            grant.subject.is_group,
            &grant.cluster_roles,
            stage == Stage::Bound,
        )
        .execute(self.conn())
        .await?;
        self.interval_at(tenant_uid, grant, stage).await
    }

    /// Records that a grant is no more.
    pub async fn grant_gone(&mut self, tenant_uid: Uuid, grant: &Grant) -> Result<(), Error> {
        sqlx::query!(
            "DELETE FROM member_grant
             WHERE tenant_uid = $1 AND namespace = $2 AND role = $3 AND subject = $4 AND is_group = $5",
            tenant_uid,
            grant.namespace,
            grant.role.as_str(),
            grant.subject.name,
            grant.subject.is_group,
        )
        .execute(self.conn())
        .await?;
        self.interval_gone(tenant_uid, grant).await
    }
}
