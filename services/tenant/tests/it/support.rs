mod shared;
mod wait;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kube::config::{KubeConfigOptions, Kubeconfig};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tenantry_conformance::{Cluster, Run, Wish};
use tenantry_testkit::{Database, Installation, Ports, Stored, eventually, unique};

use shared::Shared;

const COMMAND: Duration = Duration::from_secs(30);

/// The world of the tests that disturb nobody.
static WORLD: Shared<World> = Shared::new();
/// What every world starts with.
static STORED: Shared<Stored> = Shared::new();

/// A control plane with the tenant service running in it.
pub(crate) struct World {
    installation: Installation,
    pub(crate) database: Database,
    service: Mutex<Child>,
    ports: Ports,
    _stored: Arc<Stored>,
    /// The shared one, so that it lasts for the tests that come next.
    _kept: Option<Arc<World>>,
}

impl World {
    /// The world that many tests have, one after the other and at once.
    pub(crate) async fn shared() -> Arc<Self> {
        WORLD.get(|| Self::alone(&[])).await
    }

    /// A world of a test's own, for what others would notice.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A world of a test's own, with settings of its own.
    pub(crate) async fn start_with(settings: &[(&'static str, &'static str)]) -> Self {
        let mut world = Self::alone(settings).await;
        world._kept = WORLD.find().await;
        world
    }

    async fn alone(settings: &[(&'static str, &'static str)]) -> Self {
        tenantry_runtime::install_tls_provider();
        let stored = STORED.get(async || Stored::make(&unique("stored-"))).await;
        let database = Database::create(sqlx::migrate!("../../migrations/tenant")).await;
        let installation = stored.start(&unique("tenant-"));
        let ports = Ports::choose();
        let service = command(&installation, url(&database), ports)
            .envs(settings.iter().copied())
            .spawn()
            .expect("starting the service");
        installation
            .plane
            .install_webhooks(&ports.webhook_url())
            .expect("installing the webhooks");
        let world = Self {
            installation,
            database,
            service: Mutex::new(service),
            ports,
            _stored: stored,
            _kept: None,
        };
        world.apply(QUOTA);
        world
    }

    /// Ends the service as a crash would.
    pub(crate) fn kill(&self) {
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        service
            .kill()
            .and_then(|()| service.wait())
            .expect("killing the service");
    }

    /// Ends the service as an operator would: what waits is recorded first.
    pub(crate) fn stop(&self) {
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = service.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        told.and_then(|_| service.wait())
            .expect("stopping the service");
    }

    /// Starts the service again, on another database if one is given.
    pub(crate) fn restart(&self, database_url: Option<String>) {
        self.kill();
        let url = database_url
            .as_deref()
            .unwrap_or_else(|| url(&self.database));
        self.begin(command(&self.installation, url, self.ports));
        self.installation
            .plane
            .wait_for_webhooks()
            .expect("webhooks that answer");
    }

    /// The administrator's kubeconfig.
    pub(crate) fn admin_kubeconfig(&self) -> PathBuf {
        self.installation.plane.kubeconfig()
    }

    /// One more replica of the service.
    pub(crate) fn replica(&self, name: &str) -> Replica {
        let mut command = command(&self.installation, url(&self.database), Ports::choose());
        command.env("TENANTRY_REPLICA", name);
        Replica(command.spawn().expect("starting a replica"))
    }

    /// kubectl as the administrator: what it printed, or its complaint.
    pub(crate) fn kubectl(&self, line: &str) -> Result<String, String> {
        self.installation
            .plane
            .kubectl()
            .args(line.split_whitespace())
            .run(COMMAND)
            .map_err(|error| format!("{error:#}"))
    }

    /// kubectl with a manifest on its standard input.
    pub(crate) fn kubectl_with(&self, line: &str, manifest: &str) -> Result<String, String> {
        let command = self
            .installation
            .plane
            .kubectl()
            .args(line.split_whitespace())
            .input(manifest);
        command.run(COMMAND).map_err(|error| format!("{error:#}"))
    }

    /// Applies a manifest that must be taken.
    pub(crate) fn apply(&self, manifest: &str) {
        self.kubectl_with("apply -f -", manifest)
            .expect("applying a manifest");
    }

    /// An object as JSON.
    pub(crate) fn get(&self, line: &str) -> Value {
        let text = self
            .kubectl(&format!("get {line} -o json"))
            .expect("reading an object");
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// Whether the cluster says that `user` may do `what`.
    pub(crate) fn can(&self, user: &str, what: &str) -> bool {
        self.kubectl(&format!("auth can-i {what} --as {user}"))
            .is_ok()
    }

    /// kube-apiserver's audit log: one JSON line per write.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.installation.plane.audit_log()
    }

    /// A pool of the test's own runtime.
    pub(crate) fn pool(&self) -> sqlx::PgPool {
        tenantry_events::pool(&self.database.config).expect("making a pool")
    }

    /// Facts about a tenant: `kind name actor`, in order of recording.
    pub(crate) async fn facts(&self, tenant: &str) -> Vec<String> {
        facts(&self.pool(), tenant).await
    }

    /// A channel to the service, once it listens.
    pub(crate) async fn channel(&self) -> tonic::transport::Channel {
        let url = format!("http://127.0.0.1:{}", self.ports.grpc);
        eventually("the gRPC port", async || {
            tonic::transport::Endpoint::from_shared(url.clone())
                .unwrap()
                .connect()
                .await
        })
        .await
    }

    /// A client that acts as `user`; as the administrator if none is given.
    pub(crate) async fn acting_as(&self, user: Option<&str>) -> kube::Client {
        let mut config = self.admin_config().await;
        config.auth_info.impersonate = user.map(str::to_owned);
        kube::Client::try_from(config).expect("a client")
    }

    /// The administrator's configuration of a client.
    pub(crate) async fn admin_config(&self) -> kube::Config {
        let kubeconfig = Kubeconfig::read_from(self.installation.plane.kubeconfig())
            .expect("reading the kubeconfig");
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("a kubeconfig")
    }

    /// What asks the cluster as members do.
    pub(crate) async fn conformance(&self, tenant: &str, other: Option<&str>) -> Run {
        let cluster = Cluster::new(self.admin_config().await, Duration::from_secs(10));
        let wish = Wish {
            other: other.map(str::to_owned),
            ..Wish::default()
        };
        Run::prepare(&cluster, tenant, &wish)
            .await
            .expect("a tenant that is ready")
    }

    /// What the service tells Prometheus.
    pub(crate) fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.ports.metrics);
        let mut answer = ureq::get(url).call().expect("asking for metrics");
        answer.body_mut().read_to_string().expect("reading metrics")
    }

    /// Starts the service again, which reaches the apiserver at `url`.
    pub(crate) fn restart_through(&self, url: &str) {
        self.kill();
        let path = self.installation.kubeconfig();
        let mut config = read_kubeconfig(&path);
        config["clusters"][0]["cluster"]["server"] = url.into();
        let path = path.with_file_name("through.kubeconfig");
        fs::write(&path, config.to_string()).expect("writing a kubeconfig");
        let mut command = self.command();
        command.env("KUBECONFIG", path);
        self.begin(command);
        self.installation
            .plane
            .wait_for_webhooks()
            .expect("webhooks that answer");
    }

    /// Takes the webhooks away, and ends the service.
    pub(crate) fn kill_with_webhooks(&self) {
        self.kill();
        let kinds = "validatingwebhookconfiguration,mutatingwebhookconfiguration";
        self.kubectl(&format!("delete {kinds} tenantry-tenant"))
            .expect("deleting the webhooks");
    }

    /// Starts the service again, whom nobody asks by webhook.
    pub(crate) fn restart_without_webhooks(&self) {
        self.begin(self.command());
    }

    fn command(&self) -> Command {
        command(&self.installation, url(&self.database), self.ports)
    }

    fn begin(&self, mut command: Command) {
        let started = command.spawn().expect("starting the service");
        *self.service.lock().unwrap_or_else(PoisonError::into_inner) = started;
    }

    /// Where the apiserver listens.
    pub(crate) fn apiserver_address(&self) -> String {
        let config = read_kubeconfig(&self.installation.plane.kubeconfig());
        let server = config["clusters"][0]["cluster"]["server"].as_str();
        let server = server.expect("an address").trim_start_matches("https://");
        server.trim_end_matches('/').to_owned()
    }

    /// What the service logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.installation.log()).expect("reading the log")
    }

    /// Where the webhooks listen.
    pub(crate) fn webhook_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.webhook)
    }

    /// The administrator's bearer token.
    pub(crate) fn admin_token(&self) -> String {
        let config = read_kubeconfig(&self.installation.plane.kubeconfig());
        config["users"][0]["user"]["token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A replica beside the world's own service; dropping it kills it, as a crash would.
pub(crate) struct Replica(Child);

impl Drop for Replica {
    fn drop(&mut self) {
        // One that ended by itself is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn facts(pool: &sqlx::PgPool, tenant: &str) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT kind || ' ' || name FROM events.event WHERE tenant = $1 ORDER BY row_id",
    )
    .bind(tenant)
    .fetch_all(pool)
    .await
    .expect("reading the history")
}

fn read_kubeconfig(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("reading the kubeconfig");
    serde_json::from_str(&text).expect("kubeconfigs are JSON")
}

fn url(database: &Database) -> &str {
    database.config.database_url.expose_secret()
}

fn command(installation: &Installation, database_url: &str, ports: Ports) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_tenantry-tenant"));
    let mut command = installation.service(binary, database_url, ports);
    command.envs(ports.webhook_settings());
    command
}

/// A tenant like the tutorial's.
pub(crate) fn tenant(name: &str, owner: &str, more: &str) -> String {
    format!(
        "
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata: {{name: {name}}}
spec:
  quota: small
  namespaces: {{withTenantPrefix: [dev, build]{more}}}
  accessControl: {{owners: {{users: [{owner}]}}}}
"
    )
}

/// Tenants like it, for one apply.
pub(crate) fn tenants<'a>(names: impl IntoIterator<Item = &'a String>, owner: &str) -> String {
    let each = names.into_iter().map(|name| tenant(name, owner, ""));
    each.collect::<Vec<_>>().join("---")
}

/// The tutorial's quota, word for word.
pub(crate) const QUOTA: &str = r#"
apiVersion: tenantoperator.stakater.com/v1beta1
kind: Quota
metadata:
  name: small
spec:
  limitrange:
    limits:
    - max:
        cpu: 800m
      min:
        cpu: 200m
      type: Container
  resourcequota:
    hard:
      configmaps: "10"
      memory: "8Gi"
"#;

/// The IntegrationConfig with `spec`.
pub(crate) fn settings(spec: &str) -> String {
    format!(
        "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: IntegrationConfig
metadata: {{name: tenant-operator-config, namespace: multi-tenant-operator}}
spec: {spec}
"
    )
}
