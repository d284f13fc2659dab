//! What the distribution brings. Installing needs root; without it, the missing line is printed.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::unistd::geteuid;

use super::{BUILD, find, postgres};
use crate::exec::Spec;

/// A Debian package, and how to see that it is needed.
struct Package {
    name: &'static str,
    is_missing: fn() -> bool,
}

const PACKAGES: [Package; 7] = [
    Package {
        name: "postgresql",
        is_missing: || postgres("postgres").is_err() || find("psql").is_none(),
    },
    Package {
        name: "openssl",
        is_missing: || find("openssl").is_none(),
    },
    Package {
        name: "default-jre-headless",
        is_missing: || find("java").is_none(),
    },
    Package {
        name: "maven",
        is_missing: || find("mvn").is_none(),
    },
    Package {
        name: "python3-venv",
        is_missing: has_no_venv,
    },
    Package {
        name: "chromium",
        is_missing: || find("chromium").is_none(),
    },
    Package {
        name: "ca-certificates",
        is_missing: || !Path::new("/etc/ssl/certs").exists(),
    },
];

/// Installs what is missing, or says how.
pub(crate) fn ensure() -> Result<()> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|package| (package.is_missing)())
        .map(|package| package.name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!(
        "apt-get install -y --no-install-recommends {}",
        missing.join(" ")
    );
    if !geteuid().is_root() || find("apt-get").is_none() {
        bail!("missing: {}. As root:\n\n    {line}\n", missing.join(", "));
    }
    eprintln!("Installing {}.", missing.join(", "));
    let apt = || {
        Spec::new("apt-get")
            .inherit()
            .env("DEBIAN_FRONTEND", "noninteractive")
    };
    // A fresh machine has no package lists, and old ones name packages that are gone.
    apt()
        .args(["update", "-q"])
        .run(BUILD)
        .context("updating the package lists")?;
    apt()
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(missing)
        .run(BUILD)
        .context(line)
        .map(drop)
}

fn has_no_venv() -> bool {
    let check = Spec::new("python3")
        .inherit()
        .args(["-c", "import ensurepip, venv"]);
    !check
        .output(Duration::from_secs(20))
        .is_ok_and(|output| output.status.success())
}
