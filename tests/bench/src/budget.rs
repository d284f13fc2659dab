//! Whether the budget of a tenant holds under a crowd, and what it costs.

mod latency;
mod moves;
mod places;
mod report;

use std::{path::Path, time::Duration};

use clap::Parser;
use tenantry_testkit::{Churn, Contention};

use crate::world::World;
use latency::Latency;
use moves::Moves;

const CREATES: usize = 1000;
const BUDGET: usize = 300;
const CHURN: Duration = Duration::from_secs(10);

/// How much, how often.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Size {
    /// Replicas of the service; of two and more, one is killed in a crowd of its own.
    #[arg(long, default_value_t = 1)]
    replicas: usize,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Creates of each kind whose time is taken, in each round.
    #[arg(long, default_value_t = 300)]
    samples: usize,
}

/// One round.
struct Round {
    contention: Contention,
    /// With one replica killed when half of the budget was used.
    killed: Option<Contention>,
    churn: Churn,
    native_churn: Churn,
    latency: Latency,
    moves: Moves,
}

/// Measures, and prints one table.
pub(crate) async fn run(binary: &Path, size: &Size) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for number in 0..size.rounds {
        eprintln!("round {} of {}", number + 1, size.rounds);
        rounds.push(round(binary, size, number).await?);
    }
    println!("{}", report::table(size, &rounds));
    Ok(())
}

async fn round(binary: &Path, size: &Size, number: usize) -> anyhow::Result<Round> {
    let mut world = World::start(binary, size.replicas).await?;
    world.start_service_with_webhooks().await?;
    eprintln!("  a crowd");
    let crowd = places::crowd(&world, "crowd").await?;
    let contention = crowd.contend(CREATES, BUDGET, || ()).await;
    eprintln!("  churn");
    let (native, ours) = (
        places::native(&world).await,
        places::crowd(&world, "churn").await?,
    );
    // They take turns in being first.
    let (churn, native_churn) = if number.is_multiple_of(2) {
        let churn = ours.churn(CHURN).await;
        (churn, native.churn(CHURN).await)
    } else {
        let native_churn = native.churn(CHURN).await;
        (ours.churn(CHURN).await, native_churn)
    };
    eprintln!("  slack that is moved first");
    let moves = moves::measure(&world, size.samples).await?;
    eprintln!("  creates with and without a budget");
    let spots = places::spots(&world).await?;
    let up = latency::up(&world, &spots, size.samples).await?;
    let killed = if size.replicas > 1 {
        eprintln!("  a crowd, and one replica killed");
        let crowd = places::crowd(&world, "killed").await?;
        Some(crowd.contend(CREATES, BUDGET, || world.kill_one()).await)
    } else {
        None
    };
    eprintln!("  creates while the webhooks hang");
    let hung = world.hang()?;
    let latency = latency::with_hung(&world, &spots, size.samples, up).await?;
    drop(hung);
    Ok(Round {
        contention,
        killed,
        churn,
        native_churn,
        latency,
        moves,
    })
}
