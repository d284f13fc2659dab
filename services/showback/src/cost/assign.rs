use std::collections::{BTreeMap, HashMap};

use tenantry_domain::TenantName;
use uuid::Uuid;

use super::{Day, Grouping, Observed, Owner, Quantities, RowKey, Span, UsageInterval};

/// A part of a usage interval that lies in one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) span: Span,
    pub(super) request: Quantities,
    /// Index of its row in [`Assigned::rows`].
    pub(super) row: usize,
    /// Day of its row.
    pub(super) day: Option<Day>,
}

/// Every piece of use, by node, and the rows they lie in.
#[derive(Debug, Default)]
pub(super) struct Assigned<'a> {
    pub(super) rows: BTreeMap<RowKey, usize>,
    pub(super) by_node: HashMap<&'a str, Vec<Piece>>,
}

type Owners<'a> = HashMap<Uuid, Vec<(Span, &'a TenantName)>>;

/// Cuts use at the window's edges, at every change of owner and, if asked for, at midnight.
pub(super) fn assign(observed: &Observed, window: Span, grouping: Grouping) -> Assigned<'_> {
    let mut owners = Owners::new();
    for ownership in &observed.ownerships {
        let stretch = (ownership.span, &ownership.tenant);
        owners
            .entry(ownership.namespace_uid)
            .or_default()
            .push(stretch);
    }
    let mut assigned = Assigned::default();
    for usage in &observed.usages {
        let Some(span) = usage.span.clip(window) else {
            continue;
        };
        let owners = owners
            .get(&usage.namespace_uid)
            .map_or(&[][..], Vec::as_slice);
        let edges = owners
            .iter()
            .flat_map(|(span, _)| [span.start_s(), span.end_s()]);
        for part in span.cut(edges) {
            assigned.add(usage, owner_at(owners, part), part, grouping);
        }
    }
    assigned
}

fn owner_at(owners: &[(Span, &TenantName)], part: Span) -> Owner {
    let covers = |span: &Span| span.start_s() <= part.start_s() && part.start_s() < span.end_s();
    let owner = owners.iter().find(|(span, _)| covers(span));
    owner.map_or(Owner::Unallocated, |(_, tenant)| {
        Owner::Tenant((*tenant).clone())
    })
}

impl<'a> Assigned<'a> {
    fn add(&mut self, usage: &'a UsageInterval, owner: Owner, part: Span, grouping: Grouping) {
        let days: Vec<(Option<Day>, Span)> = if grouping.is_by_day {
            part.by_day().map(|(day, span)| (Some(day), span)).collect()
        } else {
            vec![(None, part)]
        };
        let namespace = grouping.is_by_namespace.then(|| usage.namespace.clone());
        for (day, span) in days {
            let key = RowKey {
                owner: owner.clone(),
                namespace: namespace.clone(),
                day,
            };
            let row = self.row(key);
            let pieces = self.by_node.entry(&usage.node).or_default();
            pieces.push(Piece {
                span,
                request: usage.request,
                row,
                day,
            });
        }
    }

    /// Index of the row of `key`, made if it is new.
    pub(super) fn row(&mut self, key: RowKey) -> usize {
        let next = self.rows.len();
        *self.rows.entry(key).or_insert(next)
    }
}
