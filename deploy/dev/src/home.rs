//! Where things lie. The only place that composes paths.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::exec::Spec;

/// How long a copy may take on a busy machine.
const COPY: Duration = Duration::from_secs(30);

/// The directories of one stack.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    root: PathBuf,
}

impl Home {
    /// The home of a named stack: `target/<name>`.
    pub(crate) fn named(name: &str) -> Self {
        Self::at(repository().join("target").join(name))
    }

    /// A home anywhere, for a control plane of its own.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Makes the directories that everything else writes into.
    pub(crate) fn create(&self) -> Result<()> {
        for directory in [
            "data",
            "logs",
            "run",
            "kubeconfigs",
            "secrets",
            "tls",
            "config",
        ] {
            let path = self.root.join(directory);
            fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        }
        fs::set_permissions(self.root.join("secrets"), Permissions::from_mode(0o700))
            .context("closing the secrets directory")
    }

    /// Takes what `other` holds, while nothing of it runs: data, and the keys that go with them. Ports are its own.
    pub(crate) fn take_over(&self, other: &Self) -> Result<()> {
        fs::create_dir_all(&self.root)
            .with_context(|| format!("creating {}", self.root.display()))?;
        let taken =
            ["data", "secrets", "tls"].map(|held| other.root.join(held).display().to_string());
        // etcd makes its log long before there is something in it: holes stay holes.
        let copy = Spec::new("cp").args(["--archive", "--sparse=always"]);
        let copy = copy.args(taken).arg(self.root.display().to_string());
        copy.run(COPY).map(drop)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn data(&self, part: &str) -> PathBuf {
        self.root.join("data").join(part)
    }

    pub(crate) fn log(&self, part: &str) -> PathBuf {
        self.root.join("logs").join(format!("{part}.log"))
    }

    pub(crate) fn record(&self, part: &str) -> PathBuf {
        self.root.join("run").join(format!("{part}.json"))
    }

    pub(crate) fn config(&self, file: &str) -> PathBuf {
        self.root.join("config").join(file)
    }

    pub(crate) fn tls(&self, file: &str) -> PathBuf {
        self.root.join("tls").join(file)
    }

    pub(crate) fn secret(&self, file: &str) -> PathBuf {
        self.root.join("secrets").join(file)
    }

    pub(crate) fn kubeconfig(&self, who: &str) -> PathBuf {
        self.root.join("kubeconfigs").join(format!("{who}.yaml"))
    }

    pub(crate) fn description(&self) -> PathBuf {
        self.root.join("stack.json")
    }
}

/// The checkout this crate was built from.
pub(crate) fn repository() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir
        .ancestors()
        .nth(2)
        .expect("the crate lies at deploy/dev")
        .to_path_buf()
}

/// Where cargo puts the workspace's binaries.
pub(crate) fn binary(name: &str) -> PathBuf {
    repository().join("target").join("debug").join(name)
}

/// Writes a file that only its owner may read; never through an existing, more open one.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<()> {
    let partial = path.with_extension("partial");
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&partial, path))
        .with_context(|| format!("writing {}", path.display()))
}
