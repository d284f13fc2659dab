use jiff::Timestamp;
use num_rational::BigRational;
use num_traits::{Signed as _, Zero as _};
use rust_decimal::Decimal;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Each, Fallback, Price, PriceBook, PriceKey, PurchaseOption, UnitPrices};

/// Why a text is not a price book.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not YAML, or not of this shape.
    #[error("reading the price book")]
    Shape(#[source] Box<serde_saphyr::Error>),
    /// Not three capital letters.
    #[error("currency {0:?} is not an ISO 4217 code such as USD")]
    Currency(String),
    /// A negative price, or a split price that is not positive.
    #[error("{0} has a price that is negative, or zero where the split needs a ratio")]
    Amount(String),
    /// `valid_to` is not after `valid_from`, or a time has a fraction of a second.
    #[error("the validity of {0} is not a stretch of whole seconds")]
    Validity(PriceKey),
    /// Two prices at one time.
    #[error("two prices of {0} overlap")]
    Overlap(PriceKey),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBook {
    name: String,
    version: String,
    currency: String,
    split: RawUnits,
    fallback: Option<RawFallback>,
    prices: Vec<RawPrice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFallback {
    on_demand: RawUnits,
    spot: RawUnits,
}

/// Decimals are written as strings: a YAML float would be a rounded price.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUnits {
    cpu_core_hour: Decimal,
    memory_gib_hour: Decimal,
    gpu_hour: Decimal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    instance_type: String,
    region: String,
    purchase_option: PurchaseOption,
    price_per_hour: Decimal,
    valid_from: Timestamp,
    valid_to: Option<Timestamp>,
}

/// Reads a price book.
pub fn parse(text: &str) -> Result<PriceBook, Error> {
    let raw: RawBook =
        serde_saphyr::from_str(text).map_err(|source| Error::Shape(Box::new(source)))?;
    if raw.currency.len() != 3 || !raw.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Error::Currency(raw.currency));
    }
    Ok(PriceBook {
        label: format!("{} {}", raw.name, raw.version),
        split: split(&raw.split)?,
        fallback: raw.fallback.as_ref().map(fallback).transpose()?,
        prices: prices(raw.prices)?,
        currency: raw.currency,
        sha256: Sha256::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        text: text.to_owned(),
    })
}

fn fallback(raw: &RawFallback) -> Result<Fallback, Error> {
    Ok(Fallback {
        on_demand: units(&raw.on_demand)?,
        spot: units(&raw.spot)?,
    })
}

fn split(raw: &RawUnits) -> Result<UnitPrices, Error> {
    let prices = units(raw)?;
    if prices.cpu.is_zero() || prices.memory.is_zero() {
        return Err(Error::Amount("split".to_owned()));
    }
    Ok(prices)
}

fn units(raw: &RawUnits) -> Result<UnitPrices, Error> {
    let decimals = [raw.cpu_core_hour, raw.memory_gib_hour, raw.gpu_hour];
    let prices = decimals.map(rational);
    if prices.iter().any(BigRational::is_negative) {
        return Err(Error::Amount("a unit".to_owned()));
    }
    Ok(Each::from(prices))
}

fn prices(raw: Vec<RawPrice>) -> Result<Vec<Price>, Error> {
    let mut prices = raw.into_iter().map(price).collect::<Result<Vec<_>, _>>()?;
    prices.sort_by(|a, b| (&a.key, a.valid_from_s).cmp(&(&b.key, b.valid_from_s)));
    let overlap = prices.windows(2).find(|pair| {
        let is_open = pair[0]
            .valid_to_s
            .is_none_or(|to| pair[1].valid_from_s < to);
        pair[0].key == pair[1].key && is_open
    });
    overlap.map_or(Ok(()), |pair| Err(Error::Overlap(pair[0].key.clone())))?;
    Ok(prices)
}

fn price(raw: RawPrice) -> Result<Price, Error> {
    let key = PriceKey {
        instance_type: raw.instance_type,
        region: raw.region,
        purchase_option: raw.purchase_option,
    };
    let times = [Some(raw.valid_from), raw.valid_to];
    let has_fraction = times
        .iter()
        .flatten()
        .any(|time| time.subsec_nanosecond() != 0);
    if has_fraction || raw.valid_to.is_some_and(|to| to <= raw.valid_from) {
        return Err(Error::Validity(key));
    }
    if raw.price_per_hour.is_sign_negative() {
        return Err(Error::Amount(key.to_string()));
    }
    let valid_to_s = raw.valid_to.map(Timestamp::as_second);
    let valid_from_s = raw.valid_from.as_second();
    Ok(Price {
        key,
        per_hour: rational(raw.price_per_hour),
        valid_from_s,
        valid_to_s,
    })
}

fn rational(decimal: Decimal) -> BigRational {
    let scale = 10_i128.pow(decimal.scale()); // at most 28
    BigRational::new(decimal.mantissa().into(), scale.into())
}
