use tenantry_events::{Fact, RecordError, Recorded, record};
use tenantry_testkit::eventually;
use uuid::Uuid;

use crate::support::{commit, fact, places, start_relay};

#[tokio::test]
async fn the_same_state_is_recorded_once() {
    let (database, _stream) = places().await;
    let uid = Uuid::new_v4();
    assert!(matches!(
        commit(&database.pool, &fact(uid, 1)).await,
        Recorded::Event { revision: 1, .. }
    ));
    assert_eq!(
        commit(&database.pool, &fact(uid, 1)).await,
        Recorded::Unchanged
    );
    assert!(matches!(
        commit(&database.pool, &fact(uid, 2)).await,
        Recorded::Event { revision: 2, .. }
    ));
    assert!(matches!(
        commit(&database.pool, &fact(uid, 1)).await,
        Recorded::Event { revision: 3, .. }
    ));
}

#[tokio::test]
async fn an_aborted_transaction_leaves_no_event_and_no_gap() {
    let (database, _stream) = places().await;
    let uid = Uuid::new_v4();
    let mut tx = database.pool.begin().await.unwrap();
    record(&mut tx, &fact(uid, 1)).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(matches!(
        commit(&database.pool, &fact(uid, 2)).await,
        Recorded::Event { revision: 1, .. }
    ));
}

#[tokio::test]
async fn the_service_role_cannot_rewrite_history() {
    let (database, _stream) = places().await;
    commit(&database.pool, &fact(Uuid::new_v4(), 1)).await;
    // The positive control: the very columns that the relay sets, set once.
    let number = "UPDATE events.event SET log_seq = 1, previous_hash = 'a', hash = 'b'";
    sqlx::query(number).execute(&database.pool).await.unwrap();
    let refused = [
        (
            "UPDATE events.event SET log_seq = 2, previous_hash = 'a', hash = 'b'",
            "numbered and published once",
        ),
        (
            "UPDATE events.event SET name = 'other'",
            "permission denied",
        ),
        ("DELETE FROM events.event", "permission denied"),
        ("TRUNCATE events.event", "permission denied"),
        ("CREATE TABLE mine (a int)", "permission denied"),
    ];
    for (statement, why) in refused {
        let error = sqlx::query(statement)
            .execute(&database.pool)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{statement}: {error}");
    }
}

#[tokio::test]
async fn what_could_never_be_published_is_not_recorded() {
    let (database, stream) = places().await;
    let sized = |bytes: usize| {
        let fact = fact(Uuid::new_v4(), 1);
        Fact {
            data: serde_json::json!({ "text": "x".repeat(bytes) }),
            ..fact
        }
    };
    let mut tx = database.pool.begin().await.unwrap();
    let refused = record(&mut tx, &sized(600_000)).await.unwrap_err();
    assert!(
        matches!(refused, RecordError::TooLarge { .. }),
        "{refused:?}"
    );
    tx.commit().await.unwrap();
    // The control: the largest that is taken does reach the stream.
    commit(&database.pool, &sized(512 * 1024 - 100)).await;
    let running = start_relay(stream.bus(), database.pool.clone());
    eventually("the large event on the stream", || async {
        let messages = stream.messages().await;
        (messages == 1).then_some(()).ok_or(messages)
    })
    .await;
    running.token.cancel();
}
