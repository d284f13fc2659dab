//! Use of what no share limits yet: of pods, claims and services; of other kinds it is not known.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use kube::Client;
use tenantry_k8s::quantity::{Amounts, Millis};

use super::Forecast;
use crate::{
    admission::usage::Creation,
    cluster,
    reconcile::{
        usage,
        violations::{each, unfinished},
    },
};

impl Forecast {
    /// Counts in the namespaces that stay what would be limited for the first time.
    ///
    /// Errors: the apiserver does not say.
    pub async fn count(mut self, client: &Client) -> Result<Self, cluster::Error> {
        let budget = self.valid.budget.iter().flat_map(|budget| &budget.hard);
        let keys = budget.map(|(key, _)| key.clone());
        let shares = self.staying_shares();
        let is_unknown = |key: &String| usage::used(key, shares.iter().copied()).is_none();
        let unknown: Vec<String> = keys.filter(is_unknown).collect();
        let Some(kinds) = Kinds::of(&unknown) else {
            return Ok(self);
        };
        let mut counted = Amounts::new();
        let mut add = |object: Option<Creation>| {
            let Some(object) = object else { return };
            for key in &unknown {
                *counted.entry(key.clone()).or_default() += object.adds(key);
            }
        };
        for namespace in self.staying() {
            kinds.show(client, &namespace, &mut add).await?;
        }
        // What none of these counts for may be in use all the same.
        counted.retain(|_, used| *used > Millis::ZERO);
        self.counted = counted;
        Ok(self)
    }
}

/// What must be looked at.
struct Kinds {
    pods: bool,
    claims: bool,
    services: bool,
}

impl Kinds {
    /// None if nothing must.
    fn of(keys: &[String]) -> Option<Self> {
        let has = |is_of: &dyn Fn(&str) -> bool| keys.iter().any(|key| is_of(key));
        let kinds = Self {
            pods: has(&is_of_pods),
            claims: has(&is_of_claims),
            services: has(&is_of_services),
        };
        (kinds.pods || kinds.claims || kinds.services).then_some(kinds)
    }

    async fn show(
        &self,
        client: &Client,
        namespace: &str,
        add: &mut impl FnMut(Option<Creation>),
    ) -> Result<(), cluster::Error> {
        if self.pods {
            let look = |pod: &Pod| add(unfinished(pod).map(Creation::pod));
            each(client, namespace, look).await?;
        }
        if self.claims {
            let look =
                |claim: &PersistentVolumeClaim| add(claim.spec.as_ref().map(Creation::claim));
            each(client, namespace, look).await?;
        }
        if self.services {
            let look = |service: &Service| add(service.spec.as_ref().map(Creation::service));
            each(client, namespace, look).await?;
        }
        Ok(())
    }
}

fn is_of_claims(key: &str) -> bool {
    key.ends_with("requests.storage") || key.ends_with("persistentvolumeclaims")
}

fn is_of_services(key: &str) -> bool {
    key == "count/services" || key == "services" || key.starts_with("services.")
}

/// Compute of every sort, extended resources included.
fn is_of_pods(key: &str) -> bool {
    let is_compute = ["requests.", "limits."]
        .iter()
        .any(|prefix| key.starts_with(prefix));
    (is_compute && !is_of_claims(key))
        || ["pods", "count/pods", "cpu", "memory", "ephemeral-storage"].contains(&key)
}
