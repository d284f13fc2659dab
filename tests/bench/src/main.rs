//! How fast, quiet and small the tenant service is, beside a client that makes the same writes without any logic; and how
//! budgets hold and what they cost, beside the apiserver's own; and whether tenants hold each other up.
//!
//! Enters: how much, and how many replicas. Leaves: one table, each figure as the least, the middle and the greatest of
//! several rounds; a round has a control plane of its own, and what is compared takes turns in being first.
//! Deliberately absent: a verdict. Machines are noisy; ratios within one round are what counts.
#![allow(clippy::float_arithmetic, reason = "ratios and times of a benchmark")]
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on says where"
)]

mod apply;
mod audit;
mod budget;
mod fairness;
mod figures;
mod flood;
mod judge;
mod report;
mod restart;
mod template;
mod world;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use report::{Floor, Ours, Round};
use template::Template;
use world::World;

/// Benchmarks of Tenantry; `cargo dev bench` starts what they need.
#[derive(Parser)]
struct Arguments {
    /// The tenant service to measure.
    #[arg(long)]
    binary: PathBuf,
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Apply many tenants at once, edit their quota, restart, rest.
    Tenants(Size),
    /// Many clients against the budget of a tenant, and what a create costs with and without one.
    Budget(budget::Size),
    /// Edits of tenants beside one that is edited a hundred times a second.
    Fairness(fairness::Size),
}

/// How much, how often.
#[derive(Debug, Clone, Parser)]
struct Size {
    /// Tenants.
    #[arg(long, default_value_t = 200)]
    tenants: usize,
    /// Namespaces of each.
    #[arg(long, default_value_t = 3)]
    namespaces: usize,
    /// Replicas of the service.
    #[arg(long, default_value_t = 1)]
    replicas: usize,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds at rest in which writes are counted, in the last round.
    #[arg(long, default_value_t = 60)]
    rest_seconds: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tenantry_runtime::install_tls_provider();
    let Arguments { binary, bench } = Arguments::parse();
    match bench {
        Bench::Tenants(size) => tenants(&binary, &size).await,
        Bench::Budget(size) => budget::run(&binary, &size).await,
        Bench::Fairness(size) => fairness::run(&binary, &size).await,
    }
}

async fn tenants(binary: &Path, size: &Size) -> anyhow::Result<()> {
    let template = Template::take(binary, size).await?;
    let mut rounds = Vec::new();
    for number in 0..size.rounds {
        eprintln!("round {} of {}", number + 1, size.rounds);
        // Each begins on a control plane of its own; they take turns in being first.
        let (floor, ours) = if number.is_multiple_of(2) {
            let floor = floor(binary, &template, size).await?;
            (floor, ours(binary, size, number).await?)
        } else {
            let ours = ours(binary, size, number).await?;
            (floor(binary, &template, size).await?, ours)
        };
        rounds.push(Round { floor, ours });
    }
    println!("{}", report::table(size, &template, &rounds));
    Ok(())
}

/// What the flood client needs for the same writes.
async fn floor(binary: &Path, template: &Template, size: &Size) -> anyhow::Result<Floor> {
    let world = World::start(binary, size.replicas).await?;
    eprintln!("  the same writes without logic");
    Ok(Floor {
        apply: flood::apply(&world, template, size).await?,
        edit: flood::edit(&world, template, size).await?,
    })
}

async fn ours(binary: &Path, size: &Size, number: usize) -> anyhow::Result<Ours> {
    let mut world = World::start(binary, size.replicas).await?;
    world.start_service_with_webhooks().await?;
    eprintln!("  apply");
    let applied = apply::run(&world, size).await?;
    eprintln!("  edit of the shared quota");
    let edit = apply::edit(&world, size).await?;
    let usage = world.usage()?;
    audit::settled().await;
    eprintln!("  restart");
    let restart = restart::run(&mut world, size).await?;
    let rest_writes = if number + 1 == size.rounds {
        eprintln!("  {} s at rest", size.rest_seconds);
        Some(audit::rest(&world, size.rest_seconds).await?)
    } else {
        None
    };
    Ok(Ours {
        applied,
        edit,
        usage,
        restart,
        rest_writes,
    })
}
