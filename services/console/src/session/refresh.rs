//! Fresh tokens, asked for once however many calls and replicas want them: the identity provider takes a refresh token
//! only once and ends the session at a second use.
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use jiff::Timestamp;
use tenantry_runtime::{Chain, to_completion};
use tracing::{info, warn};

use super::{Session, Sessions, StoreError, session_key, store::Entry};
use crate::oidc::{OidcError, Tokens};

/// A token is renewed when it has less than this left: more than the longest call takes to reach a service.
const LEAD: Duration = Duration::from_secs(30);
/// How long one replica may take; longer than the way to the issuer and back, 8 s each for discovery and token.
const REFRESH_MAX: Duration = Duration::from_secs(20);
/// Turns before giving up: each waits for another's refresh.
const TURNS: usize = 4;

/// Why there is no answer about a session; that it has ended is an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("renewing the token")]
    Issuer {
        #[source]
        source: OidcError,
    },
    #[error("the session is being renewed for too long")]
    Busy,
    #[error("reading the token's expiry")]
    Expiry {
        #[source]
        source: jiff::Error,
    },
    #[error("making a random name")]
    Random {
        #[source]
        source: Unspecified,
    },
}

enum Step {
    Fresh,
    Ended,
    Wait(Duration),
    Refresh,
}

fn step(session: &Session, now: Timestamp) -> Step {
    if session.expires <= now {
        return Step::Ended;
    }
    if session.id_expires > now + LEAD {
        return Step::Fresh;
    }
    match session.refreshing_until {
        Some(until) if until > now => {
            Step::Wait(Duration::try_from(until.duration_since(now)).unwrap_or(LEAD))
        }
        _ if session.refresh_token.is_none() && session.id_expires > now => Step::Fresh,
        _ if session.refresh_token.is_none() => Step::Ended,
        _ => Step::Refresh,
    }
}

impl Sessions {
    /// The session of this cookie with a token that lasts; none if it has ended.
    pub(crate) async fn fresh(&self, id: &str) -> Result<Option<Session>, SessionError> {
        let key = session_key(id);
        for _ in 0..TURNS {
            let Some(entry) = self.store.find::<Session>(&key).await? else {
                return Ok(None);
            };
            match step(&entry.value, Timestamp::now()) {
                Step::Fresh => return Ok(Some(entry.value)),
                Step::Ended => {
                    self.store.delete(&key).await?;
                    return Ok(None);
                }
                Step::Wait(longest) => self.store.changed(&key, entry.revision, longest).await?,
                Step::Refresh => {
                    let (sessions, key) = (self.clone(), key.clone());
                    // A browser that leaves must not lose the one use of the refresh token.
                    let kept =
                        to_completion(async move { sessions.refresh(&key, entry).await }).await?;
                    if kept.is_some() {
                        return Ok(kept);
                    }
                }
            }
        }
        Err(SessionError::Busy)
    }

    /// Renews the tokens if nobody else has begun to. Answers the old session if it must serve on, else the caller looks again.
    async fn refresh(
        &self,
        key: &str,
        entry: Entry<Session>,
    ) -> Result<Option<Session>, SessionError> {
        let Entry {
            value: mut session,
            revision,
        } = entry;
        session.refreshing_until = Some(Timestamp::now() + REFRESH_MAX);
        if !self.store.update(key, &session, revision).await? {
            return Ok(None);
        }
        let token = session.refresh_token.clone().unwrap_or_default();
        match self.provider.refresh(token, &session.subject).await {
            Ok(tokens) => self.renewed(key, session, tokens).await,
            Err(OidcError::Unreachable { source }) => {
                self.put_off(key, session, OidcError::Unreachable { source })
                    .await
            }
            Err(refusal) => {
                info!(username = session.username, reason = %Chain(&refusal), "Session ended by the identity provider.");
                self.store.delete(key).await?;
                Ok(None)
            }
        }
    }

    async fn renewed(
        &self,
        key: &str,
        old: Session,
        tokens: Tokens,
    ) -> Result<Option<Session>, SessionError> {
        let kept = old.refresh_token.clone();
        let mut session = Session::new(tokens, Timestamp::now(), old.expires)?;
        // An issuer that does not rotate sends no new one.
        session.refresh_token = session.refresh_token.or(kept);
        session.expires = old.expires;
        self.put(key, &session).await?;
        Ok(None)
    }

    /// The issuer cannot be reached: the old token serves as long as it lasts.
    async fn put_off(
        &self,
        key: &str,
        mut session: Session,
        cause: OidcError,
    ) -> Result<Option<Session>, SessionError> {
        let now = Timestamp::now();
        session.refreshing_until = None;
        warn!(username = session.username, error = %Chain(&cause), "Token not renewed.");
        self.put(key, &session).await?;
        if session.id_expires > now {
            Ok(Some(session))
        } else {
            Err(SessionError::Issuer { source: cause })
        }
    }

    /// Writes over this replica's own mark; a session ended meanwhile stays ended.
    async fn put(&self, key: &str, session: &Session) -> Result<(), SessionError> {
        if let Some(entry) = self.store.find::<Session>(key).await? {
            self.store.update(key, session, entry.revision).await?;
        }
        Ok(())
    }
}
