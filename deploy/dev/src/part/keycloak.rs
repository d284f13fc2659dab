//! Keycloak: the realm of deploy/keycloak, over HTTPS as browsers and the apiserver see it.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Layer, Probe, Process, Unit, Work};
use crate::exec::Spec;
use crate::home::repository;
use crate::stack::{Service, Stack};
use crate::tool;

pub(crate) const UNIT: Unit = Unit {
    name: "keycloak",
    after: &[tool::KEYCLOAK.name],
    layer: Layer::Platform,
    work: Work::Process(Process {
        prepare,
        spec,
        probe,
        grace: Duration::from_secs(10),
    }),
    deadline: Duration::from_secs(240),
};

/// The realm is imported once and knows the console's address: another realm or other ports, other data.
fn directory(stack: &Stack) -> Result<PathBuf> {
    let text = fs::read(realm()).context("reading the realm")?;
    let mut hasher = DefaultHasher::new();
    (text, stack.ports().keycloak, stack.ports().console).hash(&mut hasher);
    Ok(stack
        .home
        .data(&format!("keycloak-{:016x}", hasher.finish())))
}

fn realm() -> PathBuf {
    repository().join("deploy/keycloak/tenantry-realm.json")
}

/// A home of its own beside the shared distribution: same libraries, own data.
fn prepare(stack: &Stack) -> Result<()> {
    let home = directory(stack)?;
    let import = home.join("data").join("import");
    for directory in [&import, &home.join("conf"), &home.join("providers")] {
        fs::create_dir_all(directory)
            .with_context(|| format!("creating {}", directory.display()))?;
    }
    for shared in ["lib", "themes"] {
        let link = home.join(shared);
        if !link.exists() {
            symlink(tool::keycloak().join(shared), &link)
                .with_context(|| format!("linking {}", link.display()))?;
        }
    }
    fs::copy(realm(), import.join("tenantry-realm.json"))
        .context("copying the realm")
        .map(drop)
}

fn spec(stack: &Stack) -> Result<Spec> {
    let ports = stack.ports();
    Ok(tool::keycloak_java(&directory(stack)?)
        .args([
            "start",
            "--optimized",
            "--import-realm",
            "--cache=local",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
        ])
        .args([
            format!("--hostname={}", stack.keycloak_url()),
            format!("--https-port={}", ports.keycloak),
        ])
        .args([
            format!("--http-port={}", ports.keycloak_http),
            format!("--http-management-port={}", ports.keycloak_management),
        ])
        .arg("--http-management-scheme=http")
        // Two shells of one person ask for a token at the same time; the guard takes the second for an attack.
        .arg("--spi-brute-force-protector--default-brute-force-detector--allow-concurrent-requests=true")
        .arg(format!(
            "--https-certificate-file={}",
            stack.home.tls("keycloak.crt").display()
        ))
        .arg(format!(
            "--https-certificate-key-file={}",
            stack.home.tls("keycloak.key").display()
        ))
        .envs(realm_values(stack)))
}

/// What the realm file leaves open.
fn realm_values(stack: &Stack) -> Vec<(String, String)> {
    let secrets = stack.secrets();
    [
        ("CONSOLE_URL", stack.url(Service::Console)),
        ("CONSOLE_CLIENT_SECRET", secrets.console_client.clone()),
        ("BEAR_PASSWORD", secrets.bear.clone()),
        ("ADMIN_PASSWORD", secrets.admin.clone()),
        ("KC_BOOTSTRAP_ADMIN_USERNAME", "keycloak".to_owned()),
        (
            "KC_BOOTSTRAP_ADMIN_PASSWORD",
            secrets.keycloak_admin.clone(),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn probe(stack: &Stack) -> Probe {
    Probe::Http(stack.ports().keycloak_management, "/health/ready")
}
