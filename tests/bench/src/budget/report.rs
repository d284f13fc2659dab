use std::fmt::Display;

use tenantry_testkit::Contention;

use super::{BUDGET, CREATES, Round, Size, latency::Times};
use crate::figures::{self, percentile};

/// A line of the table: what, and its figure in a round that has one.
type Line = (&'static str, fn(&Round) -> Option<f64>);

pub(super) fn table(size: &Size, rounds: &[Round]) -> impl Display {
    let of = format!(
        "{CREATES} creates, a budget of {BUDGET}, {} replicas, {} rounds",
        size.replicas, size.rounds
    );
    let mut table = figures::table(&of);
    for (what, figure) in CROWDS.iter().chain(&CREATE).chain(&MOVES) {
        let figures: Vec<f64> = rounds.iter().filter_map(figure).collect();
        if !figures.is_empty() {
            figures::add(&mut table, what, figures);
        }
    }
    table
}

const CROWDS: [Line; 8] = [
    ("crowd: admitted", |round| {
        Some(count(round.contention.admitted))
    }),
    ("crowd: most at once", |round| {
        Some(count(round.contention.most))
    }),
    ("crowd: until the budget is used up, s", |round| {
        full(&round.contention)
    }),
    ("crowd, one replica killed: admitted", |round| {
        Some(count(round.killed?.admitted))
    }),
    ("crowd, one replica killed: most at once", |round| {
        Some(count(round.killed?.most))
    }),
    (
        "crowd, one replica killed: until the budget is used up, s",
        |round| full(&round.killed?),
    ),
    ("churn: most above the budget", |round| {
        above(round.churn.most)
    }),
    (
        "churn: most above one quota of the apiserver's own",
        |round| above(round.native_churn.most),
    ),
];

const CREATE: [Line; 11] = [
    ("create: tenant with a budget, p50, ms", |round| {
        ms(&round.latency.up.with_budget, 50)
    }),
    ("create: tenant with a budget, p99, ms", |round| {
        ms(&round.latency.up.with_budget, 99)
    }),
    ("create: tenant without a budget, p50, ms", |round| {
        ms(&round.latency.up.without_budget, 50)
    }),
    ("create: tenant without a budget, p99, ms", |round| {
        ms(&round.latency.up.without_budget, 99)
    }),
    ("create: outside tenancy, p50, ms", |round| {
        ms(&round.latency.up.outside, 50)
    }),
    ("create: outside tenancy, p99, ms", |round| {
        ms(&round.latency.up.outside, 99)
    }),
    ("create: outside tenancy, webhooks hang, p50, ms", |round| {
        ms(&round.latency.outside_hung, 50)
    }),
    ("create: outside tenancy, webhooks hang, p99, ms", |round| {
        ms(&round.latency.outside_hung, 99)
    }),
    (
        "create: tenant with a budget, webhooks hang, p50, ms",
        |round| ms(&round.latency.with_budget_hung, 50),
    ),
    ("create: ratio of p50, with a budget to without", |round| {
        let up = &round.latency.up;
        Some(percentile(&up.with_budget, 50) / percentile(&up.without_budget, 50))
    }),
    (
        "create: ratio of p50, outside, webhooks hang to not",
        |round| {
            let latency = &round.latency;
            Some(percentile(&latency.outside_hung, 50) / percentile(&latency.up.outside, 50))
        },
    ),
];

const MOVES: [Line; 5] = [
    ("slack moved first: refused at the first try", |round| {
        Some(count(round.moves.refused))
    }),
    ("slack moved first: create, p50, ms", |round| {
        ms(&round.moves.moved, 50)
    }),
    ("slack moved first: create, p99, ms", |round| {
        ms(&round.moves.moved, 99)
    }),
    ("slack moved first: extra wait, p50, ms", |round| {
        extra(round, 50)
    }),
    ("slack moved first: extra wait, p99, ms", |round| {
        extra(round, 99)
    }),
];

/// Above the middle of the same creates that find their share large enough.
fn extra(round: &Round, percent: usize) -> Option<f64> {
    Some(ms(&round.moves.moved, percent)? - ms(&round.moves.plain, 50)?)
}

fn full(contention: &Contention) -> Option<f64> {
    Some(contention.full_after?.as_secs_f64())
}

fn above(most: usize) -> Option<f64> {
    Some(count(most.saturating_sub(BUDGET)))
}

fn ms(times: &Times, percent: usize) -> Option<f64> {
    (!times.is_empty()).then(|| 1e3 * percentile(times, percent))
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
