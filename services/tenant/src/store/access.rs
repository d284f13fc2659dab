//! Who had which role where, and from when to when.

use jiff::Timestamp;
use tenantry_domain::Actor;
use uuid::Uuid;

use super::{Error, Record, Stage, Store, actor};
use crate::{
    member::{Role, Subject},
    reconcile::build::Grant,
};

/// A stretch of time in which somebody had a role in a namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// Place in the order of granting.
    pub id: i64,
    /// Name of the tenant.
    pub tenant: String,
    /// Kubernetes uid of the tenant.
    pub tenant_uid: Uuid,
    /// What was granted.
    pub grant: Grant,
    /// Who wrote the revision that grants it.
    pub actor: Actor,
    /// Generation of that revision.
    pub generation: i64,
    /// When it was recorded as wanted.
    pub requested: Timestamp,
    /// When it was seen in place; none if, up to the time asked about, it never was.
    pub bound: Option<Timestamp>,
    /// When its end was recorded; none while it lasts.
    pub ended: Option<Timestamp>,
}

/// Which stretches are asked for.
#[derive(Debug, Clone)]
pub struct AccessQuery<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Point in time; none for now.
    pub at: Option<Timestamp>,
    /// Tenants that may be told of; none for all.
    pub tenants: Option<&'a [Uuid]>,
    /// Only those after this one.
    pub after: i64,
    /// How many at most.
    pub limit: i64,
}

impl Store {
    /// Tenants that had `namespace` in their hands at a point in time: uid and name.
    pub async fn tenants_of(
        &self,
        namespace: &str,
        at: Option<Timestamp>,
    ) -> Result<Vec<(Uuid, String)>, Error> {
        let rows = sqlx::query!(
            r#"SELECT DISTINCT t.uid, t.name FROM member_grant_interval i JOIN tenant t ON t.uid = i.tenant_uid
               WHERE i.namespace = $1 AND tstzrange(i.request_time, i.end_time) @> coalesce($2::timestamptz, clock_timestamp())"#,
            namespace,
            at.map(jiff_sqlx::Timestamp::from) as Option<jiff_sqlx::Timestamp>,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.uid, row.name)).collect())
    }

    /// Who had, or was about to have, access to a namespace at a point in time.
    pub async fn access(&self, query: &AccessQuery<'_>) -> Result<Vec<Access>, Error> {
        let rows = sqlx::query!(
            r#"SELECT i.interval_id, t.name AS tenant, i.tenant_uid, i.namespace, i.role, i.subject, i.is_group, i.cluster_roles,
                      i.generation, r.actor_kind, r.actor_name,
                      i.request_time AS "request_time: jiff_sqlx::Timestamp",
                      CASE WHEN i.bind_time <= coalesce($2, clock_timestamp()) THEN i.bind_time END AS "bind_time: jiff_sqlx::Timestamp",
                      i.end_time AS "end_time: jiff_sqlx::Timestamp"
               FROM member_grant_interval i
               JOIN tenant t ON t.uid = i.tenant_uid
               JOIN tenant_revision r ON r.uid = i.tenant_uid AND r.generation = i.generation
               WHERE i.namespace = $1 AND tstzrange(i.request_time, i.end_time) @> coalesce($2::timestamptz, clock_timestamp())
                 AND ($3::uuid[] IS NULL OR i.tenant_uid = ANY ($3)) AND i.interval_id > $4
               ORDER BY i.interval_id LIMIT $5"#,
            query.namespace,
            query.at.map(jiff_sqlx::Timestamp::from) as Option<jiff_sqlx::Timestamp>,
            query.tenants as Option<&[Uuid]>,
            query.after,
            query.limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let access = rows.into_iter().filter_map(|row| {
            let subject = Subject {
                is_group: row.is_group,
                name: row.subject,
            };
            let grant = Grant {
                namespace: row.namespace,
                // The column's CHECK admits no other word.
                role: Role::parse(&row.role)?,
                subject,
                cluster_roles: row.cluster_roles,
            };
            Some(Access {
                id: row.interval_id,
                tenant: row.tenant,
                tenant_uid: row.tenant_uid,
                grant,
                actor: actor(&row.actor_kind, row.actor_name),
                generation: row.generation,
                requested: row.request_time.to_jiff(),
                bound: row.bind_time.map(jiff_sqlx::Timestamp::to_jiff),
                ended: row.end_time.map(jiff_sqlx::Timestamp::to_jiff),
            })
        });
        Ok(access.collect())
    }
}

impl Record {
    /// Notes how far a grant is: other ClusterRoles than before are another stretch of time.
    pub(super) async fn interval_at(
        &mut self,
        tenant_uid: Uuid,
        grant: &Grant,
        stage: Stage,
    ) -> Result<(), Error> {
        self.close(tenant_uid, grant, Some(&grant.cluster_roles))
            .await?;
        self.open(tenant_uid, grant).await?;
        if stage == Stage::Bound {
            self.bind(tenant_uid, grant).await?;
        }
        Ok(())
    }

    /// Notes the end of a grant.
    pub(super) async fn interval_gone(
        &mut self,
        tenant_uid: Uuid,
        grant: &Grant,
    ) -> Result<(), Error> {
        self.close(tenant_uid, grant, None).await
    }

    /// Ends the stretch that lasts, unless it has the ClusterRoles to keep.
    async fn close(
        &mut self,
        tenant_uid: Uuid,
        grant: &Grant,
        keep: Option<&[String]>,
    ) -> Result<(), Error> {
        // Another replica's clock may be ahead of ours.
        sqlx::query!(
            "UPDATE member_grant_interval SET end_time = greatest(clock_timestamp(), request_time, bind_time)
             WHERE tenant_uid = $1 AND namespace = $2 AND role = $3 AND subject = $4 AND is_group = $5
               AND end_time IS NULL AND cluster_roles IS DISTINCT FROM $6::text[]",
            tenant_uid,
            grant.namespace,
            grant.role.as_str(),
            grant.subject.name,
            grant.subject.is_group,
            keep as Option<&[String]>,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Begins a stretch, unless one lasts.
    async fn open(&mut self, tenant_uid: Uuid, grant: &Grant) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO member_grant_interval
                 (tenant_uid, generation, namespace, role, subject, is_group, cluster_roles, request_time)
             SELECT $1, (SELECT max(generation) FROM tenant_revision WHERE uid = $1), $2, $3, $4, $5, $6, clock_timestamp()
             WHERE NOT EXISTS (
                 SELECT FROM member_grant_interval
                 WHERE tenant_uid = $1 AND namespace = $2 AND role = $3 AND subject = $4 AND is_group = $5
                   AND end_time IS NULL
             )",
            tenant_uid,
            grant.namespace,
            grant.role.as_str(),
            grant.subject.name,
            grant.subject.is_group,
            &grant.cluster_roles,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    async fn bind(&mut self, tenant_uid: Uuid, grant: &Grant) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE member_grant_interval SET bind_time = greatest(clock_timestamp(), request_time)
             WHERE tenant_uid = $1 AND namespace = $2 AND role = $3 AND subject = $4 AND is_group = $5
               AND end_time IS NULL AND bind_time IS NULL",
            tenant_uid,
            grant.namespace,
            grant.role.as_str(),
            grant.subject.name,
            grant.subject.is_group,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
