//! What whoever is on call sees at three in the morning.

use tenantry_proto::tenant::v1::{GetTenantRequest, tenant_service_client::TenantServiceClient};
use tenantry_testkit::eventually;
use tonic::Code;

use crate::{
    grpc::bearing,
    support::{World, tenant},
};

/// The figure of one line, such as `tenantry_drift_total{kind="RoleBinding"}`; none without that line.
fn figure(world: &World, line: &str) -> Option<f64> {
    let text = world.metrics();
    let mut lines = text.lines().filter_map(|found| found.rsplit_once(' '));
    let found = lines.find(|(name, _)| *name == line);
    found.map(|(_, figure)| figure.parse().expect("a figure"))
}

async fn becomes(world: &World, line: &str, expected: f64) {
    eventually(&format!("{line} {expected}"), async || {
        match figure(world, line) {
            Some(found) if found == expected => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

const ROLE_BINDINGS: &str = r#"tenantry_drift_total{kind="RoleBinding"}"#;
const READY: &str = r#"tenantry_tenants{condition="Ready"}"#;
const PAUSED: &str = "tenantry_tenants_paused";

#[tokio::test]
async fn figures_follow_what_happens() {
    let world = World::start().await;
    becomes(&world, READY, 0.0).await;
    world.apply(&tenant("lynx", "owl@nordmart.com", ""));
    world.wait_for("lynx", "Ready", "True").await;
    becomes(&world, READY, 1.0).await;
    drift_is_counted_once_it_is_put_back(&world).await;
    a_pause_is_seen_and_its_end(&world).await;
    calls_count_by_code(&world).await;
    verdicts_count_by_reason(&world).await;
    what_the_stream_has_not_taken_waits(&world).await;
    let text = world.metrics();
    assert!(
        text.contains("# TYPE tenantry_drift_total counter"),
        "{text}"
    );
    assert!(
        text.contains(r#"tenantry_build_info{service="tenant","#),
        "{text}"
    );
    for name in ["lynx", "owl@", "nordmart"] {
        assert!(
            !text.contains(name),
            "no names of tenants or people: {text}"
        );
    }
}

async fn drift_is_counted_once_it_is_put_back(world: &World) {
    assert_eq!(figure(world, ROLE_BINDINGS), Some(0.0));
    world.kubectl(r#"patch rolebinding tenant-owner-admin -n lynx-dev --field-manager=mallory --type=merge -p {"subjects":[{"kind":"User","name":"crow","apiGroup":"rbac.authorization.k8s.io"}]}"#).unwrap();
    let subject = "get rolebinding tenant-owner-admin -n lynx-dev -o=jsonpath={.subjects[*].name}";
    world.wait_for_answer(subject, "owl@nordmart.com").await;
    becomes(world, ROLE_BINDINGS, 1.0).await;
    world.wait_for("lynx", "Ready", "True").await;
    assert_eq!(figure(world, ROLE_BINDINGS), Some(1.0));
    let others = r#"tenantry_drift_total{kind="Namespace"}"#;
    assert_eq!(figure(world, others), Some(0.0));
}

async fn a_pause_is_seen_and_its_end(world: &World) {
    assert_eq!(figure(world, PAUSED), Some(0.0));
    let pause = |value: &str| format!("annotate tenant lynx tenantry.dev/paused{value}");
    world.kubectl(&pause("=true")).unwrap();
    becomes(world, PAUSED, 1.0).await;
    becomes(world, READY, 0.0).await;
    world.kubectl(&pause("-")).unwrap();
    becomes(world, PAUSED, 0.0).await;
    becomes(world, READY, 1.0).await;
}

async fn calls_count_by_code(world: &World) {
    let mut client = TenantServiceClient::new(world.channel().await);
    let ask = || GetTenantRequest {
        name: "lynx".into(),
    };
    let stranger = client.get_tenant(ask()).await.unwrap_err();
    assert_eq!(stranger.code(), Code::Unauthenticated);
    client
        .get_tenant(bearing(&world.admin_token(), ask()))
        .await
        .unwrap();
    let method = "tenantry.tenant.v1.TenantService/GetTenant";
    for code in ["Unauthenticated", "OK"] {
        let line = format!(r#"tenantry_grpc_requests_total{{method="{method}",code="{code}"}}"#);
        becomes(world, &line, 1.0).await;
    }
    let answered = format!(r#"tenantry_grpc_request_duration_seconds_count{{method="{method}"}}"#);
    assert_eq!(figure(world, &answered), Some(2.0));
    let refused = format!(r#"tenantry_refusals_total{{method="{method}",reason="TOKEN_MISSING"}}"#);
    becomes(world, &refused, 1.0).await;
}

async fn verdicts_count_by_reason(world: &World) {
    let line = |verdict: &str| {
        format!(
            r#"tenantry_webhook_duration_seconds_count{{webhook="validate",verdict="{verdict}"}}"#
        )
    };
    let allowed = figure(world, &line("allowed")).unwrap();
    assert!(allowed >= 1.0, "the tenant was taken");
    // Whoever waited for the webhooks to answer was refused, too.
    let before = figure(world, &line("QUOTA_NOT_FOUND")).unwrap_or_default();
    let quotaless = tenant("void", "owl@nordmart.com", "").replace("quota: small", "quota: none");
    world.kubectl_with("create -f -", &quotaless).unwrap_err();
    eventually("one refusal more", async || {
        match figure(world, &line("QUOTA_NOT_FOUND")) {
            Some(found) if found > before => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

/// This world has no stream: everything waits.
async fn what_the_stream_has_not_taken_waits(world: &World) {
    let recorded: i64 = sqlx::query_scalar("SELECT count(*) FROM events.event")
        .fetch_one(&world.pool())
        .await
        .unwrap();
    let recorded = f64::from(i32::try_from(recorded).unwrap());
    assert!(recorded > 5.0);
    eventually("everything recorded waits", async || {
        match figure(world, "tenantry_events_waiting") {
            Some(waiting) if waiting >= recorded => Ok(()),
            other => Err((other, recorded)),
        }
    })
    .await;
    let age = figure(world, "tenantry_events_waiting_age_seconds").unwrap();
    assert!((0.1..600.0).contains(&age), "{age}");
}
