use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::Condition};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Metadata;

/// What was observed and done for a tenant.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TenantStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Mirrors the condition Ready.
    #[serde(default)]
    pub ready: bool,
    /// Number of namespaces that carry the tenant's label.
    #[serde(default)]
    pub namespace_count: i32,
    /// Namespaces made from the spec: one that leaves the spec is deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployed_namespaces: Vec<String>,
    /// Sandboxes, by user.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deployed_sandboxes: BTreeMap<String, String>,
    /// Every namespace that carries the tenant's label, self-served ones included; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managed_namespaces: Vec<String>,
    /// Labels and annotations as last applied, so that a key that leaves the spec leaves the namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespacesStatus>,
    /// Quota the tenant may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<AvailableList>,
    /// Storage classes the tenant may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_classes: Option<AvailableList>,
    /// Ingress classes the tenant may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_classes: Option<AvailableList>,
    /// Priority classes the tenant may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_priority_classes: Option<AvailableList>,
    /// How the budget is split: the share of each namespace. The shares never add up to more than the budget.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budget_shares: Vec<BudgetShare>,
    /// What a container gets that asks for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_defaults: Option<ContainerDefaults>,
    /// What holds.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// Things the tenant may use.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct AvailableList {
    /// Each by name.
    #[serde(default)]
    pub available: Vec<Available>,
}

/// A thing the tenant may use.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Available {
    /// Name.
    pub name: String,
}

/// A namespace's share of the tenant's budget.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct BudgetShare {
    /// Namespace name.
    pub namespace: String,
    /// Limit that is in force there, by resource.
    #[schemars(schema_with = "crate::schema::observed_quantities")]
    pub hard: BTreeMap<String, Quantity>,
}

/// What a container gets that asks for nothing.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct ContainerDefaults {
    /// Requests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::observed_quantities")]
    pub requests: BTreeMap<String, Quantity>,
    /// Limits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::observed_quantities")]
    pub limits: BTreeMap<String, Quantity>,
}

/// Labels and annotations as last applied.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NamespacesStatus {
    /// From `metadata.common`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_status: Option<Metadata>,
    /// From `metadata.sandbox`, by namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sandbox_status: Vec<AppliedMetadata>,
    /// From `metadata.specific`, by namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub specific_status: Vec<AppliedMetadata>,
}

/// Labels and annotations as last applied to one namespace.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct AppliedMetadata {
    /// Namespace name.
    pub namespace: String,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}
