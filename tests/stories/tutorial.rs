use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use sqlx::Row as _;
use tenantry_dev::{Spec, replay};
use tenantry_testkit::{eventually, stack};

use crate::support::{WITH_LOG, alone, database, messages};

/// After which step which service is killed: each in the middle of its own work.
const KILLS: [(&str, &str); 5] = [
    ("Create the IAM user", "identity"),
    ("Map him in aws-auth", "identity"),
    ("Apply the tenants", "tenant"),
    ("falcon deploys in his own namespace", "showback"),
    ("bear, an SSO user, deploys in his own namespace", "tenant"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_holds_while_services_die() {
    let _turn = alone().await;
    let replayed = tokio::task::spawn_blocking(|| {
        replay(stack(), |step| {
            for (_, service) in KILLS.iter().filter(|(after, _)| *after == step) {
                stack().kill(service)?;
                stack().restart(service)?;
            }
            Ok(())
        })
    });
    let summary = replayed.await.unwrap().unwrap();
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    the_log_has_no_gap_and_no_double().await;
    tokio::task::spawn_blocking(the_secret_is_nowhere)
        .await
        .unwrap();
}

async fn the_log_has_no_gap_and_no_double() {
    let mut events = 0;
    for service in WITH_LOG {
        let mut database = database(service).await;
        let (count, newest) = eventually("every event published", || async {
            let row = sqlx::query(
                "SELECT count(*), coalesce(max(log_seq), 0), count(stream_sequence), count(DISTINCT stream_sequence)
                 FROM events.event",
            );
            let row = row.fetch_one(&mut crate::support::database(service).await).await.unwrap();
            let [count, newest, published, distinct] = [0, 1, 2, 3].map(|at| row.get::<i64, _>(at));
            (count == published && published == distinct).then_some((count, newest)).ok_or((count, published, distinct))
        })
        .await;
        assert_eq!(count, newest, "{} has a gap", service.name());
        let buried: i64 = sqlx::query_scalar("SELECT count(*) FROM events.dead_letter")
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(buried, 0, "{} has dead letters", service.name());
        events += count;
    }
    assert_eq!(messages().await, u64::try_from(events).unwrap());
}

/// The secret key lies in falcon's own credentials file, which is also the control that the search finds anything.
fn the_secret_is_nowhere() {
    let credentials = stack().root().join("secrets/falcon.credentials");
    let text = std::fs::read_to_string(&credentials).expect("reading falcon's credentials");
    let secret = text
        .lines()
        .find_map(|line| line.split_once("aws_secret_access_key"))
        .expect("a secret")
        .1;
    let secret = secret.trim_start_matches([' ', '=']).trim();
    let places = [
        stack().root().display().to_string(),
        stack().postgres_data().display().to_string(),
    ];
    let patterns = encodings(secret)
        .into_iter()
        .flat_map(|pattern| ["-e".to_owned(), pattern]);
    let grep = Spec::new("grep")
        .args(["-r", "-l", "-a", "-F", "--devices=skip"])
        .args(patterns)
        .args(places);
    let found = grep.output(Duration::from_secs(120)).expect("searching");
    let found: Vec<&str> = found.stdout.lines().collect();
    assert_eq!(found, [credentials.display().to_string()]);
}

/// The secret as it may be written: plain, base64 at each alignment, hexadecimal, percent-encoded.
fn encodings(secret: &str) -> Vec<String> {
    let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent = secret
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let aligned = (0..3).map(|offset| base64_inner(offset, secret));
    [secret.to_owned(), hex, percent]
        .into_iter()
        .chain(aligned)
        .collect()
}

/// The characters of base64 that depend on `secret` alone when `offset` other bytes come before it.
fn base64_inner(offset: usize, secret: &str) -> String {
    let text = BASE64_STANDARD_NO_PAD.encode(format!("{}{secret}", " ".repeat(offset)));
    let mixed_first = [0, 2, 3][offset];
    let mixed_last = usize::from(!(offset + secret.len()).is_multiple_of(3));
    text[mixed_first..text.len() - mixed_last].to_owned()
}
