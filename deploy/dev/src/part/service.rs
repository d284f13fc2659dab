//! Tenantry's own processes, configured by environment only.

use std::time::Duration;

use anyhow::{Context, Result};

use super::{Layer, Probe, Process, Unit, Work, manifests, prepared};
use crate::exec::Spec;
use crate::home::{binary, repository};
use crate::stack::{COMMAND, NAMESPACE, Service, Stack};
use crate::tool;

/// Declares the stream, as the user who may.
pub(crate) const STREAM: Unit = task("stream", &[tool::BINARIES.name, "nats"], declare_stream);
/// Brings each database to the newest schema, as its owner.
pub(crate) const MIGRATIONS: Unit =
    task("migrations", &[tool::BINARIES.name, "databases"], migrate);
/// Kubeconfigs of the services' accounts.
pub(crate) const ACCOUNTS: Unit = task(
    "service accounts",
    &["manifests"],
    manifests::write_service_kubeconfigs,
);

const NEEDS: &[&str] = &["stream", "migrations", "service accounts"];

pub(crate) const IDENTITY: Unit = service(
    "identity",
    &["stream", "migrations", "service accounts", "aws"],
    |stack| spec(stack, Service::Identity),
    |stack| Probe::Grpc(stack.port(Service::Identity)),
);
pub(crate) const TENANT: Unit = service(
    "tenant",
    NEEDS,
    |stack| spec(stack, Service::Tenant),
    |stack| Probe::Grpc(stack.port(Service::Tenant)),
);
pub(crate) const SHOWBACK: Unit = service(
    "showback",
    NEEDS,
    |stack| spec(stack, Service::Showback),
    |stack| Probe::Grpc(stack.port(Service::Showback)),
);
pub(crate) const CONSOLE: Unit = service(
    "console",
    &["stream", "service accounts", "keycloak"],
    |stack| spec(stack, Service::Console),
    |stack| Probe::Http(stack.port(Service::Console), "/readyz"),
);

const fn task(
    name: &'static str,
    after: &'static [&'static str],
    run: fn(&Stack) -> Result<()>,
) -> Unit {
    Unit {
        name,
        after,
        layer: Layer::Service,
        work: Work::Task(run),
        deadline: COMMAND,
    }
}

const fn service(
    name: &'static str,
    after: &'static [&'static str],
    spec: fn(&Stack) -> Result<Spec>,
    probe: fn(&Stack) -> Probe,
) -> Unit {
    // Services drain for ten seconds at most.
    let process = Process {
        prepare: prepared,
        spec,
        probe,
        grace: Duration::from_secs(15),
    };
    Unit {
        name,
        after,
        layer: Layer::Service,
        work: Work::Process(process),
        deadline: Duration::from_secs(60),
    }
}

fn declare_stream(stack: &Stack) -> Result<()> {
    let apply = Spec::new(binary("tenantry-stream")).directory(repository());
    let apply = apply
        .env("TENANTRY_NATS_URL", stack.nats_admin_url())
        .env("TENANTRY_INSECURE_DEV", "1");
    apply.run(COMMAND).map(drop)
}

fn migrate(stack: &Stack) -> Result<()> {
    for service in Service::WITH_DATABASE {
        let migrate = spec(stack, service)?
            .arg("--migrate")
            .env("TENANTRY_DATABASE_URL", stack.owner_database_url(service));
        migrate
            .run(COMMAND)
            .with_context(|| format!("migrating {}", service.name()))?;
    }
    Ok(())
}

/// A service as the stack runs it.
pub(crate) fn spec(stack: &Stack, service: Service) -> Result<Spec> {
    let name = service.name();
    let spec = Spec::new(binary(&format!("tenantry-{name}")))
        .directory(repository())
        .envs(common(stack, service));
    Ok(match service {
        Service::Identity => spec.envs(stack.aws_environment()),
        Service::Tenant => spec.envs(tenant(stack)),
        Service::Showback => spec.env(
            "TENANTRY_PRICE_BOOK",
            repository()
                .join("deploy/pricebook.yaml")
                .display()
                .to_string(),
        ),
        Service::Console => spec.envs(console(stack)),
    })
}

fn common(stack: &Stack, service: Service) -> Vec<(String, String)> {
    let grpc = (
        "TENANTRY_GRPC_ADDR",
        format!("127.0.0.1:{}", stack.port(service)),
    );
    let database = ("TENANTRY_DATABASE_URL", stack.database_url(service));
    let own = if service == Service::Console {
        vec![]
    } else {
        vec![grpc, database]
    };
    let shared = vec![
        ("TENANTRY_NATS_URL", stack.nats_url()),
        (
            "TENANTRY_NATS_NKEY_FILE",
            stack.nkey_file(service).display().to_string(),
        ),
        (
            "KUBECONFIG",
            stack.kubeconfig(service.name()).display().to_string(),
        ),
        ("TENANTRY_METRICS_ADDR", stack.metrics_address(service)),
        ("TENANTRY_INSECURE_DEV", "1".to_owned()),
        ("TENANTRY_LOG_FORMAT", "text".to_owned()),
        ("NO_COLOR", "1".to_owned()),
    ];
    own.into_iter()
        .chain(shared)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn tenant(stack: &Stack) -> Vec<(String, String)> {
    let addr = format!("127.0.0.1:{}", stack.ports().tenant_webhook);
    [
        ("TENANTRY_NAMESPACE", NAMESPACE.to_owned()),
        ("TENANTRY_WEBHOOK_ADDR", addr),
        ("TENANTRY_WEBHOOK_URL", stack.webhook_url()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn console(stack: &Stack) -> Vec<(String, String)> {
    [
        (
            "TENANTRY_HTTP_ADDR",
            format!("127.0.0.1:{}", stack.port(Service::Console)),
        ),
        ("TENANTRY_PUBLIC_URL", stack.url(Service::Console)),
        ("TENANTRY_OIDC_ISSUER", stack.issuer()),
        ("TENANTRY_OIDC_CLIENT_ID", "console".to_owned()),
        (
            "TENANTRY_OIDC_CLIENT_SECRET_FILE",
            stack.home.secret("console-client").display().to_string(),
        ),
        (
            "TENANTRY_OIDC_CA_FILE",
            stack.authority().display().to_string(),
        ),
        (
            "TENANTRY_SESSION_KEY_FILE",
            stack.home.secret("session-key").display().to_string(),
        ),
        ("TENANTRY_IDENTITY_URL", stack.url(Service::Identity)),
        ("TENANTRY_TENANT_URL", stack.url(Service::Tenant)),
        ("TENANTRY_SHOWBACK_URL", stack.url(Service::Showback)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
