use std::{process::Command, sync::Arc, time::Duration};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tenantry_proto::tenant::v1::{
    ListQuotasRequest, ListTenantsRequest, Quota, Tenant, WatchTenantsRequest,
    WatchTenantsResponse, tenant_service_client::TenantServiceClient,
};
use tenantry_runtime::{Health, auth::Auth};
use tenantry_tenant::{grpc, store::Store};
use tenantry_testkit::{eventually, stack, unique};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status, Streaming,
    service::Routes,
    transport::{Channel, Endpoint},
};

const COMMAND: Duration = Duration::from_secs(30);

/// The gRPC half alone, on a port of its own, with two tenants: `own` names bear as owner, `foreign` does not.
pub(super) struct Place {
    pub(super) client: TenantServiceClient<Channel>,
    pub(super) own: String,
    pub(super) foreign: String,
    pub(super) quota: String,
    pub(super) admin: String,
    pub(super) bear: String,
    pub(super) stop: CancellationToken,
}

impl Place {
    pub(super) async fn start() -> Self {
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
    pub(super) fn name_owner(&self, tenant: &str, owner: &str) {
        self.apply(&format!(
            "{{apiVersion: tenantoperator.stakater.com/v1beta3, kind: Tenant, metadata: {{name: {tenant}}}, \
             spec: {{quota: {}, accessControl: {{owners: {{users: [{owner}]}}}}}}}}",
            self.quota
        ));
    }

    pub(super) fn apply(&self, manifest: &str) {
        let apply = stack().kubectl().args(["apply", "-f", "-"]);
        apply.input(manifest).run(COMMAND).unwrap();
    }

    /// kubectl as the administrator.
    pub(super) fn kubectl(&self, line: &[&str]) {
        let line = line.iter().copied();
        stack().kubectl().args(line).run(COMMAND).unwrap();
    }

    /// Every page of the tenants that the bearer of `token` sees.
    pub(super) async fn tenants(&self, token: &str, page_size: i32) -> Vec<Tenant> {
        let (mut client, mut tenants, mut page_token) =
            (self.client.clone(), Vec::new(), String::new());
        loop {
            let request = ListTenantsRequest {
                page_size,
                page_token,
            };
            let page = client.list_tenants(bearing(token, request)).await.unwrap();
            let page = page.into_inner();
            tenants.extend(page.tenants);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return tenants;
            }
        }
    }

    /// Their names.
    pub(super) async fn listed(&self, token: &str, page_size: i32) -> Vec<String> {
        let tenants = self.tenants(token, page_size).await.into_iter();
        tenants.map(|tenant| tenant.name).collect()
    }

    /// The quotas that the bearer of `token` sees.
    pub(super) async fn quotas(&self, token: &str) -> Vec<Quota> {
        let request = bearing(token, ListQuotasRequest::default());
        let answer = self.client.clone().list_quotas(request).await;
        answer.unwrap().into_inner().quotas
    }

    /// Waits until bear's list is one of those that `is_right` takes.
    pub(super) async fn until_bear_sees(&self, what: &str, is_right: impl Fn(&[String]) -> bool) {
        eventually(what, || async {
            let seen = self.listed(&self.bear, 1).await;
            if is_right(&seen) { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    pub(super) async fn watch(
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
pub(super) async fn serve_from(
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
pub(super) fn user(who: &str) -> Value {
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

pub(super) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let header = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", header);
    request
}
