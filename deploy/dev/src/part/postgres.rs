//! A private PostgreSQL cluster: one database per context, one login role per service.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::{User, geteuid};

use super::{Layer, Probe, Process, Unit, Work};
use crate::exec::Spec;
use crate::home::{Home, write_private};
use crate::stack::{COMMAND, Service, Stack};
use crate::tool;

pub(crate) const UNIT: Unit = Unit {
    name: "postgres",
    after: &[],
    layer: Layer::Platform,
    work: Work::Process(Process {
        prepare: initialise,
        spec,
        probe,
        grace: Duration::from_secs(10),
    }),
    deadline: Duration::from_secs(60),
};

pub(crate) const DATABASES: Unit = Unit {
    name: "databases",
    after: &["postgres"],
    layer: Layer::Platform,
    work: Work::Task(create_databases),
    deadline: COMMAND,
};

/// The password of a service's role.
pub(crate) fn password(stack: &Stack, service: Service) -> &str {
    let [identity, tenant, showback] = &stack.secrets().database_services;
    match service {
        Service::Identity => identity,
        Service::Tenant => tenant,
        Service::Showback => showback,
        // The console has no database; nobody holds this password.
        Service::Console => "",
    }
}

/// Where the cluster lies: with the stack if the server's user can reach it, else beside other temporary data.
pub(crate) fn data_directory(home: &Home) -> Result<PathBuf> {
    let beside = home.data("postgres");
    let Some(owner) = owner()? else {
        return Ok(beside);
    };
    let can_enter = Spec::new("test")
        .args(["-x", &home.root().display().to_string()])
        .user(Some(owner));
    if can_enter.output(COMMAND)?.status.success() {
        return Ok(beside);
    }
    let hash = home
        .root()
        .display()
        .to_string()
        .bytes()
        .fold(5381_u64, |hash, byte| {
            hash.wrapping_mul(33) ^ u64::from(byte)
        });
    Ok(PathBuf::from(format!("/var/tmp/tenantry-{hash:016x}")))
}

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn owner() -> Result<Option<(u32, u32)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = User::from_name("postgres").context("looking up the user postgres")?;
    let user = user.context("no user `postgres`: apt-get install -y postgresql")?;
    Ok(Some((user.uid.as_raw(), user.gid.as_raw())))
}

fn initialise(stack: &Stack) -> Result<()> {
    let data = &stack.postgres_data;
    if data.join("PG_VERSION").exists() {
        return Ok(());
    }
    make_directory(data)?;
    let password_file = data.with_extension("password");
    write_private(&password_file, &stack.secrets().postgres)?;
    give(&password_file)?;
    let initdb = Spec::new(tool::postgres("initdb")?)
        .args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ])
        .args([
            format!("--pwfile={}", password_file.display()),
            format!("--pgdata={}", data.display()),
        ])
        .directory("/")
        .user(owner()?);
    initdb.run(COMMAND)?;
    fs::remove_file(&password_file).context("removing the password file")
}

fn make_directory(data: &Path) -> Result<()> {
    // What an interrupted initdb left would stop the next one.
    if data.exists() {
        fs::remove_dir_all(data).with_context(|| format!("clearing {}", data.display()))?;
    }
    fs::create_dir_all(data).with_context(|| format!("creating {}", data.display()))?;
    give(data)
}

fn give(path: &Path) -> Result<()> {
    let Some((uid, gid)) = owner()? else {
        return Ok(());
    };
    chown(path, Some(uid), Some(gid))
        .with_context(|| format!("giving {} to postgres", path.display()))
}

fn spec(stack: &Stack) -> Result<Spec> {
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={}", stack.ports().postgres),
        // TCP only: a checkout's path is easily longer than a socket's may be.
        "unix_socket_directories=".to_owned(),
        "max_connections=200".to_owned(),
        "log_statement=none".to_owned(),
        "timezone=UTC".to_owned(),
    ];
    let spec = Spec::new(tool::postgres("postgres")?)
        .args(["-D", &stack.postgres_data.display().to_string()]);
    let spec = settings
        .into_iter()
        .fold(spec, |spec, setting| spec.args(["-c".to_owned(), setting]));
    Ok(spec.directory("/").user(owner()?))
}

fn probe(stack: &Stack) -> Probe {
    Probe::Command(psql(stack, "postgres").args(["-c", "SELECT 1"]))
}

/// psql as the server's superuser.
pub(crate) fn psql(stack: &Stack, database: &str) -> Spec {
    let port = stack.ports().postgres.to_string();
    Spec::new("psql")
        .args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "-d",
            database,
        ])
        .env("PGPASSWORD", stack.secrets().postgres.clone())
}

fn create_databases(stack: &Stack) -> Result<()> {
    psql(stack, "postgres").input(roles(stack)).run(COMMAND)?;
    for service in Service::WITH_DATABASE {
        psql(stack, "postgres")
            .input(database(service))
            .run(COMMAND)?;
    }
    Ok(())
}

/// Roles by the contract: `tenantry_service` carries the table grants, each service's login role is a member of it.
fn roles(stack: &Stack) -> String {
    let login = |role: &str, password: &str| {
        format!(
            "{}ALTER ROLE {role} LOGIN PASSWORD '{password}';\n",
            create_role(role)
        )
    };
    let services = Service::WITH_DATABASE.map(|service| {
        let role = format!("tenantry_{}", service.name());
        format!(
            "{}GRANT tenantry_service TO {role};\n",
            login(&role, password(stack, service))
        )
    });
    let owner = login("tenantry_owner", &stack.secrets().database_owner);
    format!(
        "{}{owner}{}",
        create_role("tenantry_service"),
        services.concat()
    )
}

fn create_role(role: &str) -> String {
    format!(
        "SELECT 'CREATE ROLE {role}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')\\gexec\n"
    )
}

fn database(service: Service) -> String {
    let name = service.name();
    format!(
        "SELECT 'CREATE DATABASE {name} OWNER tenantry_owner' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}')\\gexec\n\
         REVOKE ALL ON DATABASE {name} FROM PUBLIC;\n\
         GRANT CONNECT ON DATABASE {name} TO tenantry_{name};\n"
    )
}
