use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tenantry_domain::{Actor, TenantName};
use uuid::Uuid;

/// Root of the uids of things that have none of their own (UUIDv5 of `https://tenantry.dev`).
const ROOT: Uuid = Uuid::from_u128(0x6f2d_7c5e_31b4_5d0a_9a57_0c1d_52e8_b7f3);

/// A stable uid for a thing that has none of its own, such as a membership.
///
/// Shape: UUIDv5 over `noun` and `key`; the same input gives the same uid for ever.
pub fn uid(noun: &str, key: &str) -> Uuid {
    Uuid::new_v5(&ROOT, format!("{noun}/{key}").as_bytes())
}

/// Something that became true, to be recorded with [`crate::record`].
#[derive(Debug, Clone)]
pub struct Fact {
    /// Kind of thing, a subject token: `group`.
    pub noun: &'static str,
    /// Identifier of the thing.
    pub uid: Uuid,
    /// Name of the thing as people write it.
    pub name: String,
    /// What became true: `GroupCreated`.
    pub kind: &'static str,
    /// Who caused it.
    pub actor: Actor,
    /// Tenant it concerns.
    pub tenant: Option<TenantName>,
    /// Shared by the facts of one request.
    pub correlation: Option<Uuid>,
    /// The state that became true: proto3 JSON of the message in `events.proto`.
    pub data: serde_json::Value,
}

impl Fact {
    /// A fact about `noun` `uid`, carrying `message`.
    ///
    /// Panics: a proto message is always JSON; anything else given here is a bug.
    pub fn new<M: Serialize>(
        noun: &'static str,
        uid: Uuid,
        name: impl Into<String>,
        kind: &'static str,
        actor: Actor,
        message: &M,
    ) -> Self {
        let data = serde_json::to_value(message).expect("a proto message is JSON");
        Self {
            noun,
            uid,
            name: name.into(),
            kind,
            actor,
            tenant: None,
            correlation: None,
            data,
        }
    }

    /// The same fact, concerning `tenant`.
    pub fn with_tenant(self, tenant: TenantName) -> Self {
        Self {
            tenant: Some(tenant),
            ..self
        }
    }

    /// The same fact, part of the request `correlation`.
    pub fn with_correlation(self, correlation: Uuid) -> Self {
        Self {
            correlation: Some(correlation),
            ..self
        }
    }

    /// SHA-256 over kind and data: equal digests tell the same thing.
    pub(crate) fn digest(&self) -> Vec<u8> {
        let hash = Sha256::new()
            .chain_update(self.kind)
            .chain_update([0])
            .chain_update(self.data.to_string());
        hash.finalize().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_stable_and_differ_by_noun() {
        assert_eq!(uid("membership", "a/b"), uid("membership", "a/b"));
        assert_ne!(uid("membership", "a/b"), uid("mapping", "a/b"));
    }
}
