//! What a container gets that asks for nothing: without it, a quota on memory refuses every plain `kubectl run`.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{LimitRange, LimitRangeItem, LimitRangeSpec},
    apimachinery::pkg::api::resource::Quantity,
};
use tenantry_k8s::{quantity::Millis, quota::Limit, tenant::ContainerDefaults};

use crate::reconcile::{
    object::{Kind, Object},
    validate::{Budget, Settings, Valid},
};

/// Name of our LimitRange in each namespace.
const NAME: &str = "tenant-limits";
const CONTAINER: &str = "Container";
const COMPUTE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

type Quantities = BTreeMap<String, Quantity>;

pub(super) struct Limits {
    pub(super) objects: Vec<Object>,
    pub(super) defaults: ContainerDefaults,
}

/// A LimitRange for each namespace, where there is anything to say.
pub(super) fn wanted(valid: &Valid, budget: &Budget) -> Limits {
    let items = items(budget, &valid.settings);
    let defaults = effective(&items);
    if items.is_empty() {
        return Limits {
            objects: Vec::new(),
            defaults,
        };
    }
    let object = |name: &str| {
        let metadata = super::metadata(valid, Some(name), NAME);
        let spec = LimitRangeSpec {
            limits: items.iter().map(item).collect(),
        };
        Object::wanted(
            Kind::LimitRange,
            &LimitRange {
                metadata,
                spec: Some(spec),
            },
        )
    };
    Limits {
        objects: valid
            .spaces
            .iter()
            .map(|space| object(&space.name))
            .collect(),
        defaults,
    }
}

/// The quota's own limits with the apiserver's defaults written out, and what the quota demands beyond.
fn items(budget: &Budget, settings: &Settings) -> Vec<Limit> {
    let mut items: Vec<Limit> = budget.limits.iter().cloned().map(as_defaulted).collect();
    for resource in COMPUTE {
        let is_bound = |prefix: &str| budget.hard.contains_key(&format!("{prefix}{resource}"));
        let needs = Needs {
            request: is_bound("") || is_bound("requests."),
            limit: is_bound("limits."),
        };
        complete(&mut items, resource, needs, settings);
    }
    items
}

/// What the quota demands of each container for one resource.
#[derive(Clone, Copy)]
struct Needs {
    request: bool,
    limit: bool,
}

/// As the apiserver fills a container's item: default from max, then defaultRequest from default, then from min.
fn as_defaulted(mut limit: Limit) -> Limit {
    if limit.kind == CONTAINER {
        let fill = |into: &mut Quantities, from: &Quantities| {
            for (resource, quantity) in from {
                into.entry(resource.clone())
                    .or_insert_with(|| quantity.clone());
            }
        };
        fill(&mut limit.default, &limit.max);
        fill(&mut limit.default_request, &limit.default);
        fill(&mut limit.default_request, &limit.min);
    }
    limit
}

fn complete(items: &mut Vec<Limit>, resource: &str, needs: Needs, settings: &Settings) {
    let bounds = Bounds::of(items, resource);
    let has_request = bounds.request.is_some() || !needs.request;
    // A ratio refuses a container that has a request and no limit.
    let has_limit =
        bounds.limit.is_some() || !(needs.limit || (bounds.ratio.is_some() && needs.request));
    if has_request && has_limit {
        return;
    }
    let Some(index) = container(items) else {
        return;
    };
    let wanted = |of: &Quantities| of.get(resource).cloned();
    let request = bounds
        .request
        .clone()
        .or_else(|| wanted(&settings.requests).map(|request| bounds.clamp(request)));
    let Some(request) = request else { return };
    items[index]
        .default_request
        .entry(resource.to_owned())
        .or_insert_with(|| request.clone());
    if !has_limit {
        let limit = wanted(&settings.limits).map_or_else(
            || request.clone(),
            |limit| bounds.limit_for(&request, limit),
        );
        items[index].default.insert(resource.to_owned(), limit);
    }
}

/// Where defaults go: the first item for containers, made if there is none.
fn container(items: &mut Vec<Limit>) -> Option<usize> {
    if !items.iter().any(|item| item.kind == CONTAINER) {
        items.push(Limit {
            kind: CONTAINER.to_owned(),
            ..Limit::default()
        });
    }
    items.iter().position(|item| item.kind == CONTAINER)
}

/// What all items for containers together say of one resource.
struct Bounds {
    min: Option<Quantity>,
    max: Option<Quantity>,
    ratio: Option<Millis>,
    request: Option<Quantity>,
    limit: Option<Quantity>,
}

impl Bounds {
    fn of(items: &[Limit], resource: &str) -> Self {
        let all = |field: fn(&Limit) -> &Quantities| {
            let items = items.iter().filter(|item| item.kind == CONTAINER);
            items
                .filter_map(|item| field(item).get(resource).cloned())
                .collect::<Vec<_>>()
        };
        Self {
            min: all(|item| &item.min).into_iter().max_by_key(size),
            max: all(|item| &item.max).into_iter().min_by_key(size),
            ratio: all(|item| &item.max_limit_request_ratio)
                .iter()
                .map(size)
                .min(),
            request: all(|item| &item.default_request).into_iter().next(),
            limit: all(|item| &item.default).into_iter().next(),
        }
    }

    fn clamp(&self, quantity: Quantity) -> Quantity {
        let raised = self
            .min
            .iter()
            .cloned()
            .fold(quantity, |a, b| if size(&b) > size(&a) { b } else { a });
        self.max
            .iter()
            .cloned()
            .fold(raised, |a, b| if size(&b) < size(&a) { b } else { a })
    }

    /// A limit not below the request, within max and ratio.
    fn limit_for(&self, request: &Quantity, wanted: Quantity) -> Quantity {
        let limit = self.clamp(wanted);
        let most = self
            .ratio
            .map(|ratio| size(request).get() * ratio.get() / 1000);
        let limit = match most {
            Some(most) if size(&limit).get() > most => Millis::new(most).like(&limit),
            _ => limit,
        };
        if size(&limit) < size(request) {
            request.clone()
        } else {
            limit
        }
    }
}

/// Anything that is not a quantity was refused before; it counts as nothing here.
fn size(quantity: &Quantity) -> Millis {
    Millis::parse(quantity).unwrap_or_default()
}

fn effective(items: &[Limit]) -> ContainerDefaults {
    let mut defaults = ContainerDefaults::default();
    for item in items.iter().filter(|item| item.kind == CONTAINER) {
        defaults.requests.extend(item.default_request.clone());
        defaults.limits.extend(item.default.clone());
    }
    defaults
}

fn item(limit: &Limit) -> LimitRangeItem {
    let some = |map: &Quantities| (!map.is_empty()).then(|| map.iter().map(canonical).collect());
    LimitRangeItem {
        type_: limit.kind.clone(),
        max: some(&limit.max),
        min: some(&limit.min),
        default: some(&limit.default),
        default_request: some(&limit.default_request),
        max_limit_request_ratio: some(&limit.max_limit_request_ratio),
    }
}

/// As the apiserver writes it back, or what is there would never equal what is wanted.
fn canonical((resource, quantity): (&String, &Quantity)) -> (String, Quantity) {
    let written = Millis::parse(quantity).map_or_else(
        |_malformed| quantity.clone(),
        |millis| millis.like(quantity),
    );
    (resource.clone(), written)
}

#[cfg(test)]
mod tests;
