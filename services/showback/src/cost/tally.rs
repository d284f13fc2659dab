use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use num_rational::BigRational;
use num_traits::Zero as _;

use super::assign::{Assigned, Piece, assign};
use super::curve::Curve;
use super::{
    Day, Each, Grouping, IdleSharing, NodeInterval, Observed, Owner, Quantities, RowKey, Span,
};
use crate::price::{Basis, PriceBook, PriceKey, PriceMissing};

const HOUR_SECONDS: i64 = 3_600;

/// Exact cost and use of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Cost in the book's currency.
    pub cost: Each<BigRational>,
    /// What was reserved: milli-core-seconds, byte-seconds, gpu-seconds. Not scaled where a node was oversubscribed.
    pub reserved: Each<i128>,
}

/// A kind of node that had no row of its own in the book, and what priced it instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    key: PriceKey,
    basis: Basis,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instead = match self.basis {
            Basis::Row => "its own row",
            Basis::OnDemandRow => "the on-demand price of its type",
            Basis::Fallback => "the fallback prices per core, GiB and GPU",
        };
        write!(
            f,
            "no price for a node of {}: priced by {instead}",
            self.key
        )
    }
}

/// Exact cost of a window.
///
/// Invariant: the lines' costs add up to `node_cost` exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Cost by row; a pod of no length has its row, too.
    pub lines: BTreeMap<RowKey, Line>,
    /// What the nodes cost.
    pub node_cost: BigRational,
    /// Kinds of node priced by something other than their own row.
    pub notes: BTreeSet<Note>,
}

/// Adds up cost over `window`.
///
/// Use on a node outside that node's life costs nothing, because no money was spent there, and still has its row.
/// Errors: a node without any price. Never transient.
pub fn tally(
    observed: &Observed,
    book: &PriceBook,
    window: Span,
    grouping: Grouping,
    sharing: IdleSharing,
) -> Result<Tally, PriceMissing> {
    let assigned = assign(observed, window, grouping);
    let mut sums = Sums::new(assigned, book, sharing, grouping);
    for node in &observed.nodes {
        if let Some(span) = node.span.clip(window).filter(|span| !span.is_empty()) {
            sums.add_node(node, span)?;
        }
    }
    Ok(sums.into_tally())
}

/// The sums while they are being made.
struct Sums<'a> {
    assigned: Assigned<'a>,
    book: &'a PriceBook,
    sharing: IdleSharing,
    grouping: Grouping,
    lines: Vec<Line>,
    node_cost: BigRational,
    notes: BTreeSet<Note>,
}

/// A stretch of a node with one capacity and one price.
struct Stretch {
    span: Span,
    capacity: Quantities,
    /// Price of an hour of the whole resource.
    hourly: Each<BigRational>,
}

impl<'a> Sums<'a> {
    fn new(
        assigned: Assigned<'a>,
        book: &'a PriceBook,
        sharing: IdleSharing,
        grouping: Grouping,
    ) -> Self {
        let lines = vec![Line::default(); assigned.rows.len()];
        let (node_cost, notes) = (BigRational::zero(), BTreeSet::new());
        Self {
            assigned,
            book,
            sharing,
            grouping,
            lines,
            node_cost,
            notes,
        }
    }

    fn add_node(&mut self, node: &NodeInterval, span: Span) -> Result<(), PriceMissing> {
        for quote in self.book.quotes(&node.price_key, node.capacity, span)? {
            if quote.basis != Basis::Row {
                self.notes.insert(Note {
                    key: node.price_key.clone(),
                    basis: quote.basis,
                });
            }
            let hourly = self.book.split(&quote.per_hour, node.capacity);
            self.node_cost += &quote.per_hour * hours(quote.span);
            let stretch = Stretch {
                span: quote.span,
                capacity: node.capacity,
                hourly,
            };
            self.add_stretch(&node.node, &stretch);
        }
        Ok(())
    }

    fn add_stretch(&mut self, node: &str, stretch: &Stretch) {
        let days = self.idle_days(stretch.span);
        let pieces = self.pieces(node, stretch.span);
        let curves = self.curves(stretch, &pieces, &days);

        // Weights first, prices after: one multiplication for each row, not for each pod.
        let mut weights: BTreeMap<(usize, Option<Day>), Each<BigRational>> = BTreeMap::new();
        for piece in &pieces {
            let weight = weights.entry((piece.row, piece.day)).or_default();
            *weight = std::mem::take(weight)
                .zip(piece.weighed(&curves))
                .map(|(sum, more)| sum + more);
            self.lines[piece.row].reserve(piece.unit_seconds());
        }
        let prices = stretch.unit_second_prices();
        let mut rest: BTreeMap<_, _> = days
            .iter()
            .map(|(day, span)| (*day, stretch.cost(*span)))
            .collect();
        for ((row, day), weight) in weights {
            let cost = weight
                .zip(prices.clone())
                .map(|(weight, price)| weight * price);
            let rest = rest.entry(day).or_default();
            *rest = std::mem::take(rest)
                .zip(cost.clone())
                .map(|(rest, cost)| rest - cost);
            self.lines[row].charge(cost);
        }
        for (day, span) in days {
            let row = self.idle_row(day);
            self.lines[row].reserve(curves.as_ref().map(|curve| curve.idle(span)));
            self.lines[row].charge(rest.remove(&day).unwrap_or_default());
        }
    }

    fn idle_days(&self, span: Span) -> Vec<(Option<Day>, Span)> {
        if self.grouping.is_by_day {
            span.by_day().map(|(day, span)| (Some(day), span)).collect()
        } else {
            vec![(None, span)]
        }
    }

    fn pieces(&self, node: &str, span: Span) -> Vec<Piece> {
        let all = self
            .assigned
            .by_node
            .get(node)
            .map_or(&[][..], Vec::as_slice);
        let within = |piece: &Piece| {
            Some(Piece {
                span: piece.span.clip(span)?,
                ..*piece
            })
        };
        all.iter().filter_map(within).collect()
    }

    fn curves(
        &self,
        stretch: &Stretch,
        pieces: &[Piece],
        days: &[(Option<Day>, Span)],
    ) -> Each<Curve> {
        let edges: Vec<i64> = days.iter().map(|(_, span)| span.start_s()).collect();
        let loads = |pick: fn(&Quantities) -> i64| -> Vec<(Span, i64)> {
            pieces
                .iter()
                .map(|piece| (piece.span, pick(&piece.request)))
                .collect()
        };
        let loads = Each {
            cpu: loads(|it| it.cpu),
            memory: loads(|it| it.memory),
            gpu: loads(|it| it.gpu),
        };
        stretch.capacity.zip(loads).map(|(capacity, loads)| {
            Curve::build(stretch.span, capacity, &loads, &edges, self.sharing)
        })
    }

    fn idle_row(&mut self, day: Option<Day>) -> usize {
        let row = self.assigned.row(RowKey {
            owner: Owner::Idle,
            namespace: None,
            day,
        });
        self.lines.resize(self.assigned.rows.len(), Line::default());
        row
    }

    fn into_tally(self) -> Tally {
        let Self {
            assigned,
            mut lines,
            node_cost,
            notes,
            ..
        } = self;
        let rows = assigned.rows.into_iter();
        let lines = rows
            .map(|(key, row)| (key, std::mem::take(&mut lines[row])))
            .collect();
        Tally {
            lines,
            node_cost,
            notes,
        }
    }
}

impl Piece {
    /// Unit-seconds that count.
    fn weighed(&self, curves: &Each<Curve>) -> Each<BigRational> {
        self.request.zip(curves.as_ref()).map(|(quantity, curve)| {
            BigRational::from_integer(quantity.into()) * curve.weight(self.span)
        })
    }

    fn unit_seconds(&self) -> Each<i128> {
        self.request
            .map(|quantity| i128::from(quantity) * i128::from(self.span.seconds()))
    }
}

impl Stretch {
    fn cost(&self, span: Span) -> Each<BigRational> {
        self.hourly.clone().map(|hourly| hourly * hours(span))
    }

    /// Price of a milli-core-second, a byte-second, a gpu-second.
    fn unit_second_prices(&self) -> Each<BigRational> {
        self.hourly
            .clone()
            .zip(self.capacity)
            .map(|(hourly, capacity)| {
                if capacity == 0 {
                    return BigRational::zero();
                }
                hourly
                    / BigRational::from_integer(
                        (i128::from(capacity) * i128::from(HOUR_SECONDS)).into(),
                    )
            })
    }
}

impl Line {
    fn charge(&mut self, more: Each<BigRational>) {
        self.cost = std::mem::take(&mut self.cost)
            .zip(more)
            .map(|(cost, more)| cost + more);
    }

    fn reserve(&mut self, more: Each<i128>) {
        self.reserved = self.reserved.zip(more).map(|(sum, more)| sum + more);
    }
}

impl Default for Line {
    fn default() -> Self {
        Self {
            cost: Each::splat(BigRational::zero()),
            reserved: Each::splat(0),
        }
    }
}

fn hours(span: Span) -> BigRational {
    BigRational::new(span.seconds().into(), HOUR_SECONDS.into())
}
