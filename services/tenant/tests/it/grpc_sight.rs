//! What a member sees through gRPC, with a person's real token, on the standing stack.

mod place;

use std::time::Duration;

use tenantry_proto::tenant::v1::{
    Change, DeleteTenantRequest, GetTenantRequest, ListNamespacesRequest, Tenant, TenantSpec,
    UpdateTenantRequest, WatchQuotasRequest, WatchTenantsRequest, WatchTenantsResponse,
};
use tenantry_testkit::{eventually, unique};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use place::{Place, bearing, serve_from, user};

/// A tenant may have to be applied first.
const ANSWER: Duration = Duration::from_secs(20);

/// The next change of one of `names`; what the stack's other tenants do meanwhile is passed over.
async fn next(
    stream: &mut Streaming<WatchTenantsResponse>,
    names: &[&str],
) -> Result<(Change, String), Status> {
    let next = async {
        loop {
            let told = stream.message().await?.expect("the stream goes on");
            let (change, name) = (told.change(), told.tenant.unwrap().name);
            if names.contains(&name.as_str()) {
                return Ok((change, name));
            }
        }
    };
    tokio::time::timeout(ANSWER, next)
        .await
        .expect("a change in time")
}

/// The first change that is not MODIFIED: the stack's own service writes statuses meanwhile.
async fn turn(stream: &mut Streaming<WatchTenantsResponse>, names: &[&str]) -> (Change, String) {
    loop {
        let (change, name) = next(stream, names).await.unwrap();
        if change != Change::Modified {
            return (change, name);
        }
    }
}

/// The first change that is not MODIFIED, waited for beside the test.
#[allow(clippy::disallowed_methods, reason = "a test supervises its own tasks")]
fn until_turn(
    mut stream: Streaming<WatchTenantsResponse>,
    names: Vec<String>,
) -> JoinHandle<(Change, String)> {
    tokio::spawn(async move {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        turn(&mut stream, &names).await
    })
}

/// Reads until `tenant` is told with `description`; gives the names of all that were told before.
async fn until_described(
    stream: &mut Streaming<WatchTenantsResponse>,
    tenant: &str,
    description: &str,
) -> Vec<String> {
    let mut before = Vec::new();
    let told = async {
        loop {
            let told = stream.message().await.unwrap();
            let told = told.expect("the stream goes on").tenant.unwrap();
            let found = told.spec.unwrap_or_default().description;
            if told.name == tenant && found == description {
                return;
            }
            before.push(told.name);
        }
    };
    tokio::time::timeout(ANSWER, told)
        .await
        .expect("the description in time");
    before
}

fn owners(tenant: &Tenant) -> Vec<String> {
    let spec = tenant.spec.clone().unwrap_or_default();
    let owners = spec.access_control.unwrap_or_default().owners;
    owners.unwrap_or_default().users
}

/// Reads a stream to its end, beside the test.
#[allow(clippy::disallowed_methods, reason = "a test supervises its own tasks")]
fn until_refused(mut stream: Streaming<WatchTenantsResponse>) -> JoinHandle<Status> {
    tokio::spawn(async move {
        loop {
            match stream.message().await {
                Ok(told) => drop(told.expect("the stream does not just end")),
                Err(refused) => return refused,
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_sees_exactly_his_own_tenants_and_loses_sight_of_them_with_his_place() {
    let place = Place::start().await;
    let both = [place.own.as_str(), place.foreign.as_str()];
    let all = eventually("both tenants in the list", || async {
        let all = place.listed(&place.admin, 1).await;
        let has_both = both
            .iter()
            .all(|name| all.iter().any(|found| found == name));
        if has_both { Ok(all) } else { Err(all) }
    })
    .await;
    assert!(all.is_sorted(), "{all:?}");
    let is_right = |seen: &[String]| seen.contains(&place.own) && !seen.contains(&place.foreign);
    place.until_bear_sees("his own tenant", is_right).await;
    let quotas = eventually("its quota", || async {
        let quotas = place.quotas(&place.bear).await;
        let has_quota = quotas.iter().any(|quota| quota.name == place.quota);
        if has_quota { Ok(quotas) } else { Err(quotas) }
    })
    .await;
    assert!(
        quotas
            .iter()
            .flat_map(|quota| &quota.tenants)
            .all(|usage| usage.tenant != place.foreign)
    );

    let mut stream = place.watch(&place.bear, "").await.unwrap();
    assert_eq!(
        turn(&mut stream, &both).await,
        (Change::Added, place.own.clone())
    );
    place.name_owner(&place.own, "owl@nordmart.com");
    assert_eq!(
        turn(&mut stream, &both).await,
        (Change::Deleted, place.own.clone())
    );
    place.name_owner(&place.foreign, "bear@nordmart.com");
    assert_eq!(
        turn(&mut stream, &both).await,
        (Change::Added, place.foreign.clone())
    );
    place.stop.cancel();
    let end = tokio::time::timeout(ANSWER, async {
        while let Ok(Some(_)) = stream.message().await {}
    });
    end.await.expect("a stream ends when the service stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_named_sees_nothing_without_the_role() {
    let place = Place::start().await;
    let (own, foreign) = (place.own.as_str(), place.foreign.as_str());
    let (has_own, has_foreign) = (
        |seen: &[String]| seen.iter().any(|name| name == own),
        |seen: &[String]| seen.iter().any(|name| name == foreign),
    );
    place.until_bear_sees("his own tenant", has_own).await;
    let mut stream = place.watch(&place.bear, "").await.unwrap();
    assert_eq!(
        turn(&mut stream, &[own, foreign]).await,
        (Change::Added, own.to_owned())
    );

    // Paused, the other one names him too, and gives him nothing.
    place.kubectl(&["annotate", "tenant", foreign, "tenantry.dev/paused=true"]);
    place.name_owner(foreign, "bear@nordmart.com");
    eventually("bear as its owner", || async {
        let all = place.tenants(&place.admin, 1000).await;
        let found = all.into_iter().find(|tenant| tenant.name == foreign);
        let owners = found.as_ref().map(owners);
        if owners == Some(vec!["bear@nordmart.com".to_owned()]) {
            Ok(())
        } else {
            Err(owners)
        }
    })
    .await;
    let seen = place.listed(&place.bear, 1).await;
    assert!(has_own(&seen) && !has_foreign(&seen), "{seen:?}");
    let mark = unique("mark ");
    let patch = format!(r#"{{"spec": {{"desc": "{mark}"}}}}"#);
    place.kubectl(&["patch", "tenant", own, "--type=merge", "-p", &patch]);
    let before = until_described(&mut stream, own, &mark).await;
    assert!(!has_foreign(&before), "{before:?}");

    // The control: with the role it is told, in the stream that was open all the time.
    place.kubectl(&["annotate", "tenant", foreign, "tenantry.dev/paused-"]);
    assert_eq!(
        turn(&mut stream, &[own, foreign]).await,
        (Change::Added, foreign.to_owned())
    );
    place.until_bear_sees("the other one", has_foreign).await;

    // And the role that goes takes it along, whatever the spec says.
    place.kubectl(&["annotate", "tenant", own, "tenantry.dev/paused=true"]);
    let paused = format!("tenant/{own}");
    place.kubectl(&["wait", "--for=condition=Ready=Unknown", &paused]);
    let binding = format!("tenantry-tenant-{own}");
    place.kubectl(&["delete", "clusterrolebinding", &binding]);
    let only_foreign = |seen: &[String]| !has_own(seen) && has_foreign(seen);
    place.until_bear_sees("only the other", only_foreign).await;
    let told = until_turn(stream, vec![own.to_owned(), foreign.to_owned()]);
    eventually("the turn in the stream", || async {
        let note = format!("tenantry.dev/test={}", unique(""));
        place.kubectl(&["annotate", "--overwrite", "tenant", own, &note]);
        if told.is_finished() {
            Ok(())
        } else {
            Err("it is not told")
        }
    })
    .await;
    assert_eq!(told.await.unwrap(), (Change::Deleted, own.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_tenant_and_an_absent_one_look_the_same() {
    let place = Place::start().await;
    let absent = unique("absent-");
    let mut client = place.client.clone();
    let mut told = Vec::new();
    for name in [&place.foreign, &absent] {
        let get = GetTenantRequest { name: name.clone() };
        let namespaces = ListNamespacesRequest {
            tenant: name.clone(),
            ..ListNamespacesRequest::default()
        };
        let update = UpdateTenantRequest {
            tenant: Some(Tenant {
                name: name.clone(),
                ..Tenant::default()
            }),
            ..UpdateTenantRequest::default()
        };
        let delete = DeleteTenantRequest {
            name: name.clone(),
            validate_only: true,
            ..DeleteTenantRequest::default()
        };
        let refused = [
            client
                .get_tenant(bearing(&place.bear, get))
                .await
                .unwrap_err(),
            client
                .list_namespaces(bearing(&place.bear, namespaces))
                .await
                .unwrap_err(),
            client
                .update_tenant(bearing(&place.bear, update))
                .await
                .unwrap_err(),
            client
                .delete_tenant(bearing(&place.bear, delete))
                .await
                .unwrap_err(),
            place.watch(&place.bear, name).await.unwrap_err(),
        ];
        told.push(refused.map(|status| (status.code(), status.message().replace(name, "NAME"))));
    }
    assert!(
        told[0]
            .iter()
            .all(|(code, _)| *code == Code::PermissionDenied),
        "{told:?}"
    );
    assert_eq!(told[0], told[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_taken_away_ends_an_open_stream() {
    let place = Place::start().await;
    let name = &place.foreign;
    place.apply(&format!(
        "
{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: {name}}}, rules: [{{apiGroups: [tenantoperator.stakater.com], resources: [tenants], verbs: [watch], resourceNames: [{name}]}}]}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: {name}}}, roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}, subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: bear@nordmart.com}}]}}
"
    ));
    let mut stream = eventually("the right", || place.watch(&place.bear, name)).await;
    assert_eq!(
        turn(&mut stream, &[name]).await,
        (Change::Added, name.clone())
    );
    place.kubectl(&["delete", "clusterrolebinding", name]);
    let ended = until_refused(stream);
    eventually("the end of the stream", || async {
        let note = format!("tenantry.dev/test={}", unique(""));
        place.kubectl(&["annotate", "--overwrite", "tenant", name, &note]);
        if ended.is_finished() {
            Ok(())
        } else {
            Err("it still tells")
        }
    })
    .await;
    let refused = ended.await.unwrap();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_a_path_reaches_nothing() {
    let place = Place::start().await;
    let mut client = place.client.clone();
    for name in [
        "",
        "a/status",
        "../../../../api/v1/namespaces/kube-system",
        "a?dryRun=All",
        "a,metadata.name=b",
    ] {
        let get = GetTenantRequest { name: name.into() };
        let delete = DeleteTenantRequest {
            name: name.into(),
            ..DeleteTenantRequest::default()
        };
        let update = UpdateTenantRequest {
            tenant: Some(Tenant {
                name: name.into(),
                spec: Some(TenantSpec::default()),
                ..Tenant::default()
            }),
            ..UpdateTenantRequest::default()
        };
        let refused = [
            client
                .get_tenant(bearing(&place.admin, get))
                .await
                .map(drop),
            client
                .delete_tenant(bearing(&place.admin, delete))
                .await
                .map(drop),
            client
                .update_tenant(bearing(&place.admin, update))
                .await
                .map(drop),
        ];
        for answer in refused {
            assert_eq!(
                answer.unwrap_err().code(),
                Code::InvalidArgument,
                "{name:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_watch_says_so_when_nobody_knows_what_there_is() {
    let stop = CancellationToken::new();
    let unheard = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let mut client = serve_from(&stop, unheard).await;
    let token = user("admin")["token"].as_str().unwrap().to_owned();
    let watch = bearing(&token, WatchTenantsRequest::default());
    let tenants = client.watch_tenants(watch).await.unwrap_err();
    let watch = bearing(&token, WatchQuotasRequest::default());
    let quotas = client.watch_quotas(watch).await.unwrap_err();
    for status in [tenants, quotas] {
        let details = status.get_error_details();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(details.error_info().unwrap().reason, "CLUSTER_UNAVAILABLE");
    }
    stop.cancel();
}
