//! The key-value bucket, with sealed values.
use std::time::Duration;

use anyhow::Context as _;
use async_nats::{
    ConnectOptions,
    jetstream::{self, kv},
};
use aws_lc_rs::error::Unspecified;
use futures::StreamExt as _;
use secrecy::ExposeSecret as _;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OnceCell;

use super::seal::Sealer;
use crate::SessionConfig;

/// Name of the bucket.
const BUCKET: &str = "TENANTRY_SESSIONS";
/// Where replies come: no other service may read there.
const INBOX: &str = "_INBOX.console";
/// How long NATS may take for one answer.
const REPLY_MAX: Duration = Duration::from_secs(3);

/// How long the bucket remembers that a key was removed: longer than any replica waits for a change.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// Why the bucket gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("opening bucket {BUCKET}, which tenantry-stream makes")]
    Open {
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("reading {key}")]
    Read {
        key: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("writing {key}")]
    Write {
        key: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("sealing {key}")]
    Seal {
        key: String,
        #[source]
        source: Unspecified,
    },
    #[error("encoding {key}")]
    Encode {
        key: String,
        #[source]
        source: serde_json::Error,
    },
}

/// A value and the revision it was read at.
pub(crate) struct Entry<T> {
    pub(crate) value: T,
    pub(crate) revision: u64,
}

/// The bucket. Every replica of the console shares it.
pub(crate) struct Store {
    jetstream: jetstream::Context,
    client: async_nats::Client,
    bucket: OnceCell<kv::Store>,
    sealer: Sealer,
    age_max: Duration,
}

impl Store {
    /// A store that connects when used.
    ///
    /// Errors: unreadable key files, a malformed address.
    pub(crate) async fn lazy(config: &SessionConfig) -> anyhow::Result<Self> {
        let options = match &config.nats_nkey_file {
            Some(path) => {
                let seed = std::fs::read_to_string(path)
                    .with_context(|| format!("reading {}", path.display()))?;
                ConnectOptions::with_nkey(seed.trim().to_owned())
            }
            None => ConnectOptions::new(),
        };
        let client = options
            .name("tenantry-console")
            .custom_inbox_prefix(INBOX)
            .retry_on_initial_connect()
            .request_timeout(Some(REPLY_MAX))
            .connect(config.nats_url.expose_secret())
            .await
            .context("connecting to NATS")?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(REPLY_MAX);
        let sealer = Sealer::from_file(&config.session_key_file)?;
        let age_max = Duration::from_secs(config.session_max_seconds.into());
        Ok(Self {
            jetstream,
            client,
            bucket: OnceCell::new(),
            sealer,
            age_max,
        })
    }

    /// Longest life of a session.
    pub(crate) fn age_max(&self) -> Duration {
        self.age_max
    }

    /// True while NATS is connected.
    pub(crate) fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    async fn bucket(&self) -> Result<&kv::Store, StoreError> {
        self.bucket.get_or_try_init(|| self.open()).await
    }

    /// Declared in deploy/nats and made by `tenantry-stream`; the console may not create it.
    async fn open(&self) -> Result<kv::Store, StoreError> {
        let found = self.jetstream.get_key_value(BUCKET).await;
        found.map_err(|source| StoreError::Open {
            source: source.into(),
        })
    }

    /// The value of `key`. One that cannot be opened counts as absent: the key was changed, its owner logs in again.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<Entry<T>>, StoreError> {
        let entry = self
            .bucket()
            .await?
            .entry(key)
            .await
            .map_err(|source| read(key, source))?;
        Ok(entry
            .filter(|entry| entry.operation == kv::Operation::Put)
            .and_then(|entry| {
                let plain = self.sealer.open(key, &entry.value).ok()?;
                let value = serde_json::from_slice(&plain).ok()?;
                Some(Entry {
                    value,
                    revision: entry.revision,
                })
            }))
    }

    /// Writes a `key` that does not exist; the bucket forgets it after `age_max`.
    pub(crate) async fn create<T: Serialize>(
        &self,
        key: &str,
        value: &T,
        age_max: Duration,
    ) -> Result<(), StoreError> {
        let sealed = self.seal(key, value)?;
        let bucket = self.bucket().await?;
        bucket
            .create_with_ttl(key, sealed.into(), age_max)
            .await
            .map_err(|source| write(key, source))?;
        Ok(())
    }

    /// Writes over `revision`; false if another was faster.
    pub(crate) async fn update<T: Serialize>(
        &self,
        key: &str,
        value: &T,
        revision: u64,
    ) -> Result<bool, StoreError> {
        let sealed = self.seal(key, value)?;
        match self
            .bucket()
            .await?
            .update(key, sealed.into(), revision)
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(false),
            Err(source) => Err(write(key, source)),
        }
    }

    /// Reads and removes; only one caller gets the value.
    pub(crate) async fn take<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let Some(entry) = self.find(key).await? else {
            return Ok(None);
        };
        match self
            .bucket()
            .await?
            .purge_expect_revision_with_ttl(key, entry.revision, TOMBSTONE)
            .await
        {
            Ok(()) => Ok(Some(entry.value)),
            Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(source) => Err(write(key, source)),
        }
    }

    /// Removes `key`; absent is fine.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.bucket()
            .await?
            .purge_with_ttl(key, TOMBSTONE)
            .await
            .map_err(|source| write(key, source))
    }

    /// Waits until `key` is beyond `revision`, or for `longest`.
    pub(crate) async fn changed(
        &self,
        key: &str,
        revision: u64,
        longest: Duration,
    ) -> Result<(), StoreError> {
        let bucket = self.bucket().await?;
        let mut changes = bucket
            .watch_from_revision(key, revision + 1)
            .await
            .map_err(|source| read(key, source))?;
        // A timeout is an answer too: the caller looks again.
        let _ = tokio::time::timeout(longest, changes.next()).await;
        Ok(())
    }

    fn seal<T: Serialize>(&self, key: &str, value: &T) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(value).map_err(|source| StoreError::Encode {
            key: key.to_owned(),
            source,
        })?;
        self.sealer
            .seal(key, plain)
            .map_err(|source| StoreError::Seal {
                key: key.to_owned(),
                source,
            })
    }
}

fn read(key: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Read {
        key: key.to_owned(),
        source: source.into(),
    }
}

fn write(key: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Write {
        key: key.to_owned(),
        source: source.into(),
    }
}
