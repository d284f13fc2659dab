//! What an earlier process did and did not live to record, recorded when the same call comes again.

use tenantry_events::Fact;
use tenantry_runtime::Chain;

use super::{Cause, Error, Iam};

impl Iam {
    /// Records `outcome` if the newest event about its thing is still the intent `requested`, in the intent's name.
    pub(super) async fn complete(
        &self,
        requested: &'static str,
        outcome: Fact,
    ) -> Result<(), Error> {
        let newest = self.store.newest(outcome.noun, &outcome.name).await?;
        let Some(intent) = newest.filter(|newest| newest.kind == requested) else {
            return Ok(());
        };
        let outcome = Fact {
            actor: intent.actor,
            correlation: intent.correlation,
            ..outcome
        };
        Ok(self.store.record(&outcome).await?)
    }

    /// Records that a thing is gone if the newest event about it is still `made`, with the last state of that event.
    pub(super) async fn complete_gone(&self, cause: &Cause, gone: Gone<'_>) {
        let newest = match self.store.newest(gone.noun, gone.name).await {
            Ok(newest) => newest.filter(|newest| newest.kind == gone.made),
            Err(failure) => {
                tracing::warn!(error = %Chain(&failure), noun = gone.noun, name = gone.name, "History not read.");
                None
            }
        };
        if let Some(newest) = newest {
            let name = gone.name;
            let fact = Fact::new(
                gone.noun,
                newest.uid,
                name,
                gone.kind,
                cause.actor.clone(),
                &newest.data,
            );
            self.store
                .note(&fact.with_correlation(cause.correlation))
                .await;
        }
    }
}

/// A thing that IAM does not have, and how the history speaks of such.
pub(super) struct Gone<'a> {
    /// Kind of thing.
    pub(super) noun: &'static str,
    /// Its name in the history.
    pub(super) name: &'a str,
    /// What an event of its making is called.
    pub(super) made: &'static str,
    /// What an event of its going is called.
    pub(super) kind: &'static str,
}
