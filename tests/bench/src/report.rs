use std::{collections::BTreeMap, fmt::Display, time::Duration};

use crate::{
    Size,
    apply::Applied,
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
    pub(crate) rest_writes: Option<usize>,
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
    let one = |what: String, figure: String| [what, String::new(), figure, String::new()];
    table.add_row(one(
        "API writes per tenant".into(),
        template.steps.len().to_string(),
    ));
    for (kind, count) in kinds(template) {
        table.add_row(one(format!("  {kind}"), count.to_string()));
    }
    let rest = rounds.iter().find_map(|round| round.ours.rest_writes);
    let rest = rest.map_or_else(|| "not measured".to_owned(), |writes| writes.to_string());
    table.add_row(one(
        format!("API writes in {} s at rest", size.rest_seconds),
        rest,
    ));
    table
}

fn kinds(template: &Template) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for step in &template.steps {
        let write = &step.write;
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
                f64::from(u32::try_from(round.ours.restart.writes).unwrap_or(u32::MAX))
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
