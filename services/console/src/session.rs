//! Who is logged in: kept in a bucket that all replicas share, sealed, found by a secret name in a cookie.
mod refresh;
mod seal;
mod store;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use aws_lc_rs::{constant_time::verify_slices_are_equal, error::Unspecified};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Provider, SessionConfig,
    oidc::{Challenge, Tokens},
};
pub(crate) use refresh::SessionError;
use store::Store;
pub(crate) use store::StoreError;

/// How long a person may take to log in.
pub(crate) const LOGIN_MAX: Duration = Duration::from_secs(600);

/// A person who is logged in.
///
/// Has no `Debug`: it holds tokens.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Session {
    pub(crate) subject: String,
    pub(crate) username: String,
    pub(crate) groups: Vec<String>,
    pub(crate) id_token: String,
    pub(crate) id_expires: Timestamp,
    pub(crate) expires: Timestamp,
    refresh_token: Option<String>,
    /// Set while one replica is refreshing the tokens; the others wait until then at most.
    refreshing_until: Option<Timestamp>,
}

/// A login that is under way.
#[derive(Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) next: String,
    /// Fingerprint of the cookie of the browser that began it.
    browser: String,
}

/// All sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<Store>,
    provider: Arc<Provider>,
}

impl Sessions {
    /// Sessions whose bucket is connected to when used.
    ///
    /// Errors: unreadable key files.
    pub async fn lazy(config: &SessionConfig, provider: Arc<Provider>) -> anyhow::Result<Self> {
        let store = Store::lazy(config)
            .await
            .context("preparing the session store")?;
        Ok(Self {
            store: Arc::new(store),
            provider,
        })
    }

    /// Longest life of a session.
    pub(crate) fn age_max(&self) -> Duration {
        self.store.age_max()
    }

    /// True while sessions can be read.
    pub(crate) fn is_ready(&self) -> bool {
        self.store.is_connected()
    }

    /// Remembers a login under way, for the browser with this cookie.
    pub(crate) async fn begin(
        &self,
        challenge: &Challenge,
        browser: &str,
        next: String,
    ) -> Result<(), StoreError> {
        let login = Login {
            nonce: challenge.nonce.clone(),
            verifier: challenge.verifier.clone(),
            next,
            browser: seal::fingerprint(browser),
        };
        self.store
            .create(&login_key(&challenge.state), &login, LOGIN_MAX)
            .await
    }

    /// The login of this `state`, once, and only for the browser that began it.
    pub(crate) async fn take_login(
        &self,
        state: &str,
        browser: &str,
    ) -> Result<Option<Login>, StoreError> {
        let login: Option<Login> = self.store.take(&login_key(state)).await?;
        let fingerprint = seal::fingerprint(browser);
        Ok(login.filter(|login| {
            verify_slices_are_equal(login.browser.as_bytes(), fingerprint.as_bytes()).is_ok()
        }))
    }

    /// Begins a session; answers the value of its cookie. Always a new one: a name known before the login is worth nothing.
    pub(crate) async fn create(
        &self,
        tokens: Tokens,
        now: Timestamp,
    ) -> Result<String, SessionError> {
        let id = secret_name()?;
        let session = Session::new(tokens, now, now + self.age_max())?;
        self.store
            .create(&session_key(&id), &session, self.age_max())
            .await?;
        Ok(id)
    }

    /// Ends the session; answers what it was, for the logout at the identity provider.
    pub(crate) async fn end(&self, id: &str) -> Result<Option<Session>, StoreError> {
        self.store.take(&session_key(id)).await
    }
}

impl Session {
    fn new(tokens: Tokens, now: Timestamp, expires: Timestamp) -> Result<Self, SessionError> {
        let id_expires = Timestamp::from_second(tokens.id_expires)
            .map_err(|source| SessionError::Expiry { source })?;
        Ok(Self {
            subject: tokens.subject,
            username: tokens.username,
            groups: tokens.groups,
            id_token: tokens.id_token,
            id_expires,
            // Without a refresh token the session is as long as the one token it has.
            expires: if tokens.refresh_token.is_some() {
                expires
            } else {
                id_expires.max(now).min(expires)
            },
            refresh_token: tokens.refresh_token,
            refreshing_until: None,
        })
    }
}

/// A cookie's value that nobody can guess.
pub(crate) fn secret_name() -> Result<String, SessionError> {
    seal::secret_name().map_err(|source: Unspecified| SessionError::Random { source })
}

fn session_key(id: &str) -> String {
    format!("session.{}", seal::fingerprint(id))
}

fn login_key(state: &str) -> String {
    format!("login.{}", seal::fingerprint(state))
}

#[cfg(test)]
mod tests;
