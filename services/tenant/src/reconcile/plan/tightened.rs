//! What is there and would break the rules as they would be.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};
use kube::{Client, ResourceExt};
use tenantry_k8s::{Guardrails, GuardrailsSpec};

use super::Forecast;
use crate::{
    cluster,
    reconcile::{
        dereference::Observed,
        object::Kind,
        violations::{Place, Rules, Violation},
    },
};

impl Forecast {
    /// Objects that break more rules than they do now, in the namespaces that stay, in order of namespace.
    ///
    /// Errors: the apiserver does not say.
    pub async fn violations(&self, client: &Client) -> Result<Vec<Violation>, cluster::Error> {
        let (before, after) = (by_namespace(&self.before), by_namespace(&self.after));
        let mut found = Vec::new();
        for namespace in self.staying() {
            let rules = |of: &HashMap<String, Holding>| of.get(&namespace).cloned();
            let (before, after) = (
                rules(&before).unwrap_or_default(),
                rules(&after).unwrap_or_default(),
            );
            if before != after {
                let place = Place {
                    namespace: &namespace,
                    rules: after.rules(),
                    before: Some(before.rules()),
                };
                found.extend(place.violations(client).await?);
            }
        }
        Ok(found)
    }
}

/// What holds in a namespace.
#[derive(Debug, Clone, Default, PartialEq)]
struct Holding {
    guardrails: GuardrailsSpec,
    limits: Vec<LimitRangeItem>,
}

impl Holding {
    fn rules(&self) -> Rules<'_> {
        Rules {
            guardrails: &self.guardrails,
            limits: &self.limits,
        }
    }
}

fn by_namespace(observed: &Observed) -> HashMap<String, Holding> {
    let mut all: HashMap<String, Holding> = HashMap::new();
    for rules in observed.read::<Guardrails>(Kind::Guardrails) {
        let namespace = rules.namespace().unwrap_or_default();
        all.entry(namespace).or_default().guardrails = rules.spec;
    }
    for range in observed.read::<LimitRange>(Kind::LimitRange) {
        let namespace = range.namespace().unwrap_or_default();
        let items = range.spec.map(|spec| spec.limits);
        all.entry(namespace).or_default().limits = items.unwrap_or_default();
    }
    all
}
