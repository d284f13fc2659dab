//! Access keys, without secrets but for the one reply.

mod create;
mod orphan;

use aws_sdk_iam::types::{self, StatusType};
use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    Cause, Error, Iam, moment,
    name::{KeyId, UserName},
    unfinished::Gone,
};
use crate::history::{self, Stage};

/// An access key as IAM has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Whose.
    pub user_name: String,
    /// Its id; empty while it is only wanted.
    pub id: String,
    /// Whether it can sign.
    pub is_active: bool,
    /// When it was made.
    pub create_time: Option<Timestamp>,
}

impl From<types::AccessKeyMetadata> for Key {
    fn from(key: types::AccessKeyMetadata) -> Self {
        Self {
            create_time: key.create_date.as_ref().map(moment),
            is_active: key.status == Some(StatusType::Active),
            user_name: key.user_name.unwrap_or_default(),
            id: key.access_key_id.unwrap_or_default(),
        }
    }
}

/// A key that was just made, with what signs.
pub struct FreshKey {
    /// The key.
    pub key: Key,
    /// Its secret; this is the only place that has it.
    pub secret: SecretString,
}

impl Iam {
    /// Keys of a user, oldest first.
    ///
    /// Errors: `NotFound` without the user.
    pub async fn list_keys(&self, user_name: &UserName) -> Result<Vec<Key>, Error> {
        let what = format!("user {user_name}");
        let call = || async {
            let call = self.client.list_access_keys().user_name(user_name.as_str());
            let listed = call.into_paginator().items().send().try_collect().await;
            listed.map_err(|failure| Error::of("listing keys of", &what, failure))
        };
        let listed: Vec<types::AccessKeyMetadata> =
            self.settled(&[user_name.as_str()], call).await?;
        let mut keys: Vec<Key> = listed.into_iter().map(Key::from).collect();
        keys.sort_by(|a, b| (a.create_time, &a.id).cmp(&(b.create_time, &b.id)));
        Ok(keys)
    }

    /// Sees to it that the key is not there. True if it was.
    pub async fn delete_key(
        &self,
        cause: &Cause,
        user_name: &UserName,
        id: &KeyId,
    ) -> Result<bool, Error> {
        let keys = match self.list_keys(user_name).await {
            Ok(keys) => keys,
            Err(Error::NotFound { .. }) => Vec::new(),
            Err(failure) => return Err(failure),
        };
        if let Some(key) = keys.into_iter().find(|key| key.id == id.as_str()) {
            self.remove_key(cause, key).await?;
            return Ok(true);
        }
        let gone = Gone {
            noun: history::KEY,
            name: id.as_str(),
            made: "AccessKeyCreated",
            kind: "AccessKeyDeleted",
        };
        self.complete_gone(cause, gone).await;
        Ok(false)
    }

    /// Deactivates and deletes a key that was seen, and says so.
    pub(super) async fn remove_key(&self, cause: &Cause, key: Key) -> Result<(), Error> {
        // First, so that a failure in between leaves a key that cannot sign.
        absent_is_fine(self.deactivate_key(&key).await)?;
        let what = format!("access key {}", key.id);
        let call = || async {
            let call = self.client.delete_access_key().user_name(&key.user_name);
            let deleted = call.access_key_id(&key.id).send().await;
            deleted
                .map(drop)
                .map_err(|failure| Error::of("deleting", &what, failure))
        };
        absent_is_fine(self.settled(&[], call).await)?;
        let last = Key {
            is_active: false,
            ..key
        };
        self.store
            .note(&history::key(cause, Stage::Gone, last.into()))
            .await;
        Ok(())
    }

    /// Takes a key the power to sign.
    pub(super) async fn deactivate_key(&self, key: &Key) -> Result<(), Error> {
        let what = format!("access key {}", key.id);
        let call = || async {
            let call = self.client.update_access_key().user_name(&key.user_name);
            let call = call.access_key_id(&key.id).status(StatusType::Inactive);
            let updated = call.send().await;
            updated
                .map(drop)
                .map_err(|failure| Error::of("deactivating", &what, failure))
        };
        self.settled(&[], call).await
    }
}

/// Taking away what is away already has succeeded.
pub(super) fn absent_is_fine(answer: Result<(), Error>) -> Result<(), Error> {
    match answer {
        Err(Error::NotFound { .. }) => Ok(()),
        answer => answer,
    }
}
