//! Keys that nobody has: made by a call whose reply was lost.

use std::time::Duration;

use jiff::Timestamp;
use tenantry_runtime::{Chain, Pulse};
use tokio_util::sync::CancellationToken;

use super::Key;
use crate::{
    iam::{Cause, Error, Iam, name::UserName},
    store::key_journal::Claim,
};

/// After the intent, no call of its request begins later than this less one call.
pub(super) const CALLS_MAX: Duration = Duration::from_secs(50);
/// How far IAM's clock and the database's may be apart.
const SKEW: Duration = Duration::from_secs(30);
/// How often open rows are looked for.
const LOOK: Duration = Duration::from_secs(10);

/// Whether `key` was made by the request of `claim` and handed to nobody.
///
/// Not every unknown key: a row may be found open days later, and what others made meanwhile is theirs.
fn is_orphan(key: &Key, claim: &Claim) -> bool {
    let Some(known) = &claim.known_key_ids else {
        return false;
    };
    let first = claim.begin_time.saturating_sub(SKEW);
    let last = claim.begin_time.saturating_add(CALLS_MAX + SKEW);
    let is_known = known.contains(&key.id) || claim.access_key_id.as_ref() == Some(&key.id);
    let in_window = |time: Timestamp| {
        first.is_ok_and(|first| first <= time) && last.is_ok_and(|last| time <= last)
    };
    !is_known && key.create_time.is_some_and(in_window)
}

impl Iam {
    /// Clears up behind requests whose process died, until `stop`.
    pub async fn tend_keys(self, pulse: Pulse, stop: CancellationToken) -> anyhow::Result<()> {
        let mut looks = tokio::time::interval(LOOK);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            if let Err(failure) = self.clear_up_all().await {
                tracing::warn!(error = %Chain(&failure), "Access keys of unfinished requests not looked at; trying again.");
            }
            pulse.beat();
        }
        Ok(())
    }

    async fn clear_up_all(&self) -> Result<(), Error> {
        while let Some(claim) = self.store.take_over_key(None).await? {
            self.clear_up(&claim).await?;
        }
        Ok(())
    }

    /// Takes back what the request of `claim` left behind, and closes its row.
    pub(super) async fn clear_up(&self, claim: &Claim) -> Result<(), Error> {
        self.take_back(claim).await?;
        Ok(self.store.end_key(claim).await?)
    }

    /// Deletes the orphans of `claim`.
    pub(super) async fn take_back(&self, claim: &Claim) -> Result<(), Error> {
        if claim.known_key_ids.is_none() {
            return Ok(());
        }
        // A name that IAM took once is a name.
        let Ok(user_name) = UserName::parse(claim.user_name.as_str()) else {
            return Ok(());
        };
        let keys = match self.list_keys(&user_name).await {
            Ok(keys) => keys,
            Err(Error::NotFound { .. }) => return Ok(()),
            Err(failure) => return Err(failure),
        };
        for key in keys.into_iter().filter(|key| is_orphan(key, claim)) {
            tracing::warn!(user = %user_name, key = %key.id, "Taking back an access key that nobody has.");
            self.remove_key(&Cause::own(claim.intent_id), key).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: i64 = 1_700_000_000;

    fn key(id: &str, second: i64) -> Key {
        Key {
            user_name: "falcon".to_owned(),
            id: id.to_owned(),
            is_active: true,
            create_time: Some(Timestamp::from_second(BEGIN + second).unwrap()),
        }
    }

    #[test]
    fn only_unknown_keys_of_the_request_s_time_are_orphans() {
        let begin = Timestamp::from_second(BEGIN).unwrap();
        let mut claim = Claim::of(begin, Some(vec!["OLD".to_owned()]));
        claim.access_key_id = Some("MINE".to_owned());
        let check =
            |key: &Key, expected: bool| assert_eq!(is_orphan(key, &claim), expected, "{key:?}");
        check(&key("NEW", 3), true);
        check(&key("NEW", -20), true); // IAM's clock is behind.
        check(&key("OLD", 3), false);
        check(&key("MINE", 3), false);
        check(&key("THEIRS", -3600), false);
        check(&key("THEIRS", 3600), false);
    }

    #[test]
    fn nothing_is_an_orphan_of_a_call_that_was_never_made() {
        let claim = Claim::of(Timestamp::from_second(BEGIN).unwrap(), None);
        assert!(!is_orphan(&key("NEW", 3), &claim));
    }
}
