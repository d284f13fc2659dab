//! The console's web application, which the console's binary carries inside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::{BUILD, find};
use crate::exec::Spec;
use crate::home::repository;

/// Where the application lies.
pub(crate) fn directory() -> PathBuf {
    repository().join("services/console/web")
}

/// A script of its package.json, with npm's own settings.
pub(crate) fn script(name: &str) -> Result<Spec> {
    Ok(npm()?.args(["run", "--silent", name]))
}

/// Installs its packages and builds it, unless nothing changed since.
pub(crate) fn build() -> Result<()> {
    let directory = directory();
    if !directory.join("package.json").exists() {
        return Ok(());
    }
    install(&directory)?;
    let built = modified(&directory.join("dist/index.html"));
    let sources = [
        directory.join("src"),
        directory.join("package-lock.json"),
        directory.join("index.html"),
        repository().join("proto/tenantry"),
    ];
    if built.is_some() && sources.iter().filter_map(|source| newest(source)).max() < built {
        return Ok(());
    }
    script("build")?.run(BUILD).map(drop)
}

/// `npm ci` whenever the lock file is not the one that was installed last.
fn install(directory: &Path) -> Result<()> {
    let lock =
        fs::read(directory.join("package-lock.json")).context("reading package-lock.json")?;
    let mark = directory.join("node_modules/.installed-lock.json");
    if fs::read(&mark).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    npm()?.args(["ci", "--no-audit", "--no-fund"]).run(BUILD)?;
    fs::write(&mark, lock).context("marking the packages as installed")
}

fn npm() -> Result<Spec> {
    let program = find("npm").context("no `npm`: apt-get install -y npm, with Node 20 or newer")?;
    Ok(Spec::new(program).inherit().directory(directory()))
}

/// The newest change of a file, or of anything in a folder that nobody generates.
fn newest(path: &Path) -> Option<SystemTime> {
    if path.file_name().is_some_and(|name| name == "gen") {
        return None;
    }
    let inside = fs::read_dir(path).into_iter().flatten().flatten();
    let inside = inside.filter_map(|entry| newest(&entry.path()));
    inside
        .chain(modified(path).filter(|_| path.is_file()))
        .max()
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}
