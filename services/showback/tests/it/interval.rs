use tenantry_showback::{
    cost::{DAY_SECONDS, Span},
    meter::{Change, End, PodState},
    store::Store,
};
use tenantry_testkit::Database;
use uuid::Uuid;

use crate::support::{
    book, database, facts, fingerprint, open_node, open_usage, owned, quantities, report,
};

/// 2026-11-24T00:00:00Z, when the shipped prices are in force.
const MIDNIGHT_S: i64 = 1_795_478_400;

fn close(pod_uid: Uuid, start_s: i64, end_s: i64) -> Change {
    Change::CloseUsage {
        pod_uid,
        start_s,
        end: End {
            end_s,
            latest_s: None,
        },
    }
}

/// One namespace of logistics from `at_s` on.
async fn own(database: &Database, namespace_uid: Uuid, at_s: i64) {
    let mut tx = database.pool.begin().await.unwrap();
    let owned = owned(namespace_uid, "logistics");
    Store::begin_ownership(&mut tx, &owned, 1, at_s)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_hour_of_a_pod_costs_its_part_of_the_node() {
    let (database, store) = database().await;
    let (node, pod, namespace) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    own(&database, namespace, MIDNIGHT_S).await;
    let start_s = MIDNIGHT_S + 10;
    let changes = [
        open_node(node, start_s),
        open_usage(pod, namespace, start_s),
        close(pod, start_s, start_s + 1_800),
    ];
    store.write(&changes, Some(start_s), start_s).await.unwrap();

    let hour = Span::new(start_s, start_s + 3_600).unwrap();
    let (rows, node_cost) = report(&store, hour).await;
    // Half an hour of 1 core and 2 GiB of 2 and 8: 0.5 × 0.102 × (0.031611 + 2 × 0.004237) / (2 × 0.031611 + 8 × 0.004237).
    assert_eq!(node_cost, "0.1020000000");
    assert_eq!(rows, ["__idle__ 0.0809499887", "logistics 0.0210500113"]);
}

#[tokio::test]
async fn a_repeated_write_changes_nothing() {
    let (database, store) = database().await;
    let (node, pod, namespace) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    own(&database, namespace, MIDNIGHT_S).await;
    let changes = [
        open_node(node, MIDNIGHT_S),
        open_usage(pod, namespace, MIDNIGHT_S),
    ];
    assert!(
        store
            .write(&changes, Some(MIDNIGHT_S), MIDNIGHT_S)
            .await
            .unwrap()
    );
    let before = fingerprint(&database).await;
    assert!(
        !store
            .write(&changes, Some(MIDNIGHT_S), MIDNIGHT_S)
            .await
            .unwrap()
    );
    assert!(!store.turn_day(MIDNIGHT_S + 50).await.unwrap());
    assert_eq!(fingerprint(&database).await, before);
    assert_eq!(
        facts(&database).await,
        ["CostRecorded logistics/2026-11-24"]
    );
}

#[tokio::test]
async fn a_pod_over_midnight_is_the_first_use_of_both_days() {
    let (database, store) = database().await;
    let (node, pod, namespace) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let start_s = MIDNIGHT_S - 60;
    let changes = [
        open_node(node, start_s),
        open_usage(pod, namespace, start_s),
    ];
    store.write(&changes, None, start_s).await.unwrap();
    assert!(
        facts(&database).await.is_empty(),
        "the namespace is nobody's yet"
    );
    own(&database, namespace, start_s + 30).await;
    assert_eq!(
        facts(&database).await,
        ["CostRecorded logistics/2026-11-23"]
    );
    assert!(store.turn_day(MIDNIGHT_S).await.unwrap());
    assert!(!store.turn_day(MIDNIGHT_S + DAY_SECONDS - 1).await.unwrap());
    let expected = [
        "CostRecorded logistics/2026-11-23",
        "CostRecorded logistics/2026-11-24",
    ];
    assert_eq!(facts(&database).await, expected);
}

#[tokio::test]
async fn what_is_open_is_restored_and_what_ended_is_known() {
    let (_database, store) = database().await;
    let (node, namespace) = (Uuid::new_v4(), Uuid::new_v4());
    let (open, ended) = (Uuid::new_v4(), Uuid::new_v4());
    let changes = [
        open_node(node, 100),
        open_usage(open, namespace, 110),
        open_usage(ended, namespace, 110),
        close(ended, 110, 120),
    ];
    store.write(&changes, Some(130), 130).await.unwrap();
    store.hear(125).await.unwrap();

    let restored = store.restore().await.unwrap();
    let state = PodState::Open {
        start_s: 110,
        request: quantities(1_000, 2),
    };
    assert_eq!(restored.pods, [(open, "n".to_owned(), state)]);
    assert_eq!(restored.nodes.len(), 1);
    assert_eq!(
        restored.heard_s,
        Some(130),
        "a proof of life never goes back"
    );
    let closed = store.closed(&[open, ended, Uuid::new_v4()]).await.unwrap();
    assert_eq!(
        closed,
        [(ended, "n".to_owned(), PodState::Closed { end_s: 120 })]
    );
}

#[tokio::test]
async fn the_database_refuses_two_intervals_at_once() {
    let (database, store) = database().await;
    let (pod, namespace) = (Uuid::new_v4(), Uuid::new_v4());
    store
        .write(&[open_usage(pod, namespace, 10)], None, 10)
        .await
        .unwrap();
    let overlapping = sqlx::query(
        "INSERT INTO usage_interval (pod_uid, start_s, namespace_uid, namespace, pod, node, cpu_millis, memory_bytes, gpu_count)
         VALUES ($1, 20, $2, 'a', 'a', 'a', 1, 1, 0)",
    );
    let refused = overlapping
        .bind(pod)
        .bind(namespace)
        .execute(&database.pool)
        .await
        .unwrap_err();
    let code = refused
        .as_database_error()
        .and_then(|it| it.code())
        .unwrap()
        .into_owned();
    assert_eq!(code, "23P01", "exclusion_violation");
}

#[tokio::test]
async fn a_price_book_is_recorded_when_another_comes_into_force() {
    let (database, store) = database().await;
    let shipped = book();
    let mut other = book();
    other.label = "other 1".into();
    other.sha256 = "0".repeat(64);
    for (book, is_new) in [
        (&shipped, true),
        (&shipped, false),
        (&other, true),
        (&shipped, true),
    ] {
        assert_eq!(store.load_price_book(book).await.unwrap(), is_new);
    }
    let loaded = |label: &str| format!("PriceBookLoaded {label}");
    let expected = [&shipped.label, &other.label, &shipped.label].map(|label| loaded(label));
    assert_eq!(facts(&database).await, expected);
}
