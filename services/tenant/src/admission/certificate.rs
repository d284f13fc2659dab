//! Certificates that the apiserver trusts us by. Pure, but for the randomness of a key.
//!
//! Each generation has an authority of its own that signs one certificate and whose key is then thrown away: nobody can
//! sign another one, and replacing the certificate replaces the authority, too.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Longest time for the apiservers to learn of a new authority before it is relied on.
const SETTLE_MAX: SignedDuration = SignedDuration::from_mins(1);
/// How far the clocks of apiserver and service may lie apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A certificate, its key and the authority that signed it, as PEM.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) made_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) authority: String,
    pub(super) certificate: String,
    pub(super) key: String,
}

/// When certificates come and go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    lifetime: SignedDuration,
}

impl Schedule {
    pub(super) fn of(lifetime: SignedDuration) -> Self {
        Self { lifetime }
    }

    /// What there is from `now` on, newest first; none if nothing is due.
    ///
    /// Shape: the new generation and the one before it, whose authority stays trusted until the next rotation.
    pub(super) fn renewed(
        self,
        generations: &[Generation],
        names: &[String],
        now: Timestamp,
    ) -> Result<Option<Vec<Generation>>, rcgen::Error> {
        if generations
            .first()
            .is_some_and(|newest| now < newest.made_at + self.lifetime * 2 / 3)
        {
            return Ok(None);
        }
        let newest = Generation::make(names, now, self.lifetime)?;
        Ok(Some(
            [newest]
                .into_iter()
                .chain(generations.first().cloned())
                .collect(),
        ))
    }

    /// The one to show: the newest that every apiserver has had the time to trust, unless it is the only one.
    pub(super) fn shown(self, generations: &[Generation], now: Timestamp) -> Option<&Generation> {
        let settle = SETTLE_MAX.min(self.lifetime / 6);
        let is_valid = |generation: &&Generation| now < generation.expires_at;
        let mut valid = generations.iter().filter(is_valid);
        let newest = valid.next()?;
        if now < newest.made_at + settle {
            return Some(valid.next().unwrap_or(newest));
        }
        Some(newest)
    }
}

/// Every authority to trust, as one PEM text.
pub(super) fn bundle(generations: &[Generation]) -> String {
    generations
        .iter()
        .map(|generation| generation.authority.as_str())
        .collect()
}

impl Generation {
    fn make(
        names: &[String],
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> Result<Self, rcgen::Error> {
        let expires_at = now + lifetime;
        let name = format!("Tenantry webhook {}", now.as_second());
        let mut authority = params(vec![], &format!("{name} authority"), now, expires_at)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);
        let mut own = params(names.to_vec(), &name, now, expires_at)?;
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        own.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = own.signed_by(&key, &issuer)?.pem();
        Ok(Self {
            made_at: now,
            expires_at,
            authority: authority_pem,
            certificate,
            key: key.serialize_pem(),
        })
    }
}

fn params(
    names: Vec<String>,
    common_name: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.remove(DnType::CommonName);
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = moment(now - SKEW);
    params.not_after = moment(expires_at);
    Ok(params)
}

fn moment(timestamp: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(timestamp.as_second())
        .expect("a time of jiff is a time of X.509's library")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_certificate_is_shown_only_after_its_authority_had_time_to_be_trusted() {
        let names = ["127.0.0.1".to_owned(), "webhook.svc".to_owned()];
        let schedule = Schedule::of(SignedDuration::from_secs(60));
        let renew =
            |generations: &[Generation], now| schedule.renewed(generations, &names, now).unwrap();
        assert!(schedule.shown(&[], at(0)).is_none());
        let first = renew(&[], at(0)).unwrap();
        assert!(schedule.shown(&first, at(0)) == first.first());
        assert!(renew(&first, at(39)).is_none());
        let second = renew(&first, at(40)).unwrap();
        assert_eq!(second.len(), 2);
        assert!(second[1] == first[0]);
        assert!(schedule.shown(&second, at(49)) == first.first());
        assert!(schedule.shown(&second, at(50)) == second.first());
        let third = renew(&second, at(80)).unwrap();
        assert!(
            third[1] == second[0],
            "the oldest goes at the next rotation"
        );
        // After a long sleep there is nothing to wait for.
        let late = renew(&third, at(1_000)).unwrap();
        assert!(schedule.shown(&late, at(1_000)) == late.first());
    }

    #[test]
    fn every_authority_is_in_the_bundle_and_no_key_is() {
        let names = ["127.0.0.1".to_owned()];
        let schedule = Schedule::of(SignedDuration::from_secs(60));
        let first = schedule.renewed(&[], &names, at(0)).unwrap().unwrap();
        let second = schedule.renewed(&first, &names, at(50)).unwrap().unwrap();
        let bundle = bundle(&second);
        assert_eq!(bundle.matches("BEGIN CERTIFICATE").count(), 2);
        assert!(!bundle.contains("KEY"));
    }
}
