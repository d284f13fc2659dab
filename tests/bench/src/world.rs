use std::{
    fs,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use anyhow::Context as _;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, Config, api::ListParams, config::Kubeconfig};
use secrecy::ExposeSecret as _;
use tenantry_testkit::{Database, Installation, Ports, eventually, unique};

use crate::Size;

/// A control plane with an installation, a database, and the service once it is started.
pub(crate) struct World {
    pub(crate) installation: Installation,
    pub(crate) client: Client,
    database: Database,
    binary: PathBuf,
    replicas: Vec<Child>,
    size: Size,
}

/// What the service's processes used, all replicas together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) peak_mib: f64,
    pub(crate) cpu_seconds: f64,
}

impl World {
    pub(crate) async fn start(binary: &Path, size: &Size) -> anyhow::Result<Self> {
        let database = Database::create(sqlx::migrate!("../../migrations/tenant")).await;
        let installation = Installation::start(&unique("bench-"));
        let client = client(&installation.plane.kubeconfig()).await?;
        Ok(Self {
            installation,
            client,
            database,
            binary: binary.to_owned(),
            replicas: Vec::new(),
            size: size.clone(),
        })
    }

    /// Starts every replica and waits until they share the work.
    pub(crate) async fn start_service(&mut self) -> anyhow::Result<()> {
        for number in 0..self.size.replicas {
            let url = self.database.config.database_url.expose_secret();
            let mut command = self
                .installation
                .service(&self.binary, url, Ports::choose());
            command.env("TENANTRY_REPLICA", format!("replica-{number}"));
            self.replicas
                .push(command.spawn().context("starting the service")?);
        }
        let leases = Api::<Lease>::namespaced(self.client.clone(), "multi-tenant-operator");
        eventually("a Lease of each replica", async || {
            let found = leases
                .list(&ListParams::default())
                .await
                .unwrap()
                .items
                .len();
            (found == self.size.replicas).then_some(()).ok_or(found)
        })
        .await;
        Ok(())
    }

    /// Ends every replica as a crash would.
    pub(crate) fn kill_service(&mut self) {
        for mut replica in self.replicas.drain(..) {
            // One that is gone already is as good.
            let _ = replica.kill();
            let _ = replica.wait();
        }
    }

    /// The service's log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.installation.log()).unwrap_or_default()
    }

    /// Memory and CPU of the replicas until now.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let mut all = Usage::default();
        for replica in &self.replicas {
            let status = fs::read_to_string(format!("/proc/{}/status", replica.id()))?;
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.and_then(|words| words.split_whitespace().next());
            let kib: f64 = peak.context("reading VmHWM")?.parse()?;
            all.peak_mib = all.peak_mib.max(kib / 1024.0);
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

async fn client(kubeconfig: &Path) -> anyhow::Result<Client> {
    let config = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(config, &Default::default()).await?;
    config.read_timeout = Some(Duration::from_secs(120));
    Ok(Client::try_from(config)?)
}
