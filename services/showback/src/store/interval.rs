use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Error, Store, failed,
    first_use::{Scope, record_first_uses},
    lock,
};
use crate::{
    cost::{Each, Quantities},
    meter::{Change, End, NewUsage, NodeSighting, NodeState, PodState},
    price::{PriceKey, PurchaseOption},
};

/// What an earlier process left.
#[derive(Debug, Default)]
pub struct Restored {
    /// Pods that held something: uid, node, state.
    pub pods: Vec<(Uuid, String, PodState)>,
    /// Nodes that were there.
    pub nodes: Vec<NodeState>,
    /// Up to when the cluster was heard.
    pub heard_s: Option<i64>,
}

impl Store {
    /// Reads what an earlier process left open.
    pub async fn restore(&self) -> Result<Restored, Error> {
        let doing = failed("reading open intervals");
        let pods = sqlx::query!(
            "SELECT pod_uid, start_s, node, cpu_millis, memory_bytes, gpu_count FROM usage_interval WHERE end_s IS NULL"
        );
        let pods = pods
            .fetch_all(&self.pool)
            .await
            .map_err(&doing)?
            .into_iter()
            .map(|row| {
                let request = Each {
                    cpu: row.cpu_millis,
                    memory: row.memory_bytes,
                    gpu: row.gpu_count,
                };
                (
                    row.pod_uid,
                    row.node,
                    PodState::Open {
                        start_s: row.start_s,
                        request,
                    },
                )
            });
        let nodes = sqlx::query!(
            "SELECT node_uid, start_s, created_s, node, cpu_millis, memory_bytes, gpu_count, instance_type, region, purchase_option
             FROM node_interval WHERE end_s IS NULL"
        );
        let nodes = nodes
            .fetch_all(&self.pool)
            .await
            .map_err(&doing)?
            .into_iter()
            .map(|row| {
                let capacity = Each {
                    cpu: row.cpu_millis,
                    memory: row.memory_bytes,
                    gpu: row.gpu_count,
                };
                let price_key = price_key(row.instance_type, row.region, &row.purchase_option);
                let (uid, name, created_s) = (row.node_uid, row.node, row.created_s);
                let node = NodeSighting {
                    uid,
                    name,
                    created_s,
                    capacity,
                    price_key,
                };
                NodeState {
                    start_s: row.start_s,
                    node,
                }
            });
        let heard_s = sqlx::query_scalar!("SELECT heard_s FROM hearing");
        let heard_s = heard_s.fetch_optional(&self.pool).await.map_err(&doing)?;
        Ok(Restored {
            pods: pods.collect(),
            nodes: nodes.collect(),
            heard_s,
        })
    }

    /// Those of `pods` whose last interval ended: uid, node, end.
    pub async fn closed(&self, pods: &[Uuid]) -> Result<Vec<(Uuid, String, PodState)>, Error> {
        let rows = sqlx::query!(
            r#"SELECT DISTINCT ON (pod_uid) pod_uid, node, end_s AS "end_s!"
               FROM usage_interval WHERE pod_uid = ANY ($1) AND end_s IS NOT NULL
               ORDER BY pod_uid, start_s DESC"#,
            pods,
        );
        let rows = rows
            .fetch_all(&self.pool)
            .await
            .map_err(failed("reading ended pods"))?;
        let state = |end_s| PodState::Closed { end_s };
        Ok(rows
            .into_iter()
            .map(|row| (row.pod_uid, row.node, state(row.end_s)))
            .collect())
    }

    /// Writes `changes` and the facts that follow from them, in one transaction. Returns whether there were facts.
    ///
    /// A repeat changes nothing, so a write whose answer was lost may be tried again.
    pub async fn write(
        &self,
        changes: &[Change],
        heard_s: Option<i64>,
        now_s: i64,
    ) -> Result<bool, Error> {
        let doing = failed("writing intervals");
        let mut tx = self.pool.begin().await.map_err(&doing)?;
        lock(&mut tx).await.map_err(&doing)?;
        for change in changes {
            write_change(&mut tx, change).await.map_err(&doing)?;
        }
        if let Some(heard_s) = heard_s {
            hear(&mut tx, heard_s).await.map_err(&doing)?;
        }
        let scope = Scope::Pods(&opened(changes));
        let is_any = record_first_uses(&mut tx, &scope, now_s).await?;
        tx.commit().await.map_err(&doing)?;
        Ok(is_any)
    }

    /// Writes up to when the cluster was heard, as the last thing before stopping.
    pub async fn hear(&self, heard_s: i64) -> Result<(), Error> {
        let doing = failed("writing the last proof of life");
        let mut conn = self.pool.acquire().await.map_err(&doing)?;
        hear(&mut conn, heard_s).await.map_err(&doing)
    }
}

fn opened(changes: &[Change]) -> Vec<Uuid> {
    let uid = |change: &Change| match change {
        Change::OpenUsage(new) => Some(new.pod_uid),
        Change::AmendUsage { .. } | Change::CloseUsage { .. } => None,
        Change::OpenNode { .. } | Change::AmendNode { .. } | Change::CloseNode { .. } => None,
    };
    changes.iter().filter_map(uid).collect()
}

fn price_key(instance_type: String, region: String, purchase_option: &str) -> PriceKey {
    // The column's CHECK allows no other word.
    let purchase_option =
        PurchaseOption::parse(purchase_option).unwrap_or(PurchaseOption::OnDemand);
    PriceKey {
        instance_type,
        region,
        purchase_option,
    }
}

async fn write_change(conn: &mut PgConnection, change: &Change) -> Result<(), sqlx::Error> {
    match change {
        Change::OpenUsage(new) => open_usage(conn, new).await,
        Change::AmendUsage {
            pod_uid,
            start_s,
            request,
        } => amend_usage(conn, *pod_uid, *start_s, *request).await,
        Change::CloseUsage {
            pod_uid,
            start_s,
            end,
        } => close_usage(conn, *pod_uid, *start_s, *end).await,
        Change::OpenNode { node, start_s } => open_node(conn, node, *start_s).await,
        Change::AmendNode {
            node_uid,
            start_s,
            capacity,
            price_key,
        } => amend_node(conn, (*node_uid, *start_s), *capacity, price_key).await,
        Change::CloseNode {
            node_uid,
            start_s,
            end,
            is_gone,
        } => close_node(conn, (*node_uid, *start_s), *end, *is_gone).await,
    }
}

async fn open_usage(conn: &mut PgConnection, new: &NewUsage) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO usage_interval (pod_uid, start_s, namespace_uid, namespace, pod, node, cpu_millis, memory_bytes, gpu_count)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        new.pod_uid,
        new.start_s,
        new.namespace_uid,
        new.namespace,
        new.pod,
        new.node,
        new.request.cpu,
        new.request.memory,
        new.request.gpu,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn amend_usage(
    conn: &mut PgConnection,
    pod_uid: Uuid,
    start_s: i64,
    request: Quantities,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE usage_interval SET cpu_millis = $3, memory_bytes = $4, gpu_count = $5
         WHERE pod_uid = $1 AND start_s = $2 AND end_s IS NULL",
        pod_uid,
        start_s,
        request.cpu,
        request.memory,
        request.gpu,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn close_usage(
    conn: &mut PgConnection,
    pod_uid: Uuid,
    start_s: i64,
    end: End,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE usage_interval SET end_s = $3, end_latest_s = $4
         WHERE pod_uid = $1 AND start_s = $2 AND end_s IS NULL",
        pod_uid,
        start_s,
        end.end_s,
        end.latest_s,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn open_node(
    conn: &mut PgConnection,
    node: &NodeSighting,
    start_s: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO node_interval (node_uid, start_s, created_s, node, cpu_millis, memory_bytes, gpu_count, instance_type, region, purchase_option)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        node.uid,
        start_s,
        node.created_s,
        node.name,
        node.capacity.cpu,
        node.capacity.memory,
        node.capacity.gpu,
        node.price_key.instance_type,
        node.price_key.region,
        node.price_key.purchase_option.as_str(),
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn amend_node(
    conn: &mut PgConnection,
    (node_uid, start_s): (Uuid, i64),
    capacity: Quantities,
    price_key: &PriceKey,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE node_interval SET cpu_millis = $3, memory_bytes = $4, gpu_count = $5, instance_type = $6, region = $7, purchase_option = $8
         WHERE node_uid = $1 AND start_s = $2 AND end_s IS NULL",
        node_uid,
        start_s,
        capacity.cpu,
        capacity.memory,
        capacity.gpu,
        price_key.instance_type,
        price_key.region,
        price_key.purchase_option.as_str(),
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn close_node(
    conn: &mut PgConnection,
    (node_uid, start_s): (Uuid, i64),
    end: End,
    is_gone: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE node_interval SET end_s = $3, end_latest_s = $4, is_gone = $5
         WHERE node_uid = $1 AND start_s = $2 AND end_s IS NULL",
        node_uid,
        start_s,
        end.end_s,
        end.latest_s,
        is_gone,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn hear(conn: &mut PgConnection, heard_s: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO hearing (heard_s) VALUES ($1)
         ON CONFLICT (is_only) DO UPDATE SET heard_s = excluded.heard_s WHERE hearing.heard_s < excluded.heard_s",
        heard_s,
    )
    .execute(conn)
    .await
    .map(drop)
}
