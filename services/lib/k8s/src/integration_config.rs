//! IntegrationConfig: how Tenantry behaves in this cluster. One object, `tenant-operator-config`.

#[allow(
    unreachable_pub,
    reason = "the derive makes a hidden twin of each checked type"
)]
mod access;
mod components;
mod integrations;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::Condition};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tenant::Metadata;
pub use access::{
    AccessControl, CustomRoles, DenyPrivileged, LabelSelector, NamespaceAccessPolicy, PolicyDeny,
    Principals, Privileged, Rbac, Role, Roles, SelectorRequirement, TenantRoles,
};
pub use components::{
    CloudSecret, Component, Components, CustomPrices, External, HelmValues, Ingress, IngressHost,
    SecretReference, ShowbackOptions,
};
pub use integrations::{
    ArgoCd, GroupKind, Integrations, Keycloak, NetworkPolicies, TenantPolicies, Vault, VaultAccess,
    VaultConfig, VaultPolicy,
};

/// Name of the one object.
pub const NAME: &str = "tenant-operator-config";

/// How Tenantry behaves in this cluster.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "tenantoperator.stakater.com",
    version = "v1beta1",
    kind = "IntegrationConfig",
    plural = "integrationconfigs",
    namespaced,
    status = "IntegrationConfigStatus",
    derive = "PartialEq",
    category = "tenancy",
    doc = "IntegrationConfig says how Tenantry behaves in this cluster. One object, tenant-operator-config, in the namespace of the installation.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    ),
    validation = Rule::new("self.metadata.name == 'tenant-operator-config'")
        .message("metadata.name must be tenant-operator-config: there is one IntegrationConfig, and another would do nothing"),
)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationConfigSpec {
    /// Parts of the installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<Components>,
    /// Roles of members, and who is exempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control: Option<AccessControl>,
    /// Labels and annotations for all tenants; those of a tenant win.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<DefaultMetadata>,
    /// What a container gets that asks for nothing, where a quota demands something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Defaults>,
    /// Other systems.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrations: Option<Integrations>,
    /// Rules for all tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_policies: Option<TenantPolicies>,
}

/// Labels and annotations for all tenants.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DefaultMetadata {
    /// On groups (OpenShift only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Metadata>,
    /// On every namespace of every tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Metadata>,
    /// On sandboxes; values may contain `{{ TENANT.USERNAME }}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandboxes: Option<Metadata>,
}

/// What a container gets that asks for nothing, where a quota demands something.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.containerRequests) || !has(self.containerLimits) || self.containerRequests.all(k, !(k in self.containerLimits) || quantity(string(self.containerRequests[k])).compareTo(quantity(string(self.containerLimits[k]))) <= 0)")
        .message("containerRequests is more than containerLimits of the same resource; lower one or raise the other"),
)]
pub struct Defaults {
    /// Requests; absent means cpu 100m, memory 128Mi, ephemeral-storage 128Mi.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub container_requests: BTreeMap<String, Quantity>,
    /// Limits, where `limits.*` is constrained; absent means cpu 500m, memory 512Mi, ephemeral-storage 512Mi.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub container_limits: BTreeMap<String, Quantity>,
}

/// What was observed.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationConfigStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Bindings, as `namespace/name`, that are to go because roles changed and that are still there seconds later, be it that the
    /// apiserver refuses. At most a hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_bindings_to_delete: Vec<String>,
    /// What holds.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
}
