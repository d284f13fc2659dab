use std::{collections::BTreeMap, fmt::Display, time::Duration};

use comfy_table::Table;

use crate::{
    Size,
    apply::Applied,
    audit::Write,
    figures::{self, percentile},
    restart::Restart,
    template::Template,
    world::Usage,
};

/// One round.
pub(crate) struct Round {
    pub(crate) floor: Floor,
    pub(crate) ours: Ours,
}

/// Times of the flood client.
pub(crate) struct Floor {
    pub(crate) apply: Duration,
    pub(crate) edit: Duration,
}

/// Figures of the service.
pub(crate) struct Ours {
    pub(crate) applied: Applied,
    pub(crate) edit: Duration,
    pub(crate) usage: Usage,
    pub(crate) restart: Restart,
    pub(crate) rest_writes: Option<Vec<Write>>,
}

/// A line of the table: what, and its figure in each round.
type Line<'a> = (&'a str, Box<dyn Fn(&Round) -> f64 + 'a>);

pub(crate) fn table(size: &Size, template: &Template, rounds: &[Round]) -> impl Display {
    let of = format!(
        "{} tenants × {} namespaces, {} replicas, {} rounds",
        size.tenants, size.namespaces, size.replicas, size.rounds
    );
    let mut table = figures::table(&of);
    for (what, figure) in lines(size) {
        figures::add(&mut table, what, rounds.iter().map(figure).collect());
    }
    let made = template.steps.iter().map(|step| &step.write);
    count(&mut table, "API writes per tenant", made);
    let restarts = rounds.iter().flat_map(|round| &round.ours.restart.writes);
    count(&mut table, "API writes of all restarts", restarts);
    let rest = rounds
        .iter()
        .find_map(|round| round.ours.rest_writes.as_ref());
    let at_rest = format!("API writes in {} s at rest", size.rest_seconds);
    count(&mut table, &at_rest, rest.into_iter().flatten());
    table
}

/// How many there are, and of which kinds.
fn count<'a>(table: &mut Table, what: &str, writes: impl Iterator<Item = &'a Write>) {
    let kinds = kinds(writes);
    let mut add = |what: String, count: usize| {
        table.add_row([what, String::new(), count.to_string(), String::new()]);
    };
    add(what.to_owned(), kinds.values().sum());
    for (kind, count) in kinds {
        add(format!("  {kind}"), count);
    }
}

fn kinds<'a>(writes: impl IntoIterator<Item = &'a Write>) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for write in writes {
        let kind = format!("{} {} {}", write.verb, write.resource, write.subresource);
        *kinds.entry(kind.trim_end().to_owned()).or_default() += 1;
    }
    kinds
}

fn lines(size: &Size) -> Vec<Line<'static>> {
    let tenants = u32::try_from(size.tenants).unwrap_or(u32::MAX);
    let seconds = |time: Duration| time.as_secs_f64();
    vec![
        (
            "apply: the same writes without logic, s",
            Box::new(move |round| seconds(round.floor.apply)),
        ),
        (
            "apply: until all are ready, s",
            Box::new(move |round| seconds(round.ours.applied.took)),
        ),
        (
            "apply: ratio",
            Box::new(move |round| seconds(round.ours.applied.took) / seconds(round.floor.apply)),
        ),
        (
            "apply: per tenant, ms",
            Box::new(move |round| 1e3 * seconds(round.ours.applied.took) / f64::from(tenants)),
        ),
        (
            "apply → ready of one tenant, p50, s",
            Box::new(|round| percentile(&round.ours.applied.each, 50)),
        ),
        (
            "apply → ready of one tenant, p99, s",
            Box::new(|round| percentile(&round.ours.applied.each, 99)),
        ),
        (
            "edit of the shared quota: the same writes until enforced, s",
            Box::new(move |round| seconds(round.floor.edit)),
        ),
        (
            "edit of the shared quota: until enforced everywhere, s",
            Box::new(move |round| seconds(round.ours.edit)),
        ),
        (
            "edit of the shared quota: ratio",
            Box::new(move |round| seconds(round.ours.edit) / seconds(round.floor.edit)),
        ),
        (
            "restart: the bare lists, s",
            Box::new(move |round| seconds(round.ours.restart.lists)),
        ),
        (
            "restart: until all were looked at, s",
            Box::new(move |round| seconds(round.ours.restart.took)),
        ),
        (
            "restart: ratio",
            Box::new(move |round| {
                seconds(round.ours.restart.took) / seconds(round.ours.restart.lists)
            }),
        ),
        (
            "restart: API writes",
            Box::new(|round| {
                f64::from(u32::try_from(round.ours.restart.writes.len()).unwrap_or(u32::MAX))
            }),
        ),
        (
            "peak memory of a replica, MiB",
            Box::new(|round| round.ours.usage.peak_mib),
        ),
        (
            "memory of a replica without the program's own text, after the edit, MiB",
            Box::new(|round| round.ours.usage.own_mib),
        ),
        (
            "CPU of all replicas, s",
            Box::new(|round| round.ours.usage.cpu_seconds),
        ),
    ]
}
