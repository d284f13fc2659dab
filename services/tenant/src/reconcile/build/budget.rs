//! One budget over many namespaces: the shares never add up to more than the budget, not even while they move.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{ResourceQuota, ResourceQuotaSpec},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::ResourceExt;
use tenantry_k8s::{quantity::Millis, tenant::BudgetShare};

use crate::reconcile::{
    dereference::Observed,
    object::{Kind, Object},
    validate::{Budget, Valid},
};

/// Name of our ResourceQuota in each namespace.
pub(super) const NAME: &str = "tenant-quota";
/// Label on a ResourceQuota: the Quota it is a share of.
pub(crate) const QUOTA: &str = "stakater.com/quota";

pub(super) struct Split {
    pub(super) objects: Vec<Object>,
    pub(super) shares: Vec<BudgetShare>,
}

/// What one namespace has of one resource.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    /// The most that the apiserver may let in: the higher of spec and status.
    hard: Millis,
    used: Millis,
}

/// A ResourceQuota for each namespace, and the shares they carry.
pub(super) fn split(valid: &Valid, budget: &Budget, observed: &Observed) -> Split {
    if budget.hard.is_empty() {
        return Split {
            objects: Vec::new(),
            shares: Vec::new(),
        };
    }
    let mut hard: BTreeMap<&str, BTreeMap<String, Quantity>> = valid
        .spaces
        .iter()
        .map(|space| (space.name.as_str(), BTreeMap::new()))
        .collect();
    for (resource, (written, total)) in &budget.hard {
        let held = held(resource, observed);
        let names: Vec<&str> = hard.keys().copied().collect();
        for (name, share) in next(*total, is_divisible(resource), &names, &held) {
            hard.entry(name)
                .or_default()
                .insert(resource.clone(), share.like(written));
        }
    }
    let shares = hard.iter().map(|(name, hard)| BudgetShare {
        namespace: (*name).to_owned(),
        hard: hard.clone(),
    });
    Split {
        shares: shares.collect(),
        objects: hard
            .into_iter()
            .map(|(name, hard)| object(valid, budget, name, hard))
            .collect(),
    }
}

fn object(
    valid: &Valid,
    budget: &Budget,
    namespace: &str,
    hard: BTreeMap<String, Quantity>,
) -> Object {
    let mut metadata = super::metadata(valid, Some(namespace), NAME);
    metadata
        .labels
        .get_or_insert_default()
        .insert(QUOTA.to_owned(), budget.name.clone());
    let spec = ResourceQuotaSpec {
        hard: Some(hard),
        ..ResourceQuotaSpec::default()
    };
    Object::wanted(
        Kind::ResourceQuota,
        &ResourceQuota {
            metadata,
            spec: Some(spec),
            status: None,
        },
    )
}

/// CPU is shared in thousandths; everything else in whole units.
fn is_divisible(resource: &str) -> bool {
    resource == "cpu" || resource.ends_with(".cpu")
}

/// What each namespace with one of our quotas has, those on their way out included.
fn held(resource: &str, observed: &Observed) -> BTreeMap<String, Held> {
    let read = |map: Option<&BTreeMap<String, Quantity>>| {
        map.and_then(|map| map.get(resource))
            .and_then(|quantity| Millis::parse(quantity).ok())
            .unwrap_or_default()
    };
    let of = |quota: &ResourceQuota| {
        let (spec, status) = (quota.spec.as_ref(), quota.status.as_ref());
        let wanted = read(spec.and_then(|spec| spec.hard.as_ref()));
        let enforced = read(status.and_then(|status| status.hard.as_ref()));
        Held {
            hard: wanted.max(enforced),
            used: read(status.and_then(|status| status.used.as_ref())),
        }
    };
    observed
        .quotas
        .iter()
        .filter_map(|quota| Some((quota.namespace()?, of(quota))))
        .collect()
}

/// The next share of each name: lowered at once, raised only by what nobody holds any more.
fn next<'a>(
    total: Millis,
    is_divisible: bool,
    names: &[&'a str],
    held: &BTreeMap<String, Held>,
) -> BTreeMap<&'a str, Millis> {
    let unit = if is_divisible { 1 } else { 1000 };
    let now: Vec<Held> = names
        .iter()
        .map(|name| held.get(*name).copied().unwrap_or_default())
        .collect();
    let in_hands: i128 = held.values().map(|held| held.hard.get()).sum();
    let is_split = in_hands / unit == total.get() / unit && names.len() == held.len();
    if is_split && !is_anybody_short(total, unit, &now) {
        let shares = names.iter().zip(now);
        return shares.map(|(name, held)| (*name, held.hard)).collect();
    }
    let used: Vec<Millis> = now.iter().map(|held| held.used).collect();
    let mut slack = (total.get() - in_hands).max(0);
    let mut shares = BTreeMap::new();
    for ((name, target), held) in names.iter().zip(targets(total, unit, &used)).zip(now) {
        let now = held.hard.get();
        let raise = (target.get() - now).clamp(0, slack);
        slack -= raise;
        shares.insert(*name, Millis::new(target.get().min(now) + raise));
    }
    shares
}

/// Whether somebody has less than half of what would be free for him if the slack were even.
///
/// Half, so that a move is followed by quiet: each pod must not move the shares of all.
fn is_anybody_short(total: Millis, unit: i128, now: &[Held]) -> bool {
    let used: i128 = now.iter().map(|held| units(held.used, unit)).sum();
    let count = i128::try_from(now.len()).unwrap_or(i128::MAX).max(1);
    let even = (total.get() / unit - used).max(0) / count;
    let free = |held: &Held| held.hard.get() / unit - units(held.used, unit);
    now.iter().any(|held| 2 * free(held) < even)
}

/// Where the shares should be: what is in use, and the slack evenly, with the remainder to the first.
fn targets(total: Millis, unit: i128, used: &[Millis]) -> Vec<Millis> {
    let mut left = total.get() / unit;
    // A budget lowered below use cannot cover all of it.
    let kept: Vec<i128> = used
        .iter()
        .map(|used| {
            let kept = units(*used, unit).min(left);
            left -= kept;
            kept
        })
        .collect();
    let count = i128::try_from(used.len()).unwrap_or(i128::MAX).max(1);
    let mut remainder = left % count;
    let slack = kept.into_iter().map(|kept| {
        let extra = i128::from(remainder > 0);
        remainder -= extra;
        Millis::new((kept + left / count + extra) * unit)
    });
    slack.collect()
}

/// Whole units, rounded up.
fn units(millis: Millis, unit: i128) -> i128 {
    (millis.get() + unit - 1) / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(values: &[i128]) -> Vec<Millis> {
        values
            .iter()
            .map(|value| Millis::new(value * 1000))
            .collect()
    }

    #[test]
    fn the_slack_is_even_above_what_is_in_use() {
        let check = |total: i128, used: &[i128], expected: &[i128]| {
            assert_eq!(
                targets(Millis::new(total * 1000), 1000, &millis(used)),
                millis(expected),
                "{total} {used:?}"
            );
        };
        check(10, &[0, 0], &[5, 5]);
        check(10, &[1, 1, 1], &[4, 3, 3]);
        check(10, &[8, 0], &[9, 1]);
        check(10, &[8, 0, 0], &[9, 1, 0]);
        check(10, &[10, 0], &[10, 0]);
        check(1, &[0, 0], &[1, 0]);
        check(10, &[], &[]);
        check(4, &[5, 5], &[4, 0]); // the budget was lowered below use
    }

    #[test]
    fn cpu_is_split_in_thousandths() {
        assert_eq!(
            targets(Millis::new(1000), 1, &[Millis::ZERO; 2]),
            [Millis::new(500); 2]
        );
    }

    #[test]
    fn a_share_is_raised_only_by_what_nobody_holds() {
        let held = |hard: &[(&str, i128)]| -> BTreeMap<String, Held> {
            let of = |(name, hard): &(&str, i128)| {
                (
                    (*name).to_owned(),
                    Held {
                        hard: Millis::new(hard * 1000),
                        used: Millis::ZERO,
                    },
                )
            };
            hard.iter().map(of).collect()
        };
        let check = |held: &BTreeMap<String, Held>, expected: &[i128]| {
            let shares: Vec<Millis> = next(Millis::new(10_000), false, &["a", "b"], held)
                .into_values()
                .collect();
            assert_eq!(shares, millis(expected), "{held:?}");
        };
        check(&held(&[]), &[5, 5]);
        check(&held(&[("a", 10)]), &[5, 0]); // first lower a …
        check(&held(&[("a", 5)]), &[5, 5]); // … then give to b
        check(&held(&[("a", 5), ("b", 0), ("gone", 5)]), &[5, 0]); // a namespace on its way out still holds its share
    }

    #[test]
    fn slack_follows_use_and_then_rests() {
        let mut held: BTreeMap<String, Held> = ["a", "b"]
            .map(|name| (name.to_owned(), Held::default()))
            .into();
        let mut moves = Vec::new();
        // The last one cannot be halved: who needs it must ask.
        for used in 0..9 {
            held.get_mut("a").unwrap().used = Millis::new(used * 1000);
            // Lower first, then raise: until nothing moves.
            for _ in 0..3 {
                let shares = next(Millis::new(10_000), false, &["a", "b"], &held);
                for (name, share) in shares {
                    held.get_mut(name).unwrap().hard = share;
                }
            }
            let hard = |name: &str| held[name].hard.get() / 1000;
            let shares = (hard("a"), hard("b"));
            assert!(shares.0 > used, "{used} in use, {shares:?}");
            assert_eq!(shares.0 + shares.1, 10);
            if moves.last() != Some(&shares) {
                moves.push(shares);
            }
        }
        assert_eq!(moves, [(5, 5), (7, 3), (9, 1)]);
    }

    #[test]
    fn shares_never_add_up_to_more_than_the_budget() {
        for total in 0..12_i128 {
            for (a, b, c) in (0..216).map(|n: i128| (n % 6, n / 6 % 6, n / 36)) {
                let sum: i128 = targets(Millis::new(total * 1000), 1000, &millis(&[a, b, c]))
                    .iter()
                    .map(|m| m.get())
                    .sum();
                assert!(sum <= total * 1000, "{total} {a} {b} {c}: {sum}");
            }
        }
    }
}
