use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use tenantry_events::{ApplyError, ConsumerSpec, Envelope, Projection, Wake, consume, replay};
use tenantry_runtime::Health;
use tenantry_testkit::{TestStream, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{commit, fact, places, start_relay};

/// Stores each applied size as a projection row of another name, so that order and repeats show.
struct Sizes;

impl Projection for Sizes {
    async fn apply(&self, conn: &mut PgConnection, event: &Envelope) -> Result<(), ApplyError> {
        let size = event.data["size"]
            .as_i64()
            .ok_or_else(|| ApplyError::Nonsense {
                id: event.id,
                why: "it has no size".into(),
            })?;
        sqlx::query("INSERT INTO events.projection (consumer, uid, revision) VALUES ($1, $2, $3)")
            .bind(format!("size {size}"))
            .bind(event.uid)
            .bind(event.revision)
            .execute(conn)
            .await?;
        Ok(())
    }
}

#[allow(clippy::disallowed_methods, reason = "a test supervises its own tasks")]
fn start(stream: &TestStream, pool: &PgPool) -> CancellationToken {
    let token = CancellationToken::new();
    let spec = ConsumerSpec {
        durable: "sizes".into(),
        subjects: vec!["box.v1.box.*".into()],
    };
    let pulse = Health::new(&[]).pulse("sizes", Duration::from_secs(30));
    tokio::spawn(consume(
        stream.bus(),
        pool.clone(),
        spec,
        Sizes,
        Wake::default(),
        pulse,
        token.clone(),
    ));
    token
}

async fn applied(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT consumer FROM events.projection WHERE consumer LIKE 'size %' ORDER BY revision",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn each_revision_is_applied_once_and_in_order() {
    let (database, stream) = places().await;
    let running = start_relay(stream.bus(), database.pool.clone());
    let token = start(&stream, &database.pool);
    let uid = Uuid::new_v4();
    for size in [7, 8, 9] {
        commit(&database.pool, &fact(uid, size)).await;
    }
    running.wake.wake();
    eventually("three sizes", || async {
        let sizes = applied(&database.pool).await;
        (sizes == ["size 7", "size 8", "size 9"])
            .then_some(())
            .ok_or(sizes)
    })
    .await;
    token.cancel();
    running.token.cancel();
}

#[tokio::test]
async fn garbage_becomes_a_dead_letter_and_holds_nobody_up() {
    let (database, stream) = places().await;
    let token = start(&stream, &database.pool);
    let subject = format!("{}.box.v1.box.{}", stream.spec.prefix, Uuid::new_v4());
    stream
        .context
        .publish(subject, "not an event".into())
        .await
        .unwrap()
        .await
        .unwrap();
    let running = start_relay(stream.bus(), database.pool.clone());
    commit(&database.pool, &fact(Uuid::new_v4(), 5)).await;
    running.wake.wake();
    eventually("the event behind the garbage", || async {
        let sizes = applied(&database.pool).await;
        (sizes == ["size 5"]).then_some(()).ok_or(sizes)
    })
    .await;
    let letters: Vec<(String, Vec<u8>)> =
        sqlx::query_as("SELECT error, payload FROM events.dead_letter")
            .fetch_all(&database.pool)
            .await
            .unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].1, b"not an event");
    assert!(
        letters[0].0.starts_with("decoding an envelope: "),
        "{}",
        letters[0].0
    );
    token.cancel();
    running.token.cancel();
}

#[tokio::test]
async fn a_projection_ends_right_after_the_stream_was_lost() {
    let (database, stream) = places().await;
    let running = start_relay(stream.bus(), database.pool.clone());
    let token = start(&stream, &database.pool);
    let uid = Uuid::new_v4();
    commit(&database.pool, &fact(uid, 1)).await;
    running.wake.wake();
    let has = async |expected: &[&str]| {
        let sizes = applied(&database.pool).await;
        if sizes == expected {
            Ok(())
        } else {
            Err(sizes)
        }
    };
    eventually("the first size", || has(&["size 1"])).await;
    token.cancel();
    // Published while nobody consumes, and lost with the stream.
    commit(&database.pool, &fact(uid, 2)).await;
    running.wake.wake();
    eventually("the second event on the stream", || async {
        let messages = stream.messages().await;
        (messages == 2).then_some(()).ok_or(messages)
    })
    .await;
    stream.make_anew().await;
    let token = start(&stream, &database.pool);
    replay(stream.bus(), database.pool.clone(), "box")
        .await
        .unwrap();
    eventually("both sizes, once", || has(&["size 1", "size 2"])).await;
    token.cancel();
    running.token.cancel();
}
