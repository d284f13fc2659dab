//! Order of startup, nothing else.

use std::process::ExitCode;

use tenantry::{
    args::Cli,
    commands::{self, Ending},
    error::Exit,
    report,
};

#[tokio::main]
async fn main() -> ExitCode {
    // Two providers are in the dependency graph; without a choice rustls panics at the first connection.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("error: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    let cli = match Cli::from_args(std::env::args_os()) {
        Ok(cli) => cli,
        Err(refusal) => return usage(&refusal),
    };
    match commands::run(cli, jiff::Timestamp::now()).await {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Different) => ExitCode::from(1),
        Ok(Ending::Inconclusive) => Exit::NotCompared.into(),
        Err(error) => {
            eprint!("{}", report(&error));
            error.exit_code().into()
        }
    }
}

/// Help and version are answers (0), everything else is a usage error (2).
fn usage(refusal: &clap::Error) -> ExitCode {
    // A closed pipe leaves nobody to tell.
    let _ = refusal.print();
    if refusal.use_stderr() {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}
