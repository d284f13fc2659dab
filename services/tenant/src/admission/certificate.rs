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
    /// Names that the certificate is for; none if it was made before they were noted.
    #[serde(default)]
    pub(super) names: Vec<String>,
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

    /// What there is from `now` on, newest first; none if nothing is due, for a certificate with these `names` is young.
    ///
    /// Shape: the new generation and the one before it, whose authority stays trusted until the next rotation. A
    /// certificate for other names is no reason for haste: a replica with other settings has it, and made it the same way.
    pub(super) fn renewed(
        self,
        generations: &[Generation],
        names: &[String],
        now: Timestamp,
    ) -> Result<Option<Vec<Generation>>, rcgen::Error> {
        let own = generations
            .iter()
            .find(|generation| generation.names == names);
        if own.is_some_and(|own| now < own.made_at + self.lifetime * 2 / 3) {
            return Ok(None);
        }
        let newest = Generation::make(names, now, self.lifetime)?;
        let before = own.or(generations.first());
        Ok(Some([newest].into_iter().chain(before.cloned()).collect()))
    }

    /// The one to show to who calls us by `names`: the newest that every apiserver has had the time to trust, unless it is
    /// the only one.
    pub(super) fn shown<'a>(
        self,
        generations: &'a [Generation],
        names: &[String],
        now: Timestamp,
    ) -> Option<&'a Generation> {
        let settle = SETTLE_MAX.min(self.lifetime / 6);
        let is_valid =
            |generation: &&Generation| now < generation.expires_at && generation.may_be_for(names);
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
            names: names.to_vec(),
            authority: authority_pem,
            certificate,
            key: key.serialize_pem(),
        })
    }

    /// Whether it is for `names`, as far as is known.
    fn may_be_for(&self, names: &[String]) -> bool {
        self.names.is_empty() || self.names == names
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
        assert!(schedule.shown(&[], &names, at(0)).is_none());
        let first = renew(&[], at(0)).unwrap();
        assert!(schedule.shown(&first, &names, at(0)) == first.first());
        assert!(renew(&first, at(39)).is_none());
        let second = renew(&first, at(40)).unwrap();
        assert_eq!(second.len(), 2);
        assert!(second[1] == first[0]);
        assert!(schedule.shown(&second, &names, at(49)) == first.first());
        assert!(schedule.shown(&second, &names, at(50)) == second.first());
        let third = renew(&second, at(80)).unwrap();
        assert!(
            third[1] == second[0],
            "the oldest goes at the next rotation"
        );
        // After a long sleep there is nothing to wait for.
        let late = renew(&third, at(1_000)).unwrap();
        assert!(schedule.shown(&late, &names, at(1_000)) == late.first());
    }

    #[test]
    fn another_name_needs_another_certificate_at_once() {
        let old = ["webhook.svc".to_owned()];
        let new = ["webhook.svc".to_owned(), "10.0.0.1".to_owned()];
        let schedule = Schedule::of(SignedDuration::from_secs(60));
        let renew = |generations: &[Generation], names: &[String], now| {
            schedule.renewed(generations, names, now).unwrap()
        };
        let first = renew(&[], &old, at(0)).unwrap();
        let second = renew(&first, &new, at(1)).unwrap();
        assert!(second[1] == first[0]);
        // The old one could not be trusted under the new name, nor the new one yet.
        assert!(schedule.shown(&second, &new, at(1)) == second.first());
        // Replicas of old and new settings have one each, and nothing to quarrel about.
        assert!(schedule.shown(&second, &old, at(20)) == first.first());
        assert!(renew(&second, &old, at(20)).is_none());
        assert!(renew(&second, &new, at(20)).is_none());
        let third = renew(&second, &old, at(40)).unwrap();
        assert!(third[1] == first[0], "what is shown until then stays");
    }

    #[test]
    fn a_certificate_whose_names_were_not_noted_is_replaced_in_peace() {
        let names = ["webhook.svc".to_owned()];
        let schedule = Schedule::of(SignedDuration::from_secs(60));
        let made = schedule.renewed(&[], &names, at(0)).unwrap().unwrap();
        let mut stored = serde_json::to_value(&made).unwrap();
        stored[0].as_object_mut().unwrap().remove("names");
        let older: Vec<Generation> = serde_json::from_value(stored).unwrap();
        let second = schedule.renewed(&older, &names, at(1)).unwrap().unwrap();
        assert!(second[1] == older[0]);
        assert!(schedule.shown(&second, &names, at(10)) == older.first());
        assert!(schedule.shown(&second, &names, at(11)) == second.first());
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
