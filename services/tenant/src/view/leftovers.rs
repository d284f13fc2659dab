use std::collections::BTreeSet;

use kube::runtime::reflector::ObjectRef;

use super::View;

impl View {
    /// Names that labels tell of, and no tenant that can be read has.
    pub(crate) fn left_behind(&self) -> BTreeSet<String> {
        let labelled = [
            self.namespaces.tenants(),
            self.shares.tenants(),
            self.limits.tenants(),
            self.bindings.tenants(),
            self.roles.tenants(),
            self.role_bindings.tenants(),
            self.guardrails.tenants(),
            self.network_policies.tenants(),
        ];
        let now = self.tenants.now();
        let is_absent = |name: &String| now.get(&ObjectRef::new(name)).is_none();
        labelled.into_iter().flatten().filter(is_absent).collect()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{core::v1::Namespace, rbac::v1::ClusterRole};
    use kube::{core::ObjectMeta, runtime::watcher::Event};
    use serde_json::json;
    use tenantry_k8s::{Tenant, keys};

    use super::*;
    use crate::read::{Read, tests::read};

    fn metadata(name: &str, tenant: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            uid: Some(name.to_owned()),
            resource_version: Some("1".to_owned()),
            labels: Some([(keys::TENANT.to_owned(), tenant.to_owned())].into()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn who_is_known_by_labels_alone_is_named_once() {
        let view = View::default();
        let there: Read<Tenant> = read("there", &json!({"quota": "small"}));
        view.of_any_tenant(Event::Apply(there));
        for tenant in ["there", "gone"] {
            view.namespaces.take(Event::Apply(Namespace {
                metadata: metadata(&format!("{tenant}-dev"), tenant),
                ..Namespace::default()
            }));
            view.roles.take(Event::Apply(ClusterRole {
                metadata: metadata(&format!("tenantry-tenant-{tenant}"), tenant),
                ..ClusterRole::default()
            }));
        }
        assert_eq!(view.left_behind(), ["gone".to_owned()].into());
    }
}
