use super::*;
use tenantry_k8s::QuotaSpec;

/// Quota in → the limits that a LimitRange carries out.
fn check(quota: &str, expected: &str) {
    let spec: QuotaSpec = serde_saphyr::from_str(quota).unwrap();
    let (settings, _) = Settings::of(&crate::reconcile::dereference::Observed::default());
    let hard = spec.resourcequota.unwrap_or_default().hard;
    let hard = hard
        .into_iter()
        .map(|(key, value)| (key, (value.clone(), size(&value))))
        .collect();
    let limits = spec.limitrange.unwrap_or_default().limits;
    let items = items(
        &Budget {
            name: "small".into(),
            hard,
            limits,
            ..Budget::default()
        },
        &settings,
    );
    let found: Vec<LimitRangeItem> = items.iter().map(item).collect();
    let expected: Vec<LimitRangeItem> = serde_saphyr::from_str(expected).unwrap();
    assert_eq!(found, expected, "{quota}");
}

#[test]
fn the_tutorials_pod_gets_a_memory_request() {
    check(
        "{limitrange: {limits: [{type: Container, max: {cpu: 800m}, min: {cpu: 200m}}]}, resourcequota: {hard: {configmaps: '10', memory: 8Gi}}}",
        "[{type: Container, max: {cpu: 800m}, min: {cpu: 200m}, default: {cpu: 800m}, defaultRequest: {cpu: 800m, memory: 128Mi}}]",
    );
}

#[test]
fn a_quota_without_compute_needs_no_defaults() {
    check("{resourcequota: {hard: {configmaps: '10'}}}", "[]");
}

#[test]
fn a_request_is_clamped_to_min_and_max() {
    check(
        "{limitrange: {limits: [{type: Pod, max: {memory: 1Gi}}]}, resourcequota: {hard: {requests.memory: 8Gi}}}",
        "[{type: Pod, max: {memory: 1Gi}}, {type: Container, defaultRequest: {memory: 128Mi}}]",
    );
    check(
        "{limitrange: {limits: [{type: Container, min: {memory: 256Mi}}]}, resourcequota: {hard: {memory: 8Gi}}}",
        "[{type: Container, min: {memory: 256Mi}, defaultRequest: {memory: 256Mi}}]",
    );
}

#[test]
fn a_constrained_limit_gets_a_default_of_its_own() {
    check(
        "{resourcequota: {hard: {limits.cpu: '4', requests.cpu: '2'}}}",
        "[{type: Container, default: {cpu: 500m}, defaultRequest: {cpu: 100m}}]",
    );
}

#[test]
fn a_ratio_bounds_the_limit() {
    check(
        "{limitrange: {limits: [{type: Container, maxLimitRequestRatio: {cpu: '2'}}]}, resourcequota: {hard: {cpu: '4'}}}",
        "[{type: Container, default: {cpu: 200m}, defaultRequest: {cpu: 100m}, maxLimitRequestRatio: {cpu: '2'}}]",
    );
}
