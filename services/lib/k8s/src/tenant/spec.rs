use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TenantStatus;

/// What the platform wants for a tenant.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "tenantoperator.stakater.com",
    version = "v1beta3",
    kind = "Tenant",
    plural = "tenants",
    status = "TenantStatus",
    derive = "PartialEq",
    category = "tenancy",
    selectable = ".spec.quota",
    shortname = "tn",
    doc = "Tenant is a group of people with namespaces of their own and one budget for all of them.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Quota", type_ = "string", json_path = ".spec.quota"),
    printcolumn(name = "Namespaces", type_ = "integer", json_path = ".status.namespaceCount"),
    printcolumn(name = "Owners", type_ = "string", json_path = ".spec.accessControl.owners.users", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]+(-[a-z0-9]+)*$') && self.metadata.name.size() <= 63")
        .message("metadata.name must be lower-case letters, digits and single hyphens between them, at most 63 characters, such as team-a"),
    validation = Rule::new("!has(self.spec.namespaces) || !has(self.spec.namespaces.withTenantPrefix) || self.spec.namespaces.withTenantPrefix.all(n, self.metadata.name.size() + n.size() < 63)")
        .message("spec.namespaces.withTenantPrefix: <tenant>-<name> must have at most 63 characters"),
)]
#[serde(rename_all = "camelCase")]
pub struct TenantSpec {
    /// Name of the Quota: one budget for all namespaces of this tenant together.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$")
    )]
    pub quota: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub desc: Option<String>,
    /// Who may do what in the namespaces of this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control: Option<AccessControl>,
    /// Which namespaces the tenant has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Namespaces>,
    /// Storage classes the tenant may use; its members may read them. Absent: not looked at; an empty list: all. A claim without
    /// class is looked at once the cluster's default has filled it; without one, a claim on a volume counts as "".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_classes: Option<Allowed>,
    /// Ingress classes the tenant may use; its members may read them. Absent: not looked at; an empty list: all. A class that is
    /// missing after the cluster's own defaulting counts as "".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_classes: Option<Allowed>,
    /// Priority classes the tenant may use; its members may read them. Absent: not looked at; an empty list: all. A class that is
    /// missing after the cluster's own defaulting counts as "".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_priority_classes: Option<Allowed>,
    /// Image registries the tenant may use; absent or empty: all. An image without registry comes from docker.io, and "" admits
    /// it, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_registries: Option<Allowed>,
    /// Service accounts that pods of the tenant may not use. A missing name counts as "default".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<Denied>,
    /// Hosts that ingresses of the tenant may have, in rules and certificates. A rule without host and a default backend count as *.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_validation_config: Option<HostValidation>,
}

/// Members by level.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AccessControl {
    /// Bound to the owner roles, `admin` out of the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners: Option<Members>,
    /// Bound to the editor roles, `edit` out of the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub editors: Option<Members>,
    /// Bound to the viewer roles, `view` out of the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub viewers: Option<Members>,
}

/// Usernames and groups, as the cluster knows them.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.users) || self.users.all(u, !u.startsWith('system:'))")
        .message("users: names that start with system: belong to Kubernetes and cannot be members"),
    validation = Rule::new("!has(self.groups) || self.groups.all(g, !g.startsWith('system:'))")
        .message("groups: names that start with system: belong to Kubernetes and cannot be members"),
)]
pub struct Members {
    /// Kubernetes usernames, such as falcon@nordmart.com.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 512),
        inner(
            length(min = 1, max = 253),
            regex(pattern = r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$")
        )
    )]
    pub users: Vec<String>,
    /// Kubernetes groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 512),
        inner(
            length(min = 1, max = 253),
            regex(pattern = r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$")
        )
    )]
    pub groups: Vec<String>,
}

/// Namespaces of the tenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.withTenantPrefix) || self.withTenantPrefix.all(n, self.withTenantPrefix.exists_one(m, m == n))")
        .message("withTenantPrefix: a name is there twice; remove one"),
    validation = Rule::new("!has(self.withoutTenantPrefix) || self.withoutTenantPrefix.all(n, self.withoutTenantPrefix.exists_one(m, m == n))")
        .message("withoutTenantPrefix: a name is there twice; remove one"),
)]
pub struct Namespaces {
    /// Each makes the namespace `<tenant>-<name>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 512),
        inner(
            length(min = 1, max = 63),
            regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
        )
    )]
    pub with_tenant_prefix: Vec<String>,
    /// Each makes the namespace of that name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 512),
        inner(
            length(min = 1, max = 63),
            regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
        )
    )]
    pub without_tenant_prefix: Vec<String>,
    /// True: the namespaces go with the tenant. Absent or false: they stay, with their workloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_delete_purge_namespaces: Option<bool>,
    /// One namespace for each owner and editor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandboxes: Option<Sandboxes>,
    /// Labels and annotations on the namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<NamespaceMetadata>,
}

/// One namespace for each owner and editor, `<tenant>-<user>-sandbox`.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Sandboxes {
    /// Absent means false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// True: only that user may work in it. Absent or false: every member may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
}

/// Labels and annotations on the namespaces; specific wins over common, common over the IntegrationConfig.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceMetadata {
    /// On every namespace of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common: Option<Metadata>,
    /// On sandboxes; values may contain `{{ TENANT.USERNAME }}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Metadata>,
    /// On the namespaces that each entry names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub specific: Vec<SpecificMetadata>,
}

/// Labels and annotations.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.labels) || self.labels.all(k, k != 'stakater.com/tenant' && !k.startsWith('kubernetes.io/') && !k.startsWith('tenantry.dev/') && !(k in ['app.kubernetes.io/managed-by', 'app.kubernetes.io/part-of', 'app.kubernetes.io/component']))")
        .message("labels: stakater.com/tenant, kubernetes.io/*, tenantry.dev/* and app.kubernetes.io/{managed-by,part-of,component} are not for metadata"),
    validation = Rule::new("!has(self.annotations) || self.annotations.all(k, !k.startsWith('kubernetes.io/') && !k.startsWith('tenantry.dev/'))")
        .message("annotations: kubernetes.io/* and tenantry.dev/* are not for metadata"),
)]
pub struct Metadata {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::labels")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::annotations")]
    pub annotations: BTreeMap<String, String>,
}

/// Labels and annotations for the namespaces named.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.labels) || self.labels.all(k, k != 'stakater.com/tenant' && !k.startsWith('kubernetes.io/') && !k.startsWith('tenantry.dev/') && !(k in ['app.kubernetes.io/managed-by', 'app.kubernetes.io/part-of', 'app.kubernetes.io/component']))")
        .message("labels: stakater.com/tenant, kubernetes.io/*, tenantry.dev/* and app.kubernetes.io/{managed-by,part-of,component} are not for metadata"),
    validation = Rule::new("!has(self.annotations) || self.annotations.all(k, !k.startsWith('kubernetes.io/') && !k.startsWith('tenantry.dev/'))")
        .message("annotations: kubernetes.io/* and tenantry.dev/* are not for metadata"),
)]
pub struct SpecificMetadata {
    /// Full names of namespaces.
    #[serde(default)]
    #[schemars(length(max = 512), inner(length(min = 1, max = 63)))]
    pub namespaces: Vec<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::labels")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::annotations")]
    pub annotations: BTreeMap<String, String>,
}

/// What a tenant may use. An empty list means all.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Allowed {
    /// Names; "" means none given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub allowed: Vec<String>,
}

/// What a tenant may not use.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Denied {
    /// Names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub denied: Vec<String>,
}

/// Hosts that ingresses may have.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.allowedRegex) || ''.matches(self.allowedRegex) in [true, false]")
        .message("allowedRegex is not a regular expression (RE2)"),
)]
pub struct HostValidation {
    /// Exact hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub allowed: Vec<String>,
    /// Hosts that match are allowed too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub allowed_regex: Option<String>,
    /// True refuses `*.x`, even if listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_wildcards: Option<bool>,
}
