use std::fmt;

use k8s_openapi::api::authorization::v1::ResourceAttributes;
use tenantry_domain::TenantName;

/// Group of the tenancy resources.
const TENANCY_GROUP: &str = "tenantoperator.stakater.com";
/// Group of Tenantry's own resources.
const OWN_GROUP: &str = "tenantry.dev";
/// Longest name of an object in Kubernetes.
const NAME_BYTES_MAX: usize = 253;

/// One right, in the cluster's own terms.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    /// API group.
    pub group: &'static str,
    /// Resource, plural.
    pub resource: &'static str,
    /// Subresource; empty for the resource itself.
    pub subresource: &'static str,
    /// Verb: get, list, watch, create, update, delete.
    pub verb: &'static str,
    /// Name of the object; empty for all.
    pub name: String,
}

impl Access {
    /// A right on `tenants` or `quotas`.
    pub fn tenancy(verb: &'static str, resource: &'static str) -> Self {
        Self {
            group: TENANCY_GROUP,
            resource,
            subresource: "",
            verb,
            name: String::new(),
        }
    }

    /// A right on `identities` or `pricebooks`.
    pub fn own(verb: &'static str, resource: &'static str) -> Self {
        Self {
            group: OWN_GROUP,
            ..Self::tenancy(verb, resource)
        }
    }

    /// The same right on a subresource: `namespaces`, `cost` or `audit` of tenants.
    pub fn subresource(self, subresource: &'static str) -> Self {
        Self {
            subresource,
            ..self
        }
    }

    /// The same right on one object only.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self
        }
    }

    /// The tenant that it is a right on, if it is one on a single tenant.
    pub(super) fn tenant(&self) -> Option<TenantName> {
        let is_tenant = self.group == TENANCY_GROUP && self.resource == "tenants";
        TenantName::parse(&self.name).ok().filter(|_| is_tenant)
    }

    /// The question to the apiserver.
    ///
    /// No object has a longer name than Kubernetes takes, so such a name asks for the right on all objects: who has
    /// that is told what is wrong with the name, and megabytes of it do not travel.
    pub(super) fn attributes(&self) -> ResourceAttributes {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let name = Some(&self.name).filter(|name| name.len() <= NAME_BYTES_MAX);
        ResourceAttributes {
            group: some(self.group),
            resource: some(self.resource),
            subresource: some(self.subresource),
            verb: some(self.verb),
            name: name.and_then(|name| some(name)),
            ..ResourceAttributes::default()
        }
    }

    /// Arguments of `kubectl auth can-i` that ask for this right.
    pub fn can_i(&self) -> String {
        let sub = if self.subresource.is_empty() {
            String::new()
        } else {
            format!(" --subresource={}", self.subresource)
        };
        let name = if self.name.is_empty() {
            String::new()
        } else {
            format!("/{}", self.name)
        };
        format!("{} {}.{}{name}{sub}", self.verb, self.resource, self.group)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        if !self.name.is_empty() {
            write!(f, " {:?}", self.name)?;
        }
        write!(f, " in {}", self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_reads_like_kubectl() {
        let access = Access::tenancy("get", "tenants")
            .subresource("cost")
            .named("logistics");
        assert_eq!(
            access.can_i(),
            "get tenants.tenantoperator.stakater.com/logistics --subresource=cost"
        );
        assert_eq!(
            access.to_string(),
            r#"get tenants/cost "logistics" in tenantoperator.stakater.com"#
        );
    }

    #[test]
    fn a_name_that_no_object_has_asks_for_the_right_on_all() {
        let asked = |name: String| {
            Access::tenancy("get", "tenants")
                .named(name)
                .attributes()
                .name
        };
        assert_eq!(asked("a".repeat(253)), Some("a".repeat(253)));
        assert_eq!(asked("a".repeat(254)), None);
    }

    #[test]
    fn only_a_tenants_name_is_a_tenant() {
        let tenant = |resource| Access::tenancy("get", resource).named("small").tenant();
        assert_eq!(tenant("tenants"), TenantName::parse("small").ok());
        assert_eq!(tenant("quotas"), None);
    }
}
