//! Raw → valid: what a Tenant means here, and what of it cannot be done. Pure.

pub(crate) mod metadata;
mod origin;
mod roles;
mod rules;
mod sandbox;
mod settings;
mod space;
mod unsupported;

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::api::resource::Quantity};
use kube::ResourceExt;
use tenantry_domain::{Actor, NameError, TenantName};
use tenantry_k8s::{
    GuardrailsSpec, Tenant, keys,
    quantity::Millis,
    quota::{Limit, ScopeSelector},
};
use uuid::Uuid;

use super::{actor, dereference::Observed};
use crate::member::{Grantees, grantees};
pub use origin::Origin;
pub use roles::Roles;
pub use settings::Settings;
pub(crate) use settings::exempt;
pub use space::Space;
pub(crate) use space::wanted_names;
pub(crate) use unsupported::of_config;

/// What cannot be done, in the words of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// CamelCase.
    pub reason: &'static str,
    /// For people: the problem and what to do.
    pub message: String,
}

/// A tenant that can be built.
#[derive(Debug, Clone)]
pub struct Valid {
    /// Name.
    pub name: TenantName,
    /// Kubernetes uid.
    pub uid: Uuid,
    /// Generation of the spec.
    pub generation: i64,
    /// Who wrote the spec.
    pub actor: Actor,
    /// Members by level.
    pub members: Grantees,
    /// Namespaces that the tenant has or is to have, by name.
    pub spaces: Vec<Space>,
    /// Namespaces that left the spec.
    pub pruned: Vec<String>,
    /// The quota; none if it does not exist, and then nothing new is made.
    pub budget: Option<Budget>,
    /// What applies in each of its namespaces.
    pub rules: GuardrailsSpec,
    /// What the IntegrationConfig says.
    pub settings: Settings,
    /// What cannot be done.
    pub problems: Vec<Problem>,
}

impl Valid {
    /// Whether a namespace is the tenant's: it says so, and a tenant may have it.
    pub fn owns(&self, namespace: &Namespace) -> bool {
        let tenant = namespace.labels().get(keys::TENANT);
        tenant.is_some_and(|tenant| tenant == self.name.as_str())
            && !self.settings.is_privileged(&namespace.name_any())
    }
}

/// A quota that can be split.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budget {
    /// Name of the Quota.
    pub name: String,
    /// Limits over all namespaces, as written and as a number.
    pub hard: BTreeMap<String, (Quantity, Millis)>,
    /// What of it is counted; all if none is given.
    pub scopes: Vec<String>,
    /// The same, by expressions.
    pub scope_selector: Option<ScopeSelector>,
    /// Limits of single things.
    pub limits: Vec<Limit>,
}

/// Why a Tenant cannot even be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// The schema refuses such a name.
    #[error("the tenant's name {0}")]
    Name(#[source] NameError),
    /// Only the apiserver makes tenants, and it gives a uid.
    #[error("the tenant has no uid")]
    Uid,
}

/// What `tenant` means, given what is `observed`.
pub fn validate(tenant: &Tenant, observed: &Observed) -> Result<Valid, Invalid> {
    let name = TenantName::parse(tenant.name_any()).map_err(Invalid::Name)?;
    let uid = tenant
        .uid()
        .and_then(|uid| Uuid::parse_str(&uid).ok())
        .ok_or(Invalid::Uid)?;
    let (settings, settings_problem) = Settings::of(observed);
    let (budget, budget_problem) = budget(tenant, observed);
    let sorted = space::sort(tenant, &settings, observed);
    let problems = settings_problem
        .into_iter()
        .chain(budget_problem)
        .chain(sorted.problems);
    Ok(Valid {
        name,
        uid,
        generation: tenant.metadata.generation.unwrap_or(1),
        actor: actor::of(&tenant.metadata),
        members: tenant
            .spec
            .access_control
            .as_ref()
            .map(grantees)
            .unwrap_or_default(),
        spaces: sorted.spaces,
        pruned: sorted.pruned,
        budget,
        rules: rules::of(tenant, &settings),
        settings,
        problems: problems.collect(),
    })
}

fn no_quota(tenant: &Tenant, observed: &Observed) -> Problem {
    let name = &tenant.spec.quota;
    match &observed.quota_fault {
        Some(fault) => Problem {
            reason: "QuotaUnreadable",
            message: format!(
                "Quota {name}: {fault}; correct that field, until then its shares stay as they are"
            ),
        },
        None => Problem {
            reason: "QuotaNotFound",
            message: format!(
                "Quota {name} does not exist; create it or name another in spec.quota"
            ),
        },
    }
}

fn budget(tenant: &Tenant, observed: &Observed) -> (Option<Budget>, Option<Problem>) {
    let Some(quota) = &observed.quota else {
        return (None, Some(no_quota(tenant, observed)));
    };
    let spec = quota.spec.resourcequota.clone().unwrap_or_default();
    let mut hard = BTreeMap::new();
    for (resource, quantity) in &spec.hard {
        let Ok(millis) = Millis::parse(quantity) else {
            let message = format!(
                "Quota {}: {resource}: {} is not a quantity",
                tenant.spec.quota, quantity.0
            );
            return (
                None,
                Some(Problem {
                    reason: "QuotaInvalid",
                    message,
                }),
            );
        };
        hard.insert(resource.clone(), (quantity.clone(), millis));
    }
    let limits = quota
        .spec
        .limitrange
        .iter()
        .flat_map(|range| range.limits.clone())
        .collect();
    (
        Some(Budget {
            name: tenant.spec.quota.clone(),
            hard,
            scopes: spec.scopes,
            scope_selector: spec.scope_selector,
            limits,
        }),
        None,
    )
}
