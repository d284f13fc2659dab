//! What a tenant says and what has no effect: no fault, and worth a word to who says it. Pure.

use std::collections::BTreeSet;

use tenantry_k8s::{Tenant, tenant::Members};

use crate::reconcile::validate::wanted_names;

/// A word for each.
pub(super) fn words(tenant: &Tenant) -> Vec<String> {
    [
        groups_without_sandboxes(tenant),
        metadata_of_nothing(tenant),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Nobody can list the members of a group.
fn groups_without_sandboxes(tenant: &Tenant) -> Option<String> {
    let namespaces = tenant.spec.namespaces.as_ref();
    let sandboxes = namespaces.and_then(|namespaces| namespaces.sandboxes.as_ref());
    sandboxes.filter(|sandboxes| sandboxes.enabled == Some(true))?;
    let access = tenant.spec.access_control.as_ref()?;
    let of = |members: &Option<Members>| {
        let groups = members.iter().flat_map(|members| members.groups.clone());
        groups.collect::<Vec<_>>()
    };
    let groups: BTreeSet<String> = [of(&access.owners), of(&access.editors)]
        .concat()
        .into_iter()
        .collect();
    if groups.is_empty() {
        return None;
    }
    let groups: Vec<String> = groups.into_iter().collect();
    Some(format!(
        "spec.namespaces.sandboxes: members of groups ({}) get no sandbox, for only users are known by name; list them as users",
        groups.join(", ")
    ))
}

/// A namespace that owners make later has its own, so this is no fault.
fn metadata_of_nothing(tenant: &Tenant) -> Option<String> {
    let namespaces = tenant.spec.namespaces.as_ref()?;
    let specific = &namespaces.metadata.as_ref()?.specific;
    let wanted: BTreeSet<String> = wanted_names(tenant).into_iter().collect();
    let named = specific.iter().flat_map(|specific| &specific.namespaces);
    let unknown: BTreeSet<&str> = named
        .filter(|name| !wanted.contains(*name))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return None;
    }
    let unknown: Vec<&str> = unknown.into_iter().collect();
    Some(format!(
        "spec.namespaces.metadata.specific: no effect before the tenant has these namespaces: {}; full names count, such as {}-dev",
        unknown.join(", "),
        tenant.metadata.name.as_deref().unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(spec: &str) -> Vec<String> {
        let text = format!("{{metadata: {{name: a}}, spec: {{quota: q, {spec}}}}}");
        words(&serde_saphyr::from_str(&text).unwrap())
    }

    #[test]
    fn what_acts_is_not_told() {
        let groups = "accessControl: {owners: {groups: [pilots]}}";
        assert_eq!(said(groups), [""; 0]);
        let named =
            "namespaces: {withTenantPrefix: [dev], metadata: {specific: [{namespaces: [a-dev]}]}}";
        assert_eq!(said(named), [""; 0]);
    }

    #[test]
    fn what_has_no_effect_is_told_with_the_way_out() {
        let groups = "accessControl: {owners: {groups: [pilots]}, viewers: {groups: [audit]}}, namespaces: {sandboxes: {enabled: true}}";
        assert_eq!(
            said(groups),
            [
                "spec.namespaces.sandboxes: members of groups (pilots) get no sandbox, for only users are known by name; list them as users"
            ]
        );
        let short =
            "namespaces: {withTenantPrefix: [dev], metadata: {specific: [{namespaces: [dev]}]}}";
        assert_eq!(
            said(short),
            [
                "spec.namespaces.metadata.specific: no effect before the tenant has these namespaces: dev; full names count, such as a-dev"
            ]
        );
    }
}
