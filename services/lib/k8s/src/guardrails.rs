//! Guardrails: the rules of one tenant namespace, as the admission policies in `deploy/policies` read them.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{
    integration_config::{NetworkPolicies, Privileged},
    tenant::{Allowed, Denied, HostValidation},
};

/// Name of the one object in each tenant namespace.
pub const NAME: &str = "tenantry";

/// What the workloads, claims, ingresses and services of one namespace must keep to.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "Guardrails",
    plural = "guardrails",
    namespaced,
    derive = "PartialEq",
    doc = "Guardrails says what applies in one tenant namespace. One object, tenantry, made from the Tenant and the IntegrationConfig; the apiserver enforces it, Tenantry running or not.",
    printcolumn(name = "Tenant", type_ = "string", json_path = ".spec.tenant"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct GuardrailsSpec {
    /// Whose namespace it is: refusals name it.
    #[schemars(length(min = 1, max = 63))]
    pub tenant: String,
    /// Storage classes of claims; absent or empty: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_classes: Option<Allowed>,
    /// Classes of ingresses; absent or empty: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_classes: Option<Allowed>,
    /// Priority classes of pods; absent or empty: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_priority_classes: Option<Allowed>,
    /// Registries of images; absent or empty: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_registries: Option<Allowed>,
    /// Service accounts that no pod may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<Denied>,
    /// Hosts of ingresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_validation_config: Option<HostValidation>,
    /// Node ports and host ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkPolicies>,
    /// Who is not held to any of it; of the service accounts, absent or empty means the standard ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<Privileged>,
}
