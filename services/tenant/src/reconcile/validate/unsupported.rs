use tenantry_k8s::IntegrationConfigSpec;

/// Fields of an IntegrationConfig that are set and not acted on yet.
pub(crate) fn of_config(spec: &IntegrationConfigSpec) -> Vec<&'static str> {
    let components = spec.components.clone().unwrap_or_default();
    let ingress = components.ingress.unwrap_or_default();
    let metadata = spec.metadata.clone().unwrap_or_default();
    let integrations = spec.integrations.clone().unwrap_or_default();
    let fields = [
        (
            "spec.components.showback: false",
            components.showback == Some(false),
        ),
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
        ("spec.metadata.groups", metadata.groups.is_some()),
        ("spec.integrations.argocd", integrations.argocd.is_some()),
        ("spec.integrations.vault", integrations.vault.is_some()),
        (
            "spec.integrations.keycloak",
            integrations.keycloak.is_some(),
        ),
    ];
    fields
        .into_iter()
        .filter(|(_, is_set)| *is_set)
        .map(|(field, _)| field)
        .collect()
}
