use std::collections::BTreeMap;
use std::fmt;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed as _, ToPrimitive as _};
use tenantry_domain::TenantName;

use super::{Each, Line, Owner, RowKey, Tally};

/// Decimals of every printed amount.
const SCALE: u32 = 10;

/// An amount of 10 decimals, exact in itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount(BigInt);

/// One printed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub key: RowKey,
    /// Cost by resource.
    pub cost: Each<Amount>,
    /// Core-hours, GiB-hours, GPU-hours reserved.
    pub hours: Each<Amount>,
    /// Sum of `cost`.
    pub total: Amount,
}

/// A printed report.
///
/// Invariant: rows add up to `total`, and all rows of the window to `node_cost`, digit by digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Dearest first, then by key.
    pub rows: Vec<Row>,
    /// Sum of the rows.
    pub total: Amount,
    /// What the nodes cost, whoever is asked for.
    pub node_cost: Amount,
    /// Kinds of node priced by something other than their own row, for people.
    pub notes: Vec<String>,
}

impl Report {
    /// Rounds a tally, once, by largest remainder over every cell of it; then keeps the rows of `only`.
    ///
    /// Rounding comes before the filter, so asking for one tenant cannot change a digit of it.
    pub fn of(tally: Tally, only: Option<&TenantName>) -> Self {
        let node_cost = Amount::rounded(&tally.node_cost);
        let mut cells = round_cells(&tally, &node_cost).into_iter();
        let is_wanted = |owner: &Owner| match (owner, only) {
            (_, None) => true,
            (Owner::Tenant(tenant), Some(only)) => tenant == only,
            (Owner::Idle | Owner::Unallocated | Owner::Everybody, Some(_)) => false,
        };
        let mut rows = Vec::new();
        for (key, line) in tally.lines {
            let cost = Each::splat(()).map(|()| cells.next().unwrap_or_default());
            let total = cost.as_ref().into_array().into_iter().sum();
            if is_wanted(&key.owner) {
                rows.push(Row {
                    key,
                    cost,
                    hours: line.hours(),
                    total,
                });
            }
        }
        sort(&mut rows);
        let total = rows.iter().map(|row| &row.total).sum();
        let notes = tally.notes.iter().map(ToString::to_string).collect();
        Self {
            rows,
            total,
            node_cost,
            notes,
        }
    }
}

impl Report {
    /// The same report, not cut by owner.
    ///
    /// Merged after rounding, so that these rows agree with the others digit by digit.
    pub fn of_everybody(self) -> Self {
        let mut merged: BTreeMap<RowKey, Row> = BTreeMap::new();
        for row in self.rows {
            let key = RowKey {
                owner: Owner::Everybody,
                ..row.key.clone()
            };
            match merged.get_mut(&key) {
                Some(sum) => sum.add(&row),
                None => drop(merged.insert(key.clone(), Row { key, ..row })),
            }
        }
        let mut rows: Vec<Row> = merged.into_values().collect();
        sort(&mut rows);
        Self { rows, ..self }
    }
}

impl Row {
    fn add(&mut self, other: &Self) {
        let sum = |(a, b): (&Amount, &Amount)| Amount(&a.0 + &b.0);
        self.cost = self.cost.as_ref().zip(other.cost.as_ref()).map(sum);
        self.hours = self.hours.as_ref().zip(other.hours.as_ref()).map(sum);
        self.total = sum((&self.total, &other.total));
    }
}

fn sort(rows: &mut [Row]) {
    rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.key.cmp(&b.key)));
}

/// Every cost of every line, rounded so that they add up to `total`.
fn round_cells(tally: &Tally, total: &Amount) -> Vec<Amount> {
    let exact = tally
        .lines
        .values()
        .flat_map(|line| line.cost.as_ref().into_array());
    let mut cells = Vec::new();
    let mut remainders = Vec::new();
    for (index, cost) in exact.enumerate() {
        let scaled = cost * scale();
        cells.push(scaled.floor().to_integer());
        remainders.push((scaled.fract(), index));
    }
    // Ties go to the first, so that the same tally always prints the same.
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let missing = &total.0 - cells.iter().sum::<BigInt>();
    let missing = missing.to_usize().unwrap_or(0); // never negative: floors of parts never exceed the whole
    for (_, index) in remainders.into_iter().take(missing) {
        cells[index] += 1;
    }
    cells.into_iter().map(Amount).collect()
}

impl Line {
    fn hours(&self) -> Each<Amount> {
        let units = Each {
            cpu: 1_000_i64,
            memory: 1 << 30,
            gpu: 1,
        };
        self.reserved.zip(units).map(|(reserved, unit)| {
            let unit_seconds = BigInt::from(unit) * 3_600;
            Amount::rounded(&BigRational::new(reserved.into(), unit_seconds))
        })
    }
}

impl Amount {
    /// The nearest amount; halves go up.
    pub fn rounded(exact: &BigRational) -> Self {
        Self((exact * scale()).round().to_integer())
    }
}

fn scale() -> BigRational {
    BigRational::from_integer(BigInt::from(10).pow(SCALE))
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0.is_negative() { "-" } else { "" };
        let one = BigInt::from(10).pow(SCALE);
        let (whole, decimals) = (self.0.abs() / &one, (self.0.abs() % &one).to_string());
        write!(f, "{sign}{whole}.{decimals:0>10}")
    }
}

impl<'a> std::iter::Sum<&'a Self> for Amount {
    fn sum<I: Iterator<Item = &'a Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| &amount.0).sum())
    }
}
