use std::{
    collections::BTreeSet,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use sqlx::Row as _;
use tenantry_dev::{Run, Spec, replay};
use tenantry_testkit::{Service, eventually, stack};

use crate::support::{WITH_LOG, alone, database, messages};

/// A crash of one service in the middle of a step.
struct Kill {
    step: &'static str,
    service: &'static str,
    /// How far into the step, so that its work is under way.
    after: Duration,
    /// Whether the step asks the service itself: whoever typed it may see it fail, and types it again.
    is_asked: bool,
}

/// A kill while the service works on what the step set off, and nobody waits for its answer.
const fn kill(step: &'static str, service: &'static str, millis: u64) -> Kill {
    Kill {
        step,
        service,
        after: Duration::from_millis(millis),
        is_asked: false,
    }
}

/// A kill while the step waits for an answer of the service.
const fn kill_asked(step: &'static str, service: &'static str, millis: u64) -> Kill {
    Kill {
        is_asked: true,
        ..kill(step, service, millis)
    }
}

const KILLS: [Kill; 7] = [
    kill_asked("Create the IAM user", "identity", 150),
    kill_asked("Map him in aws-auth", "identity", 150),
    // Its webhooks are asked about each of them.
    kill_asked("Apply the tenants", "tenant", 300),
    kill("Both become ready", "tenant", 50),
    kill("falcon deploys in his own namespace", "showback", 300),
    kill(
        "bear, an SSO user, deploys in his own namespace",
        "tenant",
        300,
    ),
    // The browser starts meanwhile, and then finds a console that knows nothing of before.
    kill_asked(
        "Log in to the console at Keycloak, see the dashboard, walk tenants and namespaces",
        "console",
        100,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_holds_while_services_die() {
    let _turn = alone().await;
    let begin = SystemTime::now();
    let replayed = tokio::task::spawn_blocking(|| {
        let mut left: Vec<&Kill> = KILLS.iter().collect();
        let summary = replay(stack(), |title, step| {
            let due = left.iter().position(|kill| kill.step == title);
            match due.map(|at| left.remove(at)) {
                None => step().map(drop),
                Some(kill) => during(step, kill),
            }
        });
        let left: Vec<&str> = left.iter().map(|kill| kill.step).collect();
        (summary, left)
    });
    let (summary, left) = replayed.await.unwrap();
    let summary = summary.unwrap();
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    assert!(left.is_empty(), "no such step to kill in: {left:?}");
    the_log_has_no_gap_and_no_double().await;
    the_secret_is_in_no_row().await;
    tokio::task::spawn_blocking(move || the_secret_is_nowhere(begin))
        .await
        .unwrap();
}

/// Runs `step`, and `kill` beside it.
fn during(step: Run<'_>, kill: &Kill) -> anyhow::Result<()> {
    let (is_good, killed) = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            std::thread::sleep(kill.after);
            stack().kill(kill.service)?;
            stack().restart(kill.service)
        });
        (step(), killer.join().expect("the killer does not panic"))
    });
    killed?;
    if !is_good? && kill.is_asked {
        step()?;
    }
    Ok(())
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

/// falcon's own credentials, the one place where his secret key may be.
fn credentials() -> PathBuf {
    stack().root().join("secrets/falcon.credentials")
}

fn credential(name: &str) -> String {
    let text = std::fs::read_to_string(credentials()).expect("reading falcon's credentials");
    let line = text.lines().find_map(|line| line.split_once(name));
    let value = line.expect("a line of the credentials").1;
    value.trim_start_matches([' ', '=']).trim().to_owned()
}

/// Rows as Postgres reads them: what is long lies compressed in its files, where a search finds nothing.
async fn the_secret_is_in_no_row() {
    let secret = encodings(&credential("aws_secret_access_key"));
    let key_id = vec![credential("aws_access_key_id")];
    let tables = [
        (Service::Identity, "events.event"),
        (Service::Identity, "events.dead_letter"),
        (Service::Identity, "access_key_journal"),
        (Service::Tenant, "events.event"),
        (Service::Showback, "events.event"),
    ];
    for (service, table) in tables {
        assert_eq!(rows_with(service, table, &secret).await, 0, "{table}");
    }
    // The control: the key's public half is found where it belongs.
    for table in ["events.event", "access_key_journal"] {
        assert!(rows_with(Service::Identity, table, &key_id).await > 0);
    }
}

async fn rows_with(service: Service, table: &str, texts: &[String]) -> i64 {
    let select = format!(
        "SELECT count(*) FROM {table} AS found
         WHERE EXISTS (SELECT FROM unnest($1::text[]) AS part WHERE position(part IN found::text) > 0)"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(select))
        .bind(texts)
        .fetch_one(&mut database(service).await)
        .await
        .unwrap()
}

/// The secret key lies in falcon's own credentials file, which is also the control that the search finds anything.
fn the_secret_is_nowhere(begin: SystemTime) {
    let mode = std::fs::metadata(credentials())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let patterns: Vec<String> = encodings(&credential("aws_secret_access_key"))
        .into_iter()
        .flat_map(|pattern| ["-e".to_owned(), pattern])
        .collect();
    let everywhere = Spec::new("grep")
        .args(["-r", "-l", "-a", "-F", "--devices=skip"])
        .args(patterns.clone())
        .args([
            stack().root().display().to_string(),
            stack().postgres_data().display().to_string(),
        ]);
    // What others keep is large; only what was written since the story began can hold its secret.
    let since = begin.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let elsewhere = Spec::new("find")
        .args(others().map(|place| place.display().to_string()))
        .args(["-type", "f", "-newermt", &format!("@{since}")])
        .args(["-exec", "grep", "-l", "-a", "-F", "-s"])
        .args(patterns)
        .args(["{}", "+"]);
    let found: BTreeSet<PathBuf> = [everywhere, elsewhere]
        .iter()
        .flat_map(|search| {
            let found = search.output(Duration::from_secs(120)).expect("searching");
            found
                .stdout
                .lines()
                .filter_map(|line| std::fs::canonicalize(line).ok())
                .collect::<Vec<_>>()
        })
        .collect();
    let expected = std::fs::canonicalize(credentials()).unwrap();
    assert_eq!(found, BTreeSet::from([expected]));
}

/// Places outside the stack where programs of the story might leave something.
fn others() -> impl Iterator<Item = PathBuf> {
    let aws = dirs::home_dir().map(|home| home.join(".aws"));
    let cache = dirs::cache_dir().map(|cache| cache.join("tenantry"));
    [aws, cache, Some(std::env::temp_dir())]
        .into_iter()
        .flatten()
        .filter(|place| place.exists())
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
