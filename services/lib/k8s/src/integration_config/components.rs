use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Parts of the installation. Nothing here has a schema default: what was written is what is read back.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Components {
    /// The web console. Absent means false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<bool>,
    /// Cost per tenant. Absent means false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub showback: Option<bool>,
    /// Prices and sources of showback. Superseded by the PriceBook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub showback_opts: Option<ShowbackOptions>,
    /// Where the installation is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
    /// The database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Component>,
    /// The metrics store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Component>,
    /// The cost model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opencost: Option<Component>,
    /// The identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dex: Option<Component>,
    /// Helm values of the Dex configuration operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dex_config_operator: Option<HelmValues>,
    /// Helm values of the FinOps operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finops_operator: Option<HelmValues>,
    /// Secret with the CA of internal TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_root_cert: Option<String>,
}

/// Where the installation is reached: one host for all, or a host for each.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    /// One host for all, with a path for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub host: Option<String>,
    /// Secret with the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub tls_secret_name: Option<String>,
    /// Class of the ingresses; absent means that of the installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub ingress_class_name: Option<String>,
    /// The console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<IngressHost>,
    /// The gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IngressHost>,
    /// The identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keycloak: Option<IngressHost>,
    /// Dex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dex: Option<IngressHost>,
    /// The FinOps gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finops_gateway: Option<IngressHost>,
}

/// Where one part is reached.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IngressHost {
    /// Host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub host: Option<String>,
    /// Secret with the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub tls_secret_name: Option<String>,
    /// Path prefix; absent means `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub path: Option<String>,
}

/// A part that is managed by the installation or brought along.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Managed or External; absent means Managed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(Managed|External)$"))]
    pub mode: Option<String>,
    /// Helm values, passed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::anything")]
    pub values: Option<Value>,
    /// Where the part is that was brought along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}

/// Where a part is that was brought along.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct External {
    /// Secret with `dsn`, or host, port, username, password, database and sslmode.
    #[serde(rename = "secretRef", skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
    /// URL of the server.
    #[serde(rename = "serverURL", skip_serializing_if = "Option::is_none")]
    pub server_url: Option<String>,
    /// OIDC issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// A Secret by name.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct SecretReference {
    /// Name.
    pub name: String,
    /// Namespace; absent means that of the installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Helm values, passed on.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct HelmValues {
    /// The values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::anything")]
    pub values: Option<Value>,
}

/// Prices and sources of showback.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ShowbackOptions {
    /// Prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomPrices>,
    /// Secret with the keys of the cloud's price list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_pricing_secret_ref: Option<CloudSecret>,
    /// IAM role of the cost model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opencost_service_role_arn: Option<String>,
    /// How long metrics are kept, such as 7d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_period: Option<String>,
}

/// A Secret by name and namespace.
pub type CloudSecret = SecretReference;

/// Prices, as text, in US dollars for each hour.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CustomPrices {
    /// A core.
    #[serde(rename = "CPU", alias = "cpu", skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// A core of a spot node.
    #[serde(rename = "spotCPU", skip_serializing_if = "Option::is_none")]
    pub spot_cpu: Option<String>,
    /// A GiB of memory.
    #[serde(rename = "RAM", alias = "ram", skip_serializing_if = "Option::is_none")]
    pub ram: Option<String>,
    /// A GiB of memory of a spot node.
    #[serde(rename = "spotRAM", skip_serializing_if = "Option::is_none")]
    pub spot_ram: Option<String>,
    /// A GPU.
    #[serde(rename = "GPU", alias = "gpu", skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// A GiB of storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// A GiB within a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone_network_egress: Option<String>,
    /// A GiB within a region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_network_egress: Option<String>,
    /// A GiB to the internet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internet_network_egress: Option<String>,
    /// Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Project or account.
    #[serde(rename = "projectID", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Label of spot nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot_label: Option<String>,
    /// Value of that label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot_label_value: Option<String>,
    /// Region of the spot data feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_spot_data_region: Option<String>,
    /// Bucket of the spot data feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_spot_data_bucket: Option<String>,
    /// Prefix in that bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_spot_data_prefix: Option<String>,
}
