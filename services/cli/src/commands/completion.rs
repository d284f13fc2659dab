//! `tenantry completion`.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::{args::Cli, error::Error, output};

/// Completion script for a shell, to be sourced by it.
#[derive(Debug, Args)]
pub struct Command {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Error> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "tenantry", &mut script);
        output::print(&String::from_utf8_lossy(&script))
    }
}
