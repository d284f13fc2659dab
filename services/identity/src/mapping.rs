//! aws-auth in the cluster: fetch, plan (pure, in [`crate::aws_auth`]), write; again from the start after a lost race.

mod configmap;
mod error;

use tenantry_events::Fact;
use tenantry_proto::identity::v1;
use tenantry_runtime::Chain;

pub use error::Error;

use crate::{
    aws_auth::{
        self, Data, Duplicates, Entry, Fault, Mapping, Model, Plan, Principal, Refusal, Written,
    },
    history::{self, Cause, Stage},
    iam::Mode,
    store::{Store, preimage::Preimage},
};
use configmap::{AwsAuth, Object};

/// Lost races after which the caller is asked to try again.
const RACES_MAX: usize = 8;

/// The mappings of the cluster behind a client. Clones share it.
#[derive(Clone)]
pub struct Mappings {
    aws_auth: AwsAuth,
    store: Store,
}

/// What became of a request for a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// False if it was there already.
    pub is_created: bool,
    /// What a careful person would want to know.
    pub warnings: Vec<String>,
}

impl Mappings {
    /// Mappings of the cluster behind `kube`, recorded in `store`.
    pub fn new(kube: kube::Client, store: Store) -> Self {
        Self {
            aws_auth: AwsAuth::new(kube),
            store,
        }
    }

    /// Entries in effect, roles first.
    pub async fn list(&self) -> Result<Vec<Entry>, Error> {
        let object = self.aws_auth.fetch().await?;
        let model = Model::read(&data_of(object.as_ref()));
        for Fault { section, flaw } in &model.faults {
            // The authenticator drops it too, so the list is true; whoever runs the cluster must know.
            tracing::warn!(%section, line = flaw.line, problem = flaw.problem, "A section of aws-auth cannot be parsed.");
        }
        Ok(model.effective().into_iter().cloned().collect())
    }

    /// Sees to it that `wanted` has its entry.
    pub async fn create(
        &self,
        cause: &Cause,
        wanted: &Mapping,
        duplicates: Duplicates,
        mode: Mode,
    ) -> Result<Created, Error> {
        let arn = wanted.principal().arn();
        let fact = |stage| history::mapping(cause, stage, message(wanted));
        let mut known = None;
        for race in 0..RACES_MAX {
            let object = self.fetch_again(&mut known).await?;
            match aws_auth::create(&data_of(object.as_ref()), wanted, duplicates)? {
                Plan::Unchanged { warnings } => {
                    if mode == Mode::Apply {
                        self.complete(fact(Stage::Made)).await?;
                    }
                    return Ok(Created {
                        is_created: false,
                        warnings,
                    });
                }
                Plan::Write(Written { warnings, .. }) if mode == Mode::Validate => {
                    return Ok(Created {
                        is_created: true,
                        warnings,
                    });
                }
                Plan::Write(written) => {
                    // The intent once, however many races are lost.
                    if race == 0 {
                        self.store.record(&fact(Stage::Requested)).await?;
                    }
                    self.keep(cause, object.as_ref(), &format!("mapping {arn}"))
                        .await?;
                    if self.aws_auth.write(object, written.after).await? {
                        self.store.record(&fact(Stage::Made)).await?;
                        return Ok(Created {
                            is_created: true,
                            warnings: written.warnings,
                        });
                    }
                }
            }
        }
        Err(Error::Contended)
    }

    /// Takes away every entry of `principal` and says how many there were. Waits for no database.
    pub async fn delete(
        &self,
        cause: &Cause,
        principal: &Principal,
        mode: Mode,
    ) -> Result<usize, Error> {
        let mut known = None;
        for _ in 0..RACES_MAX {
            let object = self.fetch_again(&mut known).await?;
            let plan = aws_auth::delete(&data_of(object.as_ref()), principal, None);
            if mode == Mode::Apply && matches!(plan, Err(Refusal::NotFound { .. })) {
                self.complete_gone(cause, principal.arn()).await;
            }
            let written = plan?;
            let count = written.removed.len();
            if mode == Mode::Validate {
                return Ok(count);
            }
            let reason = format!("unmapping {principal}");
            if let Err(failure) = self.keep(cause, object.as_ref(), &reason).await {
                tracing::warn!(error = %Chain(&failure), "Former aws-auth not kept; taking access away goes on.");
            }
            if self.aws_auth.write(object, written.after).await? {
                if let Some(last) = written.removed.last() {
                    let gone = v1::IdentityMapping {
                        arn: principal.arn().to_owned(),
                        ..entry(last.clone())
                    };
                    self.store
                        .note(&history::mapping(cause, Stage::Gone, gone))
                        .await;
                }
                return Ok(count);
            }
        }
        Err(Error::Contended)
    }

    /// Whether the ARN has an entry, in any spelling, also one that is not in effect.
    pub async fn is_mapped(&self, arn: &str) -> Result<bool, Error> {
        let Ok(principal) = Principal::parse(arn) else {
            return Ok(false);
        };
        let object = self.aws_auth.fetch().await?;
        match aws_auth::delete(&data_of(object.as_ref()), &principal, None) {
            Err(Refusal::NotFound { .. }) => Ok(false),
            Ok(_) | Err(Refusal::Guarded { .. }) => Ok(true),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Reads the object; one that was there and is gone is somebody's mistake, not ours to repeat without nodes.
    async fn fetch_again(&self, known: &mut Option<bool>) -> Result<Option<Object>, Error> {
        let object = self.aws_auth.fetch().await?;
        if *known == Some(true) && object.is_none() {
            return Err(Error::Vanished);
        }
        *known = Some(object.is_some());
        Ok(object)
    }

    async fn keep(
        &self,
        cause: &Cause,
        object: Option<&Object>,
        reason: &str,
    ) -> Result<(), Error> {
        let Some(object) = object else { return Ok(()) };
        let data = object.data();
        let resource_version = object.resource_version();
        let before = Preimage {
            data: &data,
            resource_version,
            reason,
        };
        Ok(self.store.keep_preimage(cause, before).await?)
    }

    /// Records that the mapping is gone, if it was taken away and that was not recorded.
    async fn complete_gone(&self, cause: &Cause, arn: &str) {
        let newest = self.store.newest(history::MAPPING, arn).await;
        let newest = newest.unwrap_or_else(|failure| {
            tracing::warn!(error = %Chain(&failure), "History not read.");
            None
        });
        if let Some(made) = newest.filter(|newest| newest.kind == history::MAPPING_MADE)
            && let Ok(data) = serde_json::from_value::<v1::IdentityMappingCreated>(made.data)
            && let Some(last) = data.mapping
        {
            let gone = history::mapping(cause, Stage::Gone, last);
            self.store.note(&gone).await;
        }
    }

    /// Records what an earlier process wrote and did not live to record.
    async fn complete(&self, made: Fact) -> Result<(), Error> {
        let newest = self.store.newest(made.noun, &made.name).await?;
        let Some(intent) = newest.filter(|newest| newest.kind == history::MAPPING_REQUESTED) else {
            return Ok(());
        };
        let made = Fact {
            actor: intent.actor,
            correlation: intent.correlation,
            ..made
        };
        Ok(self.store.record(&made).await?)
    }
}

fn data_of(object: Option<&Object>) -> Data {
    object.map(Object::data).unwrap_or_default()
}

/// An entry as a message of the contract.
pub fn entry(entry: Entry) -> v1::IdentityMapping {
    let Entry {
        arn,
        username,
        groups,
    } = entry;
    v1::IdentityMapping {
        arn,
        username,
        groups,
    }
}

/// A wanted mapping as a message of the contract.
pub fn message(wanted: &Mapping) -> v1::IdentityMapping {
    v1::IdentityMapping {
        arn: wanted.principal().arn().to_owned(),
        username: wanted.username().to_owned(),
        groups: wanted.groups().to_vec(),
    }
}
