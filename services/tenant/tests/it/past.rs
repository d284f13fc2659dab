//! Revisions, who had access when, drift and pauses, as people ask for them.

use pbjson_types::Timestamp;
use tenantry_proto::{
    audit::v1::actor::Kind,
    tenant::v1::{
        GetTenantRevisionRequest, GetTenantRevisionResponse, ListAccessRequest, ListDriftRequest,
        ListTenantRevisionsRequest, MemberAccess, PauseTenantRequest, ResumeTenantRequest,
        RevertTenantRequest, TenantRevision, tenant_service_client::TenantServiceClient,
    },
};
use tenantry_testkit::eventually;
use tonic::{Code, transport::Channel};

use crate::{
    grpc::bearing,
    support::{World, tenant},
};

async fn client(world: &World) -> TenantServiceClient<Channel> {
    TenantServiceClient::new(world.channel().await)
}

async fn revisions(world: &World, tenant: &str) -> Vec<TenantRevision> {
    let request = ListTenantRevisionsRequest {
        tenant: tenant.into(),
        ..ListTenantRevisionsRequest::default()
    };
    let request = bearing(&world.admin_token(), request);
    let answer = client(world).await.list_tenant_revisions(request).await;
    answer.unwrap().into_inner().revisions
}

async fn revision(world: &World, request: GetTenantRevisionRequest) -> GetTenantRevisionResponse {
    let request = bearing(&world.admin_token(), request);
    let answer = client(world).await.get_tenant_revision(request).await;
    answer.unwrap().into_inner()
}

async fn access(world: &World, namespace: &str, at: Option<Timestamp>) -> Vec<MemberAccess> {
    let request = ListAccessRequest {
        namespace: namespace.into(),
        read_time: at,
        ..ListAccessRequest::default()
    };
    let request = bearing(&world.admin_token(), request);
    let answer = client(world).await.list_access(request).await;
    answer.unwrap().into_inner().access
}

fn who(access: &[MemberAccess]) -> Vec<&str> {
    access
        .iter()
        .map(|access| access.subject.as_str())
        .collect()
}

/// The database's clock, which is the history's.
async fn now(world: &World) -> Timestamp {
    let (seconds, nanos): (i64, i32) = sqlx::query_as(
        "SELECT floor(extract(epoch FROM t))::bigint, (extract(microseconds FROM t)::bigint % 1000000 * 1000)::int
         FROM clock_timestamp() t",
    )
    .fetch_one(&world.pool())
    .await
    .unwrap();
    Timestamp { seconds, nanos }
}

fn set_owner(world: &World, tenant: &str, owner: &str) {
    let patch = format!(
        r#"patch tenant {tenant} --type=merge -p {{"spec":{{"accessControl":{{"owners":{{"users":["{owner}"]}}}}}}}}"#
    );
    world.kubectl(&patch).unwrap();
}

#[tokio::test]
async fn every_revision_is_kept_and_an_earlier_one_can_be_written_again() {
    let world = World::shared().await;
    world.apply(&tenant("again", "owl@nordmart.com", ""));
    world.wait_for("again", "Ready", "True").await;
    let before = now(&world).await;
    set_owner(&world, "again", "crow@nordmart.com");
    world.wait_for("again", "Ready", "True").await;
    let known = revisions(&world, "again").await;
    assert_eq!(
        known
            .iter()
            .map(|known| known.generation)
            .collect::<Vec<_>>(),
        [2, 1]
    );
    let actor = known[0].actor.clone().unwrap();
    assert_eq!(
        (actor.kind(), actor.name.as_str()),
        (Kind::User, "platform-admin")
    );
    let then = revision(
        &world,
        GetTenantRevisionRequest {
            tenant: "again".into(),
            read_time: Some(before),
            ..GetTenantRevisionRequest::default()
        },
    )
    .await;
    let first = then.revision.unwrap();
    assert_eq!((first.generation, first.apply_time.is_some()), (1, true));
    let applied: Vec<String> = then.applications[0]
        .objects
        .iter()
        .map(|object| format!("{} {}/{}", object.kind, object.namespace, object.name))
        .collect();
    assert!(
        applied.contains(&"RoleBinding again-dev/tenant-owner-admin".to_owned()),
        "{applied:?}"
    );
    assert_eq!(applied.len(), 16, "{applied:?}");

    let revert = |etag: &str, validate_only| {
        let request = RevertTenantRequest {
            name: "again".into(),
            generation: 1,
            etag: etag.into(),
            validate_only,
        };
        bearing(&world.admin_token(), request)
    };
    let mut client = client(&world).await;
    let refused = client.revert_tenant(revert("1", false)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
    client.revert_tenant(revert("", true)).await.unwrap();
    assert_eq!(
        world.get("tenant again")["metadata"]["generation"],
        2,
        "validate_only changes nothing"
    );
    client.revert_tenant(revert("", false)).await.unwrap();
    world.wait_for("again", "Ready", "True").await;
    let known = eventually("a third revision", async || {
        let known = revisions(&world, "again").await;
        if known.len() == 3 {
            Ok(known)
        } else {
            Err(known)
        }
    })
    .await;
    assert_eq!((known[0].generation, &known[0].spec), (3, &known[2].spec));
    assert_eq!(known[0].actor.clone().unwrap().name, "platform-admin");

    // One that is gone is remembered, and one that comes back under its name is another.
    world.kubectl("delete tenant again --timeout=20s").unwrap();
    assert!(
        revisions(&world, "again").await[0]
            .tenant_delete_time
            .is_some()
    );
    world.apply(
        &tenant(
            "again",
            "owl@nordmart.com",
            ", onDeletePurgeNamespaces: true",
        )
        .replace("dev, build", "other"),
    );
    world.wait_for("again", "Ready", "True").await;
    let known = revisions(&world, "again").await;
    assert_eq!(known.len(), 4);
    assert_ne!(known[0].uid, known[1].uid);
}

#[tokio::test]
async fn who_had_access_when_is_one_call_across_kills_and_restarts() {
    let world = World::start().await;
    world.apply(&tenant("past", "owl@nordmart.com", ""));
    let nobody = now(&world).await;
    world.restart(None);
    world.wait_for("past", "Ready", "True").await;
    world.wait_for_fact("past", "TenantApplied past").await;
    let owls = now(&world).await;
    set_owner(&world, "past", "crow@nordmart.com");
    world.restart(None);
    world.wait_for("past", "Ready", "True").await;
    world
        .wait_for_fact("past", "MemberGranted crow@nordmart.com")
        .await;
    world
        .wait_for_fact("past", "MemberRevoked owl@nordmart.com")
        .await;
    let crows = eventually("crow alone", async || {
        let access = access(&world, "past-dev", None).await;
        if who(&access) == ["crow@nordmart.com"] && access[0].start_time.is_some() {
            Ok(access)
        } else {
            Err(access)
        }
    })
    .await;
    assert_eq!((crows[0].tenant.as_str(), crows[0].generation), ("past", 2));
    assert_eq!(crows[0].cluster_roles, ["admin", "tenantry-own-namespace"]);
    assert_eq!(crows[0].actor.clone().unwrap().name, "platform-admin");
    let then = access(&world, "past-dev", Some(owls)).await;
    assert_eq!(who(&then), ["owl@nordmart.com"]);
    assert!(then[0].start_time.is_some() && then[0].end_time.is_some());
    assert_eq!(access(&world, "past-dev", Some(nobody)).await, []);
    world.kubectl("delete tenant past --timeout=20s").unwrap();
    assert_eq!(access(&world, "past-dev", None).await, []);
    assert_eq!(
        who(&access(&world, "past-dev", Some(owls)).await),
        ["owl@nordmart.com"]
    );
}

#[tokio::test]
async fn a_grant_that_was_never_seen_bound_is_told_as_such() {
    let world = World::shared().await;
    world.apply(&tenant("wished", "owl@nordmart.com", ""));
    world.wait_for("wished", "Ready", "True").await;
    sqlx::query(
        "UPDATE member_grant_interval SET end_time = clock_timestamp() WHERE namespace = 'wished-dev'",
    )
    .execute(&world.pool())
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO member_grant_interval
             (tenant_uid, generation, namespace, role, subject, is_group, cluster_roles, request_time)
         SELECT tenant_uid, generation, namespace, role, 'wren@nordmart.com', false, cluster_roles, clock_timestamp()
         FROM member_grant_interval WHERE namespace = 'wished-dev'",
    )
    .execute(&world.pool())
    .await
    .unwrap();
    let told = access(&world, "wished-dev", None).await;
    assert_eq!(who(&told), ["wren@nordmart.com"]);
    assert!(told[0].request_time.is_some() && told[0].start_time.is_none());
    // Two stretches of one grant cannot overlap, whoever writes them.
    let twice = sqlx::query(
        "INSERT INTO member_grant_interval
             (tenant_uid, generation, namespace, role, subject, is_group, cluster_roles, request_time)
         SELECT tenant_uid, generation, namespace, role, subject, is_group, '{edit}', request_time
         FROM member_grant_interval WHERE subject = 'wren@nordmart.com'",
    )
    .execute(&world.pool())
    .await;
    assert!(twice.is_err());
}

#[tokio::test]
async fn history_is_for_those_who_may_read_it() {
    let world = World::shared().await;
    world.apply(&tenant("mine", "system-reader", ""));
    world.wait_for("mine", "Ready", "True").await;
    let _ = world.kubectl("create serviceaccount reader -n default");
    let token = world
        .kubectl("create token reader -n default --audience tenantry")
        .unwrap();
    let list = || ListAccessRequest {
        namespace: "mine-dev".into(),
        ..ListAccessRequest::default()
    };
    let mut client = client(&world).await;
    let refused = client
        .list_access(bearing(token.trim(), list()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let absent = ListAccessRequest {
        namespace: "absent".into(),
        ..list()
    };
    let other = client
        .list_access(bearing(token.trim(), absent))
        .await
        .unwrap_err();
    assert_eq!(
        refused.message(),
        other.message(),
        "a foreign namespace and an absent one look the same"
    );
    world
        .kubectl("create clusterrole mine-reader --verb=get --resource=tenants.tenantoperator.stakater.com/audit --resource-name=mine")
        .unwrap();
    world
        .kubectl("create clusterrolebinding mine-reader --clusterrole=mine-reader --serviceaccount=default:reader")
        .unwrap();
    let access = eventually("the right", async || {
        let mut client = client.clone();
        client.list_access(bearing(token.trim(), list())).await
    })
    .await
    .into_inner()
    .access;
    assert_eq!(who(&access), ["system-reader"]);
}

#[tokio::test]
async fn drift_is_listed_newest_first_with_who_made_it() {
    let world = World::shared().await;
    world.apply(&tenant("drifts", "owl@nordmart.com", ""));
    world.wait_for("drifts", "Ready", "True").await;
    let subject =
        "get rolebinding tenant-owner-admin -n drifts-dev -o=jsonpath={.subjects[*].name}";
    for intruder in ["crow", "rook"] {
        let patch = format!(
            r#"patch rolebinding tenant-owner-admin -n drifts-dev --field-manager=mallory-{intruder} --type=merge -p {{"subjects":[{{"kind":"User","name":"{intruder}","apiGroup":"rbac.authorization.k8s.io"}}]}}"#
        );
        world.kubectl(&patch).unwrap();
        world.wait_for_answer(subject, "owl@nordmart.com").await;
        world.wait_for("drifts", "Ready", "True").await;
    }
    let list = async |page_size, page_token: String| {
        let request = ListDriftRequest {
            tenant: "drifts".into(),
            page_size,
            page_token,
        };
        let request = bearing(&world.admin_token(), request);
        client(&world)
            .await
            .list_drift(request)
            .await
            .map(tonic::Response::into_inner)
    };
    let managers = |drifts: &[tenantry_proto::tenant::v1::RevertedDrift]| -> Vec<String> {
        let drift = drifts.iter().filter_map(|drift| drift.drift.clone());
        drift.map(|drift| drift.field_manager).collect()
    };
    let first = eventually("two drifts", async || {
        let all = list(0, String::new()).await.unwrap();
        if all.drifts.len() >= 2 {
            list(1, String::new())
                .await
                .map_err(|refused| refused.to_string())
        } else {
            Err(format!("{all:?}"))
        }
    })
    .await;
    assert_eq!(managers(&first.drifts), ["mallory-rook"]);
    let rest = list(1, first.next_page_token).await.unwrap();
    assert!(managers(&rest.drifts)[0].starts_with("mallory-"));
    assert!(rest.drifts[0].revert_time.is_some());
}

#[tokio::test]
async fn a_paused_tenant_is_left_alone_until_it_is_resumed_and_can_be_deleted() {
    let world = World::shared().await;
    world.apply(&tenant("still", "owl@nordmart.com", ""));
    world.wait_for("still", "Ready", "True").await;
    let mut client = client(&world).await;
    let pause = PauseTenantRequest {
        name: "still".into(),
        ..PauseTenantRequest::default()
    };
    let paused = client
        .pause_tenant(bearing(&world.admin_token(), pause))
        .await
        .unwrap()
        .into_inner();
    assert!(paused.tenant.unwrap().is_paused);
    world.wait_for("still", "Ready", "Unknown").await;
    let reason =
        r#"get tenant still -o=jsonpath={.status.conditions[?(@.type=="Reconciling")].reason}"#;
    world.wait_for_answer(reason, "Paused").await;
    world
        .kubectl("delete rolebinding tenant-owner-admin -n still-dev")
        .unwrap();
    set_owner(&world, "still", "crow@nordmart.com");
    // Recorded, for it was written; told as seen; and not applied.
    world.wait_for_fact("still", "TenantUpdated still").await;
    world.wait_for("still", "Ready", "Unknown").await;
    assert!(
        world
            .kubectl("get rolebinding tenant-owner-admin -n still-dev")
            .is_err()
    );
    assert!(
        world
            .kubectl("auth can-i get pods -n still-build --as owl@nordmart.com")
            .is_ok()
    );
    let resume = ResumeTenantRequest {
        name: "still".into(),
        ..ResumeTenantRequest::default()
    };
    client
        .resume_tenant(bearing(&world.admin_token(), resume))
        .await
        .unwrap();
    world.wait_for("still", "Ready", "True").await;
    assert!(
        world
            .kubectl("auth can-i get pods -n still-dev --as crow@nordmart.com")
            .is_ok()
    );
    world.wait_for_fact("still", "TenantResumed still").await;
    // By hand, as an annotation: whose field manager it was is the actor.
    world
        .kubectl("annotate tenant still tenantry.dev/paused=true --overwrite")
        .unwrap();
    world.wait_for("still", "Ready", "Unknown").await;
    world.kubectl("delete tenant still --timeout=20s").unwrap();
    assert!(
        world
            .kubectl("auth can-i get pods -n still-dev --as crow@nordmart.com")
            .is_err()
    );
    let told: Vec<(String, String)> = sqlx::query_as(
        "SELECT kind, actor_name FROM events.event WHERE tenant = 'still' AND kind IN ('TenantPaused', 'TenantResumed') ORDER BY row_id",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap();
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|(kind, actor)| (kind.as_str(), actor.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("TenantPaused", "platform-admin"),
            ("TenantResumed", "platform-admin"),
            ("TenantPaused", "platform-admin")
        ]
    );
}
