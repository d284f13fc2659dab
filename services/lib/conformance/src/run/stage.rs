//! With what an owner's attempts are made, as far as the caller and the owner may see it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::{
    core::v1::{Namespace, ServiceAccount},
    rbac::v1::RoleBinding,
};
use kube::{Api, ResourceExt, api::ListParams};
use tenantry_k8s::{Guardrails, GuardrailsSpec, Tenant, guardrails, keys};

use super::Run;
use crate::{
    attempt::{self, Stage},
    cluster::{Failure, Line, Outcome},
    matrix::Column,
};

/// In place of another tenant, where there is none.
const NO_TENANT: &str = "tenantry-conformance-other";
/// Origins of namespaces, as the tenant service writes them.
const BY_SPEC: &str = "spec";
const BY_OWNER: &str = "self-served";
/// Namespaces that are looked at for one that a tenant could have: the privileged ones are few in most clusters.
const LOOKED_AT_MAX: u32 = 50;
/// What the apiserver says of a namespace that no tenant can have.
const PRIVILEGED: &str = "the name is privileged";

impl Run {
    /// Finds out with what an owner's attempts are made.
    pub(super) async fn set_stage(&mut self, others: &[Tenant], bindings: &[RoleBinding]) {
        let Some(owner) = self.scene.owner() else {
            let note = "nothing was attempted: no owner of the tenant is asked for";
            self.scene.notes.push(note.to_owned());
            return;
        };
        let namespace = self.scene.namespace.clone();
        let tenant = self.scene.tenant.name_any();
        let origins = self.origins(&tenant).await;
        let stage = Stage {
            quota: self.scene.tenant.spec.quota.clone(),
            foreign: self.foreign(owner, others),
            made: origins.get(BY_SPEC).cloned(),
            served: origins.get(BY_OWNER).cloned(),
            lone: self.lone(owner, &tenant).await,
            binding: binding(bindings),
            rules: self.rules(&namespace).await,
            accounts: accounts(&self.lines[owner], &namespace).await,
            tenant,
            namespace,
        };
        self.attempts = attempt::attempts(&stage);
    }

    fn foreign(&self, owner: usize, others: &[Tenant]) -> (String, String) {
        let places = self.scene.askers[owner].places.iter();
        let namespace = places
            .filter(|place| place.column == Column::Foreign)
            .find_map(|place| place.namespace.clone());
        let holder = |namespace: &String| {
            let has = |other: &&Tenant| {
                let status = other.status.as_ref();
                status.is_some_and(|status| status.managed_namespaces.contains(namespace))
            };
            others.iter().find(has).map(ResourceExt::name_any)
        };
        namespace
            .and_then(|namespace| Some((holder(&namespace)?, namespace)))
            .unwrap_or_else(|| (NO_TENANT.to_owned(), "kube-system".to_owned()))
    }

    /// A namespace of the tenant for each way that one came to it.
    async fn origins(&mut self, tenant: &str) -> BTreeMap<String, String> {
        let own = ListParams::default().labels(&format!("{}={tenant}", keys::TENANT));
        let origin = |namespace: &Namespace| {
            let origin = namespace.annotations().get(keys::ORIGIN)?.clone();
            Some((origin, namespace.name_any()))
        };
        match namespaces(&self.caller, &own).await {
            Ok(found) => found.iter().filter_map(origin).collect(),
            Err(failure) => {
                let note = format!("deleting a namespace was not tried: {failure}");
                self.scene.notes.push(note);
                BTreeMap::new()
            }
        }
    }

    /// A namespace that no tenant has. Not one that none can have: its refusal would speak of the name and nothing else.
    async fn lone(&mut self, owner: usize, tenant: &str) -> Option<String> {
        let nobodys = ListParams::default()
            .labels(&format!("!{}", keys::TENANT))
            .limit(LOOKED_AT_MAX);
        let why = match namespaces(&self.caller, &nobodys).await {
            Ok(found) => {
                for name in found.iter().map(ResourceExt::name_any) {
                    let adoption = attempt::adoption(&name, tenant);
                    let tried = self.lines[owner].attempt(&adoption).await;
                    if !is_privileged(&tried) {
                        return Some(name);
                    }
                }
                "every namespace has a tenant, or a name that no tenant can have".to_owned()
            }
            Err(failure) => failure.to_string(),
        };
        let note = format!("adopting a namespace was not tried: {why}");
        self.scene.notes.push(note);
        None
    }

    async fn rules(&mut self, namespace: &str) -> GuardrailsSpec {
        let found = self
            .caller
            .call(async |client| {
                let rules = Api::<Guardrails>::namespaced(client, namespace);
                rules.get(guardrails::NAME).await
            })
            .await;
        match found {
            Ok(found) => found.spec,
            Err(failure) => {
                let note = format!(
                    "the rules of {namespace} were not tried: reading Guardrails/{}: {failure}",
                    guardrails::NAME
                );
                self.scene.notes.push(note);
                GuardrailsSpec::default()
            }
        }
    }
}

fn is_privileged(tried: &Outcome) -> bool {
    match tried {
        Outcome::Refused(words) => words.contains(PRIVILEGED),
        Outcome::Allowed | Outcome::Unknown(_) => false,
    }
}

/// Those that are not on their way out.
async fn namespaces(caller: &Line, which: &ListParams) -> Result<Vec<Namespace>, Failure> {
    let list = caller
        .call(async |client| Api::<Namespace>::all(client).list(which).await)
        .await?;
    let mut found = list.items;
    found.retain(|namespace| namespace.metadata.deletion_timestamp.is_none());
    Ok(found)
}

/// One that the tenant service keeps; where they are not known, the one of a default installation.
fn binding(bindings: &[RoleBinding]) -> String {
    let is_owners = |name: &String| name.starts_with("tenant-owner-");
    let found = bindings.iter().map(ResourceExt::name_any).find(is_owners);
    found.unwrap_or_else(|| "tenant-owner-admin".to_owned())
}

/// None are known where the owner may not list them: the pods then run as `default`.
async fn accounts(owner: &Line, namespace: &str) -> BTreeSet<String> {
    let listed = owner
        .call(async |client| {
            let accounts = Api::<ServiceAccount>::namespaced(client, namespace);
            accounts.list(&ListParams::default()).await
        })
        .await;
    let accounts = listed.map(|list| list.items).unwrap_or_default();
    accounts.iter().map(ResourceExt::name_any).collect()
}
