/// Seconds of a day; days are UTC and have no leap seconds in Unix time.
pub const DAY_SECONDS: i64 = 86_400;

/// Half-open stretch `[start, end)` of whole Unix seconds.
///
/// Invariant: `start_s <= end_s`; an empty span still has a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    start_s: i64,
    end_s: i64,
}

/// Day in UTC, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(i64);

impl Span {
    /// The span between two seconds, if they are in order.
    pub fn new(start_s: i64, end_s: i64) -> Option<Self> {
        (start_s <= end_s).then_some(Self { start_s, end_s })
    }

    /// First second.
    pub fn start_s(self) -> i64 {
        self.start_s
    }

    /// First second after.
    pub fn end_s(self) -> i64 {
        self.end_s
    }

    /// Length.
    pub fn seconds(self) -> i64 {
        self.end_s - self.start_s
    }

    /// Whether it has no second.
    pub fn is_empty(self) -> bool {
        self.start_s == self.end_s
    }

    /// The part within `other`; an empty span counts as within if its place is.
    pub fn clip(self, other: Self) -> Option<Self> {
        if self.is_empty() {
            return (other.start_s <= self.start_s && self.start_s < other.end_s).then_some(self);
        }
        let clipped = Self::new(self.start_s.max(other.start_s), self.end_s.min(other.end_s))?;
        (!clipped.is_empty()).then_some(clipped)
    }

    /// The span cut at every edge inside it, in order.
    pub fn cut(self, edges: impl IntoIterator<Item = i64>) -> Vec<Self> {
        let inside = |edge: &i64| self.start_s < *edge && *edge < self.end_s;
        let mut edges: Vec<i64> = edges.into_iter().filter(inside).collect();
        edges.extend([self.start_s, self.end_s]);
        edges.sort_unstable();
        edges.dedup();
        if self.is_empty() {
            return vec![self];
        }
        edges
            .windows(2)
            .filter_map(|pair| Self::new(pair[0], pair[1]))
            .collect()
    }

    /// The span cut at every midnight, each part with its day.
    pub fn by_day(self) -> impl Iterator<Item = (Day, Self)> {
        let first = Day::of(self.start_s).0 + 1;
        let last = Day::of(self.end_s).0;
        self.cut((first..=last).map(|day| day * DAY_SECONDS))
            .into_iter()
            .map(|part| (Day::of(part.start_s), part))
    }
}

impl Day {
    /// The day that contains a second.
    pub fn of(second: i64) -> Self {
        Self(second.div_euclid(DAY_SECONDS))
    }

    /// Its first second.
    pub fn start_s(self) -> i64 {
        self.0 * DAY_SECONDS
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_second(self.start_s()) {
            Ok(midnight) => midnight.strftime("%Y-%m-%d").fmt(f),
            Err(_) => write!(f, "day {}", self.0), // beyond the year 9999
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start_s: i64, end_s: i64) -> Span {
        Span::new(start_s, end_s).unwrap()
    }

    #[test]
    fn an_empty_span_keeps_its_place() {
        assert_eq!(span(5, 5).clip(span(0, 10)), Some(span(5, 5)));
        assert_eq!(span(10, 10).clip(span(0, 10)), None);
        assert_eq!(span(5, 5).cut([5]), [span(5, 5)]);
    }

    #[test]
    fn spans_that_only_touch_share_nothing() {
        assert_eq!(span(0, 5).clip(span(5, 9)), None);
        assert_eq!(span(0, 6).clip(span(5, 9)), Some(span(5, 6)));
    }

    #[test]
    fn a_span_is_cut_at_midnight() {
        let days: Vec<_> = span(86_399, 2 * 86_400).by_day().collect();
        assert_eq!(
            days,
            [
                (Day(0), span(86_399, 86_400)),
                (Day(1), span(86_400, 2 * 86_400))
            ]
        );
        assert_eq!(Day(1).to_string(), "1970-01-02");
    }
}
