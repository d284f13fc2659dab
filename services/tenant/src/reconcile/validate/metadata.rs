use std::collections::BTreeMap;

use tenantry_k8s::{Tenant, keys, tenant::Metadata};

use super::Settings;

/// Labels and annotations of `namespace`: specific wins over common, common over the IntegrationConfig.
///
/// Keys that carry meaning of ours are left out: they are never the text of a spec.
pub(super) fn of(tenant: &Tenant, settings: &Settings, namespace: &str) -> Metadata {
    let metadata = tenant
        .spec
        .namespaces
        .as_ref()
        .and_then(|namespaces| namespaces.metadata.as_ref());
    let common = metadata
        .and_then(|metadata| metadata.common.clone())
        .unwrap_or_default();
    let specific = metadata.into_iter().flat_map(|metadata| &metadata.specific);
    let mut merged = settings.metadata.clone();
    merge(&mut merged, &common.labels, &common.annotations);
    for entry in specific.filter(|entry| entry.namespaces.iter().any(|name| name == namespace)) {
        merge(&mut merged, &entry.labels, &entry.annotations);
    }
    merged
        .labels
        .retain(|key, _| key != keys::TENANT && key != keys::KIND);
    merged
        .annotations
        .retain(|key, _| !key.starts_with("tenantry.dev/"));
    merged
}

fn merge(
    into: &mut Metadata,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) {
    into.labels.extend(labels.clone());
    into.annotations.extend(annotations.clone());
}
