use num_rational::BigRational;

use super::{IdleSharing, Span};

/// How much of a request counts, added up over time, for one resource of one node.
///
/// A request counts whole while all requests fit. Where they don't, everyone's is divided by their sum over the capacity
/// (AWS' rule): no other rule keeps the parts adding up to the node's price. Where idle capacity is shared, requests are
/// stretched to fill the node in the same way.
#[derive(Debug)]
pub(super) struct Curve {
    edges: Vec<i64>,
    totals: Vec<Total>,
}

/// Sums from the node's first second up to an edge.
#[derive(Debug, Clone, Default)]
struct Total {
    /// Seconds in which a request counts whole.
    whole_s: i64,
    /// Seconds in which it counts by a ratio, times that ratio; apart, because integers are fast and it is nearly always nothing.
    scaled_s: BigRational,
    /// Unit-seconds nobody bears.
    idle: i128,
}

impl Curve {
    /// Adds up the weights over `span`; weights can be asked for between its ends, those of the loads and `edges`.
    pub(super) fn build(
        span: Span,
        capacity: i64,
        loads: &[(Span, i64)],
        edges: &[i64],
        sharing: IdleSharing,
    ) -> Self {
        let mut steps: Vec<(i64, i128)> = edges.iter().map(|edge| (*edge, 0)).collect();
        steps.extend([(span.start_s(), 0), (span.end_s(), 0)]);
        for (load, quantity) in loads {
            let quantity = i128::from(*quantity);
            steps.extend([(load.start_s(), quantity), (load.end_s(), -quantity)]);
        }
        steps.sort_unstable_by_key(|(edge, _)| *edge);

        let mut curve = Self {
            edges: Vec::new(),
            totals: Vec::new(),
        };
        let (mut total, mut requested) = (Total::default(), 0_i128);
        for step in steps.chunk_by(|a, b| a.0 == b.0) {
            let edge = step[0].0;
            let seconds = curve.edges.last().map_or(0, |last| edge - last);
            total.advance(seconds, i128::from(capacity), requested, sharing);
            curve.edges.push(edge);
            curve.totals.push(total.clone());
            requested += step.iter().map(|(_, change)| change).sum::<i128>();
        }
        curve
    }

    /// Seconds of `span` at which a request counts.
    pub(super) fn weight(&self, span: Span) -> BigRational {
        let (from, to) = (self.at(span.start_s()), self.at(span.end_s()));
        let whole = BigRational::from_integer((to.whole_s - from.whole_s).into());
        whole + (&to.scaled_s - &from.scaled_s)
    }

    /// Unit-seconds of `span` nobody bears.
    pub(super) fn idle(&self, span: Span) -> i128 {
        self.at(span.end_s()).idle - self.at(span.start_s()).idle
    }

    fn at(&self, edge: i64) -> &Total {
        let found = self.edges.binary_search(&edge);
        &self.totals[found.expect("a curve is asked only at edges it was built with")]
    }
}

impl Total {
    fn advance(&mut self, seconds: i64, capacity: i128, requested: i128, sharing: IdleSharing) {
        let fits = requested <= capacity;
        let is_shared = sharing == IdleSharing::ByNode && requested > 0;
        if fits && !is_shared {
            self.whole_s += seconds;
            self.idle += (capacity - requested) * i128::from(seconds);
        } else {
            let ratio = BigRational::new(capacity.into(), requested.into());
            self.scaled_s += ratio * BigRational::from_integer(seconds.into());
        }
    }
}
