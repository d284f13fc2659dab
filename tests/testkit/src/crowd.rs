//! Many clients at once against a budget, and a judge who counts what lives.
//!
//! What they make are secrets: the apiserver puts none of its own beside them.

mod item;
mod living;
mod native;
mod timed;

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::future::join_all;
use kube::Client;
use tokio::{sync::watch, time::Instant};

use crate::PATIENCE;
use item::{Answer, Items};
use living::Living;
pub use timed::timed_create;

/// Between two rounds of somebody who was refused.
const AGAIN: Duration = Duration::from_millis(250);
/// How many of his own somebody deletes who is refused.
const GIVEN_UP: usize = 4;

/// Clients who create in the same namespaces.
pub struct Crowd {
    /// Sees everything.
    pub judge: Client,
    /// Creates and deletes.
    pub member: Client,
    /// Where, in turn.
    pub namespaces: Vec<String>,
    /// How many at once.
    pub clients: usize,
}

/// How creates against a budget went.
#[derive(Debug, Clone, Copy)]
pub struct Contention {
    /// Creates that were answered as done.
    pub admitted: usize,
    /// The most that lived at once.
    pub most: usize,
    /// What lived in the end.
    pub left: usize,
    /// From the first try until the budget was used up; none if it never was.
    pub full_after: Option<Duration>,
}

/// How creating and deleting against a budget went.
#[derive(Debug, Clone, Copy)]
pub struct Churn {
    /// Creates that were answered as done.
    pub admitted: usize,
    /// The most that lived at once.
    pub most: usize,
}

impl Crowd {
    /// Tries `creates` creates and each refused one again, until `budget` live and then once more; `halfway` is called when
    /// half of them live.
    ///
    /// Panics: at a refusal that is not a quota's.
    pub async fn contend(
        &self,
        creates: usize,
        budget: usize,
        halfway: impl FnOnce(),
    ) -> Contention {
        let items = Items::new(&self.member);
        let (told, living) = watch::channel(Living::default());
        let work = async {
            Living::wait_for(&living, |living| living.is_listed).await;
            let began = Instant::now();
            let admitted = AtomicUsize::new(0);
            let full = async {
                Living::wait_for(&living, |living| 2 * living.now.len() >= budget).await;
                halfway();
                Living::wait_for(&living, |living| living.now.len() >= budget).await;
                began.elapsed()
            };
            let trying = (0..self.clients).map(|client| {
                let all = (client..creates).step_by(self.clients).collect();
                self.insist(&items, all, budget, &living, &admitted)
            });
            let both = async { tokio::join!(full, join_all(trying)).0 };
            let full_after = tokio::time::timeout(PATIENCE, both).await.ok();
            let left = living::caught_up(&self.judge, &items, &living).await;
            Contention {
                admitted: admitted.load(Ordering::Relaxed),
                most: living.borrow().most,
                left,
                full_after,
            }
        };
        living::while_followed(&self.judge, &items, &told, work).await
    }

    /// One client's creates, again and again, and a last time after the budget was used up.
    async fn insist(
        &self,
        items: &Items,
        mut wanted: Vec<usize>,
        budget: usize,
        living: &watch::Receiver<Living>,
        admitted: &AtomicUsize,
    ) {
        let mut rounds = tokio::time::interval(AGAIN);
        while !wanted.is_empty() {
            rounds.tick().await;
            let is_last = living.borrow().now.len() >= budget;
            let mut refused = Vec::new();
            for number in wanted {
                match items.create(self.place(number), &number.to_string()).await {
                    Answer::Done => {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                    Answer::Refused => refused.push(number),
                }
            }
            wanted = if is_last { Vec::new() } else { refused };
        }
    }

    /// Creates until refused, deletes a few, and so on, for `time`.
    ///
    /// Panics: at a refusal that is not a quota's.
    pub async fn churn(&self, time: Duration) -> Churn {
        let items = Items::new(&self.member);
        let (told, living) = watch::channel(Living::default());
        let work = async {
            Living::wait_for(&living, |living| living.is_listed).await;
            let end = Instant::now() + time;
            let going = (0..self.clients).map(|client| self.come_and_go(&items, client, end));
            let admitted = join_all(going).await.into_iter().sum();
            living::caught_up(&self.judge, &items, &living).await;
            Churn {
                admitted,
                most: living.borrow().most,
            }
        };
        living::while_followed(&self.judge, &items, &told, work).await
    }

    async fn come_and_go(&self, items: &Items, client: usize, end: Instant) -> usize {
        let mut own = VecDeque::new();
        let mut admitted = 0;
        let mut number = client;
        while Instant::now() < end {
            number += self.clients;
            let (place, name) = (self.place(number), number.to_string());
            match items.create(place, &name).await {
                Answer::Done => {
                    admitted += 1;
                    own.push_back((place, name));
                }
                Answer::Refused => {
                    for (place, name) in own.drain(..GIVEN_UP.min(own.len())) {
                        items.delete(place, &name).await;
                    }
                }
            }
        }
        admitted
    }

    fn place(&self, number: usize) -> &str {
        // By rounds of all clients, so that each client gets about.
        let place = number / self.clients + number;
        &self.namespaces[place % self.namespaces.len()]
    }
}
