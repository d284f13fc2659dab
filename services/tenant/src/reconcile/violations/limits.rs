//! What a LimitRange would refuse of what is there, if it were made anew. Pure.
//!
//! The apiserver fills in what a pod does not say, and notes that; what it filled in, it would fill in anew.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::core::v1::{Container, LimitRangeItem, PersistentVolumeClaim, Pod, PodSpec},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::ResourceExt;
use tenantry_k8s::quantity::Millis;

use super::judge::unfinished;

/// Where the apiserver notes what it filled in.
const FILLED_IN: &str = "kubernetes.io/limit-ranger";

type Quantities = BTreeMap<String, Quantity>;

pub(super) fn has_rules_for_pods(items: &[LimitRangeItem]) -> bool {
    items
        .iter()
        .any(|item| ["Container", "Pod"].contains(&item.type_.as_str()))
}

pub(super) fn has_rules_for_claims(items: &[LimitRangeItem]) -> bool {
    items.iter().any(|item| item.type_ == CLAIM)
}

const CLAIM: &str = "PersistentVolumeClaim";

/// What speaks against a pod; one that is through with its work breaks nothing.
pub(super) fn pod(items: &[LimitRangeItem], pod: &Pod) -> Vec<String> {
    let Some(spec) = unfinished(pod) else {
        return Vec::new();
    };
    let filled_in = FilledIn::of(pod);
    let containers: Vec<Asked> = containers(spec)
        .map(|(sort, container)| asked(sort, container, &filled_in))
        .collect();
    let of_item = |item: &LimitRangeItem| match item.type_.as_str() {
        "Container" => containers
            .iter()
            .flat_map(|asked| broken(item, asked))
            .collect(),
        "Pod" => broken(item, &whole(&containers)),
        _ => Vec::new(),
    };
    items.iter().flat_map(of_item).collect()
}

/// What speaks against a claim.
pub(super) fn claim(items: &[LimitRangeItem], claim: &PersistentVolumeClaim) -> Vec<String> {
    let spec = claim.spec.as_ref();
    let resources = spec.and_then(|spec| spec.resources.as_ref());
    let asked = Asked {
        who: "claim".to_owned(),
        requests: resources
            .and_then(|resources| resources.requests.clone())
            .unwrap_or_default(),
        ..Asked::default()
    };
    let items = items.iter().filter(|item| item.type_ == CLAIM);
    items.flat_map(|item| broken(item, &asked)).collect()
}

/// What somebody asks for, and who.
#[derive(Debug, Default)]
struct Asked {
    who: String,
    is_init: bool,
    requests: Quantities,
    limits: Quantities,
}

fn containers(spec: &PodSpec) -> impl Iterator<Item = (&'static str, &Container)> {
    let init = spec.init_containers.iter().flatten();
    let all = spec.containers.iter();
    all.map(|container| ("container", container))
        .chain(init.map(|container| ("init container", container)))
}

fn asked(sort: &str, container: &Container, filled_in: &FilledIn) -> Asked {
    let who = format!("{sort} {}", container.name);
    let resources = container.resources.as_ref();
    let own = |what: &str, all: Option<&Quantities>| {
        let all = all.into_iter().flatten();
        let is_own = |(resource, _): &(&String, &Quantity)| !filled_in.has(what, &who, resource);
        all.filter(is_own)
            .map(|(resource, quantity)| (resource.clone(), quantity.clone()))
            .collect()
    };
    Asked {
        is_init: sort == "init container",
        requests: own("request", resources.and_then(|all| all.requests.as_ref())),
        limits: own("limit", resources.and_then(|all| all.limits.as_ref())),
        who,
    }
}

/// What all containers ask for together; those of the start run one after the other, before the others.
fn whole(containers: &[Asked]) -> Asked {
    Asked {
        who: "pod".to_owned(),
        is_init: false,
        requests: together(containers, |asked| &asked.requests),
        limits: together(containers, |asked| &asked.limits),
    }
}

fn together(containers: &[Asked], of: impl Fn(&Asked) -> &Quantities) -> Quantities {
    let resources: BTreeSet<&String> = containers
        .iter()
        .flat_map(|asked| of(asked).keys())
        .collect();
    let sum = |resource: &String| {
        let each = containers.iter().filter_map(|asked| {
            let written = of(asked).get(resource)?;
            Some((asked.is_init, Millis::parse(written).ok()?, written))
        });
        let (mut all, mut init, mut like) = (0, 0, None);
        for (is_init, millis, written) in each {
            like = Some(written);
            if is_init {
                init = init.max(millis.get());
            } else {
                all += millis.get();
            }
        }
        Some((resource.clone(), Millis::new(all.max(init)).like(like?)))
    };
    resources.into_iter().filter_map(sum).collect()
}

fn broken(item: &LimitRangeItem, asked: &Asked) -> Vec<String> {
    let Asked {
        who,
        requests,
        limits,
        is_init: _,
    } = asked;
    let (max, min) = (item.max.as_ref(), item.min.as_ref());
    [
        beyond(who, "a limit", limits, max, "max"),
        beyond(who, "a request", requests, max, "max"),
        beyond(who, "a limit", limits, min, "min"),
        beyond(who, "a request", requests, min, "min"),
        ratio(item, asked),
    ]
    .concat()
}

/// Quantities above the `max`, or below the `min`.
fn beyond(
    who: &str,
    what: &str,
    asked: &Quantities,
    bounds: Option<&Quantities>,
    side: &str,
) -> Vec<String> {
    let bounds = bounds.into_iter().flatten();
    let told = bounds.filter_map(|(resource, bound)| {
        let found = asked.get(resource)?;
        let (a, b) = (Millis::parse(found).ok()?, Millis::parse(bound).ok()?);
        let (is_beyond, word) = if side == "max" {
            (a > b, "above")
        } else {
            (a < b, "below")
        };
        is_beyond.then(|| {
            format!(
                "{who} has {what} of {} {resource}, {word} {side} {} of the LimitRange",
                found.0, bound.0
            )
        })
    });
    told.collect()
}

fn ratio(item: &LimitRangeItem, asked: &Asked) -> Vec<String> {
    let ratios = item.max_limit_request_ratio.iter().flatten();
    let told = ratios.filter_map(|(resource, ratio)| {
        let (limit, request) = (asked.limits.get(resource)?, asked.requests.get(resource)?);
        let [l, r, most] =
            [limit, request, ratio].map(|quantity| Millis::parse(quantity).ok().map(Millis::get));
        let is_beyond = l?.checked_mul(1000)? > most?.checked_mul(r?)?;
        is_beyond.then(|| {
            format!(
                "{} has a limit of {} {resource} for a request of {}, more than {} times as much, which the LimitRange allows",
                asked.who, limit.0, request.0, ratio.0
            )
        })
    });
    told.collect()
}

/// Resources that the apiserver filled in: `cpu, memory request for container app; cpu limit for container app`.
struct FilledIn(Vec<String>);

impl FilledIn {
    fn of(pod: &Pod) -> Self {
        let note = pod.annotations().get(FILLED_IN);
        let note = note.and_then(|note| note.split_once(": "));
        let parts = note.into_iter().flat_map(|(_, parts)| parts.split("; "));
        Self(parts.map(str::to_owned).collect())
    }

    fn has(&self, what: &str, who: &str, resource: &str) -> bool {
        let suffix = format!(" {what} for {who}");
        let resources = self.0.iter().filter_map(|part| part.strip_suffix(&suffix));
        resources
            .flat_map(|resources| resources.split(", "))
            .any(|named| named == resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<LimitRangeItem> {
        serde_saphyr::from_str(text).unwrap()
    }

    fn a_pod(note: &str, resources: &str) -> Pod {
        let text = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{annotations: {{{FILLED_IN}: '{note}'}}}}, \
             spec: {{containers: [{{name: a, resources: {resources}}}, {{name: b, resources: {resources}}}]}}}}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn containers_are_held_to_their_bounds_and_pods_to_theirs() {
        let resources = "{requests: {cpu: 500m}, limits: {cpu: '1'}}";
        let found = |limits: &str| pod(&items(limits), &a_pod("", resources));
        assert_eq!(
            found("[{type: Container, max: {cpu: '1'}, min: {cpu: 500m}}]"),
            [""; 0]
        );
        assert_eq!(
            found("[{type: Container, max: {cpu: 800m}}]"),
            ["a", "b"].map(|name| format!(
                "container {name} has a limit of 1 cpu, above max 800m of the LimitRange"
            ))
        );
        assert_eq!(
            found("[{type: Pod, min: {cpu: 1500m}}]"),
            ["pod has a request of 1 cpu, below min 1500m of the LimitRange"]
        );
        assert_eq!(
            found("[{type: Container, maxLimitRequestRatio: {cpu: '2'}}]"),
            [""; 0]
        );
        assert_eq!(
            found("[{type: Container, maxLimitRequestRatio: {cpu: 1500m}}]").len(),
            2
        );
    }

    #[test]
    fn what_the_apiserver_filled_in_breaks_nothing() {
        let limits = items("[{type: Container, max: {cpu: 800m}, min: {cpu: 600m}}]");
        let resources = "{requests: {cpu: 500m}, limits: {cpu: '1'}}";
        let note = "LimitRanger plugin set: cpu request for container a; cpu limit for container a; cpu, memory request for container b";
        assert_eq!(
            pod(&limits, &a_pod(note, resources)),
            ["container b has a limit of 1 cpu, above max 800m of the LimitRange"]
        );
    }

    #[test]
    fn a_claim_is_held_to_its_bounds() {
        let limits = items("[{type: PersistentVolumeClaim, max: {storage: 1Gi}}]");
        let of = |size: &str| {
            let text = format!(
                "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{}}, spec: {{resources: {{requests: {{storage: {size}}}}}}}}}"
            );
            claim(&limits, &serde_saphyr::from_str(&text).unwrap())
        };
        assert_eq!(of("1Gi"), [""; 0]);
        assert_eq!(
            of("2Gi"),
            ["claim has a request of 2Gi storage, above max 1Gi of the LimitRange"]
        );
    }
}
