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
    let of = |name: &str| held.get(name).copied().unwrap_or_default();
    let used: Vec<Millis> = names.iter().map(|name| of(name).used).collect();
    let targets = targets(total, is_divisible, &used);
    let in_hands: i128 = held.values().map(|held| held.hard.get()).sum();
    let mut slack = (total.get() - in_hands).max(0);
    let mut shares = BTreeMap::new();
    for (name, target) in names.iter().zip(targets) {
        let now = of(name).hard.get();
        let raise = (target.get() - now).clamp(0, slack);
        slack -= raise;
        shares.insert(*name, Millis::new(target.get().min(now) + raise));
    }
    shares
}

/// Where the shares should be: even, with the remainder to the first; but nobody below what is in use, while it lasts.
fn targets(total: Millis, is_divisible: bool, used: &[Millis]) -> Vec<Millis> {
    let unit = if is_divisible { 1 } else { 1000 };
    let mut left = total.get() / unit;
    let mut open: Vec<usize> = (0..used.len()).collect();
    let mut shares = vec![Millis::ZERO; used.len()];
    // Whoever uses more than an even share keeps that use; the rest share what is left.
    loop {
        let count = i128::try_from(open.len()).unwrap_or(i128::MAX).max(1);
        let even = left.max(0) / count;
        let (above, rest): (Vec<usize>, Vec<usize>) =
            open.iter().partition(|at| units(used[**at], unit) > even);
        if above.is_empty() || rest.is_empty() {
            return deal(shares, &open, left.max(0), unit);
        }
        for at in above {
            // A budget lowered below use cannot cover all of it.
            let kept = units(used[at], unit).min(left.max(0));
            shares[at] = Millis::new(kept * unit);
            left -= kept;
        }
        open = rest;
    }
}

fn deal(mut shares: Vec<Millis>, open: &[usize], left: i128, unit: i128) -> Vec<Millis> {
    let count = i128::try_from(open.len()).unwrap_or(i128::MAX).max(1);
    let mut remainder = left % count;
    for at in open {
        let extra = i128::from(remainder > 0);
        remainder -= extra;
        shares[*at] = Millis::new((left / count + extra) * unit);
    }
    shares
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
    fn targets_are_even_unless_more_is_in_use() {
        let check = |total: i128, used: &[i128], expected: &[i128]| {
            assert_eq!(
                targets(Millis::new(total * 1000), false, &millis(used)),
                millis(expected),
                "{total} {used:?}"
            );
        };
        check(10, &[0, 0], &[5, 5]);
        check(10, &[1, 1, 1], &[4, 3, 3]);
        check(10, &[8, 0], &[8, 2]);
        check(10, &[8, 0, 0], &[8, 1, 1]);
        check(10, &[10, 0], &[10, 0]);
        check(1, &[0, 0], &[1, 0]);
        check(10, &[], &[]);
        check(4, &[5, 5], &[2, 2]); // the budget was lowered below use
    }

    #[test]
    fn cpu_is_split_in_thousandths() {
        assert_eq!(
            targets(Millis::new(1000), true, &[Millis::ZERO; 2]),
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
    fn shares_never_add_up_to_more_than_the_budget() {
        for total in 0..12_i128 {
            for (a, b, c) in (0..216).map(|n: i128| (n % 6, n / 6 % 6, n / 36)) {
                let sum: i128 = targets(Millis::new(total * 1000), false, &millis(&[a, b, c]))
                    .iter()
                    .map(|m| m.get())
                    .sum();
                assert!(sum <= total * 1000, "{total} {a} {b} {c}: {sum}");
            }
        }
    }
}
