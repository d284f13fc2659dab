use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt as _;
use sha2::{Digest as _, Sha256};
use tenantry_k8s::{Tenant, keys};

use super::{Origin, Problem};
use crate::member::{Role, grantees};

/// Longest name of a namespace.
const NAME_MAX: usize = 63;
/// Hexadecimal digits that tell two users of one name apart.
const HASH_DIGITS: usize = 6;

/// Namespaces that exist, by name: those of the tenant, and those of a name that it wants.
pub(super) type There<'a> = BTreeMap<String, &'a Namespace>;

/// Sandboxes by name, with their users.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) users: BTreeMap<String, String>,
    pub(super) problems: Vec<Problem>,
}

/// Names of the tenant's sandboxes. Who has a name keeps it, even against the spec; of the others, the first by username
/// gets the plain name, and the rest one with a hash. `others` are names that the spec lists, or an older tenant wants.
pub(super) fn names(tenant: &Tenant, others: &BTreeSet<String>, there: &There<'_>) -> Named {
    let users = users(tenant);
    let mut named = Named::default();
    for (user, name) in held(tenant, there) {
        if users.contains(&user) {
            named.users.entry(name).or_insert(user);
        }
    }
    let have: BTreeSet<String> = named.users.values().cloned().collect();
    for user in users.difference(&have) {
        let candidates = candidates(&tenant.name_any(), user);
        let is_free = |name: &&String| {
            !named.users.contains_key(*name)
                && !others.contains(*name)
                && !there.contains_key(*name)
        };
        match candidates.iter().find(is_free) {
            Some(name) => {
                named.users.insert(name.clone(), user.clone());
            }
            None => named.problems.push(taken(user, &candidates)),
        }
    }
    named
}

fn taken(user: &str, names: &[String; 2]) -> Problem {
    let message = format!(
        "sandbox of {user}: the names {} and {} are taken; free one of them",
        names[0], names[1]
    );
    Problem {
        reason: "NamespaceConflict",
        message,
    }
}

/// Every name that a sandbox of the tenant has or could get.
pub(super) fn possible(tenant: &Tenant) -> impl Iterator<Item = String> {
    let name = tenant.name_any();
    let ledger = tenant.status.iter().flat_map(|status| {
        status
            .deployed_sandboxes
            .iter()
            .filter(|(user, _)| users(tenant).contains(*user))
            .map(|(_, namespace)| namespace.clone())
            .collect::<Vec<_>>()
    });
    let all: Vec<String> = users(tenant)
        .iter()
        .flat_map(|user| candidates(&name, user))
        .chain(ledger)
        .collect();
    all.into_iter()
}

/// Owners and editors by username, while sandboxes are on. A group is a word: nobody can list its members.
fn users(tenant: &Tenant) -> BTreeSet<String> {
    let is_enabled = tenant
        .spec
        .namespaces
        .as_ref()
        .and_then(|namespaces| namespaces.sandboxes.as_ref())
        .is_some_and(|sandboxes| sandboxes.enabled == Some(true));
    let members = tenant
        .spec
        .access_control
        .as_ref()
        .filter(|_| is_enabled)
        .map(grantees)
        .unwrap_or_default();
    members
        .into_iter()
        .filter(|(role, _)| *role != Role::Viewer)
        .flat_map(|(_, subjects)| subjects)
        .filter(|subject| !subject.is_group)
        .map(|subject| subject.name)
        .collect()
}

/// Users that have a sandbox, by the namespace's own mark, or by the ledger where the namespace is missing or lost its mark.
fn held(tenant: &Tenant, there: &There<'_>) -> BTreeMap<String, String> {
    let marked = there
        .iter()
        .filter_map(|(name, namespace)| Some((user_of(tenant, namespace)?, name.clone())));
    let ledger = tenant
        .status
        .iter()
        .flat_map(|status| status.deployed_sandboxes.clone())
        .filter(|(_, name)| {
            there
                .get(name)
                .is_none_or(|namespace| is_unmarked(tenant, namespace))
        });
    ledger.chain(marked).collect()
}

/// The user whose sandbox `namespace` is, if it is one of the tenant's.
pub(super) fn user_of(tenant: &Tenant, namespace: &Namespace) -> Option<String> {
    let is_sandbox = Origin::of(namespace) == Some(Origin::Sandbox);
    let is_ours = namespace
        .labels()
        .get(keys::TENANT)
        .is_none_or(|owner| *owner == tenant.name_any());
    let user = namespace.annotations().get(keys::SANDBOX_USER);
    user.filter(|_| is_sandbox && is_ours).cloned()
}

fn is_unmarked(tenant: &Tenant, namespace: &Namespace) -> bool {
    namespace.labels().get(keys::TENANT) == Some(&tenant.name_any())
        && Origin::of(namespace).is_none()
}

/// The plain name, and the one with a hash.
fn candidates(tenant: &str, user: &str) -> [String; 2] {
    let stem = stem(tenant, user);
    let plain = format!("{stem}-sandbox");
    let hash = hash(tenant, user);
    let room = NAME_MAX - HASH_DIGITS - "--sandbox".len();
    let cut = stem[..stem.len().min(room)].trim_end_matches('-');
    let hashed = format!("{cut}-{hash}-sandbox");
    let is_whole = plain.len() <= NAME_MAX && stem != tenant;
    [if is_whole { plain } else { hashed.clone() }, hashed]
}

/// `anna@aurora.org` of `bluesky` is `bluesky-anna-aurora`.
fn stem(tenant: &str, user: &str) -> String {
    let kept = match user.split_once('@') {
        Some((_, domain)) if domain.contains('.') => {
            user.rsplit_once('.').map_or(user, |(kept, _)| kept)
        }
        _ => user,
    };
    let legal = |c: char| {
        let lower = c.to_ascii_lowercase();
        if lower.is_ascii_alphanumeric() {
            lower
        } else {
            '-'
        }
    };
    let word: String = kept.chars().map(legal).collect();
    let parts = word.split('-').filter(|part| !part.is_empty());
    [tenant]
        .into_iter()
        .chain(parts)
        .collect::<Vec<_>>()
        .join("-")
}

fn hash(tenant: &str, user: &str) -> String {
    let digest = Sha256::digest(format!("{tenant}/{user}"));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..HASH_DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_in_mto_where_they_are_legal() {
        let check = |tenant: &str, user: &str, expected: &str| {
            assert_eq!(candidates(tenant, user)[0], expected, "{user}");
        };
        check("bluesky", "anna@aurora.org", "bluesky-anna-aurora-sandbox");
        check(
            "retail",
            "bear@nordmart.com",
            "retail-bear-nordmart-sandbox",
        );
        check("t", "x@a.co.uk", "t-x-a-co-sandbox");
        check("t", "John.Doe", "t-john-doe-sandbox");
        check("t", "oidc:Ann_B+c@x.io", "t-oidc-ann-b-c-x-sandbox");
        check("t", "x@localhost", "t-x-localhost-sandbox");
    }

    #[test]
    fn every_name_is_legal_and_tells_users_apart() {
        let long = "a".repeat(250);
        for tenant in ["t", &"b".repeat(63)] {
            for user in [
                "@",
                "ö",
                "é",
                &long,
                &format!("{long}b"),
                "x@a.org",
                "x@a.com",
            ] {
                for name in candidates(tenant, user) {
                    let is_legal = name
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
                    assert!(is_legal && name.len() <= NAME_MAX, "{name}");
                    assert!(!name.contains("--") || tenant.len() > 60, "{name}");
                }
            }
        }
        assert_ne!(candidates("t", "ö"), candidates("t", "é"));
        assert_ne!(candidates("t", &long), candidates("t", &format!("{long}b")));
        let [plain, hashed] = candidates("t", "x@a.org");
        assert_eq!(plain, candidates("t", "x@a.com")[0]);
        assert_ne!(hashed, candidates("t", "x@a.com")[1]);
    }
}
