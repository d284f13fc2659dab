use std::{
    fs::{self, File},
    io::{self, Seek as _, SeekFrom},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use anyhow::Context as _;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, Config, api::ListParams, config::Kubeconfig};
use secrecy::ExposeSecret as _;
use tenantry_testkit::{Database, Installation, Ports, eventually, unique};

/// A control plane with an installation, a database, and the service once it is started.
pub(crate) struct World {
    pub(crate) installation: Installation,
    pub(crate) client: Client,
    database: Database,
    binary: PathBuf,
    replicas: Vec<Child>,
    count: usize,
    has_webhooks: bool,
    /// Of the first replica; the others' are nobody's concern.
    ports: Ports,
}

/// What the service's processes used, all replicas together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// The most that was resident at once, of the replica that had most; the program itself is in it.
    pub(crate) peak_mib: f64,
    /// What is resident now beside the program itself, of the same.
    pub(crate) own_mib: f64,
    pub(crate) cpu_seconds: f64,
}

impl World {
    pub(crate) async fn start(binary: &Path, replicas: usize) -> anyhow::Result<Self> {
        let database = Database::create(sqlx::migrate!("../../migrations/tenant")).await;
        let installation = Installation::start(&unique("bench-"));
        let client = client(&installation.plane.kubeconfig()).await?;
        Ok(Self {
            installation,
            client,
            database,
            binary: binary.to_owned(),
            replicas: Vec::new(),
            count: replicas,
            has_webhooks: false,
            ports: Ports::choose(),
        })
    }

    /// Starts every replica and waits until they share the work.
    pub(crate) async fn start_service(&mut self) -> anyhow::Result<()> {
        self.spawn()?;
        self.shared().await;
        Ok(())
    }

    /// The same, and the first one answers the webhooks, now and after each start.
    pub(crate) async fn start_service_with_webhooks(&mut self) -> anyhow::Result<()> {
        self.has_webhooks = true;
        self.spawn()?;
        let url = self.ports.webhook_url();
        self.installation.plane.install_webhooks(&url)?;
        self.shared().await;
        Ok(())
    }

    /// Takes the place of the service for whoever calls its webhooks, and never answers.
    pub(crate) fn hang(&mut self) -> anyhow::Result<TcpListener> {
        self.kill_service();
        // The kernel takes connections for a listener that nobody listens to.
        TcpListener::bind(("127.0.0.1", self.ports.webhook)).context("taking the webhooks' port")
    }

    fn spawn(&mut self) -> anyhow::Result<()> {
        for number in 0..self.count {
            let ports = if number == 0 {
                self.ports
            } else {
                Ports::choose()
            };
            let url = self.database.config.database_url.expose_secret();
            let mut command = self.installation.service(&self.binary, url, ports);
            command.env("TENANTRY_REPLICA", format!("replica-{number}"));
            if number == 0 && self.has_webhooks {
                command.envs(self.ports.webhook_settings());
            }
            self.replicas
                .push(command.spawn().context("starting the service")?);
        }
        Ok(())
    }

    async fn shared(&self) {
        let leases = Api::<Lease>::namespaced(self.client.clone(), "multi-tenant-operator");
        eventually("a Lease of each replica", async || {
            let found = leases
                .list(&ListParams::default())
                .await
                .unwrap()
                .items
                .len();
            (found == self.count).then_some(()).ok_or(found)
        })
        .await;
    }

    /// Ends every replica as a crash would.
    pub(crate) fn kill_service(&mut self) {
        self.replicas.drain(..).for_each(kill);
    }

    /// Ends the last replica as a crash would.
    pub(crate) fn kill_one(&mut self) {
        self.replicas.pop().into_iter().for_each(kill);
    }

    /// Bytes of the service's log until now.
    pub(crate) fn log_bytes(&self) -> anyhow::Result<u64> {
        Ok(fs::metadata(self.installation.log())?.len())
    }

    /// What the log has after its first `bytes`.
    pub(crate) fn log_after(&self, bytes: u64) -> anyhow::Result<String> {
        let mut log = File::open(self.installation.log())?;
        log.seek(SeekFrom::Start(bytes))?;
        Ok(io::read_to_string(log)?)
    }

    /// Memory and CPU of the replicas until now.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let mut all = Usage::default();
        for replica in &self.replicas {
            let status = fs::read_to_string(format!("/proc/{}/status", replica.id()))?;
            all.peak_mib = all.peak_mib.max(mib(&status, "VmHWM:")?);
            all.own_mib = all.own_mib.max(mib(&status, "RssAnon:")?);
            let stat = fs::read_to_string(format!("/proc/{}/stat", replica.id()))?;
            let after_name = stat.rsplit_once(") ").context("reading stat")?.1;
            let ticks: Vec<&str> = after_name.split_whitespace().collect();
            // utime and stime, in hundredths of a second.
            all.cpu_seconds += (ticks[11].parse::<f64>()? + ticks[12].parse::<f64>()?) / 100.0;
        }
        Ok(all)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_service();
    }
}

fn mib(status: &str, field: &'static str) -> anyhow::Result<f64> {
    let found = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = found.and_then(|words| words.split_whitespace().next());
    let kib: f64 = kib.context(field)?.parse()?;
    Ok(kib / 1024.0)
}

fn kill(mut replica: Child) {
    // One that is gone already is as good.
    let _ = replica.kill();
    let _ = replica.wait();
}

async fn client(kubeconfig: &Path) -> anyhow::Result<Client> {
    let config = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(config, &Default::default()).await?;
    config.read_timeout = Some(Duration::from_secs(120));
    Ok(Client::try_from(config)?)
}
