use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;
use serde_json::Value;
use tenantry_k8s::{Quota, QuotaSpec, quota};
use tenantry_proto::tenant::v1 as proto;

use super::{Unfit, condition, created, fields, parse, structure};

/// The quota as the contract has it.
pub fn quota_message(quota: &Quota) -> proto::Quota {
    let status = quota.status.clone().unwrap_or_default();
    proto::Quota {
        name: quota.name_any(),
        uid: quota.uid().unwrap_or_default(),
        spec: Some(spec_message(&quota.spec)),
        tenants: status
            .tenants
            .iter()
            .map(|(tenant, usage)| usage_message(tenant, usage))
            .collect(),
        conditions: status.conditions.iter().map(condition).collect(),
        etag: quota.resource_version().unwrap_or_default(),
        generation: quota.metadata.generation.unwrap_or_default(),
        create_time: created(&quota.metadata),
    }
}

fn spec_message(spec: &QuotaSpec) -> proto::QuotaSpec {
    let hard = spec.resourcequota.iter().flat_map(|budget| &budget.hard);
    let limitrange = spec
        .limitrange
        .as_ref()
        .map(|range| serde_json::to_value(range).expect("a spec is JSON"));
    proto::QuotaSpec {
        hard: hard
            .map(|(resource, quantity)| (resource.clone(), quantity.0.clone()))
            .collect(),
        limitrange: limitrange.and_then(|range| match range {
            Value::Object(range) => structure(range),
            _ => None,
        }),
    }
}

fn usage_message(tenant: &str, usage: &quota::TenantUsage) -> proto::TenantUsage {
    let text = |map: &BTreeMap<String, Quantity>, key: &str| {
        map.get(key)
            .map_or_else(|| "0".into(), |found| found.0.clone())
    };
    let lines = usage
        .status
        .hard
        .keys()
        .map(|resource| proto::ResourceUsage {
            resource: resource.clone(),
            hard: text(&usage.status.hard, resource),
            used: text(&usage.status.used, resource),
        });
    proto::TenantUsage {
        tenant: tenant.to_owned(),
        resources: lines.collect(),
    }
}

/// The spec that a message asks for. What the contract does not hold (scopes) is kept from `before`.
pub fn quota_spec(
    message: &proto::QuotaSpec,
    before: Option<&QuotaSpec>,
) -> Result<QuotaSpec, Unfit> {
    let hard = message
        .hard
        .iter()
        .map(|(resource, quantity)| (resource.clone(), Quantity(quantity.clone())));
    let kept = before.and_then(|spec| spec.resourcequota.clone());
    let budget = quota::Budget {
        hard: hard.collect(),
        ..kept.unwrap_or_default()
    };
    let unfit = |source| Unfit {
        field: "quota.spec.limitrange",
        source,
    };
    let limitrange = match &message.limitrange {
        None => None,
        range => Some(parse(fields(range.as_ref())).map_err(unfit)?),
    };
    Ok(QuotaSpec {
        resourcequota: (budget != quota::Budget::default()).then_some(budget),
        limitrange,
    })
}
