use kube::ResourceExt;
use serde_json::{Map, Value, json};
use tenantry_k8s::{Tenant, TenantSpec, tenant};
use tenantry_proto::tenant::v1 as proto;

use super::{Unfit, condition, created, fields, merge, parse, structure, timestamp};

/// The tenant as the contract has it.
pub fn tenant_message(tenant: &Tenant) -> proto::Tenant {
    let meta = &tenant.metadata;
    proto::Tenant {
        name: tenant.name_any(),
        uid: tenant.uid().unwrap_or_default(),
        spec: Some(spec_message(&tenant.spec)),
        status: tenant.status.as_ref().map(status_message),
        etag: tenant.resource_version().unwrap_or_default(),
        generation: meta.generation.unwrap_or_default(),
        create_time: created(meta),
        delete_time: meta
            .deletion_timestamp
            .as_ref()
            .map(|time| timestamp(time.0)),
        is_paused: crate::reconcile::pause::is_asked(meta),
    }
}

pub(super) fn spec_message(spec: &TenantSpec) -> proto::TenantSpec {
    proto::TenantSpec {
        quota: spec.quota.clone(),
        description: spec.desc.clone().unwrap_or_default(),
        access_control: spec
            .access_control
            .as_ref()
            .map(|access| proto::AccessControl {
                owners: access.owners.as_ref().map(members),
                editors: access.editors.as_ref().map(members),
                viewers: access.viewers.as_ref().map(members),
            }),
        namespaces: spec
            .namespaces
            .as_ref()
            .map(|namespaces| proto::NamespacesSpec {
                with_tenant_prefix: namespaces.with_tenant_prefix.clone(),
                without_tenant_prefix: namespaces.without_tenant_prefix.clone(),
                on_delete_purge_namespaces: namespaces
                    .on_delete_purge_namespaces
                    .unwrap_or_default(),
            }),
        extra: structure(extra(spec)),
    }
}

fn members(members: &tenant::Members) -> proto::Members {
    proto::Members {
        users: members.users.clone(),
        groups: members.groups.clone(),
    }
}

/// What the typed fields do not hold, under the CRD's own names.
///
/// Panics: a spec is always a JSON object.
fn extra(spec: &TenantSpec) -> Map<String, Value> {
    let value = serde_json::to_value(spec).expect("a spec is JSON");
    let Value::Object(mut rest) = value else {
        unreachable!("a spec is an object")
    };
    for typed in ["quota", "desc", "accessControl"] {
        rest.remove(typed);
    }
    let namespaces = rest.remove("namespaces").unwrap_or_default();
    let untyped: Map<String, Value> = ["sandboxes", "metadata"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), namespaces.get(key)?.clone())))
        .collect();
    if !untyped.is_empty() {
        rest.insert("namespaces".to_owned(), Value::Object(untyped));
    }
    rest
}

fn status_message(status: &tenant::TenantStatus) -> proto::TenantStatus {
    proto::TenantStatus {
        is_ready: status.ready,
        conditions: status.conditions.iter().map(condition).collect(),
        deployed_namespaces: status.deployed_namespaces.clone(),
        managed_namespaces: status.managed_namespaces.clone(),
    }
}

/// The spec that a message asks for. Typed fields win over `extra`.
pub fn tenant_spec(message: &proto::TenantSpec) -> Result<TenantSpec, Unfit> {
    let mut value = fields(message.extra.as_ref());
    let mut typed = Map::new();
    typed.insert("quota".into(), json!(message.quota));
    if !message.description.is_empty() {
        typed.insert("desc".into(), json!(message.description));
    }
    if let Some(access) = &message.access_control {
        let levels = [
            ("owners", &access.owners),
            ("editors", &access.editors),
            ("viewers", &access.viewers),
        ];
        let levels = levels.into_iter().filter_map(|(level, members)| {
            let members = members.as_ref()?;
            Some((
                level.to_owned(),
                json!({"users": members.users, "groups": members.groups}),
            ))
        });
        typed.insert("accessControl".into(), Value::Object(levels.collect()));
    }
    if let Some(namespaces) = &message.namespaces {
        let mut lists = json!({
            "withTenantPrefix": namespaces.with_tenant_prefix,
            "withoutTenantPrefix": namespaces.without_tenant_prefix,
        });
        if namespaces.on_delete_purge_namespaces {
            lists["onDeletePurgeNamespaces"] = json!(true);
        }
        typed.insert("namespaces".into(), lists);
    }
    merge(&mut value, Value::Object(typed));
    parse(value).map_err(|source| Unfit {
        field: "tenant.spec.extra",
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_survives_the_way_there_and_back() {
        let spec: TenantSpec = serde_json::from_value(json!({
            "quota": "small",
            "desc": "Moves parcels.",
            "accessControl": {"owners": {"users": ["falcon@nordmart.com"]}, "viewers": {"groups": ["audit"]}},
            "namespaces": {
                "withTenantPrefix": ["dev"],
                "onDeletePurgeNamespaces": true,
                "sandboxes": {"enabled": true},
                "metadata": {"common": {"labels": {"a": "b"}}},
            },
            "imageRegistries": {"allowed": ["docker.io", ""]},
        }))
        .unwrap();
        assert_eq!(tenant_spec(&spec_message(&spec)).unwrap(), spec);
    }
}
