use kube::ResourceExt;
use tenantry_k8s::{IntegrationConfigSpec, Tenant, quota::QuotaSpec};

use crate::reconcile::dereference::Observed;

/// Fields that are set and not acted on yet, with the object they are in where it is not the Tenant.
pub(super) fn fields(tenant: &Tenant, observed: &Observed) -> Vec<String> {
    let quota = observed.quota.iter().flat_map(|quota| {
        of_quota(&quota.spec)
            .into_iter()
            .map(|field| format!("Quota {}: {field}", quota.name_any()))
    });
    of_tenant(tenant)
        .into_iter()
        .map(str::to_owned)
        .chain(quota)
        .collect()
}

fn of_tenant(tenant: &Tenant) -> Vec<&'static str> {
    let spec = &tenant.spec;
    let namespaces = spec.namespaces.as_ref();
    let sandboxes = namespaces.and_then(|namespaces| namespaces.sandboxes.as_ref());
    let metadata = namespaces.and_then(|namespaces| namespaces.metadata.as_ref());
    set([
        (
            "spec.namespaces.sandboxes",
            sandboxes.is_some_and(|sandboxes| sandboxes.enabled == Some(true)),
        ),
        (
            "spec.namespaces.metadata.sandbox",
            metadata.is_some_and(|metadata| metadata.sandbox.is_some()),
        ),
    ])
}

/// Fields of a Quota that are set and not acted on yet.
pub(crate) fn of_quota(spec: &QuotaSpec) -> Vec<&'static str> {
    let budget = spec.resourcequota.as_ref();
    set([
        (
            "spec.resourcequota.scopes",
            budget.is_some_and(|budget| !budget.scopes.is_empty()),
        ),
        (
            "spec.resourcequota.scopeSelector",
            budget.is_some_and(|budget| budget.scope_selector.is_some()),
        ),
    ])
}

/// Fields of an IntegrationConfig that are set and not acted on yet.
pub(crate) fn of_config(spec: &IntegrationConfigSpec) -> Vec<&'static str> {
    let components = spec.components.clone().unwrap_or_default();
    let ingress = components.ingress.unwrap_or_default();
    let access = spec.access_control.clone().unwrap_or_default();
    let custom = access
        .rbac
        .and_then(|rbac| rbac.tenant_roles)
        .unwrap_or_default()
        .custom;
    let privileged = access.privileged.unwrap_or_default();
    let metadata = spec.metadata.clone().unwrap_or_default();
    let integrations = spec.integrations.clone().unwrap_or_default();
    set([
        (
            "spec.components.showbackOpts",
            components.showback_opts.is_some(),
        ),
        ("spec.components.ingress.dex", ingress.dex.is_some()),
        (
            "spec.components.ingress.finopsGateway",
            ingress.finops_gateway.is_some(),
        ),
        ("spec.components.postgres", components.postgres.is_some()),
        (
            "spec.components.prometheus",
            components.prometheus.is_some(),
        ),
        ("spec.components.opencost", components.opencost.is_some()),
        ("spec.components.dex", components.dex.is_some()),
        (
            "spec.components.dexConfigOperator",
            components.dex_config_operator.is_some(),
        ),
        (
            "spec.components.finopsOperator",
            components.finops_operator.is_some(),
        ),
        (
            "spec.components.trustedRootCert",
            components.trusted_root_cert.is_some(),
        ),
        (
            "spec.accessControl.rbac.tenantRoles.custom",
            !custom.is_empty(),
        ),
        (
            "spec.accessControl.privileged.serviceAccounts",
            !privileged.service_accounts.is_empty(),
        ),
        (
            "spec.accessControl.privileged.users",
            !privileged.users.is_empty(),
        ),
        (
            "spec.accessControl.privileged.groups",
            !privileged.groups.is_empty(),
        ),
        (
            "spec.accessControl.namespaceAccessPolicy",
            access.namespace_access_policy.is_some(),
        ),
        ("spec.metadata.groups", metadata.groups.is_some()),
        ("spec.metadata.sandboxes", metadata.sandboxes.is_some()),
        ("spec.integrations.argocd", integrations.argocd.is_some()),
        ("spec.integrations.vault", integrations.vault.is_some()),
        (
            "spec.integrations.keycloak",
            integrations.keycloak.is_some(),
        ),
    ])
}

fn set<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields
        .into_iter()
        .filter(|(_, is_set)| *is_set)
        .map(|(field, _)| field)
        .collect()
}
