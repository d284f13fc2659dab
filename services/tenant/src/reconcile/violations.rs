//! What was there before the rules and breaks them: it keeps running, and somebody should know.
//!
//! Looked at after the rules are in force, so that nothing slips in between.

mod judge;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        core::v1::{PersistentVolumeClaim, Pod, Service},
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

    fn note(&mut self, kind: &'static str, namespace: &str, name: &str, reasons: &[String]) {
        *self.counts.entry(kind).or_default() += 1;
        self.namespaces.insert(namespace.to_owned());
        if self.first.len() < TOLD_MAX {
            let reasons = reasons.join(", ");
            self.first
                .push(format!("{kind} {namespace}/{name}: {reasons}"));
        }
    }
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

/// Lists only what there is a rule for.
async fn find(
    client: &Client,
    rules: &GuardrailsSpec,
    namespaces: &[String],
) -> Result<Violations, cluster::Error> {
    let mut found = Violations::default();
    for namespace in namespaces {
        let mut place = Place {
            client,
            namespace,
            found: &mut found,
        };
        if judge::has_rules_for_pods(rules) {
            place
                .look("pods", |pod: &Pod| judge::pod(rules, pod))
                .await?;
        }
        if judge::has_rules_for_claims(rules) {
            let judge = |claim: &PersistentVolumeClaim| judge::claim(rules, claim);
            place.look("persistentvolumeclaims", judge).await?;
        }
        if judge::has_rules_for_ingresses(rules) {
            let judge = |ingress: &Ingress| judge::ingress(rules, ingress);
            place.look("ingresses", judge).await?;
        }
        if judge::has_rules_for_services(rules) {
            let judge = |service: &Service| judge::service(rules, service);
            place.look("services", judge).await?;
        }
    }
    Ok(found)
}

/// A namespace that is looked at.
struct Place<'a> {
    client: &'a Client,
    namespace: &'a str,
    found: &'a mut Violations,
}

impl Place<'_> {
    /// Judges every object of a kind, those on their way out aside.
    async fn look<K>(
        &mut self,
        kind: &'static str,
        judge: impl Fn(&K) -> Vec<String>,
    ) -> Result<(), cluster::Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let api = Api::<K>::namespaced(self.client.clone(), self.namespace);
        let mut params = ListParams::default().limit(PAGE);
        loop {
            let page = within(api.list(&params)).await?;
            for object in page.items.iter().filter(|object| is_staying(*object)) {
                let reasons = judge(object);
                if !reasons.is_empty() {
                    self.found
                        .note(kind, self.namespace, &object.name_any(), &reasons);
                }
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(()),
            }
        }
    }
}

fn is_staying<K: Resource>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_none()
}
