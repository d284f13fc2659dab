use std::sync::Arc;

use tenantry_k8s::Quota;

use super::*;
use crate::reconcile::tests::{TENANT, observed, yaml};

fn foreseen(tenant: &str, observed: Observed) -> Forecast {
    forecast(&yaml::<Tenant>(tenant), observed).unwrap()
}

/// The cluster once everything that `tenant` wants is in place.
fn settled(tenant: &str) -> Observed {
    foreseen(tenant, observed()).after
}

fn lines(forecast: &Forecast) -> Vec<String> {
    let line = |change: &Change| {
        let Change {
            action,
            kind,
            namespace,
            name,
            ..
        } = change;
        format!("{action:?} {kind} {namespace}/{name}")
    };
    forecast.changes().iter().map(line).collect()
}

#[test]
fn a_new_tenants_plan_has_every_object_that_apply_makes_in_the_end() {
    let forecast = foreseen(TENANT, observed());
    assert_eq!(
        lines(&forecast),
        [
            "Create Namespace /logistics-build",
            "Create Namespace /logistics-dev",
            "Create ResourceQuota logistics-build/tenant-quota",
            "Create ResourceQuota logistics-dev/tenant-quota",
            "Create LimitRange logistics-build/tenant-limits",
            "Create LimitRange logistics-dev/tenant-limits",
            "Create ClusterRole /tenantry-owners-logistics",
            "Create ClusterRole /tenantry-tenant-logistics",
            "Create ClusterRoleBinding /tenantry-owners-logistics",
            "Create ClusterRoleBinding /tenantry-tenant-logistics",
            "Create RoleBinding logistics-build/tenant-owner-admin",
            "Create RoleBinding logistics-build/tenant-owner-tenantry-own-namespace",
            "Create RoleBinding logistics-dev/tenant-owner-admin",
            "Create RoleBinding logistics-dev/tenant-owner-tenantry-own-namespace",
            "Create Guardrails logistics-build/tenantry",
            "Create Guardrails logistics-dev/tenantry",
        ]
    );
    assert_eq!(forecast.access().len(), 2);
}

#[test]
fn what_is_in_place_has_an_empty_plan() {
    let forecast = foreseen(TENANT, settled(TENANT));
    assert_eq!(lines(&forecast), [""; 0]);
    assert!(forecast.access().is_empty() && forecast.excesses().is_empty());
}

#[test]
fn a_change_of_members_says_who_gains_and_who_loses() {
    let changed = TENANT.replace(
        "owners: {users: [falcon@nordmart.com]}",
        "{viewers: {groups: [audit]}}",
    );
    let forecast = foreseen(&changed, settled(TENANT));
    let told: Vec<String> = forecast
        .access()
        .iter()
        .map(|change| {
            let grant = &change.grant;
            let sign = if change.is_gain { '+' } else { '-' };
            format!(
                "{sign}{} {} {} {:?}",
                grant.namespace,
                grant.role.as_str(),
                grant.subject.name,
                grant.cluster_roles
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"-logistics-build owner falcon@nordmart.com ["admin", "tenantry-own-namespace"]"#,
            r#"+logistics-build viewer audit ["view"]"#,
            r#"-logistics-dev owner falcon@nordmart.com ["admin", "tenantry-own-namespace"]"#,
            r#"+logistics-dev viewer audit ["view"]"#,
        ]
    );
}

#[test]
fn a_namespace_that_leaves_the_spec_goes_with_its_content_and_its_share_moves() {
    let changed = TENANT.replace("[dev, build]", "[dev]");
    let forecast = foreseen(&changed, settled(TENANT));
    assert_eq!(forecast.deleted_namespaces(), ["logistics-build"]);
    assert_eq!(
        lines(&forecast),
        [
            "Delete Namespace /logistics-build",
            "Delete ResourceQuota logistics-build/tenant-quota",
            "Update ResourceQuota logistics-dev/tenant-quota",
            "Delete LimitRange logistics-build/tenant-limits",
            "Delete RoleBinding logistics-build/tenant-owner-admin",
            "Delete RoleBinding logistics-build/tenant-owner-tenantry-own-namespace",
            "Delete Guardrails logistics-build/tenantry",
        ]
    );
    let share = &forecast.changes()[2].difference;
    let moved =
        "-    configmaps: \"5\"\n-    memory: 4Gi\n+    configmaps: \"10\"\n+    memory: 8Gi\n";
    assert!(share.contains(moved), "{share}");
}

#[test]
fn a_budget_below_use_is_told_with_both() {
    let mut there = settled(TENANT);
    for share in &mut there.quotas {
        let status = share.status.get_or_insert_default();
        let used = k8s_openapi::apimachinery::pkg::api::resource::Quantity("3".into());
        status.used = Some([("configmaps".to_owned(), used)].into());
    }
    let lowered = Quota {
        spec: yaml::<Quota>(
            "{metadata: {name: small}, spec: {resourcequota: {hard: {configmaps: '4'}}}}",
        )
        .spec,
        ..Quota::clone(there.quota.as_ref().unwrap())
    };
    let excess = |quota: Arc<Quota>| {
        let there = Observed {
            quota: Some(quota),
            ..there.clone()
        };
        foreseen(TENANT, there).excesses()
    };
    let told = Excess {
        resource: "configmaps".into(),
        hard: "4".into(),
        used: "6".into(),
    };
    assert_eq!(excess(Arc::new(lowered)), [told]);
    assert_eq!(excess(there.quota.clone().unwrap()), []);
}
