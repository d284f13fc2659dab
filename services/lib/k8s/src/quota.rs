//! Quota: a budget for each tenant that names it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::Condition};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A budget, and the limits of single containers and pods.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "tenantoperator.stakater.com",
    version = "v1beta1",
    kind = "Quota",
    plural = "quotas",
    status = "QuotaStatus",
    derive = "PartialEq",
    category = "tenancy",
    doc = "Quota is a budget. Each tenant that names it gets the full budget once, for all its namespaces together.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Tenants", type_ = "integer", json_path = ".status.tenantCount"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]+(-[a-z0-9]+)*$') && self.metadata.name.size() <= 63")
        .message("metadata.name must be lower-case letters, digits and single hyphens between them, at most 63 characters, such as small"),
    validation = Rule::new("has(self.spec.resourcequota) && has(self.spec.resourcequota.hard) && size(self.spec.resourcequota.hard) > 0 || has(self.spec.limitrange) && has(self.spec.limitrange.limits) && size(self.spec.limitrange.limits) > 0")
        .message("spec limits nothing; name a resource in spec.resourcequota.hard, such as memory: 8Gi, or write limits into spec.limitrange"),
)]
#[serde(rename_all = "camelCase")]
pub struct QuotaSpec {
    /// The budget, as in a core/v1 ResourceQuotaSpec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resourcequota: Option<Budget>,
    /// Limits of single containers, pods and claims, as in a core/v1 LimitRangeSpec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limitrange: Option<LimitRange>,
}

/// A budget.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.scopes) || self.scopes.all(s, s in ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity'])")
        .message("scopes: known are Terminating, NotTerminating, BestEffort, NotBestEffort and CrossNamespacePodAffinity; a scope with values belongs to scopeSelector"),
    validation = Rule::new("!has(self.scopes) || !('BestEffort' in self.scopes && 'NotBestEffort' in self.scopes) && !('Terminating' in self.scopes && 'NotTerminating' in self.scopes)")
        .message("scopes: nothing is both a scope and its opposite; take one away"),
    validation = Rule::new("!has(self.scopes) || size(self.scopes) == 0 || !has(self.hard) || self.hard.all(k, k == 'pods' || (!('BestEffort' in self.scopes) && k in ['cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage']))")
        .message("scopes: they are of pods, so hard may count pods and their cpu, memory and ephemeral-storage, with BestEffort pods alone; put the rest into a Quota without scopes"),
)]
pub struct Budget {
    /// Limit of each resource over all namespaces of a tenant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::budget")]
    pub hard: BTreeMap<String, Quantity>,
    /// Only what matches every scope is counted. A change makes the shares anew, and for that moment nothing counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 63)))]
    pub scopes: Vec<String>,
    /// Only what matches every expression is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_selector: Option<ScopeSelector>,
}

/// What a budget counts.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ScopeSelector {
    /// All must match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<ScopeExpression>,
}

/// One expression of a scope selector.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.scopeName in ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity', 'PriorityClass', 'VolumeAttributesClass']")
        .message("scopeName: known are Terminating, NotTerminating, BestEffort, NotBestEffort, CrossNamespacePodAffinity, PriorityClass and VolumeAttributesClass"),
    validation = Rule::new("self.operator in ['In', 'NotIn', 'Exists', 'DoesNotExist']")
        .message("operator is In, NotIn, Exists or DoesNotExist"),
    validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)")
        .message("values belong to In and NotIn, which need them"),
    validation = Rule::new("self.scopeName in ['PriorityClass', 'VolumeAttributesClass'] || self.operator == 'Exists'")
        .message("operator: of this scope it is Exists"),
)]
pub struct ScopeExpression {
    /// Name of the scope, such as PriorityClass.
    #[schemars(length(max = 63))]
    pub scope_name: String,
    /// In, NotIn, Exists or DoesNotExist.
    #[schemars(length(max = 16))]
    pub operator: String,
    /// Values for In and NotIn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub values: Vec<String>,
}

/// Limits of single things.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(
    validation = Rule::new("!has(self.limits) || self.limits.all(l, self.limits.exists_one(m, m.type == l.type))")
        .message("limits: a type is there twice; write its limits into one entry"),
)]
pub struct LimitRange {
    /// One entry for each kind of thing.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub limits: Vec<Limit>,
}

/// Limits of one kind of thing.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.min) || !has(self.max) || self.min.all(k, !(k in self.max) || quantity(string(self.min[k])).compareTo(quantity(string(self.max[k]))) <= 0)")
        .message("min is more than max of the same resource; lower one or raise the other"),
    validation = Rule::new("!has(self.min) || !has(self.default) || self.min.all(k, !(k in self.default) || quantity(string(self.min[k])).compareTo(quantity(string(self.default[k]))) <= 0)")
        .message("min is more than default of the same resource; lower one or raise the other"),
    validation = Rule::new("!has(self.min) || !has(self.defaultRequest) || self.min.all(k, !(k in self.defaultRequest) || quantity(string(self.min[k])).compareTo(quantity(string(self.defaultRequest[k]))) <= 0)")
        .message("min is more than defaultRequest of the same resource; lower one or raise the other"),
    validation = Rule::new("!has(self.default) || !has(self.max) || self.default.all(k, !(k in self.max) || quantity(string(self.default[k])).compareTo(quantity(string(self.max[k]))) <= 0)")
        .message("default is more than max of the same resource; lower one or raise the other"),
    validation = Rule::new("!has(self.defaultRequest) || !has(self.max) || self.defaultRequest.all(k, !(k in self.max) || quantity(string(self.defaultRequest[k])).compareTo(quantity(string(self.max[k]))) <= 0)")
        .message("defaultRequest is more than max of the same resource; lower one or raise the other"),
    validation = Rule::new("!has(self.defaultRequest) || !has(self.default) || self.defaultRequest.all(k, !(k in self.default) || quantity(string(self.defaultRequest[k])).compareTo(quantity(string(self.default[k]))) <= 0)")
        .message("defaultRequest is more than default of the same resource; lower one or raise the other"),
)]
pub struct Limit {
    /// Container, Pod or PersistentVolumeClaim.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 253))]
    pub kind: String,
    /// The most that one may have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub max: BTreeMap<String, Quantity>,
    /// The least that one may have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub min: BTreeMap<String, Quantity>,
    /// Limit of a container that gives none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub default: BTreeMap<String, Quantity>,
    /// Request of a container that gives none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub default_request: BTreeMap<String, Quantity>,
    /// The most that limit divided by request may be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub max_limit_request_ratio: BTreeMap<String, Quantity>,
}

/// Budget and use, by tenant.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct QuotaStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Number of tenants that name this quota.
    #[serde(default)]
    pub tenant_count: i32,
    /// Budget and use of each tenant that names this quota.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, TenantUsage>,
    /// What holds.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// Budget and use of one tenant.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct TenantUsage {
    /// As in a core/v1 ResourceQuotaStatus.
    pub status: Usage,
}

/// Budget and use.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// The budget.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::observed_quantities")]
    pub hard: BTreeMap<String, Quantity>,
    /// In use over all namespaces of the tenant.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::observed_quantities")]
    pub used: BTreeMap<String, Quantity>,
}
