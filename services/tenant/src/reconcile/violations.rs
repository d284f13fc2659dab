//! What was there before the rules and breaks them: it keeps running, and somebody should know.
//!
//! Looked at after the rules are in force, so that nothing slips in between.

mod judge;
mod limits;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        core::v1::{LimitRangeItem, PersistentVolumeClaim, Pod, Service},
        networking::v1::Ingress,
    },
};
use kube::{Api, Client, Resource, ResourceExt, api::ListParams};
use serde::de::DeserializeOwned;
use tenantry_k8s::GuardrailsSpec;
use tenantry_runtime::Chain;
use tokio::time::Instant;
use uuid::Uuid;

use super::validate::Valid;
use crate::cluster::{self, within};
pub(in crate::reconcile) use judge::unfinished;

/// Examples in a condition.
const TOLD_MAX: usize = 10;
/// Objects in one answer: a namespace may have thousands of pods.
const PAGE: u32 = 500;
/// No second look before: each pod that comes or goes makes a tenant be looked at.
const REST: Duration = Duration::from_secs(5);

/// What breaks the rules of a tenant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Violations {
    counts: BTreeMap<&'static str, usize>,
    namespaces: BTreeSet<String>,
    first: Vec<String>,
}

impl Violations {
    /// Whether nothing does.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// For people: how many, which, why, and how to find them; none if there are none.
    pub fn message(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let counts: Vec<String> = self
            .counts
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let all: usize = self.counts.values().sum();
        let more = match all - self.first.len() {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let kinds: Vec<&str> = self.counts.keys().copied().collect();
        let namespaces: Vec<&str> = self.namespaces.iter().map(String::as_str).collect();
        Some(format!(
            "older than the rules that they break, or made by the privileged, and left running: {}; made or changed anew, they are refused: {}{more}; \
             to see all: kubectl get {} -n NAMESPACE, in {}",
            counts.join(", "),
            self.first.join("; "),
            kinds.join(","),
            namespaces.join(", "),
        ))
    }

    fn note(&mut self, violation: Violation) {
        let Violation {
            kind,
            namespace,
            name,
            reasons,
        } = violation;
        *self.counts.entry(kind).or_default() += 1;
        if self.first.len() < TOLD_MAX {
            let reasons = reasons.join(", ");
            self.first
                .push(format!("{kind} {namespace}/{name}: {reasons}"));
        }
        self.namespaces.insert(namespace);
    }
}

impl FromIterator<Violation> for Violations {
    fn from_iter<T: IntoIterator<Item = Violation>>(all: T) -> Self {
        let mut violations = Self::default();
        all.into_iter()
            .for_each(|violation| violations.note(violation));
        violations
    }
}

/// An object that breaks rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Plural of its kind.
    pub kind: &'static str,
    /// Where it is.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Each rule that it breaks, in words.
    pub reasons: Vec<String>,
}

/// What holds in a namespace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rules<'a> {
    pub(super) guardrails: &'a GuardrailsSpec,
    /// What the LimitRange says; empty where that is not asked.
    pub(super) limits: &'a [LimitRangeItem],
}

/// What was seen last of each tenant.
#[derive(Default)]
pub(super) struct Looks(Mutex<HashMap<Uuid, Look>>);

struct Look {
    at: Instant,
    rules: GuardrailsSpec,
    namespaces: Vec<String>,
    found: Violations,
}

/// What was seen.
pub(super) struct Seen {
    pub(super) found: Violations,
    /// Whether something may have come since: who is privileged is held to no rule.
    pub(super) is_old: bool,
}

impl Seen {
    /// Whether a later look may see something else, of which no watch tells.
    pub(super) fn may_change(&self) -> bool {
        self.is_old || !self.found.is_empty()
    }
}

impl Looks {
    /// What breaks the tenant's rules; none if the apiserver does not say.
    pub(super) async fn now(&self, client: &Client, valid: &Valid) -> Option<Seen> {
        let namespaces = namespaces(valid);
        if let Some(found) = self.recent(valid, &namespaces) {
            let is_old = judge::has_rules(&valid.rules);
            return Some(Seen { found, is_old });
        }
        match find(client, &valid.rules, &namespaces).await {
            Ok(found) => {
                let found: Violations = found.into_iter().collect();
                let look = Look {
                    at: Instant::now(),
                    rules: valid.rules.clone(),
                    namespaces,
                    found: found.clone(),
                };
                self.locked().insert(valid.uid, look);
                Some(Seen {
                    found,
                    is_old: false,
                })
            }
            Err(failure) => {
                tracing::warn!(tenant = %valid.name, error = %Chain(&failure), "What breaks the rules is not known.");
                None
            }
        }
    }

    fn recent(&self, valid: &Valid, namespaces: &[String]) -> Option<Violations> {
        let looks = self.locked();
        let look = looks.get(&valid.uid)?;
        let is_same = look.rules == valid.rules && look.namespaces == namespaces;
        (is_same && look.at.elapsed() < REST).then(|| look.found.clone())
    }

    /// Others may have looked after the tenants meanwhile.
    pub(super) fn forget_all(&self) {
        self.locked().clear();
    }

    /// A tenant that is gone.
    pub(super) fn forget(&self, tenant: Uuid) {
        self.locked().remove(&tenant);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Uuid, Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn namespaces(valid: &Valid) -> Vec<String> {
    let there = valid.spaces.iter().filter(|space| space.exists);
    there.map(|space| space.name.clone()).collect()
}

async fn find(
    client: &Client,
    guardrails: &GuardrailsSpec,
    namespaces: &[String],
) -> Result<Vec<Violation>, cluster::Error> {
    let rules = Rules {
        guardrails,
        limits: &[],
    };
    let mut found = Vec::new();
    for namespace in namespaces {
        let place = Place {
            namespace,
            rules,
            before: None,
        };
        found.extend(place.violations(client).await?);
    }
    Ok(found)
}

/// A namespace that is looked at.
pub(super) struct Place<'a> {
    pub(super) namespace: &'a str,
    pub(super) rules: Rules<'a>,
    /// What breaks as much of these is not told.
    pub(super) before: Option<Rules<'a>>,
}

impl Place<'_> {
    /// What breaks the rules here; lists only what there is a rule for.
    ///
    /// Errors: the apiserver does not say.
    pub(super) async fn violations(
        &self,
        client: &Client,
    ) -> Result<Vec<Violation>, cluster::Error> {
        let Rules { guardrails, limits } = self.rules;
        let mut found = Vec::new();
        if judge::has_rules_for_pods(guardrails) || limits::has_rules_for_pods(limits) {
            let judge = |rules: Rules<'_>, pod: &Pod| {
                let mut reasons = judge::pod(rules.guardrails, pod);
                reasons.extend(limits::pod(rules.limits, pod));
                reasons
            };
            found.extend(self.look(client, "pods", judge).await?);
        }
        if judge::has_rules_for_claims(guardrails) || limits::has_rules_for_claims(limits) {
            let judge = |rules: Rules<'_>, claim: &PersistentVolumeClaim| {
                let mut reasons = judge::claim(rules.guardrails, claim);
                reasons.extend(limits::claim(rules.limits, claim));
                reasons
            };
            found.extend(self.look(client, "persistentvolumeclaims", judge).await?);
        }
        if judge::has_rules_for_ingresses(guardrails) {
            let judge =
                |rules: Rules<'_>, ingress: &Ingress| judge::ingress(rules.guardrails, ingress);
            found.extend(self.look(client, "ingresses", judge).await?);
        }
        if judge::has_rules_for_services(guardrails) {
            let judge =
                |rules: Rules<'_>, service: &Service| judge::service(rules.guardrails, service);
            found.extend(self.look(client, "services", judge).await?);
        }
        Ok(found)
    }

    /// Judges every object of a kind, those on their way out aside.
    async fn look<K>(
        &self,
        client: &Client,
        kind: &'static str,
        judge: impl Fn(Rules<'_>, &K) -> Vec<String>,
    ) -> Result<Vec<Violation>, cluster::Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let mut found = Vec::new();
        each(client, self.namespace, |object: &K| {
            let reasons = judge(self.rules, object);
            let broken_before = self.before.map_or(0, |rules| judge(rules, object).len());
            if reasons.len() > broken_before {
                found.push(Violation {
                    kind,
                    namespace: self.namespace.to_owned(),
                    name: object.name_any(),
                    reasons,
                });
            }
        })
        .await?;
        Ok(found)
    }
}

/// Shows every object of a kind in a namespace, those on their way out aside, page by page.
pub(super) async fn each<K>(
    client: &Client,
    namespace: &str,
    mut look: impl FnMut(&K),
) -> Result<(), cluster::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug,
{
    let api = Api::<K>::namespaced(client.clone(), namespace);
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = within(api.list(&params)).await?;
        let staying = page.items.iter().filter(|object| is_staying(*object));
        staying.for_each(&mut look);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}

fn is_staying<K: Resource>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_none()
}
