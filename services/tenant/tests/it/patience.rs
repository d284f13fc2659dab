//! An apiserver that is silent, gone, or busy: no call waits for it too long, and none comes too soon.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use tenantry_testkit::eventually;

use crate::{
    network::{Front, Verdict, Wire},
    support::{World, tenant},
};

/// Longest time until the service acts again on what happened while every byte was lost.
const NOTICED_MAX: Duration = Duration::from_secs(35);

/// Waits until kubectl answers `line` with `expected`, and gives how long that took.
async fn took(world: &World, line: &str, expected: &str) -> Duration {
    let began = Instant::now();
    world.wait_for_answer(line, expected).await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_dies_without_a_word_is_noticed_and_what_happened_meanwhile_is_acted_on()
{
    let world = World::start().await;
    let wire = Wire::to(&world).await;
    world.restart_through(&wire.url());
    world.apply(&tenant("silence", "owl@nordmart.com", ""));
    world.wait_for("silence", "Ready", "True").await;
    wire.lose_the_old();
    // Of this no watch tells.
    world
        .kubectl("label namespace silence-dev stakater.com/kind=other --overwrite")
        .unwrap();
    let kind = r"get namespace silence-dev -o=jsonpath={.metadata.labels.stakater\.com/kind}";
    assert_eq!(world.kubectl(kind).unwrap(), "other");
    let took = took(&world, kind, "dev").await;
    assert!(took < NOTICED_MAX, "{took:?}");
    // Sooner would mean that something told of it.
    assert!(took > Duration::from_secs(2), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_answers_ends_in_ten_seconds_and_work_goes_on_when_somebody_does() {
    let world = World::start().await;
    let wire = Wire::to(&world).await;
    world.restart_through(&wire.url());
    world.apply(&tenant("hung", "owl@nordmart.com", ""));
    world.wait_for("hung", "Ready", "True").await;
    let before = world.log().len();
    wire.lose_all();
    let lost = Instant::now();
    eventually("a complaint in the log", async || {
        let log = world.log();
        let new = &log[before..];
        new.contains("did not answer within")
            .then_some(())
            .ok_or(new.to_owned())
    })
    .await;
    let took = lost.elapsed();
    assert!(took < Duration::from_secs(13), "{took:?}");
    // The spec is written while the service hears nothing, and its webhooks cannot ask.
    world
        .kubectl("label namespace hung-dev stakater.com/kind=other --overwrite")
        .unwrap();
    wire.heal();
    let kind = r"get namespace hung-dev -o=jsonpath={.metadata.labels.stakater\.com/kind}";
    let took = self::took(&world, kind, "dev").await;
    assert!(took < NOTICED_MAX, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_to_come_back_later_comes_back_then() {
    let world = World::start().await;
    let is_busy = Arc::new(AtomicBool::new(false));
    let busy = Arc::clone(&is_busy);
    // Longer than a call may take, and shorter.
    let verdict = move |line: &str| match line {
        _ if !busy.load(Ordering::Relaxed) => Verdict::Pass,
        line if is_write(line, "/namespaces/later-dev") => {
            Verdict::Later(StatusCode::TOO_MANY_REQUESTS, 11)
        }
        line if is_write(line, "/namespaces/soon-dev") => {
            Verdict::Later(StatusCode::SERVICE_UNAVAILABLE, 3)
        }
        _ => Verdict::Pass,
    };
    let front = Front::of(&world, verdict).await;
    world.restart_through(&front.url());
    for name in ["later", "soon", "other"] {
        world.apply(&tenant(name, "owl@nordmart.com", ""));
        world.wait_for(name, "Ready", "True").await;
    }
    is_busy.store(true, Ordering::Relaxed);
    let label = |name: &str| {
        let line = format!("label namespace {name}-dev stakater.com/kind=other --overwrite");
        world.kubectl(&line).unwrap();
    };
    let kind = |name: &str| {
        format!(r"get namespace {name}-dev -o=jsonpath={{.metadata.labels.stakater\.com/kind}}")
    };
    for name in ["later", "soon", "other"] {
        label(name);
    }
    // Nobody else waits.
    let other = took(&world, &kind("other"), "dev").await;
    assert!(other < Duration::from_secs(3), "{other:?}");
    for (name, seconds) in [("soon", 3), ("later", 11)] {
        let path = format!("/namespaces/{name}-dev");
        let tries = eventually("three tries", async || {
            let tries = front.turned_away(&path);
            if tries.len() >= 3 {
                Ok(tries)
            } else {
                Err(tries.len())
            }
        })
        .await;
        for pair in tries.windows(2) {
            let apart = pair[1] - pair[0];
            let (least, most) = (
                Duration::from_secs(seconds),
                Duration::from_secs(seconds + 1),
            );
            assert!((least..most).contains(&apart), "{name}: {apart:?}");
        }
    }
    is_busy.store(false, Ordering::Relaxed);
    took(&world, &kind("later"), "dev").await;
    took(&world, &kind("soon"), "dev").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_told_when_tries_a_few_times_ever_later() {
    let world = World::start().await;
    let left = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&left);
    let verdict = move |line: &str| {
        let is_meant = is_write(line, "/namespaces/tired-dev");
        let take = |left: usize| left.checked_sub(1);
        match counted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) if is_meant => Verdict::Answer(StatusCode::SERVICE_UNAVAILABLE),
            Ok(_) | Err(_) => Verdict::Pass,
        }
    };
    let front = Front::of(&world, verdict).await;
    world.restart_through(&front.url());
    world.apply(&tenant("tired", "owl@nordmart.com", ""));
    world.wait_for("tired", "Ready", "True").await;
    left.store(usize::MAX, Ordering::Relaxed);
    let line = "label namespace tired-dev stakater.com/kind=other --overwrite";
    world.kubectl(line).unwrap();
    let path = "/namespaces/tired-dev";
    let tries = eventually("six tries", async || {
        let tries = front.turned_away(path);
        if tries.len() >= 6 {
            Ok(tries)
        } else {
            Err(tries.len())
        }
    })
    .await;
    let first = tries[1] - tries[0];
    let last = tries[5] - tries[4];
    assert!(
        first >= Duration::from_millis(100) && last > first * 2,
        "{tries:?}"
    );
    // Few enough that a busy server is not kept busy.
    assert!(front.turned_away(path).len() <= 20);
    left.store(0, Ordering::Relaxed);
    let kind = r"get namespace tired-dev -o=jsonpath={.metadata.labels.stakater\.com/kind}";
    took(&world, kind, "dev").await;
}

/// Whether a request's line writes the object at `path`.
fn is_write(line: &str, path: &str) -> bool {
    line.starts_with("PATCH ") && line.contains(&format!("{path}?"))
}
