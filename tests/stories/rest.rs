use std::time::Duration;

use sqlx::Row as _;
use tenantry_testkit::stack;

use crate::support::{WITH_LOG, alone, database, messages};

/// Everything that a write would move.
#[derive(Debug, PartialEq)]
struct Traces {
    api_writes: usize,
    rows_written: Vec<i64>,
    messages: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_nothing_is_written() {
    let _turn = alone().await;
    // What earlier stories set off may still be under way (refusals are recorded once a minute), so the first
    // silent minute of three counts.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let before = traces().await;
        minute().await;
        let after = traces().await;
        if before == after {
            return;
        }
        seen.push((before, after));
    }
    panic!("something was written in each of three minutes: {seen:#?}");
}

#[allow(
    clippy::disallowed_methods,
    reason = "the passing of a minute is what is measured"
)]
async fn minute() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

async fn traces() -> Traces {
    let mut rows_written = Vec::new();
    for service in WITH_LOG {
        let row = sqlx::query(
            "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables",
        );
        rows_written.push(
            row.fetch_one(&mut database(service).await)
                .await
                .unwrap()
                .get(0),
        );
    }
    Traces {
        api_writes: api_writes(),
        rows_written,
        messages: messages().await,
    }
}

/// Writes of our own accounts in the apiserver's audit log, which leaves out Leases and reviews.
fn api_writes() -> usize {
    let log =
        std::fs::read_to_string(stack().audit_log()).expect("reading the apiserver's audit log");
    log.lines()
        .filter(|line| line.contains("system:serviceaccount:multi-tenant-operator:tenantry-"))
        .count()
}
