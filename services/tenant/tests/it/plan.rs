//! What is planned is what is done.

use std::collections::BTreeSet;

use serde_json::Value;
use tenantry_proto::tenant::v1::{
    AccessChange, AccessControl, GetTenantRequest, Members, NamespacesSpec, ObjectChange,
    PlanQuotaRequest, PlanTenantRequest, PlanViolation, Quota, QuotaSpec, Tenant, TenantPlan,
    TenantSpec, object_change::Action, tenant_service_client::TenantServiceClient,
};
use tonic::Code;

use crate::{
    grpc::bearing,
    support::{World, tenant},
};

fn spec(namespaces: &[&str], owner: &str) -> TenantSpec {
    TenantSpec {
        quota: "small".into(),
        access_control: Some(AccessControl {
            owners: Some(Members {
                users: vec![owner.into()],
                groups: vec![],
            }),
            ..AccessControl::default()
        }),
        namespaces: Some(NamespacesSpec {
            with_tenant_prefix: namespaces.iter().map(|name| (*name).to_owned()).collect(),
            ..NamespacesSpec::default()
        }),
        ..TenantSpec::default()
    }
}

async fn plan(world: &World, name: &str, spec: TenantSpec) -> TenantPlan {
    let mut client = TenantServiceClient::new(world.channel().await);
    let tenant = Some(Tenant {
        name: name.into(),
        spec: Some(spec),
        ..Tenant::default()
    });
    let request = bearing(&world.admin_token(), PlanTenantRequest { tenant });
    let answer = client.plan_tenant(request).await.unwrap().into_inner();
    answer.plan.unwrap()
}

fn line(change: &ObjectChange) -> String {
    let ObjectChange {
        kind,
        namespace,
        name,
        ..
    } = change;
    format!("{kind} {namespace}/{name}")
}

/// Changes of one action, the Tenant itself aside.
fn of(plan: &TenantPlan, action: Action) -> BTreeSet<String> {
    let changes = plan.changes.iter();
    changes
        .filter(|change| change.action() == action && change.kind != "Tenant")
        .map(line)
        .collect()
}

/// Versions of everything that is the tenant's, by kind and name.
fn objects(world: &World, tenant: &str) -> std::collections::BTreeMap<String, Value> {
    let kinds = "namespaces,resourcequotas,limitranges,rolebindings,clusterroles,clusterrolebindings,guardrails,networkpolicies";
    let found = world.get(&format!("{kinds} -A -l stakater.com/tenant={tenant}"));
    let items = found["items"].as_array().unwrap().clone();
    items
        .into_iter()
        .map(|object| {
            let metadata = &object["metadata"];
            let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
            let kind = object["kind"].as_str().unwrap();
            (
                format!("{kind} {}/{}", text("namespace"), text("name")),
                bare(&object),
            )
        })
        .collect()
}

/// Without what the apiserver and the controller-manager keep for themselves.
fn bare(object: &Value) -> Value {
    let mut bare = object.clone();
    let fields = bare.as_object_mut().unwrap();
    fields.remove("status");
    let metadata = fields["metadata"].as_object_mut().unwrap();
    for kept in [
        "managedFields",
        "resourceVersion",
        "generation",
        "deletionTimestamp",
    ] {
        metadata.remove(kept);
    }
    bare
}

fn keys(objects: &std::collections::BTreeMap<String, Value>) -> BTreeSet<String> {
    objects.keys().cloned().collect()
}

#[tokio::test]
async fn a_plan_names_exactly_the_objects_that_apply_then_makes_changes_and_deletes() {
    let world = World::shared().await;
    let nothing = objects(&world, "planned");
    let foreseen = plan(
        &world,
        "planned",
        spec(&["dev", "build"], "owl@nordmart.com"),
    )
    .await;
    assert_eq!(nothing.len(), 0);
    assert_eq!(objects(&world, "planned").len(), 0, "a plan writes nothing");
    assert!(world.kubectl("get tenant planned").is_err());
    world.apply(&tenant("planned", "owl@nordmart.com", ""));
    world.wait_for("planned", "Ready", "True").await;
    let made = objects(&world, "planned");
    assert_eq!(of(&foreseen, Action::Create), keys(&made));
    assert!(foreseen.access.iter().all(|change| change.is_gain));

    // The same again changes nothing.
    let same = plan(
        &world,
        "planned",
        spec(&["dev", "build"], "owl@nordmart.com"),
    )
    .await;
    assert_eq!(same.changes, []);

    let foreseen = plan(&world, "planned", spec(&["dev"], "crow@nordmart.com")).await;
    assert_eq!(foreseen.deleted_namespaces, ["planned-build"]);
    let who = |change: &AccessChange| {
        (
            change.is_gain,
            change.namespace.clone(),
            change.subject.clone(),
        )
    };
    let told: Vec<_> = foreseen.access.iter().map(who).collect();
    let (owl, crow) = (
        "owl@nordmart.com".to_owned(),
        "crow@nordmart.com".to_owned(),
    );
    assert_eq!(
        told,
        [
            (false, "planned-build".to_owned(), owl.clone()),
            (true, "planned-dev".to_owned(), crow),
            (false, "planned-dev".to_owned(), owl),
        ]
    );
    world
        .kubectl(r#"patch tenant planned --type=merge -p {"spec":{"namespaces":{"withTenantPrefix":["dev"]},"accessControl":{"owners":{"users":["crow@nordmart.com"]}}}}"#)
        .unwrap();
    world.wait_for("planned", "Ready", "True").await;
    world.wait_until_gone("get namespace planned-build").await;
    world.wait_for("planned", "Ready", "True").await;
    let after = objects(&world, "planned");
    let gone: BTreeSet<String> = keys(&made).difference(&keys(&after)).cloned().collect();
    assert_eq!(of(&foreseen, Action::Delete), gone);
    let differing = after
        .iter()
        .filter(|(key, object)| made.get(*key).is_some_and(|before| before != *object));
    let changed: BTreeSet<String> = differing.map(|(key, _)| key.clone()).collect();
    assert_eq!(of(&foreseen, Action::Update), changed);
}

#[tokio::test]
async fn a_quotas_plan_tells_each_tenant_and_use_above_the_budget() {
    let world = World::shared().await;
    // Secrets, for Kubernetes makes configmaps of its own and counts them when it likes.
    let quota = crate::support::QUOTA.replace("configmaps", "secrets");
    world.apply(&quota.replace("name: small", "name: tight"));
    world.apply(&tenant("tight", "owl@nordmart.com", "").replace("quota: small", "quota: tight"));
    world.wait_for("tight", "Ready", "True").await;
    for n in 0..2 {
        world
            .kubectl(&format!("create secret generic s{n} -n tight-dev"))
            .unwrap();
    }
    let used = "get resourcequota tenant-quota -n tight-dev -o=jsonpath={.status.used.secrets}";
    world.wait_for_answer(used, "2").await;
    world.wait_for("tight", "Ready", "True").await;
    let mut client = TenantServiceClient::new(world.channel().await);
    let hard = [("secrets", "1"), ("memory", "8Gi")];
    let quota = Some(Quota {
        name: "tight".into(),
        spec: Some(QuotaSpec {
            hard: hard.map(|(key, value)| (key.into(), value.into())).into(),
            limitrange: None,
        }),
        ..Quota::default()
    });
    let request = PlanQuotaRequest { quota };
    let plan = client
        .plan_quota(bearing(&world.admin_token(), request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        plan.changes.iter().map(line).collect::<Vec<_>>(),
        ["Quota /tight"]
    );
    assert!(!plan.is_partial);
    let names: Vec<&str> = plan
        .tenants
        .iter()
        .map(|plan| plan.tenant.as_str())
        .collect();
    assert_eq!(names, ["tight"], "only the tenants that name it");
    let excess = &plan.tenants[0].excesses[0];
    assert_eq!(
        (
            excess.resource.as_str(),
            excess.hard.as_str(),
            excess.used.as_str()
        ),
        ("secrets", "1", "2")
    );
    let hard = world.get("quotas.tenantoperator.stakater.com tight");
    assert_eq!(hard["spec"]["resourcequota"]["hard"]["secrets"], "10");
}

const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: large, namespace: strict-dev}
spec: {containers: [{name: web, image: quay.io/acme/web, resources: {limits: {cpu: 600m, memory: 64Mi}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: plain, namespace: strict-dev}
spec: {containers: [{name: web, image: ghcr.io/acme/web}]}
"#;

/// `kind/name: reasons`.
fn broken(plan: &TenantPlan) -> Vec<String> {
    let line = |violation: &PlanViolation| {
        let PlanViolation {
            kind,
            name,
            reasons,
            ..
        } = violation;
        format!("{kind}/{name}: {}", reasons.join(", "))
    };
    assert_eq!(
        usize::try_from(plan.violations_total).unwrap(),
        plan.violations.len()
    );
    plan.violations.iter().map(line).collect()
}

#[tokio::test]
async fn a_plan_names_what_would_break_tightened_rules() {
    let world = World::shared().await;
    world.apply(&crate::support::QUOTA.replace("name: small", "name: strict"));
    world.apply(&tenant("strict", "owl@nordmart.com", "").replace("quota: small", "quota: strict"));
    world.wait_for("strict", "Ready", "True").await;
    let account = "get serviceaccount default -n strict-dev -o=jsonpath={.metadata.name}";
    world.wait_for_answer(account, "default").await;
    world.kubectl_with("create -f -", PODS).unwrap();
    let mut wanted = spec(&["dev", "build"], "owl@nordmart.com");
    wanted.quota = "strict".into();
    assert_eq!(
        broken(&plan(&world, "strict", wanted.clone()).await),
        [""; 0]
    );
    let registries = serde_json::json!({"imageRegistries": {"allowed": ["ghcr.io"]}});
    wanted.extra = serde_json::from_value(registries).unwrap();
    let words = "container web: image quay.io/acme/web comes from registry quay.io, which is not in imageRegistries.allowed of tenant strict: ghcr.io";
    assert_eq!(
        broken(&plan(&world, "strict", wanted).await),
        [format!("pods/large: {words}")]
    );

    // A plain container is given what the quota of the day gives: only who asked for too much himself is named.
    let limitrange = serde_json::json!({"limits": [{"type": "Container", "max": {"cpu": "500m"}}]});
    let quota = Some(Quota {
        name: "strict".into(),
        spec: Some(QuotaSpec {
            hard: [("memory".into(), "8Gi".into())].into(),
            limitrange: serde_json::from_value(limitrange).unwrap(),
        }),
        ..Quota::default()
    });
    let mut client = TenantServiceClient::new(world.channel().await);
    let request = bearing(&world.admin_token(), PlanQuotaRequest { quota });
    let answer = client.plan_quota(request).await.unwrap().into_inner();
    assert_eq!(
        broken(&answer.tenants[0]),
        [
            "pods/large: container web has a limit of 600m cpu, above max 500m of the LimitRange, \
             container web has a request of 600m cpu, above max 500m of the LimitRange"
        ]
    );
}

#[tokio::test]
async fn a_plan_needs_the_right_of_the_write_and_speaks_as_admission_does() {
    let world = World::shared().await;
    let mut client = TenantServiceClient::new(world.channel().await);
    let _ = world.kubectl("create serviceaccount planner -n default");
    let token = world
        .kubectl("create token planner -n default --audience tenantry")
        .unwrap();
    let request = |owner: &str| PlanTenantRequest {
        tenant: Some(Tenant {
            name: "unplanned".into(),
            spec: Some(spec(&["dev"], owner)),
            ..Tenant::default()
        }),
    };
    let refused = client
        .plan_tenant(bearing(token.trim(), request("owl@nordmart.com")))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = client
        .plan_tenant(bearing(&world.admin_token(), request("system:masters")))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    // The control: the same call of an administrator with an ordinary owner.
    client
        .plan_tenant(bearing(&world.admin_token(), request("owl@nordmart.com")))
        .await
        .unwrap();
    let get = GetTenantRequest {
        name: "unplanned".into(),
    };
    let absent = client.get_tenant(bearing(&world.admin_token(), get)).await;
    assert_eq!(absent.unwrap_err().code(), Code::NotFound);
}
