//! The AWS command line and moto, in a virtual environment with pinned packages.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{BUILD, directory, find, once};
use crate::exec::Spec;
use crate::home::repository;

/// Those of deploy/dev/aws/requirements.txt.
const VERSION: &str = "1.46.3-moto-5.2.5";

/// A program of the environment.
pub(super) fn program(name: &str) -> PathBuf {
    directory("aws-cli", VERSION).join("bin").join(name)
}

/// Makes the environment, unless it is there.
pub(super) fn install() -> Result<()> {
    let directory = directory("aws-cli", VERSION);
    once(&directory, || {
        let python = find("python3").context("no `python3`: apt-get install -y python3-venv")?;
        Spec::new(python)
            .inherit()
            .args(["-m", "venv", "--clear", &directory.display().to_string()])
            .run(BUILD)?;
        let requirements = repository()
            .join("deploy/dev/aws/requirements.txt")
            .display()
            .to_string();
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--requirement",
            &requirements,
        ];
        Spec::new(program("python"))
            .inherit()
            .args(install)
            .run(BUILD)
            .map(drop)
    })
}
