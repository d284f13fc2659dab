use kube::ResourceExt;
use tenantry_k8s::{GuardrailsSpec, Tenant, integration_config::NetworkPolicies};

use super::Settings;

/// What applies in each namespace of `tenant`: its own rules, and those for all tenants that are about single objects.
pub(super) fn of(tenant: &Tenant, settings: &Settings) -> GuardrailsSpec {
    let spec = &tenant.spec;
    let bans = NetworkPolicies {
        disable_intra_tenant_networking: None,
        ..settings.network.clone()
    };
    GuardrailsSpec {
        tenant: tenant.name_any(),
        storage_classes: spec.storage_classes.clone(),
        ingress_classes: spec.ingress_classes.clone(),
        pod_priority_classes: spec.pod_priority_classes.clone(),
        image_registries: spec.image_registries.clone(),
        service_accounts: spec.service_accounts.clone(),
        host_validation_config: spec.host_validation_config.clone(),
        network: (bans != NetworkPolicies::default()).then_some(bans),
        privileged: settings.exempt.clone(),
    }
}
