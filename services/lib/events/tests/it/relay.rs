use tenantry_events::record;
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
