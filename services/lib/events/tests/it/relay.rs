use tenantry_events::{record, replay};
use tenantry_testkit::eventually;
use uuid::Uuid;

use crate::support::{commit, fact, history, places, start_relay};

#[tokio::test]
async fn late_commit_is_still_relayed() {
    let (database, stream) = places().await;
    let mut slow = database.pool.begin().await.unwrap();
    record(&mut slow, &fact(Uuid::new_v4(), 1)).await.unwrap();
    let running = start_relay(stream.bus(), database.pool.clone());
    commit(&database.pool, &fact(Uuid::new_v4(), 1)).await;
    running.wake.wake();
    eventually("the quick event on the stream", || async {
        let (_, published) = history(&database.pool).await;
        (published == 1).then_some(()).ok_or(published)
    })
    .await;
    slow.commit().await.unwrap();
    eventually("the slow event on the stream", || async {
        let messages = stream.messages().await;
        (messages == 2).then_some(()).ok_or(messages)
    })
    .await;
    running.token.cancel();
    running.task.await.unwrap().unwrap();
    assert_eq!(history(&database.pool).await, (vec![1, 2], 2));
}

#[tokio::test]
async fn killed_relay_loses_nothing_and_doubles_nothing() {
    const EVENTS: u32 = 300;
    let (database, stream) = places().await;
    for size in 0..EVENTS {
        commit(&database.pool, &fact(Uuid::new_v4(), size)).await;
    }
    // Three lives, each cut off somewhere in the middle, and one that may finish.
    for cut in [20, 90, 200] {
        let running = start_relay(stream.bus(), database.pool.clone());
        eventually("some events on the stream", || async {
            let messages = stream.messages().await;
            (messages >= cut).then_some(()).ok_or(messages)
        })
        .await;
        running.task.abort();
        assert!(running.task.await.is_err());
    }
    let running = start_relay(stream.bus(), database.pool.clone());
    eventually("every event marked", || async {
        let (_, published) = history(&database.pool).await;
        (published == i64::from(EVENTS))
            .then_some(())
            .ok_or(published)
    })
    .await;
    running.token.cancel();
    running.task.await.unwrap().unwrap();
    let (numbers, _) = history(&database.pool).await;
    assert_eq!(numbers, (1..=i64::from(EVENTS)).collect::<Vec<_>>());
    assert_eq!(stream.messages().await, u64::from(EVENTS));
}

#[tokio::test]
async fn two_relays_number_as_one() {
    let (database, stream) = places().await;
    let relays = [0, 1].map(|_| start_relay(stream.bus(), database.pool.clone()));
    for size in 0..50 {
        commit(&database.pool, &fact(Uuid::new_v4(), size)).await;
    }
    eventually("every event marked", || async {
        let (_, published) = history(&database.pool).await;
        (published == 50).then_some(()).ok_or(published)
    })
    .await;
    for running in relays {
        running.token.cancel();
        running.task.await.unwrap().unwrap();
    }
    assert_eq!(stream.messages().await, 50);
}

#[tokio::test]
async fn a_waiting_relay_keeps_its_connection_and_takes_over() {
    let (database, stream) = places().await;
    let holder = "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
                  WHERE locktype = 'advisory' AND granted AND datname = current_database()";
    let waiter = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                  AND query LIKE 'SELECT pg_try_advisory_lock%'";
    let pids = async |query: &'static str| -> Vec<i32> {
        let found = sqlx::query_scalar(query).fetch_all(&database.pool);
        found.await.unwrap()
    };
    let one = async |query| match pids(query).await.as_slice() {
        [pid] => Ok(*pid),
        other => Err(other.to_vec()),
    };
    commit(&database.pool, &fact(Uuid::new_v4(), 1)).await;
    let first = start_relay(stream.bus(), database.pool.clone());
    let held = eventually("a relay with the lock", || one(holder)).await;
    eventually("an event on the stream", || async {
        let messages = stream.messages().await;
        (messages == 1).then_some(()).ok_or(messages)
    })
    .await;
    let second = start_relay(stream.bus(), database.pool.clone());
    let waiting = eventually("a relay that waits", || one(waiter)).await;
    assert_ne!(waiting, held);
    first.task.abort();
    // The lock comes to the very connection that asked for it first.
    eventually("the waiting relay with the lock", || async {
        let found = pids(holder).await;
        (found == [waiting]).then_some(()).ok_or(found)
    })
    .await;
    second.token.cancel();
    second.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_made_anew_gets_what_the_lost_one_had() {
    let (database, stream) = places().await;
    for size in 0..5 {
        commit(&database.pool, &fact(Uuid::new_v4(), size)).await;
    }
    let running = start_relay(stream.bus(), database.pool.clone());
    eventually("five events marked", || async {
        let (_, published) = history(&database.pool).await;
        (published == 5).then_some(()).ok_or(published)
    })
    .await;
    // The control: nothing is published again to the stream that has it.
    let again = || replay(stream.bus(), database.pool.clone(), "box");
    assert_eq!(again().await.unwrap(), 0);
    stream.make_anew().await;
    commit(&database.pool, &fact(Uuid::new_v4(), 5)).await;
    running.wake.wake();
    eventually("the newest event alone", || async {
        let messages = stream.messages().await;
        (messages == 1).then_some(()).ok_or(messages)
    })
    .await;
    for _ in 0..2 {
        assert_eq!(again().await.unwrap(), 5);
        assert_eq!(stream.messages().await, 6);
    }
    running.token.cancel();
    running.task.await.unwrap().unwrap();
}
