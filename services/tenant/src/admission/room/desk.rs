use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tenantry_k8s::quantity::{Amounts, Millis};
use tokio::time::Instant;

/// A create that was let through is in the share's use by then, or never will be.
const COUNTED: Duration = Duration::from_millis(250);
/// A demand that was not met by then was not heard.
const HEARD: Duration = Duration::from_millis(400);

/// Creates on their way in, by namespace: whoever comes later sees what was promised to earlier ones.
#[derive(Default)]
pub(super) struct Desk(Mutex<HashMap<String, Queue>>);

#[derive(Default)]
struct Queue {
    arrivals: u64,
    waiting: BTreeMap<u64, Amounts>,
    /// Those let through lately, the latest last.
    promised: VecDeque<Promise>,
    asked: Option<(Amounts, Instant)>,
}

/// A create that was let through and may not be counted yet.
struct Promise {
    at: Instant,
    adds: Amounts,
    /// Use as it was known then.
    used: Amounts,
}

/// A place in the queue of a namespace, until it is dropped.
pub(super) struct Ticket {
    desk: Arc<Desk>,
    namespace: String,
    arrival: u64,
    adds: Amounts,
}

impl Desk {
    /// Queues a create that adds `adds` to the use of `namespace`.
    pub(super) fn enter(self: &Arc<Self>, namespace: &str, adds: Amounts) -> Ticket {
        let mut all = self.locked();
        let queue = all.entry(namespace.to_owned()).or_default();
        queue.arrivals += 1;
        queue.waiting.insert(queue.arrivals, adds.clone());
        Ticket {
            desk: self.clone(),
            namespace: namespace.to_owned(),
            arrival: queue.arrivals,
            adds,
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// What its create adds.
    pub(super) fn adds(&self) -> &Amounts {
        &self.adds
    }

    /// Lets the create through if it fits the share after those before it; then its place is given up.
    pub(super) fn pass(&self, hard: &Amounts, used: &Amounts) -> bool {
        self.with(|queue, now| {
            let use_then = queue.use_then(used, now);
            let fits = |(key, adds): (&String, &Millis)| {
                let before = queue.sum(key, 0..self.arrival);
                let all = get(&use_then, key) + before + adds.get();
                hard.get(key).is_none_or(|hard| all <= hard.get())
            };
            if !self.adds.iter().all(fits) {
                return false;
            }
            queue.waiting.remove(&self.arrival);
            queue.promised.push_back(Promise {
                at: now,
                adds: self.adds.clone(),
                used: used.clone(),
            });
            true
        })
    }

    /// The share that would do for all that wait, of each key that the create needs more of.
    pub(super) fn short(&self, hard: &Amounts, used: &Amounts) -> Amounts {
        self.with(|queue, now| {
            let use_then = queue.use_then(used, now);
            let wanted = |key: &String| get(&use_then, key) + queue.sum(key, 0..u64::MAX);
            let keys = self.adds.keys().map(|key| (key.clone(), wanted(key)));
            keys.filter(|(key, wanted)| hard.get(key).is_some_and(|hard| *wanted > hard.get()))
                .map(|(key, wanted)| (key, Millis::new(wanted)))
                .collect()
        })
    }

    /// Whether nobody has asked for as much just now. Whoever is told so asks.
    pub(super) fn may_ask(&self, hard: &Amounts) -> bool {
        self.with(|queue, now| {
            let is_asked = queue.asked.as_ref().is_some_and(|(asked, at)| {
                let covers = |(key, amount): (&String, &Millis)| asked.get(key) >= Some(amount);
                now.duration_since(*at) < HEARD && hard.iter().all(covers)
            });
            if !is_asked {
                queue.asked = Some((hard.clone(), now));
            }
            !is_asked
        })
    }

    /// When to look again though no share has changed.
    pub(super) fn next_look(&self) -> Instant {
        self.with(|queue, now| {
            let promised = queue.promised.iter().map(|promise| promise.at + COUNTED);
            let asked = queue.asked.iter().map(|(_, at)| *at + HEARD);
            let ends = promised.chain(asked).filter(|end| *end > now);
            ends.min().unwrap_or(now + HEARD)
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Queue, Instant) -> T) -> T {
        let mut all = self.desk.locked();
        look(
            all.entry(self.namespace.clone()).or_default(),
            Instant::now(),
        )
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut all = self.desk.locked();
        if let Some(queue) = all.get_mut(&self.namespace) {
            queue.waiting.remove(&self.arrival);
        }
        // Nothing is kept of namespaces where nothing happens any more.
        all.retain(|_, queue| !queue.waiting.is_empty() || queue.is_remembered(now));
    }
}

impl Queue {
    /// Use as it is known, or as it will be once those let through lately are counted.
    fn use_then(&mut self, used: &Amounts, now: Instant) -> Amounts {
        let is_past = |promise: &Promise| now.duration_since(promise.at) >= COUNTED;
        while self.promised.front().is_some_and(is_past) {
            self.promised.pop_front();
        }
        let mut promised = Amounts::new();
        for (key, adds) in self.promised.iter().flat_map(|promise| &promise.adds) {
            *promised.entry(key.clone()).or_default() += *adds;
        }
        let mut all = used.clone();
        for (key, promised) in promised {
            let before = self.promised.front();
            let before = before.map_or(0, |first| get(&first.used, &key));
            let known = all.entry(key).or_default();
            *known = (*known).max(Millis::new(before + promised.get()));
        }
        all
    }

    fn sum(&self, key: &str, arrivals: std::ops::Range<u64>) -> i128 {
        let waiting = self.waiting.range(arrivals);
        waiting.map(|(_, adds)| get(adds, key)).sum()
    }

    fn is_remembered(&self, now: Instant) -> bool {
        let promised = self.promised.back().map(|promise| promise.at);
        let asked = self.asked.as_ref().map(|(_, at)| *at);
        let is_recent = |at: Instant| now.duration_since(at) < HEARD;
        promised.is_some_and(is_recent) || asked.is_some_and(is_recent)
    }
}

fn get(amounts: &Amounts, key: &str) -> i128 {
    amounts.get(key).copied().unwrap_or_default().get()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(count: i128) -> Amounts {
        [("pods".to_owned(), Millis::new(count * 1000))].into()
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_let_through_counts_until_the_share_tells() {
        let desk = Arc::new(Desk::default());
        let enter = || desk.enter("a", pods(1));
        assert!(enter().pass(&pods(2), &pods(0)));
        assert!(enter().pass(&pods(2), &pods(0)));
        assert!(!enter().pass(&pods(2), &pods(0)));
        // Counted by now: nothing is counted twice.
        assert!(!enter().pass(&pods(2), &pods(2)));
        assert!(enter().pass(&pods(3), &pods(2)));
        // One that never came.
        tokio::time::advance(COUNTED).await;
        assert!(enter().pass(&pods(3), &pods(2)));
        assert!(desk.enter("b", pods(1)).pass(&pods(1), &pods(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_and_goes_does_not_add_up() {
        let desk = Arc::new(Desk::default());
        for _ in 0..100 {
            assert!(desk.enter("a", pods(1)).pass(&pods(12), &pods(1)));
            tokio::time::advance(COUNTED / 10).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_came_first_goes_first_and_one_demand_is_for_all() {
        let desk = Arc::new(Desk::default());
        let (first, second) = (desk.enter("a", pods(2)), desk.enter("a", pods(1)));
        assert!(!first.pass(&pods(3), &pods(2)));
        // One is free, and first has waited longer.
        assert!(!second.pass(&pods(3), &pods(2)));
        assert_eq!(second.short(&pods(3), &pods(2)), pods(5));
        assert!(second.may_ask(&pods(5)));
        assert!(!first.may_ask(&pods(5)));
        assert!(first.may_ask(&pods(6)));
        tokio::time::advance(HEARD).await;
        // Nobody heard it.
        assert!(first.may_ask(&pods(5)));
        drop(first);
        assert!(second.pass(&pods(3), &pods(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_a_quiet_namespace() {
        let desk = Arc::new(Desk::default());
        assert!(desk.enter("a", pods(1)).pass(&pods(2), &pods(0)));
        tokio::time::advance(HEARD).await;
        drop(desk.enter("b", pods(1)));
        assert!(desk.locked().is_empty());
    }
}
