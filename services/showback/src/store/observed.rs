use sqlx::PgConnection;
use tenantry_domain::TenantName;

use super::{Error, Store, failed};
use crate::{
    cost::{Each, NodeInterval, Observed, OwnershipInterval, Span, UsageInterval},
    price::{PriceKey, PurchaseOption},
};

impl Store {
    /// The first second anything was metered; none if nothing was.
    pub async fn first_second(&self) -> Result<Option<i64>, Error> {
        let first = sqlx::query_scalar!(
            "SELECT LEAST((SELECT min(start_s) FROM node_interval), (SELECT min(start_s) FROM usage_interval))"
        );
        first
            .fetch_one(&self.pool)
            .await
            .map_err(failed("reading the first second metered"))
    }

    /// Everything that bears on `window`; what goes on, goes on up to the window's end.
    pub async fn observed(&self, window: Span) -> Result<Observed, Error> {
        let doing = failed("reading intervals");
        // One snapshot: a pod split between two queries would count twice or not at all.
        let mut tx = self.pool.begin().await.map_err(&doing)?;
        sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut *tx)
            .await
            .map_err(&doing)?;
        let nodes = nodes(&mut tx, window).await.map_err(&doing)?;
        let usages = usages(&mut tx, window).await.map_err(&doing)?;
        let ownerships = ownerships(&mut tx, window).await.map_err(&doing)?;
        tx.commit().await.map_err(&doing)?;
        Ok(Observed {
            nodes,
            usages,
            ownerships,
        })
    }
}

/// The stretch of an interval; one that goes on reaches `until_s`.
fn span(start_s: i64, end_s: Option<i64>, until_s: i64) -> Option<Span> {
    Span::new(start_s, end_s.unwrap_or(until_s.max(start_s)))
}

async fn nodes(conn: &mut PgConnection, window: Span) -> Result<Vec<NodeInterval>, sqlx::Error> {
    // AWS bills Linux by the second, and 60 of them at least.
    let rows = sqlx::query!(
        "SELECT node, start_s, CASE WHEN is_gone THEN GREATEST(end_s, created_s + 60) ELSE end_s END AS end_s,
                cpu_millis, memory_bytes, gpu_count, instance_type, region, purchase_option
         FROM node_interval
         WHERE start_s < $2 AND (end_s IS NULL OR end_s > $1 OR (is_gone AND created_s + 60 > $1))
         ORDER BY node_uid, start_s",
        window.start_s(),
        window.end_s(),
    )
    .fetch_all(conn)
    .await?;
    let interval = rows.into_iter().filter_map(|row| {
        let price_key = PriceKey {
            instance_type: row.instance_type,
            region: row.region,
            purchase_option: PurchaseOption::parse(&row.purchase_option)?,
        };
        let span = span(row.start_s, row.end_s, window.end_s())?;
        let capacity = Each {
            cpu: row.cpu_millis,
            memory: row.memory_bytes,
            gpu: row.gpu_count,
        };
        Some(NodeInterval {
            node: row.node,
            span,
            capacity,
            price_key,
        })
    });
    Ok(interval.collect())
}

async fn usages(conn: &mut PgConnection, window: Span) -> Result<Vec<UsageInterval>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT start_s, end_s, namespace_uid, namespace, node, cpu_millis, memory_bytes, gpu_count
         FROM usage_interval WHERE start_s < $2 AND (end_s IS NULL OR end_s >= $1)
         ORDER BY pod_uid, start_s",
        window.start_s(),
        window.end_s(),
    )
    .fetch_all(conn)
    .await?;
    let interval = rows.into_iter().filter_map(|row| {
        Some(UsageInterval {
            span: span(row.start_s, row.end_s, window.end_s())?,
            node: row.node,
            namespace_uid: row.namespace_uid,
            namespace: row.namespace,
            request: Each {
                cpu: row.cpu_millis,
                memory: row.memory_bytes,
                gpu: row.gpu_count,
            },
        })
    });
    Ok(interval.collect())
}

async fn ownerships(
    conn: &mut PgConnection,
    window: Span,
) -> Result<Vec<OwnershipInterval>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT namespace_uid, tenant, from_s, to_s FROM ownership_interval
         WHERE from_s < $2 AND (to_s IS NULL OR to_s > $1)",
        window.start_s(),
        window.end_s(),
    )
    .fetch_all(conn)
    .await?;
    let interval = rows.into_iter().filter_map(|row| {
        Some(OwnershipInterval {
            namespace_uid: row.namespace_uid,
            tenant: TenantName::parse(row.tenant).ok()?,
            span: span(row.from_s, row.to_s, window.end_s())?,
        })
    });
    Ok(interval.collect())
}
