use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// A Lease that was not renewed for so long is nobody's. A killed replica's things are taken over within this and two renewals.
pub(super) const LEASE: Duration = Duration::from_secs(8);
/// A Lease that ended so long ago is of no use to anybody.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// Replicas, and when a change of their Lease was seen last.
///
/// Life is what was seen here, by this clock: clocks of others may be wrong.
#[derive(Debug, Default)]
pub(super) struct Members(BTreeMap<String, Seen>);

#[derive(Debug)]
struct Seen {
    version: String,
    at: Instant,
}

impl Members {
    /// Takes the Leases there are, each by replica and version, as seen at `at`; `own` is renewed.
    pub(super) fn take(&mut self, listed: Vec<(String, String)>, own: &str, at: Instant) {
        let mut before = std::mem::take(&mut self.0);
        for (name, version) in listed {
            let known = before.remove(&name).filter(|seen| seen.version == version);
            self.0.insert(name, known.unwrap_or(Seen { version, at }));
        }
        let version = String::new();
        self.0.insert(own.to_owned(), Seen { version, at });
    }

    /// Everybody who lives, by name.
    pub(super) fn living(&self) -> Vec<&str> {
        self.silent(Duration::ZERO, LEASE)
    }

    /// Whose Lease ended long ago.
    pub(super) fn forgotten(&self) -> Vec<&str> {
        self.silent(FORGOTTEN, Duration::MAX)
    }

    fn silent(&self, from: Duration, to: Duration) -> Vec<&str> {
        let is_within = |seen: &Seen| (from..to).contains(&seen.at.elapsed());
        let names = self.0.iter().filter(|(_, seen)| is_within(seen));
        names.map(|(name, _)| name.as_str()).collect()
    }

    /// Who ranks highest for `thing`: when somebody comes or goes, only what is his moves.
    pub(super) fn first_for(&self, thing: &str) -> Option<&str> {
        let living = self.living().into_iter();
        living.max_by_key(|name| Sha256::digest(format!("{name}\n{thing}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, version): &(&str, &str)| ((*name).to_owned(), (*version).to_owned());
        names.iter().map(owned).collect()
    }

    fn members(names: &[&str]) -> Members {
        let mut members = Members::default();
        let all: Vec<(&str, &str)> = names.iter().map(|name| (*name, "1")).collect();
        members.take(listed(&all), names[0], Instant::now());
        members
    }

    #[test]
    fn only_what_is_his_moves_when_somebody_goes() {
        let (three, two) = (members(&["a", "b", "c"]), members(&["a", "b"]));
        let (mut moved, mut shares) = (0, BTreeMap::<String, u32>::new());
        for n in 0..3000 {
            let thing = format!("tenant-{n}");
            let before = three.first_for(&thing).unwrap();
            let after = two.first_for(&thing).unwrap();
            assert!(before == after || before == "c", "{thing}");
            moved += u32::from(before != after);
            *shares.entry(before.to_owned()).or_default() += 1;
        }
        assert_eq!(Some(&moved), shares.get("c"));
        let is_fair = shares.values().all(|share| (900..1100).contains(share));
        assert!(is_fair, "{shares:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_or_leaves_is_not_counted_and_does_not_come_back_by_being_listed() {
        let mut members = members(&["a", "b", "c"]);
        let mut after = async |seconds, all: &[(&str, &str)]| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            members.take(listed(all), "a", Instant::now());
            members.living().join(" ")
        };
        let all = [("a", "1"), ("b", "2"), ("c", "1")];
        assert_eq!(after(5, &all).await, "a b c");
        assert_eq!(after(4, &all).await, "a b");
        assert_eq!(after(3, &all).await, "a b");
        assert_eq!(after(1, &[("a", "1")]).await, "a");
        assert_eq!(after(1, &[("a", "1"), ("c", "2")]).await, "a c");
    }
}
