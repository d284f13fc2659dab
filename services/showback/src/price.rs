//! The price book: text in, prices of nodes out. Reading the file is `main.rs`' business.

mod keep;
mod parse;

use std::fmt;

use num_rational::BigRational;
use num_traits::Zero as _;

use crate::cost::{Each, Quantities, Span};

pub use keep::keep;
pub use parse::{Error, parse};

/// Prices of one unit for an hour: a core, a GiB (2^30 bytes), a GPU.
pub type UnitPrices = Each<BigRational>;

/// How a node was bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseOption {
    /// By the hour, at the list price.
    OnDemand,
    /// Spare capacity that can be taken back.
    Spot,
    /// Bought ahead; its price is the amortised one.
    Reserved,
}

impl PurchaseOption {
    /// The word that is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on_demand",
            Self::Spot => "spot",
            Self::Reserved => "reserved",
        }
    }

    /// The option that `word` stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::OnDemand, Self::Spot, Self::Reserved]
            .into_iter()
            .find(|it| it.as_str() == word)
    }
}

/// What a node's price is looked up by; an unlabelled node has empty texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PriceKey {
    /// Such as `m5.large`.
    pub instance_type: String,
    /// Such as `eu-north-1`.
    pub region: String,
    /// How it was bought.
    pub purchase_option: PurchaseOption,
}

impl fmt::Display for PriceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |text: &str| if text.is_empty() { "none" } else { text }.to_owned();
        let (instance_type, region) = (or_none(&self.instance_type), or_none(&self.region));
        write!(
            f,
            "instance type {instance_type}, region {region}, {}",
            self.purchase_option.as_str()
        )
    }
}

/// One price of one kind of node over one validity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The kind of node.
    pub key: PriceKey,
    /// Price of the whole node for an hour.
    pub per_hour: BigRational,
    /// First second it is valid.
    pub valid_from_s: i64,
    /// First second it is no longer valid; `None` while in force.
    pub valid_to_s: Option<i64>,
}

impl Price {
    fn covers(&self, second: i64) -> bool {
        self.valid_from_s <= second && self.valid_to_s.is_none_or(|to| second < to)
    }
}

/// A price list.
///
/// Invariant: rows of one key do not overlap; no price is negative; the split prices of CPU and memory are positive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceBook {
    /// Name and version, such as `aws-list-prices 2026-07-20`.
    pub label: String,
    /// ISO 4217 code of every price in it.
    pub currency: String,
    /// Ratio by which a node's price is split over its resources.
    pub split: UnitPrices,
    /// Prices by unit for nodes no row covers.
    pub fallback: Option<Fallback>,
    /// Rows, by key and validity.
    pub prices: Vec<Price>,
    /// SHA-256 of the text, hexadecimal.
    pub sha256: String,
    /// The text itself, so that an old report can be made again.
    pub text: String,
}

/// Unit prices for nodes no row covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// Bought by the hour, or ahead.
    pub on_demand: UnitPrices,
    /// Spare capacity.
    pub spot: UnitPrices,
}

/// Where the price of a node came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Its own row.
    Row,
    /// The on-demand row of its type and region.
    OnDemandRow,
    /// Unit prices times capacity.
    Fallback,
}

/// The price of a node over a part of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The part.
    pub span: Span,
    /// Price of the whole node for an hour.
    pub per_hour: BigRational,
    /// Where it came from.
    pub basis: Basis,
}

/// Neither a row nor a fallback gives a price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the price book {book} has no price for a node of {key}")]
pub struct PriceMissing {
    /// The book asked.
    pub book: String,
    /// The kind of node.
    pub key: PriceKey,
}

impl PriceBook {
    /// Prices of a node over `span`, cut where a price begins or ends: a price is never averaged.
    pub fn quotes(
        &self,
        key: &PriceKey,
        capacity: Quantities,
        span: Span,
    ) -> Result<Vec<Quote>, PriceMissing> {
        let on_demand = PriceKey {
            purchase_option: PurchaseOption::OnDemand,
            ..key.clone()
        };
        let rows = |key: &PriceKey| {
            let key = key.clone();
            self.prices.iter().filter(move |price| price.key == key)
        };
        let edges = rows(key)
            .chain(rows(&on_demand))
            .flat_map(|price| [Some(price.valid_from_s), price.valid_to_s])
            .flatten();
        let quote = |span: Span| {
            let find = |key: &PriceKey| rows(key).find(|price| price.covers(span.start_s()));
            let own = find(key).map(|price| (price.per_hour.clone(), Basis::Row));
            let (per_hour, basis) = own
                .or_else(|| Some((find(&on_demand)?.per_hour.clone(), Basis::OnDemandRow)))
                .or_else(|| Some((self.by_unit(key, capacity)?, Basis::Fallback)))
                .ok_or_else(|| PriceMissing {
                    book: self.label.clone(),
                    key: key.clone(),
                })?;
            Ok(Quote {
                span,
                per_hour,
                basis,
            })
        };
        span.cut(edges).into_iter().map(quote).collect()
    }

    fn by_unit(&self, key: &PriceKey, capacity: Quantities) -> Option<BigRational> {
        let fallback = self.fallback.as_ref()?;
        let units = match key.purchase_option {
            PurchaseOption::OnDemand | PurchaseOption::Reserved => &fallback.on_demand,
            PurchaseOption::Spot => &fallback.spot,
        };
        Some(
            at_unit_prices(capacity, units)
                .into_array()
                .into_iter()
                .sum(),
        )
    }

    /// Splits a node's hourly price over its resources by the split prices.
    ///
    /// Shape: the parts add up to `per_hour` exactly.
    pub fn split(&self, per_hour: &BigRational, capacity: Quantities) -> Each<BigRational> {
        let weights = at_unit_prices(capacity, &self.split);
        let sum: BigRational = weights.as_ref().into_array().into_iter().sum();
        if sum.is_zero() {
            // A machine without CPU, memory or GPU: its price must still land somewhere.
            return Each {
                cpu: per_hour.clone(),
                ..Each::splat(BigRational::zero())
            };
        }
        weights.map(|weight| per_hour * weight / &sum)
    }
}

/// What a capacity costs for an hour, by resource.
fn at_unit_prices(capacity: Quantities, prices: &UnitPrices) -> Each<BigRational> {
    let units = [1_000_i64, 1 << 30, 1];
    let per_unit = Each::from(units.map(|unit| BigRational::from_integer(unit.into())));
    capacity
        .zip(per_unit)
        .zip(prices.clone())
        .map(|((quantity, unit), price)| BigRational::from_integer(quantity.into()) / unit * price)
}

#[cfg(test)]
mod tests;
