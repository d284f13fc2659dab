use std::time::Duration;

use sqlx::Row as _;
use tenantry_testkit::stack;

use crate::support::{WITH_LOG, alone, database, messages_written};

/// Everything that a write would move.
#[derive(Debug, PartialEq)]
struct Traces {
    api_writes: usize,
    rows_written: Vec<i64>,
    messages_written: [u64; 2],
}

/// Longer than the longest timer of any service (a minute: refusals are recorded and refused grants tried again that often),
/// so each of them goes off in the silence.
const SILENCE: Duration = Duration::from_secs(75);

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_nothing_is_written() {
    let _turn = alone().await;
    tokio::task::spawn_blocking(no_pod_runs).await.unwrap();
    // What earlier stories set off may still be under way, so the first of three silences counts.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let before = traces().await;
        // The control: each count finds what the tutorial wrote.
        assert!(before.is_positive(), "{before:?}");
        silence().await;
        let after = traces().await;
        if before == after {
            return;
        }
        seen.push((before, after));
    }
    panic!("something was written in each of three silences: {seen:#?}");
}

#[allow(
    clippy::disallowed_methods,
    reason = "the passing of time is what is measured"
)]
async fn silence() {
    tokio::time::sleep(SILENCE).await;
}

/// Takes away what runs, and sees that nothing is left.
fn no_pod_runs() {
    let kubectl = |line: &str| {
        let spec = stack().kubectl().args(line.split(' '));
        spec.run(Duration::from_secs(90)).expect("kubectl")
    };
    kubectl("delete pods --all --all-namespaces --wait --timeout=60s");
    assert_eq!(kubectl("get pods --all-namespaces -o name"), "");
}

impl Traces {
    fn is_positive(&self) -> bool {
        let Self {
            api_writes,
            rows_written,
            messages_written,
        } = self;
        *api_writes > 0
            && rows_written.iter().all(|rows| *rows > 0)
            && messages_written.iter().all(|messages| *messages > 0)
    }
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
        messages_written: [
            messages_written("TENANTRY").await,
            messages_written("KV_TENANTRY_SESSIONS").await,
        ],
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
