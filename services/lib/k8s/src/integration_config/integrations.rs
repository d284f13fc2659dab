use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Other systems.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Integrations {
    /// Argo CD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argocd: Option<ArgoCd>,
    /// Vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault: Option<Vault>,
    /// A Keycloak that was brought along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keycloak: Option<Keycloak>,
}

/// Argo CD.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ArgoCd {
    /// Namespace of Argo CD.
    pub namespace: String,
    /// Cluster resources that projects may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub cluster_resource_whitelist: Vec<GroupKind>,
    /// Namespaced resources that projects may not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub namespace_resource_blacklist: Vec<GroupKind>,
}

/// A kind of an API group.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct GroupKind {
    /// API group; empty for the core.
    #[serde(default)]
    pub group: String,
    /// Kind.
    pub kind: String,
}

/// Vault.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Vault {
    /// Absent means false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// kubernetes or token; absent means kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(kubernetes|token)$"))]
    pub auth_method: Option<String>,
    /// How Vault is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::anything")]
    pub access_info: Option<VaultAccess>,
    /// What is set up in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<VaultConfig>,
    /// Policies for tenants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "policies")]
    pub policies: Vec<VaultPolicy>,
}

/// How Vault is reached, passed on.
pub type VaultAccess = Value;

/// A policy for tenants, passed on.
pub type VaultPolicy = Value;

fn policies(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 64,
        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    })
}

/// What is set up in Vault.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct VaultConfig {
    /// OIDC client of Vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "sso_client")]
    pub sso_client: Option<Value>,
    /// Path of secrets for all tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_secrets_path: Option<String>,
}

fn sso_client(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"x-kubernetes-preserve-unknown-fields": true})
}

/// A Keycloak that was brought along.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Keycloak {
    /// Realm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    /// URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// OIDC client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
}

/// Rules for all tenants.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct TenantPolicies {
    /// Network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkPolicies>,
}

/// Rules for the network; absent means false.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicies {
    /// True: no traffic into a tenant's namespaces from another tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_intra_tenant_networking: Option<bool>,
    /// True: no Services that open ports on the nodes: of type NodePort, or LoadBalancer unless allocateLoadBalancerNodePorts is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_node_port_services: Option<bool>,
    /// True: no containers with a hostPort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_host_ports: Option<bool>,
}
