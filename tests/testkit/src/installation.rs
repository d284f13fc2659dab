mod stored;

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use backon::{BlockingRetryable as _, ConstantBuilder};
use tenantry_dev::{ControlPlane, Nodes, Spec};

pub use stored::Stored;

/// In this order: the namespace comes first.
const MANIFESTS: [&str; 3] = [
    "deploy/dev/manifests/base",
    "deploy/crds",
    "deploy/rbac/tenant.yaml",
];
const POLICIES: [&str; 1] = ["deploy/policies"];
/// The kind that policies are about, as the apiserver tells of it.
const RULES: &str = "guardrails.tenantry.dev";
const COMMAND: Duration = Duration::from_secs(30);

/// Where a service listens: ports that were free a moment ago.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Of gRPC.
    pub grpc: u16,
    /// Of the webhooks.
    pub webhook: u16,
    /// Of metrics.
    pub metrics: u16,
}

impl Ports {
    /// Free ones.
    pub fn choose() -> Self {
        Self {
            grpc: free_port(),
            webhook: free_port(),
            metrics: free_port(),
        }
    }

    /// How the apiserver reaches the webhooks.
    pub fn webhook_url(self) -> String {
        format!("https://127.0.0.1:{}", self.webhook)
    }

    /// Settings of a service that answers webhooks.
    pub fn webhook_settings(self) -> [(&'static str, String); 2] {
        let address = format!("127.0.0.1:{}", self.webhook);
        [
            ("TENANTRY_WEBHOOK_ADDR", address),
            ("TENANTRY_WEBHOOK_URL", self.webhook_url()),
        ]
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("the port's number");
    address.port()
}

/// A control plane that holds what an installation of the tenant service needs, and no service yet.
pub struct Installation {
    /// The control plane.
    pub plane: ControlPlane,
    directory: PathBuf,
}

impl Installation {
    /// One in a directory of [`ControlPlane::directory`].
    ///
    /// Panics: where it cannot be made.
    pub fn start(name: &str) -> Self {
        let (installation, token) = Self::make(name);
        installation.complete(&token);
        installation
    }

    /// One without policies, and a token of the service's account.
    fn make(name: &str) -> (Self, String) {
        let directory = ControlPlane::directory(name);
        let plane = ControlPlane::start(&directory, Nodes::None).expect("starting a control plane");
        let installation = Self { plane, directory };
        let token = installation.fill();
        (installation, token)
    }

    /// kubectl as the administrator, which must do what it is told.
    pub fn kubectl(&self, args: &[&str]) -> String {
        let spec: Spec = self.plane.kubectl().args(args.iter().copied());
        spec.run(COMMAND)
            .unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Adds what each start needs anew.
    ///
    /// An apiserver that has a policy before the kind that it is about looks for that kind again only half a minute later.
    fn complete(&self, token: &str) {
        let kinds = || {
            let kinds = self.kubectl(&["api-resources", "--api-group=tenantry.dev", "-o=name"]);
            kinds
                .lines()
                .any(|kind| kind == RULES)
                .then_some(())
                .ok_or(kinds)
        };
        let looks = ConstantBuilder::new()
            .with_delay(Duration::from_millis(100))
            .with_max_times(200);
        kinds
            .retry(looks)
            .call()
            .expect("the kinds of the installation");
        self.apply(&POLICIES);
        self.write_kubeconfig(token);
    }

    fn apply(&self, paths: &[&str]) {
        let paths: Vec<String> = paths
            .iter()
            .map(|path| repository().join(path).display().to_string())
            .collect();
        // One process for all: each learns anew what the apiserver can do.
        let mut apply = vec!["apply", "--server-side"];
        apply.extend(paths.iter().flat_map(|path| ["-f", path.as_str()]));
        self.kubectl(&apply);
    }

    /// Applies everything but policies; gives a token of the service's account.
    fn fill(&self) -> String {
        self.apply(&MANIFESTS);
        self.kubectl(&[
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=30s",
        ]);
        let token = self.kubectl(&[
            "create",
            "token",
            "tenantry-tenant",
            "-n",
            "multi-tenant-operator",
            "--duration=2h",
        ]);
        token.trim().to_owned()
    }

    fn write_kubeconfig(&self, token: &str) {
        let text = fs::read_to_string(self.plane.kubeconfig()).expect("reading the kubeconfig");
        let mut config: serde_json::Value =
            serde_json::from_str(&text).expect("kubeconfigs are JSON");
        config["users"][0]["user"] = serde_json::json!({"token": token});
        fs::write(self.kubeconfig(), config.to_string()).expect("writing a kubeconfig");
    }

    /// The kubeconfig of the service's account.
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.join("service.kubeconfig")
    }

    /// Where the service's log goes.
    pub fn log(&self) -> PathBuf {
        self.directory.join("tenant.log")
    }

    /// The service as it runs here: without webhooks, and without a stream, so that the log of events waits and no test
    /// hears of another's.
    pub fn service(&self, binary: &Path, database_url: &str, ports: Ports) -> Command {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .expect("opening the log");
        let mut command = Command::new(binary);
        command
            .env("TENANTRY_GRPC_ADDR", format!("127.0.0.1:{}", ports.grpc))
            .env(
                "TENANTRY_METRICS_ADDR",
                format!("127.0.0.1:{}", ports.metrics),
            )
            .env("TENANTRY_DATABASE_URL", database_url)
            .env("TENANTRY_NATS_URL", "nats://127.0.0.1:1")
            .env("KUBECONFIG", self.kubeconfig())
            .env("TENANTRY_INSECURE_DEV", "1")
            .env("TENANTRY_LOG_FORMAT", "text")
            .stdout(Stdio::from(log.try_clone().expect("sharing the log")))
            .stderr(Stdio::from(log));
        command
    }
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
