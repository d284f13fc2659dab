use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Roles of members, and who is exempt.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AccessControl {
    /// Roles of members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rbac: Option<Rbac>,
    /// What Tenantry leaves alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<Privileged>,
    /// Takes rights away again from the otherwise privileged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_access_policy: Option<NamespaceAccessPolicy>,
}

/// Roles of members.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Rbac {
    /// Roles by level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_roles: Option<TenantRoles>,
}

/// Roles by level.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.default)")
        .message("default is missing; name the cluster roles of owner, editor and viewer"),
)]
pub struct TenantRoles {
    /// Roles where no selector matches. Without `tenantRoles`: admin, edit and view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Roles>,
    /// Roles for the namespaces that a selector matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub custom: Vec<CustomRoles>,
}

/// ClusterRoles of the three levels.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Roles {
    /// Of owners.
    pub owner: Role,
    /// Of editors.
    pub editor: Role,
    /// Of viewers.
    pub viewer: Role,
}

/// ClusterRoles of one level.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Names of ClusterRoles.
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 253)))]
    pub cluster_roles: Vec<String>,
}

/// Roles for the namespaces that a selector matches.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CustomRoles {
    /// Which namespaces.
    pub label_selector: LabelSelector,
    /// Of owners; absent means the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Role>,
    /// Of editors; absent means the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub editor: Option<Role>,
    /// Of viewers; absent means the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub viewer: Option<Role>,
}

/// As metav1.LabelSelector.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// All must be equal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// All must match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub match_expressions: Vec<SelectorRequirement>,
}

/// As metav1.LabelSelectorRequirement.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(
    validation = Rule::new("self.operator in ['In', 'NotIn', 'Exists', 'DoesNotExist']")
        .message("operator is In, NotIn, Exists or DoesNotExist"),
    validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)")
        .message("values belong to In and NotIn, which need them"),
)]
pub struct SelectorRequirement {
    /// Label.
    pub key: String,
    /// In, NotIn, Exists or DoesNotExist.
    #[schemars(length(max = 16), regex(pattern = r"^(In|NotIn|Exists|DoesNotExist)$"))]
    pub operator: String,
    /// Values for In and NotIn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub values: Vec<String>,
}

/// What Tenantry leaves alone. Regular expressions match anywhere in a name.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.namespaces) || self.namespaces.all(r, ''.matches(r) in [true, false])")
        .message("namespaces: not a regular expression (RE2)"),
    validation = Rule::new("!has(self.serviceAccounts) || self.serviceAccounts.all(r, ''.matches(r) in [true, false])")
        .message("serviceAccounts: not a regular expression (RE2)"),
    validation = Rule::new("!has(self.users) || self.users.all(r, ''.matches(r) in [true, false])")
        .message("users: not a regular expression (RE2)"),
    validation = Rule::new("[has(self.namespaces) ? self.namespaces : [], has(self.serviceAccounts) ? self.serviceAccounts : [], has(self.users) ? self.users : [], has(self.groups) ? self.groups : []].all(l, l.all(t, !t.contains('\\n')))")
        .message("no line breaks"),
)]
pub struct Privileged {
    /// Regular expressions of namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub namespaces: Vec<String>,
    /// Regular expressions of service accounts, `system:serviceaccount:<namespace>:<name>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub service_accounts: Vec<String>,
    /// Regular expressions of users. Service accounts are none: who makes one picks its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub users: Vec<String>,
    /// Names of groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub groups: Vec<String>,
}

/// Takes rights away again from the otherwise privileged.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct NamespaceAccessPolicy {
    /// What is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<PolicyDeny>,
}

/// What is denied.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PolicyDeny {
    /// Creating, changing and deleting namespaces of tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged_namespaces: Option<DenyPrivileged>,
}

/// To whom it is denied.
pub type DenyPrivileged = Principals;

/// Users and groups.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Principals {
    /// Usernames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    pub users: Vec<String>,
    /// Groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    pub groups: Vec<String>,
}
