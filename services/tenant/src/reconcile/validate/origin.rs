use k8s_openapi::{
    api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry,
};
use kube::ResourceExt as _;
use tenantry_k8s::keys;

/// How a namespace came to its tenant. Only what we made is ever pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Made from the spec's lists.
    Spec,
    /// Made for one user.
    Sandbox,
    /// Created with the tenant's label by somebody who may: owners may delete it.
    SelfServed,
    /// It was there, and somebody who may gave it the tenant's label.
    Adopted,
}

impl Origin {
    const ALL: [Self; 4] = [Self::Spec, Self::Sandbox, Self::SelfServed, Self::Adopted];

    /// The annotation's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Sandbox => "sandbox",
            Self::SelfServed => "self-served",
            Self::Adopted => "adopted",
        }
    }

    /// What the namespace's annotation says, which nobody but us and administrators can write.
    pub(crate) fn of(namespace: &Namespace) -> Option<Self> {
        let written = namespace.annotations().get(keys::ORIGIN)?;
        Self::ALL
            .into_iter()
            .find(|origin| origin.as_str() == written)
    }

    /// How a namespace that we did not make came to the tenant: the label was set at creation, or later.
    pub(super) fn seen(namespace: &Namespace) -> Self {
        let created = namespace.creation_timestamp();
        let is_first = |entry: &ManagedFieldsEntry| entry.time.is_some() && entry.time == created;
        let entries = namespace.managed_fields().iter();
        if entries.filter(|entry| is_first(entry)).any(owns_label) {
            Self::SelfServed
        } else {
            Self::Adopted
        }
    }

    /// Whether it is ours to delete once nobody wants it.
    pub(super) fn is_made(self) -> bool {
        matches!(self, Self::Spec | Self::Sandbox)
    }
}

fn owns_label(entry: &ManagedFieldsEntry) -> bool {
    let label = format!("/f:metadata/f:labels/f:{}", keys::TENANT.replace('/', "~1"));
    entry
        .fields_v1
        .as_ref()
        .is_some_and(|fields| fields.0.pointer(&label).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_label_set_at_creation_is_told_from_one_set_later() {
        let check = |time: &str, label: &str, expected: Origin| {
            let namespace: Namespace = serde_json::from_value(json!({"metadata": {
                "name": "n", "creationTimestamp": "2026-01-01T00:00:00Z",
                "managedFields": [{"manager": "kubectl-create", "operation": "Update", "time": time,
                    "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {label: {}}}}}],
            }}))
            .unwrap();
            assert_eq!(Origin::seen(&namespace), expected);
        };
        check(
            "2026-01-01T00:00:00Z",
            "f:stakater.com/tenant",
            Origin::SelfServed,
        );
        check(
            "2026-01-01T00:00:05Z",
            "f:stakater.com/tenant",
            Origin::Adopted,
        );
        check("2026-01-01T00:00:00Z", "f:other", Origin::Adopted);
    }
}
