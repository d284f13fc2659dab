//! The programs of the stack: by version in the user's cache directory, shared by all checkouts, built on first use.

mod debian;
mod go;
mod maven;
mod python;
pub(crate) mod web;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::exec::Spec;
use crate::home::{self, repository};
use crate::part::{Layer, Unit, Work};
use crate::stack::Stack;

pub(crate) use debian::ensure as ensure_debian_packages;
pub(crate) use maven::java as keycloak_java;

/// A cold build of the control plane takes six minutes on two idle cores.
const BUILD: Duration = Duration::from_secs(40 * 60);

/// etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.
pub(crate) const CONTROL_PLANE: Unit = unit("control plane binaries", |_| go::control_plane());
/// The messaging server.
pub(crate) const NATS: Unit = unit("nats-server binary", |_| go::NATS.install());
/// The node simulator.
pub(crate) const KWOK: Unit = unit("kwok binary", |_| go::KWOK.install());
/// EKS' token verifier.
pub(crate) const AUTHENTICATOR: Unit =
    unit("authenticator binary", |_| go::AUTHENTICATOR.install());
/// curl for gRPC.
pub(crate) const GRPCURL: Unit = unit("grpcurl binary", |_| go::GRPCURL.install());
/// The OIDC server.
pub(crate) const KEYCLOAK: Unit = unit("keycloak distribution", |_| maven::install());
/// The AWS command line and moto.
pub(crate) const AWS: Unit = unit("aws command line", |_| python::install());
/// The application inside the console.
pub(crate) const WEB: Unit = Unit {
    layer: Layer::Service,
    ..unit("web application", |_| web::build())
};
/// What this workspace builds.
pub(crate) const BINARIES: Unit = Unit {
    layer: Layer::Service,
    after: &[WEB.name],
    ..unit("workspace binaries", build_workspace)
};
/// The directory that `cargo dev env` puts first in PATH.
pub(crate) const PROGRAMS: Unit = Unit {
    layer: Layer::Platform,
    ..unit("programs", link_programs)
};

const fn unit(name: &'static str, install: fn(&Stack) -> Result<()>) -> Unit {
    Unit {
        name,
        after: &[],
        layer: Layer::Tool,
        work: Work::Task(install),
        deadline: BUILD,
    }
}

/// A program of the Kubernetes control plane; `KUBEBUILDER_ASSETS` comes first.
pub(crate) fn control_plane(name: &str) -> PathBuf {
    go::control_plane_binary(name)
}

/// kubectl of the same version as the apiserver.
pub(crate) fn kubectl() -> PathBuf {
    control_plane("kubectl")
}

/// nats-server.
pub(crate) fn nats_server() -> PathBuf {
    go::NATS.binary()
}

/// kwok.
pub(crate) fn kwok() -> PathBuf {
    go::KWOK.binary()
}

/// aws-iam-authenticator.
pub(crate) fn authenticator() -> PathBuf {
    go::AUTHENTICATOR.binary()
}

/// grpcurl.
pub(crate) fn grpcurl() -> PathBuf {
    go::GRPCURL.binary()
}

/// Compose's own reader, built if need be.
pub(crate) fn compose() -> Result<PathBuf> {
    go::COMPOSE.install().map(|()| go::COMPOSE.binary())
}

/// The AWS command line.
pub(crate) fn aws() -> PathBuf {
    python::program("aws")
}

/// Python with moto.
pub(crate) fn python() -> PathBuf {
    python::program("python")
}

/// Keycloak's distribution.
pub(crate) fn keycloak() -> PathBuf {
    maven::distribution()
}

/// A program of the PostgreSQL server, which Debian keeps out of PATH.
pub(crate) fn postgres(name: &str) -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .map(|version| version.path().join("bin").join(name))
        .filter(|program| program.exists())
        .max();
    newest
        .or_else(|| find(name))
        .with_context(|| format!("no `{name}`: apt-get install -y postgresql"))
}

/// A program in PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// Where a tool of a version lies.
fn directory(name: &str, version: &str) -> PathBuf {
    let cache = dirs::cache_dir().unwrap_or_else(|| repository().join("target").join("cache"));
    cache
        .join("tenantry")
        .join("tools")
        .join(format!("{name}-{version}"))
}

/// Runs `install` once per directory, whoever else wants the same; an interrupted one is begun anew.
fn once(directory: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let done = directory.join(".installed");
    if done.exists() {
        return Ok(());
    }
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    let lock =
        File::create(directory.with_extension("lock")).context("creating an install lock")?;
    lock.lock().context("waiting for another install")?;
    if !done.exists() {
        install()?;
        File::create(done).context("marking an install as done")?;
    }
    Ok(())
}

/// cargo, checking queries against the committed `.sqlx` rather than against whatever database the shell knows.
pub(crate) fn cargo() -> Spec {
    let cargo = Spec::new("cargo").inherit().directory(repository());
    if repository().join(".sqlx").exists() {
        cargo.env("SQLX_OFFLINE", "true")
    } else {
        cargo
    }
}

/// Everything of ours that has a `main`, in one build, so that features are unified as in the tests.
fn build_workspace(_: &Stack) -> Result<()> {
    let output = cargo()
        .args(["build", "--quiet", "--workspace", "--bins"])
        .output(BUILD)?;
    if !output.status.success() {
        bail!("cargo build --workspace --bins\n{}", output.stderr);
    }
    Ok(())
}

fn link_programs(stack: &Stack) -> Result<()> {
    let bin = stack.root().join("bin");
    fs::create_dir_all(&bin).context("creating the program directory")?;
    let ours = home::binary("tenantry");
    let links = [
        ("tenantry", ours.clone()),
        ("kubectl-tenantry", ours),
        ("kubectl", kubectl()),
        ("aws", aws()),
        ("grpcurl", grpcurl()),
    ];
    for (name, program) in links {
        let (link, partial) = (bin.join(name), bin.join(format!(".{name}")));
        // Renamed over the old one: a running demo never sees the name missing.
        fs::remove_file(&partial)
            .or_else(absent_is_fine)
            .context("clearing a link")?;
        std::os::unix::fs::symlink(program, &partial)
            .and_then(|()| fs::rename(&partial, &link))
            .with_context(|| format!("linking {name}"))?;
    }
    Ok(())
}

fn absent_is_fine(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}
