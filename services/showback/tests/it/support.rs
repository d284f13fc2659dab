use std::time::Duration;

use tenantry_domain::TenantName;
use tenantry_runtime::{Health, Pulse};
use tenantry_showback::{
    cost::{Each, Grouping, IdleSharing, Quantities, Report, Span, tally},
    meter::{Change, NewUsage, NodeSighting},
    price::{self, PriceBook, PriceKey, PurchaseOption},
    store::{Owned, Store},
};
use tenantry_testkit::Database;
use uuid::Uuid;

pub(crate) async fn database() -> (Database, Store) {
    tenantry_runtime::install_tls_provider();
    let database = Database::create(sqlx::migrate!("../../migrations/showback")).await;
    let store = Store::new(database.pool.clone());
    (database, store)
}

pub(crate) fn pulse() -> Pulse {
    Health::new(&[]).pulse("test", Duration::from_secs(60))
}

pub(crate) fn book() -> PriceBook {
    price::parse(include_str!("../../../../deploy/pricebook.yaml")).unwrap()
}

pub(crate) fn quantities(cpu: i64, gib: i64) -> Quantities {
    Each {
        cpu,
        memory: gib << 30,
        gpu: 0,
    }
}

/// An m5.large of eu-north-1.
pub(crate) fn open_node(uid: Uuid, start_s: i64) -> Change {
    let price_key = PriceKey {
        instance_type: "m5.large".into(),
        region: "eu-north-1".into(),
        purchase_option: PurchaseOption::OnDemand,
    };
    let capacity = quantities(2_000, 8);
    let node = NodeSighting {
        uid,
        name: "n".into(),
        created_s: start_s,
        capacity,
        price_key,
    };
    Change::OpenNode { node, start_s }
}

pub(crate) fn open_usage(pod_uid: Uuid, namespace_uid: Uuid, start_s: i64) -> Change {
    Change::OpenUsage(NewUsage {
        pod_uid,
        start_s,
        namespace_uid,
        namespace: "logistics-dev".into(),
        pod: "nginx".into(),
        node: "n".into(),
        request: quantities(1_000, 2),
    })
}

pub(crate) fn owned(namespace_uid: Uuid, tenant: &str) -> Owned {
    Owned {
        namespace_uid,
        namespace: "logistics-dev".into(),
        tenant: TenantName::parse(tenant).unwrap(),
        tenant_uid: tenantry_events::uid("tenant", tenant),
    }
}

/// The report by owner: `owner cost`, dearest first, and what the nodes cost.
pub(crate) async fn report(store: &Store, window: Span) -> (Vec<String>, String) {
    let observed = store.observed(window).await.unwrap();
    let tally = tally(
        &observed,
        &book(),
        window,
        Grouping::default(),
        IdleSharing::Separate,
    )
    .unwrap();
    let report = Report::of(tally, None);
    assert_eq!(report.total, report.node_cost);
    let line = |row: &tenantry_showback::cost::Row| format!("{} {}", row.key.owner, row.total);
    (
        report.rows.iter().map(line).collect(),
        report.node_cost.to_string(),
    )
}

/// Every fact in the log: `kind name`, in order of recording.
pub(crate) async fn facts(database: &Database) -> Vec<String> {
    sqlx::query_scalar("SELECT kind || ' ' || name FROM events.event ORDER BY row_id")
        .fetch_all(&database.pool)
        .await
        .unwrap()
}

/// Every row that means something, with the transaction that wrote it.
pub(crate) async fn fingerprint(database: &Database) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "node_interval",
        "usage_interval",
        "hearing",
        "first_use",
        "events.event",
    ] {
        let query = format!("SELECT xmin::text || ' ' || t::text FROM {table} t ORDER BY 1");
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_all(&database.pool)
            .await
            .unwrap();
        rows.extend(found);
    }
    rows
}
