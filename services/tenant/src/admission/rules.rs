//! What an object on its own does not show to be wrong, and our own reading of what it says. Pure.

use std::collections::BTreeSet;

use kube::core::DynamicObject;
use regex::Regex;
use tenantry_k8s::{IntegrationConfig, Tenant};

use super::verdict::{Refused, Rule};
use crate::reconcile::validate::wanted_names;

/// Most that a spec may hold, as JSON. The event about it takes 512 KiB and has all of it inside, so an eighth is left for
/// the name and what the contract puts around. In etcd, which takes 1.5 MiB, the status of a tenant repeats much of it, too.
const SPEC_BYTES_MAX: usize = 448 << 10;

/// The spec can be recorded, and leaves room for its status. Measured as it came: what cannot be read is as long.
pub(super) fn spec_fits(object: Option<&DynamicObject>, way_out: &str) -> Result<(), Refused> {
    let spec = object.and_then(|object| object.data.get("spec"));
    let bytes = spec.map_or(0, |spec| spec.to_string().len());
    if bytes <= SPEC_BYTES_MAX {
        return Ok(());
    }
    Err(Refused {
        rule: Rule::FieldMeant,
        field: "spec".into(),
        message: format!(
            "has {bytes} bytes, at most {SPEC_BYTES_MAX} bytes are allowed; {way_out}"
        ),
        names: vec![("bytes".into(), bytes.to_string())],
    })
}

/// The quota that `after` has to name anew; none if it names the one of `before`, which may have gone since.
pub(super) fn new_quota<'a>(after: &'a Tenant, before: Option<&Tenant>) -> Option<&'a str> {
    let named = after.spec.quota.as_str();
    let is_new = before.is_none_or(|before| before.spec.quota != named);
    is_new.then_some(named)
}

pub(super) fn quota_missing(quota: &str) -> Refused {
    Refused {
        rule: Rule::QuotaExists,
        field: "spec.quota".into(),
        message: format!("quota {quota} does not exist; create it or name another one"),
        names: vec![("quota".into(), quota.into())],
    }
}

/// A quota goes only when no tenant of `users` names it.
pub(super) fn quota_unused(quota: &str, users: &[String]) -> Result<(), Refused> {
    if users.is_empty() {
        return Ok(());
    }
    let tenants = users.join(", ");
    Err(Refused {
        rule: Rule::QuotaUnused,
        field: "metadata.name".into(),
        message: format!(
            "quota {quota} is used by tenants: {tenants}; give them another one first"
        ),
        names: vec![("quota".into(), quota.into()), ("tenants".into(), tenants)],
    })
}

/// Every namespace that `after` claims beyond `before` is free of other tenants, of which `owner` knows.
///
/// A claim that was there before is not looked at: it must not stand in the way of other changes, and the tenant's
/// condition tells of it.
pub(super) fn namespaces_free(
    after: &Tenant,
    before: Option<&Tenant>,
    owner: impl Fn(&str) -> Option<String>,
) -> Result<(), Refused> {
    let had: BTreeSet<String> = before.into_iter().flat_map(wanted_names).collect();
    let claimed = wanted_names(after)
        .into_iter()
        .filter(|claim| !had.contains(claim));
    for namespace in claimed {
        if let Some(owner) = owner(&namespace) {
            return Err(taken(after, &namespace, &owner));
        }
    }
    Ok(())
}

fn taken(tenant: &Tenant, namespace: &str, owner: &str) -> Refused {
    let plain = tenant
        .spec
        .namespaces
        .iter()
        .flat_map(|lists| &lists.without_tenant_prefix);
    let list = if plain.into_iter().any(|name| name == namespace) {
        "withoutTenantPrefix"
    } else {
        "withTenantPrefix"
    };
    Refused {
        rule: Rule::NamespaceFree,
        field: format!("spec.namespaces.{list}"),
        message: format!(
            "namespace {namespace} belongs to tenant {owner}; name another one, or take it out of {owner} first"
        ),
        names: vec![
            ("namespace".into(), namespace.into()),
            ("tenant".into(), owner.into()),
        ],
    }
}

/// Every privileged pattern is a regular expression to us, too: the apiserver's rules are written in another engine.
pub(super) fn patterns_compile(config: &IntegrationConfig) -> Result<(), Refused> {
    let privileged = config
        .spec
        .access_control
        .as_ref()
        .and_then(|access| access.privileged.as_ref());
    let Some(privileged) = privileged else {
        return Ok(());
    };
    let lists = [
        ("namespaces", &privileged.namespaces),
        ("serviceAccounts", &privileged.service_accounts),
        ("users", &privileged.users),
    ];
    for (list, patterns) in lists {
        for (index, pattern) in patterns.iter().enumerate() {
            if let Err(fault) = Regex::new(pattern) {
                return Err(not_a_pattern(list, index, pattern, &fault));
            }
        }
    }
    Ok(())
}

fn not_a_pattern(list: &str, index: usize, pattern: &str, fault: &regex::Error) -> Refused {
    // The fault draws the pattern over several lines; its last one says what is wrong.
    let fault = fault.to_string();
    let fault = fault.lines().last().unwrap_or_default().trim();
    Refused {
        rule: Rule::FieldMeant,
        field: format!("spec.accessControl.privileged.{list}[{index}]"),
        message: format!("{pattern:?} is not a regular expression: {fault}; correct or remove it"),
        names: vec![("pattern".into(), pattern.into())],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tenant(name: &str, namespaces: Value) -> Tenant {
        serde_json::from_value(json!({
            "apiVersion": "tenantoperator.stakater.com/v1beta3", "kind": "Tenant",
            "metadata": {"name": name}, "spec": {"quota": "small", "namespaces": namespaces},
        }))
        .unwrap()
    }

    #[test]
    fn a_namespace_of_another_tenant_is_refused_however_it_is_written() {
        let owner = |namespace: &str| (namespace == "a-b-c").then(|| "a".to_owned());
        let check = |name: &str, namespaces: Value, field: Option<&str>| {
            let found = namespaces_free(&tenant(name, namespaces.clone()), None, owner);
            let found = found.err().map(|refused| refused.field);
            assert_eq!(found.as_deref(), field, "{name} {namespaces}");
        };
        check(
            "a-b",
            json!({"withTenantPrefix": ["c"]}),
            Some("spec.namespaces.withTenantPrefix"),
        );
        check(
            "x",
            json!({"withTenantPrefix": ["c"], "withoutTenantPrefix": ["a-b-c"]}),
            Some("spec.namespaces.withoutTenantPrefix"),
        );
        check("a-b", json!({"withTenantPrefix": ["d"]}), None);
        check("x", json!({"withTenantPrefix": ["a-b-c"]}), None);
    }

    #[test]
    fn only_what_is_new_is_looked_at() {
        let owner = |_: &str| Some("a".to_owned());
        let before = tenant("b", json!({"withoutTenantPrefix": ["shared"]}));
        let mut after = before.clone();
        after.spec.desc = Some("Moves parcels.".into());
        assert_eq!(namespaces_free(&after, Some(&before), owner), Ok(()));
        assert!(namespaces_free(&after, None, owner).is_err());
        assert_eq!(new_quota(&after, Some(&before)), None);
        assert_eq!(new_quota(&after, None), Some("small"));
    }

    #[test]
    fn a_spec_that_no_event_could_hold_is_refused() {
        let check = |bytes: usize, is_fine: bool| {
            let mut spec = json!({"of": ""});
            let frame = spec.to_string().len();
            spec["of"] = json!("x".repeat(bytes - frame));
            let object = serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap();
            let found = spec_fits(Some(&object), "shorten it");
            assert_eq!(found.is_ok(), is_fine, "{bytes}: {found:?}");
        };
        check(1 << 10, true);
        check(SPEC_BYTES_MAX, true);
        check(SPEC_BYTES_MAX + 1, false);
    }

    #[test]
    fn a_pattern_that_only_the_apiserver_reads_is_refused_with_its_place() {
        let check = |pattern: &str, is_fine: bool| {
            let config: IntegrationConfig = serde_json::from_value(json!({
                "apiVersion": "tenantoperator.stakater.com/v1beta1", "kind": "IntegrationConfig",
                "metadata": {"name": "tenant-operator-config"},
                "spec": {"accessControl": {"privileged": {"users": ["^admin$", pattern]}}},
            }))
            .unwrap();
            let found = patterns_compile(&config);
            assert_eq!(found.is_ok(), is_fine, "{pattern}: {found:?}");
            if let Err(refused) = found {
                assert_eq!(refused.field, "spec.accessControl.privileged.users[1]");
            }
        };
        check("^kube-.*", true);
        check("(", false);
        check(r"\Qa.b\E", false);
    }
}
