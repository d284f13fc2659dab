//! What a person types after `cargo dev`.

mod bench;
mod demo;
mod down;
mod env;
mod logs;
mod oidc_token;
mod sqlx;
mod status;
mod test;
mod up;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::stack::Stack;

/// The local stack, its demo and the one gate.
#[derive(Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev", version, about)]
struct Arguments {
    /// Which stack: each has its own ports, data and secrets below target/<NAME>.
    #[arg(long, global = true, env = "TENANTRY_STACK", default_value = "dev", value_parser = stack_name)]
    stack: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the stack up and replay the tutorial on it, step by step.
    Demo,
    /// Formatting, lints, tests against the real parts, the tutorial, the browser: the one gate.
    Test,
    /// Measure, beside the floor of the same run: `bench tenants`.
    Bench(bench::Arguments),
    /// Install what is missing, build and start everything.
    Up(up::Arguments),
    /// Stop everything; data stays.
    Down,
    /// Show every process.
    Status(status::Arguments),
    /// Print the log of a service.
    Logs(logs::Arguments),
    /// Stop everything and forget all data.
    Reset,
    /// Print `export` lines: eval "$(cargo dev env)".
    Env,
    /// Stop a service, start it and wait until it is ready.
    Restart {
        /// Its name in `status`.
        service: String,
    },
    /// End a service without asking, as a crash would.
    Kill {
        /// Its name in `status`.
        service: String,
    },
    /// Ask Postgres what each query returns and write it to .sqlx; the stack is up.
    Sqlx(sqlx::Arguments),
    /// Print an ExecCredential with the id token of a Keycloak user; kubectl calls this.
    #[command(hide = true)]
    OidcToken(oidc_token::Arguments),
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let name = &arguments.stack;
    match &arguments.command {
        Command::Demo => demo::run(name),
        Command::Test => test::run(),
        Command::Bench(options) => bench::run(options),
        Command::Up(options) => up::run(name, options),
        Command::Down => down::run(name),
        Command::Status(options) => status::run(&Stack::load_named(name)?, options),
        Command::Logs(options) => logs::run(&Stack::load_named(name)?, options),
        Command::Reset => down::reset(name),
        Command::Env => env::run(&Stack::load_named(name)?),
        Command::Restart { service } => Stack::load_named(name)?.restart(service),
        Command::Kill { service } => Stack::load_named(name)?.kill(service),
        Command::Sqlx(options) => sqlx::run(&Stack::load_named(name)?, options),
        Command::OidcToken(options) => oidc_token::run(&Stack::load_named(name)?, options),
    }
}

/// What a person types to mean the stack of this name.
fn typed(name: &str) -> String {
    if name == "dev" {
        "cargo dev".to_owned()
    } else {
        format!("cargo dev --stack {name}")
    }
}

/// A stack's name is a directory of target/ and must not be one of cargo's.
fn stack_name(text: &str) -> Result<String, String> {
    let is_plain = text
        .chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    if text.is_empty() || !is_plain || ["debug", "release", "doc", "tmp", "package"].contains(&text)
    {
        return Err(
            "a stack's name is of a-z, 0-9 and -, and none of cargo's directories".to_owned(),
        );
    }
    Ok(text.to_owned())
}
