//! What a member sees through gRPC, with a person's real token, on the standing stack.

use std::{process::Command, sync::Arc, time::Duration};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tenantry_proto::tenant::v1::{
    Change, DeleteTenantRequest, GetTenantRequest, ListNamespacesRequest, ListQuotasRequest,
    ListTenantsRequest, Tenant, TenantSpec, UpdateTenantRequest, WatchQuotasRequest,
    WatchTenantsRequest, WatchTenantsResponse, tenant_service_client::TenantServiceClient,
};
use tenantry_runtime::{Health, auth::Auth};
use tenantry_tenant::{grpc, store::Store};
use tenantry_testkit::{eventually, stack, unique};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Request, Status, Streaming,
    service::Routes,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

const COMMAND: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(10);

/// The gRPC half alone, on a port of its own, with two tenants: `own` names bear as owner, `foreign` does not.
struct Place {
    client: TenantServiceClient<Channel>,
    own: String,
    foreign: String,
    quota: String,
    admin: String,
    bear: String,
    stop: CancellationToken,
}

impl Place {
    async fn start() -> Self {
        tenantry_runtime::install_tls_provider();
        let (own, foreign, quota) = (unique("own-"), unique("foreign-"), unique("quota-"));
        let stop = CancellationToken::new();
        let place = Self {
            client: serve(&stop).await,
            admin: user("admin")["token"].as_str().unwrap().to_owned(),
            bear: log_in("bear"),
            own,
            foreign,
            quota,
            stop,
        };
        place.apply(&format!(
            "{{apiVersion: tenantoperator.stakater.com/v1beta1, kind: Quota, metadata: {{name: {}}}, spec: {{resourcequota: {{hard: {{configmaps: '10'}}}}}}}}",
            place.quota
        ));
        place.name_owner(&place.own, "bear@nordmart.com");
        place.name_owner(&place.foreign, "owl@nordmart.com");
        place
    }

    /// Makes `owner` the only owner of `tenant`.
    fn name_owner(&self, tenant: &str, owner: &str) {
        self.apply(&format!(
            "{{apiVersion: tenantoperator.stakater.com/v1beta3, kind: Tenant, metadata: {{name: {tenant}}}, \
             spec: {{quota: {}, accessControl: {{owners: {{users: [{owner}]}}}}}}}}",
            self.quota
        ));
    }

    fn apply(&self, manifest: &str) {
        let apply = stack().kubectl().args(["apply", "-f", "-"]);
        apply.input(manifest).run(COMMAND).unwrap();
    }

    async fn listed(&self, token: &str, page_size: i32) -> Vec<String> {
        let (mut client, mut names, mut page_token) =
            (self.client.clone(), Vec::new(), String::new());
        loop {
            let request = ListTenantsRequest {
                page_size,
                page_token,
            };
            let page = client.list_tenants(bearing(token, request)).await.unwrap();
            let page = page.into_inner();
            names.extend(page.tenants.into_iter().map(|tenant| tenant.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return names;
            }
        }
    }

    async fn watch(
        &self,
        token: &str,
        name: &str,
    ) -> Result<Streaming<WatchTenantsResponse>, Status> {
        let request = WatchTenantsRequest { name: name.into() };
        let answer = self
            .client
            .clone()
            .watch_tenants(bearing(token, request))
            .await;
        answer.map(tonic::Response::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop.cancel();
        for (kind, name) in [
            ("tenant", &self.own),
            ("tenant", &self.foreign),
            ("quota", &self.quota),
            ("clusterrolebinding", &self.foreign),
            ("clusterrole", &self.foreign),
        ] {
            let delete = ["delete", kind, name, "--ignore-not-found", "--wait=false"];
            if let Err(error) = stack().kubectl().args(delete).run(COMMAND) {
                eprintln!("deleting {kind} {name}: {error:#}");
            }
        }
    }
}

async fn serve(stop: &CancellationToken) -> TenantServiceClient<Channel> {
    serve_from(stop, administrator().await).await
}

async fn administrator() -> kube::Config {
    let kubeconfig = Kubeconfig::read_from(stack().kubeconfig("admin")).unwrap();
    let options = KubeConfigOptions::default();
    kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap()
}

/// Asks the stack's apiserver who is who, and the one of `indexed` what there is.
#[allow(clippy::disallowed_methods, reason = "a test supervises its own tasks")]
async fn serve_from(
    stop: &CancellationToken,
    indexed: kube::Config,
) -> TenantServiceClient<Channel> {
    tenantry_runtime::install_tls_provider();
    let client = kube::Client::try_from(administrator().await).unwrap();
    let (refusals, _) = mpsc::channel(100);
    let indexed = kube::Client::try_from(indexed).unwrap();
    let (indexes, indexing) = grpc::keep(&indexed, &Health::new(&[]), stop.clone());
    let service = grpc::Service {
        auth: Auth::new(client.clone(), refusals),
        client,
        indexes,
        // Nobody here asks for a plan or for what was.
        view: Arc::default(),
        store: Store::new(
            sqlx::PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/nothing").unwrap(),
            tenantry_events::Wake::default(),
        ),
        install_namespace: String::new(),
        token: stop.clone(),
    };
    let listener = tenantry_runtime::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Routes::new(grpc::server(service));
    tokio::spawn(indexing);
    tokio::spawn(tenantry_runtime::serve(
        listener,
        None,
        Health::new(&[]),
        routes,
        stop.clone(),
    ));
    TenantServiceClient::new(Endpoint::from_shared(url).unwrap().connect_lazy())
}

/// The only user in the kubeconfig of `who`.
fn user(who: &str) -> Value {
    let text = std::fs::read_to_string(stack().kubeconfig(who)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["users"][0]["user"].take()
}

/// The token that kubectl would use for `who`.
fn log_in(who: &str) -> String {
    let exec = &user(who)["exec"];
    let arguments = exec["args"].as_array().unwrap().iter();
    let mut command = Command::new(exec["command"].as_str().unwrap());
    let output = command
        .args(arguments.map(|argument| argument.as_str().unwrap()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let credential: Value = serde_json::from_slice(&output.stdout).unwrap();
    credential["status"]["token"].as_str().unwrap().to_owned()
}

fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let header = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", header);
    request
}

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
        .expect("a change within 10 s")
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
    let seen = place.listed(&place.bear, 1).await;
    assert!(
        seen.contains(&place.own) && !seen.contains(&place.foreign),
        "{seen:?}"
    );
    let quotas = ListQuotasRequest::default();
    let quotas = place
        .client
        .clone()
        .list_quotas(bearing(&place.bear, quotas))
        .await
        .unwrap();
    let quotas = quotas.into_inner().quotas;
    assert!(quotas.iter().any(|quota| quota.name == place.quota));
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
    let delete = ["delete", "clusterrolebinding", name];
    stack().kubectl().args(delete).run(COMMAND).unwrap();
    let ended = until_refused(stream);
    eventually("the end of the stream", || async {
        let note = format!("tenantry.dev/test={}", unique(""));
        let annotate = ["annotate", "--overwrite", "tenant", name, &note];
        stack().kubectl().args(annotate).run(COMMAND).unwrap();
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
