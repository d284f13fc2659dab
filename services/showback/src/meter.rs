//! What pods and nodes hold, from when to when: watched, never sampled.
//!
//! The loop is the only writer of usage: words of the watches in, through the pure [`Ledger`], one transaction for each handful out.

mod hearing;
mod ledger;
mod lists;
mod node;
mod pod;
mod request;
mod words;

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use futures::StreamExt as _;
use jiff::Timestamp;
use tenantry_events::Wake;
use tenantry_runtime::{Chain, Pulse};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use hearing::Hearing;
pub use ledger::{Change, End, Ledger, NewUsage, NodeState, PodState};
pub use node::NodeSighting;
pub use pod::{PodEnd, PodSighting};

use crate::{
    cost::Day,
    store::{self, Restored, Store},
};
use lists::{Lists, Moment};
use words::{Word, words};

/// Words taken in one transaction at most.
const BATCH_WORDS_MAX: usize = 500;
/// How often a quiet loop looks at the calendar, and shows that it lives.
const LOOK: Duration = Duration::from_secs(5);
/// Longest wait for the last write.
const LAST_WRITE_MAX: Duration = Duration::from_secs(3);

/// What the loop needs.
pub struct Meter {
    /// The cluster, to read.
    pub client: kube::Client,
    /// The intervals.
    pub store: Store,
    /// Wakes the relay when facts were recorded.
    pub wake: Wake,
    /// Shows that the loop goes round.
    pub pulse: Pulse,
    /// Tells reports up to when the cluster was heard.
    pub hearing: watch::Sender<Hearing>,
    /// The clock.
    pub clock: fn() -> Timestamp,
}

/// Meters until `token` is cancelled. Waits out an absent apiserver or Postgres.
pub async fn run(meter: Meter, token: CancellationToken) -> anyhow::Result<()> {
    let Some(restored) = token
        .run_until_cancelled(meter.patiently(|| meter.store.restore()))
        .await
    else {
        return Ok(());
    };
    let mut words = words(&meter.client).ready_chunks(BATCH_WORDS_MAX);
    let mut state = State::restore(&meter, restored);
    while let Some(next) = token.run_until_cancelled(timeout(LOOK, words.next())).await {
        meter.pulse.beat();
        let work = async {
            match next {
                Ok(Some(chunk)) => state.hear(chunk).await,
                Ok(None) => return Err(anyhow::anyhow!("the watches ended")),
                Err(_quiet) => {}
            }
            state.turn_day().await;
            Ok(())
        };
        // Cancelled here, a batch is not written: the next process lists again and finds the same.
        if let Some(ended) = token.run_until_cancelled(work).await {
            ended?;
        }
    }
    state.last_word().await;
    Ok(())
}

impl Meter {
    fn now_s(&self) -> i64 {
        (self.clock)().as_second()
    }

    /// Asks the store until it answers: what was seen must not be lost for a database that is away.
    async fn patiently<T, F>(&self, ask: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, store::Error>>,
    {
        let delays = ExponentialBuilder::default().with_min_delay(Duration::from_millis(100));
        let delays = delays
            .with_max_delay(Duration::from_secs(5))
            .with_jitter()
            .without_max_times();
        let asking = ask.retry(delays).notify(|failure, pause| {
            self.pulse.beat();
            warn!(error = %Chain(failure), ?pause, "Metering waits for the database.");
        });
        asking
            .await
            .expect("retries without a bound end with an answer")
    }
}

/// The loop between two words.
struct State<'a> {
    meter: &'a Meter,
    ledger: Ledger,
    lists: Lists,
    hearing: Hearing,
    day: Day,
}

impl<'a> State<'a> {
    fn restore(meter: &'a Meter, restored: Restored) -> Self {
        let mut ledger = Ledger::default();
        for (uid, node, state) in restored.pods {
            ledger.restore_pod(uid, node, state);
        }
        for node in restored.nodes {
            ledger.restore_node(node);
        }
        let hearing = Hearing::since(restored.heard_s);
        let day = Day::of(restored.heard_s.unwrap_or(0));
        Self {
            meter,
            ledger,
            lists: Lists::default(),
            hearing,
            day,
        }
    }

    /// Takes a handful of words and writes what follows from them.
    async fn hear(&mut self, chunk: Vec<Word>) {
        let now_s = self.meter.now_s();
        let mut is_word = false;
        for word in chunk {
            match word {
                Word::Trouble => self.hearing.trouble(now_s),
                word => {
                    is_word = true;
                    self.take(word, now_s).await;
                }
            }
        }
        let changes = self.ledger.take_changes();
        let is_listed = self.lists.is_complete();
        if !changes.is_empty() {
            let heard_s = (is_word && is_listed).then_some(now_s);
            let write = || self.meter.store.write(&changes, heard_s, now_s);
            if self.meter.patiently(write).await {
                self.meter.wake.wake();
            }
        }
        if is_word {
            self.hearing.word(now_s, is_listed);
        }
        self.meter.hearing.send_replace(self.hearing);
    }

    async fn take(&mut self, word: Word, now_s: i64) {
        let at = Moment {
            now_s,
            proof_s: self.hearing.proof_s(),
        };
        let Some(listed) = self.lists.take(word, &mut self.ledger, at) else {
            return;
        };
        let unknown = self.ledger.unknown(&listed);
        let closed = self
            .meter
            .patiently(|| self.meter.store.closed(&unknown))
            .await;
        for (uid, node, state) in closed {
            self.ledger.restore_pod(uid, node, state);
        }
        let pods = listed.len();
        self.ledger.see_list(listed, self.hearing.proof_s(), now_s);
        info!(pods, "Pods listed.");
    }

    /// Pods that run over midnight use the new day without anything changing.
    async fn turn_day(&mut self) {
        let now_s = self.meter.now_s();
        let day = Day::of(now_s);
        if day == self.day || !self.lists.is_complete() {
            return;
        }
        if self
            .meter
            .patiently(|| self.meter.store.turn_day(now_s))
            .await
        {
            self.meter.wake.wake();
        }
        self.day = day;
    }

    /// A pod that is gone when the next process lists was alive until now.
    async fn last_word(&self) {
        let Some(as_of_s) = self.hearing.as_of(self.meter.now_s()) else {
            return;
        };
        match timeout(LAST_WRITE_MAX, self.meter.store.hear(as_of_s)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => warn!(error = %Chain(&failure), "Last proof of life not written."),
            Err(_elapsed) => warn!("Last proof of life not written in time."),
        }
    }
}

#[cfg(test)]
mod tests;
