use sqlx::PgConnection;
use tenantry_domain::{Actor, TenantName};
use tenantry_events::{Fact, record};
use tenantry_proto::showback::v1::CostRecorded;
use uuid::Uuid;

use super::{Error, Store, failed, lock};

/// Where to look for the first use of a day.
pub(super) enum Scope<'a> {
    /// Use by these pods.
    Pods(&'a [Uuid]),
    /// Use in this namespace.
    Namespace(Uuid),
    /// Use that goes on.
    Open,
}

impl Store {
    /// Records first uses of a day that began while nothing changed. Returns whether there were any.
    pub async fn turn_day(&self, now_s: i64) -> Result<bool, Error> {
        let doing = failed("recording the first uses of a day");
        let mut tx = self.pool.begin().await.map_err(&doing)?;
        lock(&mut tx).await.map_err(&doing)?;
        let is_any = record_first_uses(&mut tx, &Scope::Open, now_s).await?;
        tx.commit().await.map_err(&doing)?;
        Ok(is_any)
    }
}

/// Records `CostRecorded` for each tenant and day up to `now_s` whose first use lies in `scope`; the caller holds [`lock`].
pub(super) async fn record_first_uses(
    conn: &mut PgConnection,
    scope: &Scope<'_>,
    now_s: i64,
) -> Result<bool, Error> {
    let (pods, namespace, is_open) = match scope {
        Scope::Pods(pods) => (Some(*pods), None, false),
        Scope::Namespace(namespace) => (None, Some(*namespace), false),
        Scope::Open => (None, None, true),
    };
    let firsts = sqlx::query!(
        r#"WITH used AS (
               SELECT DISTINCT ON (o.tenant_uid, d.day) o.tenant_uid, o.tenant, d.day, u.namespace, GREATEST(s.start_s, d.day * 86400) AS start_s
               FROM usage_interval u
               JOIN ownership_interval o ON o.namespace_uid = u.namespace_uid
               CROSS JOIN LATERAL (
                   SELECT GREATEST(u.start_s, o.from_s) AS start_s, LEAST(u.end_s, o.to_s, $1::bigint + 1) AS end_s
               ) s
               CROSS JOIN LATERAL generate_series(s.start_s / 86400, (s.end_s - 1) / 86400) AS d (day)
               WHERE s.start_s < s.end_s
                 AND ($2::uuid[] IS NULL OR u.pod_uid = ANY ($2))
                 AND ($3::uuid IS NULL OR u.namespace_uid = $3)
                 AND (NOT $4::boolean OR u.end_s IS NULL)
               ORDER BY o.tenant_uid, d.day, GREATEST(s.start_s, d.day * 86400), u.namespace
           )
           INSERT INTO first_use (tenant_uid, tenant, day, namespace, start_s)
           SELECT used.tenant_uid, used.tenant, DATE '1970-01-01' + used.day::int, used.namespace, used.start_s
           FROM used
           WHERE NOT EXISTS (
               SELECT FROM first_use f WHERE f.tenant_uid = used.tenant_uid AND f.day = DATE '1970-01-01' + used.day::int
           )
           ON CONFLICT DO NOTHING
           RETURNING tenant_uid, tenant, to_char(day, 'YYYY-MM-DD') AS "day!", namespace, start_s"#,
        now_s,
        pods,
        namespace,
        is_open,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(failed("finding the first uses of a day"))?;
    for first in &firsts {
        let message = CostRecorded {
            tenant: first.tenant.clone(),
            day: first.day.clone(),
            namespace: first.namespace.clone(),
            start_time: Some(pbjson_types::Timestamp {
                seconds: first.start_s,
                nanos: 0,
            }),
        };
        record(conn, &fact(first.tenant_uid, &message)).await?;
    }
    Ok(!firsts.is_empty())
}

fn fact(tenant_uid: Uuid, message: &CostRecorded) -> Fact {
    let name = format!("{}/{}", message.tenant, message.day);
    let uid = tenantry_events::uid("cost", &format!("{tenant_uid}/{}", message.day));
    let actor = Actor::system("showback");
    let fact = Fact::new("cost", uid, name, "CostRecorded", actor, message);
    match TenantName::parse(&message.tenant) {
        Ok(tenant) => fact.with_tenant(tenant),
        Err(_) => fact, // the column was written from a TenantName
    }
}
