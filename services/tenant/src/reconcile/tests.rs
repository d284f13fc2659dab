//! From manifests to plans, without a cluster.

use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};
use tenantry_k8s::{Quota, Tenant};

use super::{
    build::{Plan, Revoke, build},
    dereference::Observed,
    object::{Key, Kind, Object},
    validate::validate,
};

const QUOTA: &str = "
metadata: {name: small}
spec:
  limitrange:
    limits:
    - {max: {cpu: 800m}, min: {cpu: 200m}, type: Container}
  resourcequota:
    hard: {configmaps: '10', memory: 8Gi}
";
pub(super) const TENANT: &str = "
metadata: {name: logistics, uid: 4c9a6a3e-5f1f-4b53-9b1e-6d7c1a6f0001, generation: 1}
spec:
  quota: small
  namespaces: {withTenantPrefix: [dev, build]}
  accessControl:
    owners: {users: [falcon@nordmart.com]}
";

pub(super) fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> T {
    let mut value: Value = serde_saphyr::from_str(text).unwrap();
    for (key, word) in [("apiVersion", "v1"), ("kind", "X")] {
        value
            .as_object_mut()
            .unwrap()
            .entry(key)
            .or_insert_with(|| json!(word));
    }
    serde_json::from_value(value).unwrap()
}

fn namespace(metadata: &str) -> Namespace {
    yaml(&format!(
        "{{apiVersion: v1, kind: Namespace, metadata: {metadata}}}"
    ))
}

pub(super) fn observed() -> Observed {
    let install_namespace = "multi-tenant-operator".to_owned();
    Observed {
        install_namespace,
        quota: Some(yaml::<Quota>(QUOTA)),
        ..Observed::default()
    }
}

fn plan(tenant: &str, observed: &Observed) -> Plan {
    build(
        &validate(&yaml::<Tenant>(tenant), observed).unwrap(),
        observed,
    )
}

fn reasons(tenant: &str, observed: &Observed) -> Vec<&'static str> {
    let valid = validate(&yaml::<Tenant>(tenant), observed).unwrap();
    valid
        .problems
        .iter()
        .map(|problem| problem.reason)
        .collect()
}

fn parse<T: serde::de::DeserializeOwned>(object: &Object) -> T {
    serde_json::from_value(object.value.clone()).unwrap()
}

/// What the cluster looks like once `plan` was applied and the controller-manager has enforced the quotas.
fn applied(plan: &Plan, before: &Observed) -> Observed {
    let mut after = before.clone();
    for object in plan
        .namespaces
        .iter()
        .chain(&plan.structure)
        .chain(&plan.grants)
    {
        match object.key.kind {
            Kind::Namespace => after.namespaces.push(parse(object)),
            Kind::ResourceQuota => {
                let mut enforced = object.clone();
                enforced.value["status"] =
                    json!({"hard": object.value["spec"]["hard"], "used": {}});
                after.quotas.retain(|quota| {
                    quota.metadata.namespace.as_deref() != Some(&object.key.namespace)
                });
                after.quotas.push(parse(&enforced));
            }
            Kind::LimitRange => after.limits.push(parse(object)),
            Kind::ClusterRole => after.roles.push(parse(object)),
            Kind::RoleBinding => after.bindings.push(parse(object)),
            Kind::ClusterRoleBinding => after.role_bindings.push(parse(object)),
            Kind::Guardrails => after.guardrails.push(parse(object)),
            Kind::NetworkPolicy => after.network_policies.push(parse(object)),
            Kind::Ingress => unreachable!("a tenant has no ingress"),
        }
    }
    after
}

/// The cluster with everything of `tenant` in place.
fn settled(tenant: &str) -> Observed {
    let first = applied(&plan(tenant, &observed()), &observed());
    let second = applied(&plan(tenant, &first), &first);
    assert!(
        plan(tenant, &second).is_settled(),
        "{:#?}",
        plan(tenant, &second)
    );
    second
}

fn keys(objects: &[Object]) -> Vec<String> {
    objects
        .iter()
        .map(|object| {
            format!(
                "{:?} {}/{}",
                object.key.kind, object.key.namespace, object.key.name
            )
        })
        .collect()
}

#[test]
fn the_tutorials_tenant_is_built_in_this_order() {
    let first = plan(TENANT, &observed());
    insta::assert_yaml_snapshot!("tutorial_namespaces", values(&first.namespaces));
    insta::assert_yaml_snapshot!("tutorial_structure", values(&first.structure));
    // The apiserver enforces nothing yet: no right in a namespace, only the tenant's own name.
    assert_eq!(
        keys(&first.grants),
        ["ClusterRoleBinding /tenantry-tenant-logistics"]
    );
    assert_eq!(first.waiting, ["logistics-build", "logistics-dev"]);
    let second = applied(&first, &observed());
    insta::assert_yaml_snapshot!("tutorial_grants", values(&plan(TENANT, &second).grants));
}

fn values(objects: &[Object]) -> Vec<&Value> {
    objects.iter().map(|object| &object.value).collect()
}

#[test]
fn what_is_in_place_is_left_alone() {
    settled(TENANT);
}

#[test]
fn a_removed_member_loses_rights_before_anything_else() {
    let two = TENANT.replace(
        "[falcon@nordmart.com]",
        "[falcon@nordmart.com, owl@nordmart.com]",
    );
    let after = plan(TENANT, &settled(&two));
    let narrowed: Vec<&Object> = after
        .revoke
        .iter()
        .filter_map(|revoke| match revoke {
            Revoke::Narrow(object) => Some(object),
            Revoke::Delete(_) => None,
        })
        .collect();
    assert_eq!(
        narrowed.len(),
        3,
        "two namespaces and the tenant's own role"
    );
    for object in narrowed {
        assert_eq!(object.value["subjects"].as_array().unwrap().len(), 1);
        assert_eq!(object.value["subjects"][0]["name"], "falcon@nordmart.com");
    }
    assert!(after.drift.is_empty());
}

#[test]
fn without_its_quota_a_tenant_loses_rights_and_gains_none() {
    let mut there = settled(&TENANT.replace(
        "[falcon@nordmart.com]",
        "[falcon@nordmart.com, owl@nordmart.com]",
    ));
    there.quota = None;
    let next = TENANT.replace("build]", "build, test]");
    assert_eq!(reasons(&next, &there), ["QuotaNotFound"]);
    let plan = plan(&next, &there);
    assert_eq!(plan.revoke.len(), 3);
    assert!(
        plan.namespaces.is_empty()
            && plan.grants.is_empty()
            && plan.structure.is_empty()
            && plan.drop.is_empty()
    );
}

#[test]
fn drift_is_told_from_a_change_of_plan() {
    let mut there = settled(TENANT);
    there.bindings[0].subjects.as_mut().unwrap()[0].name = "crow@nordmart.com".into();
    let after = plan(TENANT, &there);
    let key = Key {
        kind: Kind::RoleBinding,
        namespace: "logistics-build".into(),
        name: "tenant-owner-admin".into(),
    };
    assert_eq!(
        after
            .drift
            .iter()
            .map(|drift| &drift.key)
            .collect::<Vec<_>>(),
        [&key]
    );
    assert_eq!(after.drift[0].difference, "subjects");
    assert_eq!(after.revoke, [Revoke::Delete(key)]);
}

#[test]
fn a_namespace_of_somebody_else_is_a_condition() {
    let mut there = observed();
    let check = |there: &Observed, expected: &[&str]| {
        assert_eq!(reasons(TENANT, there), expected);
        assert!(
            plan(TENANT, there)
                .namespaces
                .iter()
                .all(|object| object.key.name != "logistics-dev")
                || expected.is_empty()
        );
    };
    there.namespaces = vec![namespace("{name: logistics-dev}")];
    check(&there, &["NamespaceConflict"]);
    there.namespaces = vec![namespace(
        "{name: logistics-dev, labels: {stakater.com/tenant: retail}}",
    )];
    check(&there, &["NamespaceConflict"]);
    there.namespaces = vec![namespace(
        "{name: logistics-dev, labels: {stakater.com/tenant: logistics}}",
    )];
    check(&there, &[]);
    assert_eq!(
        reasons(
            &TENANT.replace(
                "withTenantPrefix: [dev",
                "withoutTenantPrefix: [kube-system"
            ),
            &observed()
        ),
        ["NamespacePrivileged"]
    );
}

#[test]
fn what_leaves_the_spec_is_pruned_only_if_we_made_it() {
    let mut there = settled(TENANT);
    there.namespaces.push(namespace(
        "{name: own, labels: {stakater.com/tenant: logistics}}",
    ));
    let after = plan(&TENANT.replace("[dev, build]", "[dev]"), &there);
    assert_eq!(after.prune, ["logistics-build"]);
    assert!(keys(&after.namespaces).contains(&"Namespace /own".to_owned()));
    let key = Key {
        kind: Kind::RoleBinding,
        namespace: "logistics-build".into(),
        name: "tenant-owner-admin".into(),
    };
    assert_eq!(after.revoke, [Revoke::Delete(key)]);
}

#[test]
fn a_third_namespace_gets_its_share_only_after_the_others_gave_it_up() {
    let there = settled(TENANT);
    let three = TENANT.replace("[dev, build]", "[dev, build, test]");
    let hard = |plan: &Plan| -> Vec<String> {
        plan.shares
            .iter()
            .map(|share| share.hard["configmaps"].0.clone())
            .collect()
    };
    let first = plan(&three, &there);
    assert_eq!(hard(&first), ["4", "3", "0"]);
    let second = plan(&three, &applied(&first, &there));
    assert_eq!(hard(&second), ["4", "3", "3"]);
}

#[test]
fn fields_not_acted_on_are_told() {
    let mut there = observed();
    there.quota = Some(yaml(&format!("{QUOTA}    scopes: [BestEffort]")));
    let valid = validate(&yaml::<Tenant>(TENANT), &there).unwrap();
    assert_eq!(
        valid.unsupported,
        ["Quota small: spec.resourcequota.scopes"]
    );
}

#[test]
fn metadata_has_a_precedence_and_no_say_in_ownership() {
    let tenant = TENANT.replace(
        "namespaces: {withTenantPrefix: [dev, build]}",
        "namespaces:
    withTenantPrefix: [dev]
    metadata:
      common: {labels: {a: common, b: common, stakater.com/tenant: retail}}
      specific: [{namespaces: [logistics-dev], labels: {b: specific}}]",
    );
    let mut there = observed();
    there.config = Some(yaml(
        "{metadata: {name: c}, spec: {metadata: {namespaces: {labels: {a: config, c: config}}}}}",
    ));
    let namespaces = plan(&tenant, &there).namespaces;
    let labels = &namespaces[0].value["metadata"]["labels"];
    assert_eq!(
        [&labels["a"], &labels["b"], &labels["c"]],
        ["common", "specific", "config"]
    );
    assert_eq!(labels["stakater.com/tenant"], "logistics");
}

#[test]
fn members_may_read_the_classes_of_each_list() {
    let check = |lists: &str, expected: &[Value]| {
        let tenant = TENANT.replace("quota: small", &format!("quota: small\n{lists}"));
        let structure = plan(&tenant, &observed()).structure;
        let role = structure
            .iter()
            .find(|object| object.key.kind == Kind::ClusterRole)
            .unwrap();
        let rules = role.value["rules"].as_array().unwrap();
        let classes: Vec<Value> = rules
            .iter()
            .filter(|rule| rule["apiGroups"] != json!(["tenantoperator.stakater.com"]))
            .map(|rule| json!([rule["resources"][0], rule["resourceNames"], rule["verbs"]]))
            .collect();
        assert_eq!(classes, expected);
    };
    let read = json!(["get", "list", "watch"]);
    check("", &[]);
    check(
        "  storageClasses: {allowed: [silver, '']}
  ingressClasses: {allowed: [nginx]}
  podPriorityClasses: {allowed: [low, high]}",
        &[
            json!(["storageclasses", ["silver"], read]),
            json!(["ingressclasses", ["nginx"], read]),
            json!(["priorityclasses", ["low", "high"], read]),
        ],
    );
    check(
        "  storageClasses: {}\n  ingressClasses: {allowed: []}\n  podPriorityClasses: {allowed: ['']}",
        &[
            json!(["storageclasses", null, read]),
            json!(["ingressclasses", null, read]),
        ],
    );
}

#[test]
fn each_namespace_has_its_rules_before_its_first_binding() {
    let first = plan(TENANT, &observed());
    let rules = keys(&first.structure);
    for namespace in ["logistics-build", "logistics-dev"] {
        let key = format!("Guardrails {namespace}/tenantry");
        assert!(rules.contains(&key), "{rules:?}");
    }
    assert!(
        first
            .grants
            .iter()
            .all(|grant| grant.key.namespace.is_empty())
    );
}
