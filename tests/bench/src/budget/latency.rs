//! What one create takes, where nobody else asks for anything.

use std::time::Duration;

use tenantry_testkit::timed_create;

use super::places::Spots;
use crate::world::World;

/// A create waits for hung webhooks until the apiserver gives up on them.
const HUNG_SAMPLES: usize = 20;

/// Times in order.
pub(super) type Times = Vec<Duration>;

/// Times of creates, where.
pub(super) struct Latency {
    pub(super) up: Up,
    pub(super) outside_hung: Times,
    pub(super) with_budget_hung: Times,
}

/// While the service answers.
pub(super) struct Up {
    pub(super) with_budget: Times,
    pub(super) without_budget: Times,
    pub(super) outside: Times,
}

/// Creates in turn, so that what disturbs one disturbs all.
pub(super) async fn up(world: &World, spots: &Spots, samples: usize) -> anyhow::Result<Up> {
    let places = [&spots.with_budget, &spots.without_budget, &spots.outside];
    let [with_budget, without_budget, outside] = in_turn(world, "up", places, samples).await?;
    Ok(Up {
        with_budget,
        without_budget,
        outside,
    })
}

/// The same while whoever asks our webhooks gets no answer.
pub(super) async fn with_hung(
    world: &World,
    spots: &Spots,
    samples: usize,
    up: Up,
) -> anyhow::Result<Latency> {
    let [outside_hung] = in_turn(world, "hung", [&spots.outside], samples).await?;
    let few = samples.min(HUNG_SAMPLES);
    let [with_budget_hung] = in_turn(world, "hung", [&spots.with_budget], few).await?;
    Ok(Latency {
        up,
        outside_hung,
        with_budget_hung,
    })
}

async fn in_turn<const N: usize>(
    world: &World,
    name: &str,
    places: [&String; N],
    samples: usize,
) -> anyhow::Result<[Times; N]> {
    let mut times = [const { Times::new() }; N];
    for sample in 0..samples {
        for turn in 0..N {
            let place = (sample + turn) % N;
            let name = format!("{name}-{sample}");
            times[place].push(timed_create(&world.client, places[place], name).await?);
        }
    }
    times.iter_mut().for_each(|times| times.sort());
    Ok(times)
}
