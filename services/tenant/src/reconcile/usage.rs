//! What a tenant uses of its budget, over all its namespaces. Pure.

use k8s_openapi::{api::core::v1::ResourceQuota, apimachinery::pkg::api::resource::Quantity};
use tenantry_k8s::{quantity::Millis, quota::Usage};

/// Budget and use, in the notation of `hard`.
pub(super) fn usage<'a>(
    hard: impl IntoIterator<Item = (&'a String, &'a Quantity)>,
    shares: &[ResourceQuota],
) -> Usage {
    let mut usage = Usage::default();
    for (resource, written) in hard {
        let used = used(resource, shares).unwrap_or_default().like(written);
        usage.hard.insert(resource.clone(), written.clone());
        usage.used.insert(resource.clone(), used);
    }
    usage
}

/// What `shares` tell together; none if none of them does.
pub(super) fn used<'a>(
    resource: &str,
    shares: impl IntoIterator<Item = &'a ResourceQuota>,
) -> Option<Millis> {
    let used = shares
        .into_iter()
        .filter_map(|share| share.status.as_ref()?.used.as_ref()?.get(resource));
    let millis = used.filter_map(|used| Millis::parse(used).ok());
    millis
        .map(Millis::get)
        .reduce(|a, b| a + b)
        .map(Millis::new)
}

/// Resources of which more is in use than the budget has, as after it was lowered.
pub(super) fn exceeded(usage: &Usage) -> Vec<&str> {
    let is_exceeded = |resource: &&String| {
        let of = |quantity: Option<&Quantity>| quantity.and_then(|of| Millis::parse(of).ok());
        of(usage.used.get(*resource)) > of(usage.hard.get(*resource))
    };
    usage
        .hard
        .keys()
        .filter(is_exceeded)
        .map(String::as_str)
        .collect()
}

/// What happens where more is in use than the budget has.
pub(super) const EXCESS: &str =
    "nothing is evicted, and more is refused until enough of it is deleted";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn use_adds_up_over_the_shares_and_only_what_is_above_the_budget_exceeds_it() {
        let share = |cpu: &str, secrets: &str| -> ResourceQuota {
            let used = json!({"cpu": cpu, "secrets": secrets, "pods": "9"});
            serde_json::from_value(json!({"metadata": {}, "status": {"used": used}})).unwrap()
        };
        let hard = [("cpu", "1"), ("secrets", "3"), ("configmaps", "0")];
        let hard = hard.map(|(key, value)| (key.to_owned(), Quantity(value.to_owned())));
        let shares = [share("600m", "2"), share("400m", "2"), share("1m", "0")];
        let check = |shares: &[ResourceQuota], used: [&str; 3], above: &[&str]| {
            let found = usage(hard.iter().map(|(key, value)| (key, value)), shares);
            let written = hard.each_ref().map(|(key, _)| found.used[key].0.as_str());
            assert_eq!((written, exceeded(&found)), (used, above.to_vec()));
        };
        check(&shares[..1], ["600m", "2", "0"], &[]);
        check(&shares[..2], ["1", "4", "0"], &["secrets"]);
        check(&shares, ["1001m", "4", "0"], &["cpu", "secrets"]);
    }
}
