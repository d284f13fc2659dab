//! Encryption of what is kept outside this process.
use std::path::Path;

use anyhow::{Context as _, ensure};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest::{SHA256, digest},
    error::Unspecified,
    rand,
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};

/// Seals and opens values with AES-256-GCM; the place of a value is bound to it, so values cannot be swapped.
pub(crate) struct Sealer {
    key: RandomizedNonceKey,
}

impl Sealer {
    /// Reads the key: 32 random bytes in base64.
    ///
    /// Errors: an unreadable file, or another length.
    pub(crate) fn from_file(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let bytes = BASE64_STANDARD
            .decode(text.trim())
            .with_context(|| format!("decoding {}", path.display()))?;
        ensure!(
            bytes.len() == 32,
            "{} holds {} bytes, not 32",
            path.display(),
            bytes.len()
        );
        Self::new(&bytes)
    }

    fn new(bytes: &[u8]) -> anyhow::Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).context("using the session key")?;
        Ok(Self { key })
    }

    /// The nonce, then the sealed `plain`.
    pub(crate) fn seal(&self, place: &str, plain: Vec<u8>) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = plain;
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(place), &mut sealed)?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// What [`Self::seal`] was given for the same `place`.
    pub(crate) fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut opened = sealed.to_vec();
        let length = self
            .key
            .open_in_place(nonce, Aad::from(place), &mut opened)?
            .len();
        opened.truncate(length);
        Ok(opened)
    }
}

/// A name nobody can guess: 256 random bits.
pub(crate) fn secret_name() -> Result<String, Unspecified> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What may be stored of a secret name: whoever reads the store cannot use it.
pub(crate) fn fingerprint(secret: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_in_its_own_place() {
        let sealer = Sealer::new(&[7; 32]).unwrap();
        let sealed = sealer.seal("session.a", b"token".to_vec()).unwrap();
        assert_eq!(sealer.open("session.a", &sealed).unwrap(), b"token");
        assert!(sealer.open("session.b", &sealed).is_err());
        assert!(
            Sealer::new(&[8; 32])
                .unwrap()
                .open("session.a", &sealed)
                .is_err()
        );
        assert!(sealer.open("session.a", b"short").is_err());
    }

    #[test]
    fn sealing_twice_differs() {
        let sealer = Sealer::new(&[7; 32]).unwrap();
        assert_ne!(
            sealer.seal("a", vec![1]).unwrap(),
            sealer.seal("a", vec![1]).unwrap()
        );
    }
}
