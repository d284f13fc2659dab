//! Who has which namespace: by the label on it, or by the list of a tenant.

use kube::{ResourceExt as _, runtime::reflector::ObjectRef};
use tenantry_k8s::keys;

use crate::view::View;

/// Another tenant than `tenant` that has `namespace`.
pub(super) fn owner(view: &View, namespace: &str, tenant: &str) -> Option<String> {
    let there = view.namespaces.find("", namespace);
    let holder = there.and_then(|there| there.labels().get(keys::TENANT).cloned());
    match holder {
        Some(holder) if holder == tenant => None,
        Some(holder) => Some(holder),
        None => claimant(view, namespace, tenant),
    }
}

fn claimant(view: &View, namespace: &str, tenant: &str) -> Option<String> {
    let tenants = view.tenants.now();
    let stays = |name: &String| {
        // What one that goes had listed is free, or labelled as long as it is not.
        let found = tenants.get(&ObjectRef::new(name));
        found.is_some_and(|found| found.metadata.deletion_timestamp.is_none())
    };
    view.wanting(namespace)
        .into_iter()
        .find(|name| name != tenant && stays(name))
}
