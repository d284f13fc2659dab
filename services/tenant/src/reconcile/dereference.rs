//! In: everything that a Tenant's reconcile looks at, read once.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    api::{
        core::v1::{LimitRange, Namespace, ResourceQuota},
        networking::v1::NetworkPolicy,
        rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding},
    },
    apimachinery::pkg::api::resource::Quantity,
};
use kube::{ResourceExt, runtime::reflector::ObjectRef};
use tenantry_k8s::{Guardrails, IntegrationConfig, Quota, Tenant};

use crate::view::{Doubt, View};

/// What is there.
///
/// Source: the view, which has our own last write always in it.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Namespace of the installation.
    pub install_namespace: String,
    /// The quota that the tenant names.
    pub quota: Option<Arc<Quota>>,
    /// Why that quota cannot be read, if it is there all the same.
    pub quota_fault: Option<String>,
    /// The IntegrationConfig.
    pub config: Option<IntegrationConfig>,
    /// Namespaces with the tenant's label, and those of the spec that exist without it.
    pub namespaces: Vec<Namespace>,
    /// Older tenants that want a namespace of a name that this one wants, by that name.
    pub rivals: BTreeMap<String, String>,
    /// Our ResourceQuotas for this tenant.
    pub quotas: Vec<ResourceQuota>,
    /// Shares that creates on their way in need, by namespace.
    pub demands: BTreeMap<String, BTreeMap<String, Quantity>>,
    /// What may be in use beyond what the apiserver tells, by namespace.
    pub doubts: BTreeMap<String, Doubt>,
    /// Our LimitRanges for this tenant.
    pub limits: Vec<LimitRange>,
    /// Our Guardrails for this tenant.
    pub guardrails: Vec<Guardrails>,
    /// Our NetworkPolicies for this tenant.
    pub network_policies: Vec<NetworkPolicy>,
    /// Our RoleBindings for this tenant.
    pub bindings: Vec<RoleBinding>,
    /// Our ClusterRoles for this tenant.
    pub roles: Vec<ClusterRole>,
    /// Our ClusterRoleBindings for this tenant.
    pub role_bindings: Vec<ClusterRoleBinding>,
    /// What classes there are.
    pub classes: Classes,
}

/// Names of the cluster's classes, in order.
#[derive(Debug, Clone, Default)]
pub struct Classes {
    /// StorageClasses.
    pub storage: Vec<String>,
    /// IngressClasses.
    pub ingress: Vec<String>,
    /// PriorityClasses.
    pub priority: Vec<String>,
}

/// Reads what `tenant` refers to and what is there of it.
pub fn dereference(view: &View, tenant: &Tenant, install_namespace: &str) -> Observed {
    let name = tenant.name_any();
    let quota = view.quotas.now().get(&ObjectRef::new(&tenant.spec.quota));
    let quotas = view.shares.of(&name);
    let fault = view.faults.of::<Quota>(&tenant.spec.quota);
    Observed {
        install_namespace: install_namespace.to_owned(),
        quota,
        quota_fault: fault.map(|fault| fault.to_string()),
        config: view.configs.only(),
        namespaces: namespaces(view, tenant),
        rivals: view.rivals(tenant),
        doubts: view
            .doubts
            .of(quotas.iter().filter_map(ResourceExt::namespace)),
        demands: view
            .demands
            .of(quotas.iter().filter_map(ResourceExt::namespace)),
        quotas,
        limits: view.limits.of(&name),
        guardrails: view.guardrails.of(&name),
        network_policies: view.network_policies.of(&name),
        bindings: view.bindings.of(&name),
        roles: view.roles.of(&name),
        role_bindings: view.role_bindings.of(&name),
        classes: Classes {
            storage: view.storage_classes.names(),
            ingress: view.ingress_classes.names(),
            priority: view.priority_classes.names(),
        },
    }
}

/// Those with the tenant's label, and those of the spec that exist without it.
fn namespaces(view: &View, tenant: &Tenant) -> Vec<Namespace> {
    let mut all = view.namespaces.of(&tenant.name_any());
    for name in super::validate::wanted_names(tenant) {
        if all.iter().any(|namespace| namespace.name_any() == name) {
            continue;
        }
        all.extend(view.namespaces.find("", &name));
    }
    all
}
