//! Passwords and keys of one stack: random, made once, readable by their owner only.

use std::fs;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::Rng;
use rand::distr::Alphanumeric;
use serde::{Deserialize, Serialize};

use crate::home::{Home, write_private};

/// What opens the parts of one stack.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// PostgreSQL's superuser.
    pub postgres: String,
    /// The role that owns the databases and runs migrations.
    pub database_owner: String,
    /// The roles of identity, tenant and showback, in this order.
    pub database_services: [String; 3],
    /// The NATS user `admin`.
    pub nats_admin: String,
    /// The static token of `platform-admin`.
    pub kubernetes_admin: String,
    /// The AWS operator's key id.
    pub aws_key_id: String,
    /// The AWS operator's secret.
    pub aws_secret: String,
    /// Keycloak's own administrator.
    pub keycloak_admin: String,
    /// The confidential client `console`.
    pub console_client: String,
    /// The user bear@nordmart.com.
    pub bear: String,
    /// The user admin@nordmart.com.
    pub admin: String,
    /// Encrypts console sessions: 32 random bytes in base64.
    pub session_key: String,
}

impl Secrets {
    /// The stack's secrets, made on first use.
    pub(crate) fn load_or_make(home: &Home) -> Result<Self> {
        if home.secret(FILE).exists() {
            return Self::load(home);
        }
        let secrets = Self::random();
        let text = serde_json::to_string_pretty(&secrets).context("encoding secrets")?;
        write_private(&home.secret(FILE), &text)?;
        write_private(&home.secret("console-client"), &secrets.console_client)?;
        write_private(&home.secret("session-key"), &secrets.session_key)?;
        Ok(secrets)
    }

    /// The stack's secrets.
    pub(crate) fn load(home: &Home) -> Result<Self> {
        let path = home.secret(FILE);
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("decoding {}", path.display()))
    }

    fn random() -> Self {
        let key_id: String = letters(16).to_uppercase();
        Self {
            postgres: letters(32),
            database_owner: letters(32),
            database_services: [letters(32), letters(32), letters(32)],
            nats_admin: letters(32),
            kubernetes_admin: letters(40),
            aws_key_id: format!("AKIA{key_id}"),
            aws_secret: letters(40),
            keycloak_admin: letters(24),
            console_client: letters(32),
            bear: letters(12),
            admin: letters(12),
            session_key: BASE64_STANDARD.encode(rand::rng().random::<[u8; 32]>()),
        }
    }
}

const FILE: &str = "secrets.json";

fn letters(count: usize) -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(count)
        .map(char::from)
        .collect()
}
