use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use kube::config::{KubeConfigOptions, Kubeconfig};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tenantry_conformance::{Cluster, Run, Wish};
use tenantry_testkit::{Database, Installation, Ports, eventually, unique};

const COMMAND: Duration = Duration::from_secs(30);

/// A control plane with the tenant service running in it, shared by the tests that overlap.
pub(crate) struct World {
    installation: Installation,
    pub(crate) database: Database,
    service: Mutex<Child>,
    ports: Ports,
}

impl World {
    /// The world that a test running now has, or a new one.
    pub(crate) async fn shared() -> Arc<Self> {
        static WORLD: tokio::sync::Mutex<Weak<World>> = tokio::sync::Mutex::const_new(Weak::new());
        let mut shared = WORLD.lock().await;
        if let Some(world) = shared.upgrade() {
            return world;
        }
        let world = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&world);
        world
    }

    /// A world of a test's own, for what others would notice.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A world of a test's own, with settings of its own.
    pub(crate) async fn start_with(settings: &[(&'static str, &'static str)]) -> Self {
        tenantry_runtime::install_tls_provider();
        let database = Database::create(sqlx::migrate!("../../migrations/tenant")).await;
        let installation = Installation::start(&unique("tenant-"));
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

    /// Waits until `count` replicas share the tenants.
    pub(crate) async fn wait_for_replicas(&self, count: usize) {
        eventually("a Lease of each replica", async || {
            let leases = self.get("leases -n multi-tenant-operator")["items"].clone();
            let found = leases.as_array().map(Vec::len);
            (found == Some(count)).then_some(()).ok_or(found)
        })
        .await;
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

    /// Waits until a condition of a tenant is `status`.
    pub(crate) async fn wait_for(&self, tenant: &str, condition: &str, status: &str) {
        let expected = format!("{condition}={status}");
        eventually(&format!("{expected} of {tenant}"), async || {
            let object = self.get(&format!("tenant {tenant}"));
            let generation = &object["metadata"]["generation"];
            let conditions = object["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let holds = conditions.iter().any(|found| {
                found["type"] == condition
                    && found["status"] == status
                    && found["observedGeneration"] == *generation
            });
            if holds {
                Ok(())
            } else {
                Err(object["status"].clone())
            }
        })
        .await;
    }

    /// Waits until kubectl answers `line` with exactly `expected`.
    pub(crate) async fn wait_for_answer(&self, line: &str, expected: &str) {
        eventually(line, async || match self.kubectl(line) {
            Ok(found) if found.trim() == expected => Ok(()),
            other => Err(other),
        })
        .await;
    }

    /// Whether the cluster says that `user` may do `what`.
    pub(crate) fn can(&self, user: &str, what: &str) -> bool {
        self.kubectl(&format!("auth can-i {what} --as {user}"))
            .is_ok()
    }

    /// Waits until a condition of a tenant has `words` in its message.
    pub(crate) async fn wait_for_words(&self, tenant: &str, words: &str) {
        eventually(words, async || {
            let conditions = self.get(&format!("tenant {tenant}"))["status"]["conditions"].clone();
            if conditions.to_string().contains(words) {
                Ok(())
            } else {
                Err(conditions)
            }
        })
        .await;
    }

    /// Waits until kubectl refuses `line` because there is no such thing.
    pub(crate) async fn wait_until_gone(&self, line: &str) {
        eventually(&format!("absence: {line}"), async || {
            match self.kubectl(line) {
                Err(refusal) if refusal.contains("NotFound") => Ok(()),
                other => Err(other),
            }
        })
        .await;
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
        sqlx::query_scalar(
            "SELECT kind || ' ' || name FROM events.event WHERE tenant = $1 ORDER BY row_id",
        )
        .bind(tenant)
        .fetch_all(&self.pool())
        .await
        .expect("reading the history")
    }

    /// Waits until the history of a tenant has `fact`.
    pub(crate) async fn wait_for_fact(&self, tenant: &str, fact: &str) {
        eventually(fact, async || {
            let facts = self.facts(tenant).await;
            if facts.iter().any(|found| found == fact) {
                Ok(())
            } else {
                Err(facts)
            }
        })
        .await;
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
