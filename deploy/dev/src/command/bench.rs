//! `bench`: the benchmarks, beside the floor of the same run.

use std::time::Duration;

use anyhow::{Result, bail};

use super::up::{Only, start};
use crate::home::repository;
use crate::stack::Stack;
use crate::tool;

/// Cold, the optimised build alone takes eight minutes on two cores.
const BENCH_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// The stack whose Postgres the benchmarks use.
const STACK: &str = "bench";

/// Options of `bench`: which, and its own options.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// `tenants`, with its options: --tenants, --namespaces, --replicas, --rounds, --rest-seconds;
    /// or `budget`: --replicas, --rounds, --samples; or `fairness`: --tenants, --replicas, --rounds.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    what: Vec<String>,
}

/// Builds as for a release, starts what is needed, measures, stops.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let stack = start(STACK, Only::Platform)?;
    let outcome = measure(&stack, arguments);
    super::down::run(STACK)?;
    outcome
}

fn measure(stack: &Stack, arguments: &Arguments) -> Result<()> {
    let build = [
        "build",
        "--profile",
        "measured",
        "-p",
        "tenantry-tenant",
        "-p",
        "tenantry-bench",
    ];
    let measured = repository().join("target/measured");
    let service = measured.join("tenantry-tenant").display().to_string();
    let bench = crate::exec::Spec::new(measured.join("tenantry-bench"));
    let bench = bench
        .args(["--binary", &service])
        .args(arguments.what.iter().cloned())
        .envs(stack.environment());
    for spec in [tool::cargo().args(build), bench] {
        let status = spec.pass_through(BENCH_MAX)?;
        if !status.success() {
            bail!("{spec}: {status}");
        }
    }
    Ok(())
}
