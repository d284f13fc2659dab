//! Making a key when every success of IAM's call is another one and its reply may be lost.
//!
//! The journal has the intent, then the keys that exist, before the one call without the SDK's retries. After a lost reply
//! what it may have made is taken back, and the call made once more. Killed anywhere, the open row tells the next call or
//! [`Iam::tend_keys`] what to look for. Only a key whose row and event are committed is handed over.

use aws_sdk_iam::config::{self, retry::RetryConfig, timeout::TimeoutConfig};
use secrecy::SecretString;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{FreshKey, Key, orphan};
use crate::{
    history::{self, Stage},
    iam::{CALL_MAX, Cause, Error, Iam, group::incomplete, moment, name::UserName},
    store::key_journal::Claim,
};

impl Iam {
    /// Makes an access key. `caller_gone` is cancelled when nobody waits for the secret any more.
    ///
    /// Errors: `NotFound` without the user, `Limit` with two keys, `KeyInProgress`.
    pub async fn create_key(
        &self,
        cause: &Cause,
        user_name: &UserName,
        caller_gone: CancellationToken,
    ) -> Result<FreshKey, Error> {
        let mut claim = self.begin_key(cause, user_name).await?;
        match self.make_key(&mut claim, user_name).await {
            Ok((fresh, has_doubt)) => {
                self.hand_over(cause, &claim, fresh, has_doubt, &caller_gone)
                    .await
            }
            Err(Failed::Certainly(failure)) => {
                // A row left open is closed by `tend_keys`; the caller's answer is the failure.
                let _ = self.store.end_key(&claim).await;
                Err(failure)
            }
            Err(Failed::Perhaps(failure)) => Err(failure),
        }
    }

    /// Notes the intent, after clearing up behind an earlier one that nobody works on.
    async fn begin_key(&self, cause: &Cause, user_name: &UserName) -> Result<Claim, Error> {
        let wanted = Key {
            user_name: user_name.to_string(),
            id: String::new(),
            is_active: true,
            create_time: None,
        };
        let intent = history::key(cause, Stage::Requested, wanted.into());
        if let Some(left) = self.store.take_over_key(Some(user_name.as_str())).await? {
            self.clear_up(&left).await?;
        }
        let claim = self.store.begin_key(&intent, user_name.as_str()).await?;
        claim.ok_or_else(|| Error::KeyInProgress {
            user_name: user_name.to_string(),
        })
    }

    /// Calls IAM, and once more if the first reply is lost. True if an orphan may show up yet.
    async fn make_key(
        &self,
        claim: &mut Claim,
        user_name: &UserName,
    ) -> Result<(FreshKey, bool), Failed> {
        let start = Instant::now();
        let known = self.list_keys(user_name).await.map_err(Failed::Certainly)?;
        let known: Vec<String> = known.into_iter().map(|key| key.id).collect();
        self.call_is_ours(claim, &known).await?;
        match self.call_create(user_name).await {
            Ok(fresh) => return Ok((fresh, false)),
            Err(Error::Unavailable { .. }) => {}
            Err(failure) => return Err(Failed::Certainly(failure)),
        }
        tracing::warn!(user = %user_name, "The reply of CreateAccessKey is lost; taking back what it made.");
        let taken_back = self.take_back(claim).await;
        taken_back.map_err(Failed::Perhaps)?;
        if start.elapsed() > orphan::CALLS_MAX - CALL_MAX {
            return Err(Failed::Perhaps(lost(user_name)));
        }
        self.call_is_ours(claim, &known).await?;
        let again = self.call_create(user_name).await;
        again.map(|fresh| (fresh, true)).map_err(Failed::Perhaps)
    }

    /// Commits that the call is about to be made, unless somebody took the row over.
    async fn call_is_ours(&self, claim: &mut Claim, known: &[String]) -> Result<(), Failed> {
        match self.store.know_keys(claim, known).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failed::Perhaps(Error::KeyInProgress {
                user_name: claim.user_name.clone(),
            })),
            Err(failure) => Err(Failed::Perhaps(failure.into())),
        }
    }

    /// The call itself, which must not be repeated by the SDK. A user made a moment ago is waited for: refused means not made.
    async fn call_create(&self, user_name: &UserName) -> Result<FreshKey, Error> {
        let what = format!("access key of user {user_name}");
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(CALL_MAX)
            .operation_attempt_timeout(CALL_MAX);
        let once = config::Config::builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.build());
        let call = || async {
            let call = self
                .client
                .create_access_key()
                .user_name(user_name.as_str());
            let made = call.customize().config_override(once.clone()).send().await;
            made.map_err(|failure| match Error::of("creating", &what, failure) {
                Error::NotFound { .. } => Error::NotFound {
                    what: format!("user {user_name}"),
                },
                failure => failure,
            })
        };
        let made = self.settled(&[user_name.as_str()], call).await?;
        let key = made.access_key.ok_or_else(|| incomplete(&what))?;
        Ok(FreshKey {
            secret: SecretString::from(key.secret_access_key),
            key: Key {
                is_active: key.status == aws_sdk_iam::types::StatusType::Active,
                create_time: key.create_date.as_ref().map(moment),
                user_name: key.user_name,
                id: key.access_key_id,
            },
        })
    }

    /// Gives the key away once it is accounted for, or takes it back.
    async fn hand_over(
        &self,
        cause: &Cause,
        claim: &Claim,
        fresh: FreshKey,
        has_doubt: bool,
        caller_gone: &CancellationToken,
    ) -> Result<FreshKey, Error> {
        let created = history::key(cause, Stage::Made, fresh.key.clone().into());
        let is_ours = match self.store.hand_over_key(claim, &created, has_doubt).await {
            Ok(is_ours) => is_ours,
            Err(failure) => {
                self.remove_key(cause, fresh.key).await?;
                return Err(failure.into());
            }
        };
        if is_ours && !caller_gone.is_cancelled() {
            return Ok(fresh);
        }
        self.remove_key(cause, fresh.key).await?;
        Err(Error::KeyInProgress {
            user_name: claim.user_name.clone(),
        })
    }
}

/// Why no key was made, and whether that is sure.
enum Failed {
    /// Nothing was made.
    Certainly(Error),
    /// Something may have been made; the row stays open.
    Perhaps(Error),
}

fn lost(user_name: &UserName) -> Error {
    Error::Unavailable {
        operation: format!("creating access key of user {user_name}"),
        words: "the reply was lost".to_owned(),
    }
}
