//! One stack: where it lies, its ports and secrets. Immutable while it runs; what runs is in the process records.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::exec::Spec;
use crate::home::{Home, repository};
use crate::part;
use crate::ports::Ports;
use crate::process::Recorded;
use crate::secrets::Secrets;
use crate::tool;
use crate::{certificate, kubeconfig, webhooks};

/// The account of the tutorial.
pub(crate) const ACCOUNT: &str = "630742778131";
/// The region of the tutorial.
pub(crate) const REGION: &str = "eu-north-1";
/// The cluster's name, which every token of an IAM user is signed for.
pub(crate) const CLUSTER: &str = "dev";
/// Where MTO, and so Tenantry, lives in the cluster.
pub(crate) const NAMESPACE: &str = "multi-tenant-operator";

/// A service of ours that has a database, a NATS key and a ServiceAccount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Who is who.
    Identity,
    /// Who has what.
    Tenant,
    /// What it cost.
    Showback,
    /// The front door; no database of its own.
    Console,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Tenant, Self::Showback, Self::Console];
    /// Those with a database.
    pub const WITH_DATABASE: [Self; 3] = [Self::Identity, Self::Tenant, Self::Showback];

    /// The one word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Tenant => "tenant",
            Self::Showback => "showback",
            Self::Console => "console",
        }
    }
}

/// What is in a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shape {
    /// Everything.
    Whole,
    /// A Kubernetes control plane that trusts certificates and the static token only.
    ControlPlane,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    shape: Shape,
    ports: Ports,
    postgres_data: PathBuf,
}

/// A named stack, running or not.
pub struct Stack {
    pub(crate) home: Home,
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) postgres_data: PathBuf,
    ports: Ports,
    secrets: Secrets,
}

impl Stack {
    /// The stack that the environment names (`TENANTRY_STACK`), else `dev`.
    ///
    /// Errors: there is none yet; `cargo dev up` makes it.
    pub fn load() -> Result<Self> {
        let named = std::env::vars().find(|(name, _)| name == "TENANTRY_STACK");
        Self::load_named(&named.map_or_else(|| "dev".to_owned(), |(_, value)| value))
    }

    /// The stack of this name.
    pub fn load_named(name: &str) -> Result<Self> {
        let home = Home::named(name);
        if !home.description().exists() {
            bail!("there is no stack `{name}` yet: start it with `cargo dev --stack {name} up`");
        }
        Self::read(home)
    }

    /// The stack of this name, with free ports and fresh secrets if it is new or nothing of it runs and a port was taken.
    pub(crate) fn prepare(home: Home, name: &str, shape: Shape) -> Result<Self> {
        home.create()?;
        certificate::ensure(&home)?;
        let secrets = Secrets::load_or_make(&home)?;
        let known = Self::read(home.clone())
            .ok()
            .filter(|stack| stack.any_alive() || stack.ports.are_free());
        let stack = match known {
            Some(stack) => stack,
            None => {
                let postgres_data = part::postgres::data_directory(&home)?;
                let stack = Self {
                    name: name.to_owned(),
                    shape,
                    postgres_data,
                    ports: Ports::choose()?,
                    secrets,
                    home,
                };
                stack.write()?;
                stack
            }
        };
        kubeconfig::write_admin(&stack)?;
        Ok(stack)
    }

    fn read(home: Home) -> Result<Self> {
        let path = home.description();
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let description =
            serde_json::from_str(&text).with_context(|| format!("decoding {}", path.display()))?;
        let Description {
            name,
            shape,
            ports,
            postgres_data,
        } = description;
        let secrets = Secrets::load(&home)?;
        Ok(Self {
            home,
            name,
            shape,
            postgres_data,
            ports,
            secrets,
        })
    }

    fn write(&self) -> Result<()> {
        let Self {
            home,
            name,
            shape,
            postgres_data,
            ports,
            ..
        } = self;
        let description = Description {
            name: name.clone(),
            shape: *shape,
            ports: ports.clone(),
            postgres_data: postgres_data.clone(),
        };
        let text = serde_json::to_string_pretty(&description).context("encoding the stack")?;
        fs::write(home.description(), text).context("writing the stack")
    }

    fn any_alive(&self) -> bool {
        part::UNITS
            .iter()
            .any(|unit| self.process(unit.name).is_some())
    }

    /// The running process of a unit.
    pub(crate) fn process(&self, unit: &str) -> Option<Recorded> {
        Recorded::find(&self.home.record(unit))
    }

    /// The directory of everything the stack writes: `target/<name>`.
    pub fn root(&self) -> &Path {
        self.home.root()
    }

    /// Its ports.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Its passwords and keys.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The kubeconfig of `admin`, `falcon`, `bear`, or of a service by its name.
    pub fn kubeconfig(&self, who: &str) -> PathBuf {
        self.home.kubeconfig(who)
    }

    /// kube-apiserver's audit log: one JSON line per write, Leases and reviews left out.
    pub fn audit_log(&self) -> PathBuf {
        self.home.log("audit")
    }

    /// The log of one process.
    pub fn log(&self, unit: &str) -> PathBuf {
        self.home.log(unit)
    }

    /// `https://127.0.0.1:…` of kube-apiserver.
    pub fn apiserver_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.apiserver)
    }

    /// gRPC of a service, HTTP of the console.
    pub fn url(&self, service: Service) -> String {
        format!("http://127.0.0.1:{}", self.port(service))
    }

    pub(crate) fn port(&self, service: Service) -> u16 {
        match service {
            Service::Identity => self.ports.identity,
            Service::Tenant => self.ports.tenant,
            Service::Showback => self.ports.showback,
            Service::Console => self.ports.console,
        }
    }

    /// Where a service tells Prometheus its figures.
    pub(crate) fn metrics_address(&self, service: Service) -> String {
        let port = match service {
            Service::Identity => self.ports.identity_metrics,
            Service::Tenant => self.ports.tenant_metrics,
            Service::Showback => self.ports.showback_metrics,
            Service::Console => self.ports.console_metrics,
        };
        format!("127.0.0.1:{port}")
    }

    /// The tenant service's webhooks, as the apiserver reaches them.
    pub(crate) fn webhook_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.tenant_webhook)
    }

    /// Keycloak as browsers and services see it.
    pub fn keycloak_url(&self) -> String {
        format!("https://localhost:{}", self.ports.keycloak)
    }

    /// The OIDC issuer.
    pub fn issuer(&self) -> String {
        format!("{}/realms/tenantry", self.keycloak_url())
    }

    /// The authority that signed Keycloak's and kube-apiserver's certificates.
    pub fn authority(&self) -> PathBuf {
        self.home.tls("ca.crt")
    }

    /// `AWS_ENDPOINT_URL`.
    pub fn aws_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.aws)
    }

    /// NATS without credentials in the URL, for a client with its nkey.
    pub fn nats_url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.ports.nats)
    }

    /// NATS as the user who may do everything.
    pub fn nats_admin_url(&self) -> String {
        format!(
            "nats://admin:{}@127.0.0.1:{}",
            self.secrets.nats_admin, self.ports.nats
        )
    }

    /// The file with a service's nkey seed.
    pub fn nkey_file(&self, service: Service) -> PathBuf {
        self.home.secret(&format!("{}.nk", service.name()))
    }

    /// The database of a context as its service's own role.
    pub fn database_url(&self, service: Service) -> String {
        let name = service.name();
        self.postgres_url(
            &format!("tenantry_{name}"),
            part::postgres::password(self, service),
            name,
        )
    }

    /// The database of a context as the role that owns it and may run DDL.
    pub fn owner_database_url(&self, service: Service) -> String {
        self.postgres_url(
            "tenantry_owner",
            &self.secrets.database_owner,
            service.name(),
        )
    }

    /// The server's superuser, in `database`: for those who make a database of their own.
    pub fn superuser_database_url(&self, database: &str) -> String {
        self.postgres_url("postgres", &self.secrets.postgres, database)
    }

    fn postgres_url(&self, role: &str, password: &str, database: &str) -> String {
        format!(
            "postgres://{role}:{password}@127.0.0.1:{}/{database}",
            self.ports.postgres
        )
    }

    /// kubectl as the cluster's administrator.
    pub fn kubectl(&self) -> Spec {
        Spec::new(tool::kubectl())
            .env("KUBECONFIG", self.kubeconfig("admin").display().to_string())
            .directory(repository())
    }

    /// curl for gRPC.
    pub fn grpcurl(&self) -> Spec {
        Spec::new(tool::grpcurl())
    }

    /// Where Postgres keeps its files; not always below [`Self::root`].
    pub fn postgres_data(&self) -> &Path {
        &self.postgres_data
    }

    /// The AWS command line as the operator of the account.
    pub fn aws(&self) -> Spec {
        Spec::new(tool::aws()).envs(self.aws_environment())
    }

    /// What every process with an AWS SDK needs here.
    pub(crate) fn aws_environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.aws_url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.secrets.aws_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secrets.aws_secret.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Ends a unit's process without asking, as a crash would.
    pub fn kill(&self, unit: &str) -> Result<()> {
        part::find(unit)?;
        self.process(unit)
            .with_context(|| format!("{unit} is not running"))?
            .kill()
    }

    /// Stops a unit if it runs, starts it and waits until it is ready.
    pub fn restart(&self, unit: &str) -> Result<()> {
        let unit = part::find(unit)?;
        unit.stop(&self.home)?;
        unit.start(self)?;
        if unit.name == part::service::TENANT.name {
            // They answer a moment after gRPC does.
            webhooks::wait(&self.kubectl())?;
        }
        Ok(())
    }

    /// What each process of the stack is doing.
    pub(crate) fn is_ready(&self, unit: &part::Unit) -> bool {
        match &unit.work {
            part::Work::Process(process) => (process.probe)(self).ask().is_ok(),
            part::Work::Task(_) => true,
        }
    }
}

/// How long a short command may take on a busy machine.
pub(crate) const COMMAND: Duration = Duration::from_secs(60);
