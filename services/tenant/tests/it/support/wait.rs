//! Waiting for what a world comes to.

use kube::{
    Api,
    api::{ApiResource, DynamicObject},
};
use serde_json::{Value, json};
use tenantry_k8s::Tenant;
use tenantry_testkit::{PATIENCE, eventually};

use super::{COMMAND, World, facts};

impl World {
    /// Waits until `count` replicas share the tenants.
    pub(crate) async fn wait_for_replicas(&self, count: usize) {
        eventually("a Lease of each replica", async || {
            let leases = self.get("leases -n multi-tenant-operator")["items"].clone();
            let found = leases.as_array().map(Vec::len);
            (found == Some(count)).then_some(()).ok_or(found)
        })
        .await;
    }

    /// Waits until a condition of a tenant is `status`.
    pub(crate) async fn wait_for(&self, tenant: &str, condition: &str, status: &str) {
        let what = format!("{condition}={status} of {tenant}");
        self.wait_for_conditions(tenant, &what, |generation, conditions| {
            conditions.iter().any(|found| {
                found["type"] == condition
                    && found["status"] == status
                    && found["observedGeneration"].as_i64() == generation
            })
        })
        .await;
    }

    /// Waits until the conditions of a tenant, whose generation is told too, are as they should.
    async fn wait_for_conditions(
        &self,
        tenant: &str,
        what: &str,
        hold: impl Fn(Option<i64>, &[Value]) -> bool,
    ) {
        let kind = ApiResource::erase::<Tenant>(&());
        let tenants = Api::<DynamicObject>::all_with(self.acting_as(None).await, &kind);
        eventually(what, async || {
            let found = tenants.get(tenant).await;
            let found = found.map_err(|failure| json!(failure.to_string()))?;
            let status = &found.data["status"];
            let conditions = status["conditions"].as_array().map(Vec::as_slice);
            match hold(found.metadata.generation, conditions.unwrap_or_default()) {
                true => Ok(()),
                false => Err(status.clone()),
            }
        })
        .await;
    }

    /// Waits until kubectl answers `line` with exactly `expected`.
    pub(crate) async fn wait_for_answer(&self, line: &str, expected: &str) {
        eventually(line, async || match self.kubectl(line) {
            Ok(found) if found.trim() == expected => Ok(()),
            other => Err(other),
        })
        .await;
    }

    /// Waits until a condition of a tenant has `words` in its message.
    pub(crate) async fn wait_for_words(&self, tenant: &str, words: &str) {
        self.wait_for_conditions(tenant, words, |_, conditions| {
            json!(conditions).to_string().contains(words)
        })
        .await;
    }

    /// Waits until there is nothing any more that kubectl gets by `line`.
    pub(crate) async fn wait_until_gone(&self, line: &str) {
        let wait = format!("wait --for=delete --timeout={}s", PATIENCE.as_secs());
        let wait = line.replacen("get", &wait, 1);
        let wait = self
            .installation
            .plane
            .kubectl()
            .args(wait.split_whitespace());
        // Beside whatever else the test does.
        let waited = tokio::task::spawn_blocking(move || wait.run(PATIENCE + COMMAND)).await;
        if let Err(failure) = waited.expect("a wait that does not panic") {
            panic!("{failure:#}; last: {:?}", self.kubectl(line));
        }
    }

    /// Waits until the history of a tenant has `fact`.
    pub(crate) async fn wait_for_fact(&self, tenant: &str, fact: &str) {
        let pool = self.pool();
        eventually(fact, async || {
            let facts = facts(&pool, tenant).await;
            if facts.iter().any(|found| found == fact) {
                Ok(())
            } else {
                Err(facts)
            }
        })
        .await;
    }
}
