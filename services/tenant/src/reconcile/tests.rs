//! From manifests to plans, without a cluster.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{
    api::{core::v1::Namespace, rbac::v1::RoleBinding},
    apimachinery::pkg::apis::meta::v1::Time,
};
use serde_json::{Value, json};
use tenantry_k8s::Tenant;

use super::{
    build::{Plan, Revoke, build},
    dereference::Observed,
    haste::{Haste, Next},
    object::{Key, Kind, Object},
    status::Outcome,
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
        quota: Some(Arc::new(yaml(QUOTA))),
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
            Kind::Namespace => after.namespaces.push(object.read()),
            Kind::ResourceQuota => {
                let mut enforced = object.clone();
                enforced.value["status"] =
                    json!({"hard": object.value["spec"]["hard"], "used": {}});
                after.quotas.retain(|quota| {
                    quota.metadata.namespace.as_deref() != Some(&object.key.namespace)
                });
                after.quotas.push(enforced.read());
            }
            Kind::Ingress => unreachable!("a tenant has no ingress"),
            _ => {
                after.objects.insert(object.key.clone(), object.clone());
            }
        }
    }
    after
}

/// What follows the first look at `tenant`.
fn next(tenant: &str, there: &Observed) -> Next {
    let valid = validate(&yaml::<Tenant>(tenant), there).unwrap();
    let plan = build(&valid, there);
    let outcome = Outcome {
        valid: &valid,
        observed: there,
        plan: &plan,
        problems: Vec::new(),
        undone: Vec::new(),
        is_recorded: true,
    };
    Haste::default().next(valid.uid, &outcome)
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
        [
            "ClusterRoleBinding /tenantry-tenant-logistics",
            "ClusterRoleBinding /tenantry-owners-logistics"
        ]
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
        6,
        "two roles in two namespaces, and the tenant's two of its own"
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
    assert_eq!(plan.revoke.len(), 6);
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
    let key = Key {
        kind: Kind::RoleBinding,
        namespace: "logistics-build".into(),
        name: "tenant-owner-admin".into(),
    };
    let binding = there.objects.get_mut(&key).unwrap();
    binding.value["subjects"][0]["name"] = json!("crow@nordmart.com");
    let after = plan(TENANT, &there);
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
    let revoked = ["tenant-owner-admin", "tenant-owner-tenantry-own-namespace"].map(|name| {
        Revoke::Delete(Key {
            kind: Kind::RoleBinding,
            namespace: "logistics-build".into(),
            name: name.into(),
        })
    });
    assert_eq!(after.revoke, revoked);
}

#[test]
fn what_is_older_than_the_tenant_was_made_for_another_of_its_name_and_stays() {
    let mut there = settled(TENANT);
    for namespace in &mut there.namespaces {
        let made = "2026-01-01T00:00:30Z".parse().unwrap();
        namespace.metadata.creation_timestamp = Some(Time(made));
    }
    let after = |born: &str| {
        let born = format!("generation: 1, creationTimestamp: '{born}'}}");
        let tenant = TENANT.replace("generation: 1}", &born);
        plan(&tenant.replace("[dev, build]", "[dev]"), &there)
    };
    assert_eq!(after("2026-01-01T00:00:00Z").prune, ["logistics-build"]);
    // By the clock of another apiserver.
    assert_eq!(after("2026-01-01T00:01:00Z").prune, ["logistics-build"]);
    let later = after("2026-01-01T00:02:00Z");
    assert!(later.prune.is_empty());
    let origin =
        |object: &Object| object.value["metadata"]["annotations"]["tenantry.dev/origin"].clone();
    let origins: Vec<Value> = later.namespaces.iter().map(origin).collect();
    assert_eq!(origins, ["adopted", "adopted"]);
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
fn scopes_are_the_apiservers_to_count_and_make_the_share_anew() {
    let there = settled(TENANT);
    let mut scoped = there.clone();
    scoped.quota = Some(Arc::new(yaml(&format!(
        "{QUOTA}    scopes: [NotBestEffort]"
    ))));
    let first = plan(TENANT, &scoped);
    let dropped: Vec<&str> = first.drop.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(dropped, ["tenant-quota", "tenant-quota"]);
    let mut then = applied(&first, &scoped);
    then.quotas.clear();
    let second = plan(TENANT, &then);
    let scopes = |object: &Object| object.value["spec"]["scopes"].clone();
    let shares = second.structure.iter();
    let shares: Vec<Value> = shares
        .filter(|object| object.key.kind == Kind::ResourceQuota)
        .map(scopes)
        .collect();
    assert_eq!(shares, [json!(["NotBestEffort"]), json!(["NotBestEffort"])]);
    assert!(plan(TENANT, &applied(&second, &then)).drop.is_empty());
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

/// A tenant with sandboxes for an owner and two editors whose names are alike.
const SANDBOXES: &str = "
metadata: {name: t, uid: 4c9a6a3e-5f1f-4b53-9b1e-6d7c1a6f0002, generation: 1}
spec:
  quota: small
  namespaces: {sandboxes: {enabled: true}}
  accessControl:
    owners: {users: [anna@aurora.org]}
    editors: {users: [x@a.org, x@a.com], groups: [team]}
    viewers: {users: [eve@aurora.org]}
";

fn names(plan: &Plan) -> Vec<&str> {
    plan.namespaces
        .iter()
        .map(|object| object.key.name.as_str())
        .collect()
}

#[test]
fn each_owner_and_editor_has_one_sandbox_whatever_the_names() {
    let first = plan(SANDBOXES, &observed());
    let [anna, hashed, plain] = names(&first)[..] else {
        panic!("{:?}", names(&first))
    };
    assert_eq!([anna, plain], ["t-anna-aurora-sandbox", "t-x-a-sandbox"]);
    let user = |at: usize| &first.namespaces[at].value["metadata"]["annotations"]["tenantry.dev/sandbox-user"];
    assert_eq!([user(1), user(2)], ["x@a.org", "x@a.com"]);
    // Who has the name keeps it, also against one who sorts before.
    let there = settled(SANDBOXES);
    let third = SANDBOXES.replace("x@a.com]", "x@a.com, x@a.be]");
    let added = plan(&third, &there);
    let new: Vec<&str> = names(&added);
    assert_eq!(new.len(), 1);
    assert!(
        new[0].starts_with("t-x-a-") && new[0] != plain && new[0] != hashed,
        "{new:?}"
    );
    assert!(added.prune.is_empty());
    // A user who leaves takes the sandbox along, and nobody else's.
    let left = plan(
        &SANDBOXES.replace("[x@a.org, x@a.com]", "[x@a.org]"),
        &there,
    );
    assert_eq!(left.prune, [plain]);
    let off = plan(
        &SANDBOXES.replace("enabled: true", "enabled: false"),
        &there,
    );
    assert_eq!(off.prune.len(), 3);
}

#[test]
fn sandboxes_give_way_to_the_spec_unless_they_were_there_first() {
    let listed = SANDBOXES.replace(
        "{sandboxes",
        "{withTenantPrefix: [anna-aurora-sandbox], sandboxes",
    );
    let first = plan(&listed, &observed());
    assert_eq!(names(&first).len(), 4);
    let mut objects = first.namespaces.iter();
    let listed_one = objects.find(|object| object.key.name == "t-anna-aurora-sandbox");
    assert_eq!(
        listed_one.unwrap().value["metadata"]["annotations"]["tenantry.dev/origin"],
        "spec"
    );
    assert_eq!(reasons(&listed, &settled(SANDBOXES)), ["NamespaceConflict"]);
    assert!(plan(&listed, &settled(SANDBOXES)).prune.is_empty());
}

#[test]
fn in_a_private_sandbox_only_its_user_has_rights() {
    let private = SANDBOXES.replace("enabled: true", "enabled: true, private: true");
    let subjects = |there: &Observed| -> Vec<String> {
        let all = there.read::<RoleBinding>(Kind::RoleBinding);
        let all = all.filter(|binding| {
            binding.metadata.namespace.as_deref() == Some("t-anna-aurora-sandbox")
        });
        let mut names: Vec<String> = all
            .flat_map(|binding| binding.subjects.unwrap_or_default())
            .map(|subject| subject.name)
            .collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(subjects(&settled(&private)), ["anna@aurora.org"]);
    let public = settled(SANDBOXES);
    assert_eq!(
        subjects(&public),
        [
            "anna@aurora.org",
            "eve@aurora.org",
            "team",
            "x@a.com",
            "x@a.org"
        ]
    );
    // Made private, the others lose their bindings before anything else.
    let revoked = plan(&private, &public).revoke;
    assert!(
        revoked.len() >= 6
            && revoked
                .iter()
                .all(|revoke| matches!(revoke, Revoke::Delete(_) | Revoke::Narrow(_)))
    );
}

#[test]
fn metadata_of_sandboxes_knows_the_user_and_stays_legal() {
    let tenant = SANDBOXES.replace(
        "{sandboxes",
        "{metadata: {common: {labels: {a: common, b: common}}, sandbox: {labels: {b: '{{ TENANT.USERNAME }}', stakater.com/kind: play}, annotations: {for: '{{ TENANT.USERNAME }}'}}}, sandboxes",
    );
    let mut there = observed();
    there.config = Some(yaml(
        "{metadata: {name: c}, spec: {metadata: {namespaces: {labels: {a: x, c: x}}, sandboxes: {labels: {c: z, d: z}}}}}",
    ));
    let first = plan(&tenant, &there);
    let metadata = &first.namespaces[0].value["metadata"];
    assert_eq!(metadata["annotations"]["for"], "anna@aurora.org");
    let labels = &metadata["labels"];
    assert_eq!(
        [&labels["a"], &labels["c"], &labels["d"]],
        ["common", "z", "z"]
    );
    assert_eq!(labels["stakater.com/kind"], "play");
    // An e-mail address is no label: said, and left out.
    assert!(labels["b"].is_null());
    assert_eq!(reasons(&tenant, &there), ["MetadataInvalid"; 3]);
}

#[test]
fn a_tenant_raises_pod_security_and_does_not_lower_it() {
    let check = |config: &str, asked: &str, expected: &str, problems: &[&str]| {
        let tenant = TENANT.replace(
            "withTenantPrefix: [dev, build]",
            &format!("withTenantPrefix: [dev], metadata: {{common: {{labels: {{pod-security.kubernetes.io/enforce: {asked}}}}}}}"),
        );
        let mut there = observed();
        there.config = Some(yaml(&format!(
            "{{metadata: {{name: c}}, spec: {{metadata: {{namespaces: {{labels: {{pod-security.kubernetes.io/enforce: {config}}}}}}}}}}}"
        )));
        let labels = &plan(&tenant, &there).namespaces[0].value["metadata"]["labels"];
        assert_eq!(
            labels["pod-security.kubernetes.io/enforce"], expected,
            "{config} {asked}"
        );
        assert_eq!(reasons(&tenant, &there), problems, "{config} {asked}");
    };
    check("baseline", "restricted", "restricted", &[]);
    check(
        "baseline",
        "privileged",
        "baseline",
        &["PodSecurityLowered"],
    );
    check("baseline", "none", "baseline", &["PodSecurityLowered"]);
    check("privileged", "privileged", "privileged", &[]);
    check(
        "restricted",
        "baseline",
        "restricted",
        &["PodSecurityLowered"],
    );
}

#[test]
fn roles_follow_the_namespaces_labels_and_leave_nothing_stale() {
    let config = |selector: &str| {
        yaml(&format!(
            "{{metadata: {{name: c}}, spec: {{accessControl: {{rbac: {{tenantRoles: {{custom: [{{labelSelector: {selector}, owner: {{clusterRoles: [edit]}}}}]}}}}}}}}}}"
        ))
    };
    let mut there = settled(TENANT);
    there.config = Some(config("{matchLabels: {stakater.com/kind: build}}"));
    let after = plan(TENANT, &there);
    let key = |name: &str| Key {
        kind: Kind::RoleBinding,
        namespace: "logistics-build".into(),
        name: name.into(),
    };
    assert_eq!(after.revoke, [Revoke::Delete(key("tenant-owner-admin"))]);
    assert_eq!(
        keys(&after.grants),
        ["RoleBinding logistics-build/tenant-owner-edit"]
    );
    there.config = Some(config("{matchLabels: {stakater.com/kind: other}}"));
    assert!(plan(TENANT, &there).is_settled());
}

#[test]
fn an_older_tenant_that_wants_the_name_goes_first() {
    let mut there = observed();
    there.rivals = [("logistics-dev".to_owned(), "logistics-d".to_owned())].into();
    assert_eq!(reasons(TENANT, &there), ["NamespaceConflict"]);
    assert_eq!(names(&plan(TENANT, &there)), ["logistics-build"]);
    // Who has the namespace already keeps it.
    let mut there = settled(TENANT);
    there.rivals = [("logistics-dev".to_owned(), "logistics-d".to_owned())].into();
    assert!(plan(TENANT, &there).is_settled());
}

#[test]
fn the_next_look_comes_at_once_unless_a_share_is_waited_for() {
    let is_at_once = |there: &Observed| matches!(next(TENANT, there), Next::Look(Duration::ZERO));
    let first = observed();
    assert!(!is_at_once(&first), "its shares will be told of");
    let with_shares = applied(&plan(TENANT, &first), &first);
    assert!(is_at_once(&with_shares), "rights are given");
    let without = Observed {
        quota: Some(Arc::new(yaml("{metadata: {name: small}, spec: {}}"))),
        ..first
    };
    assert!(is_at_once(&without), "no share will be told of");
    assert!(matches!(next(TENANT, &settled(TENANT)), Next::Tell(_)));
}
