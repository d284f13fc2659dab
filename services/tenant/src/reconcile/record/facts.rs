//! What became true, in the contract's words.

use kube::ResourceExt;
use tenantry_domain::Actor;
use tenantry_events::Fact;
use tenantry_k8s::{Quota, Tenant};
use tenantry_proto::tenant::v1::{self as proto, namespace_released::Fate};
use uuid::Uuid;

use super::Whose;
use crate::{
    convert::{quota_message, role, tenant_message},
    reconcile::build::{Drift, Grant},
};

/// Name, uid, spec and generation of a tenant: what observed of it is its own fact, or none.
pub(super) fn tenant(whose: &Whose, kind: &'static str, tenant: &Tenant) -> Fact {
    let bare = proto::Tenant {
        status: None,
        etag: String::new(),
        delete_time: None,
        ..tenant_message(tenant)
    };
    // The four messages have one shape.
    let message = proto::TenantCreated { tenant: Some(bare) };
    of(
        whose,
        Fact::new(
            "tenant",
            whose.uid,
            whose.name.as_str(),
            kind,
            whose.actor.clone(),
            &message,
        ),
    )
}

pub(super) fn quota(uid: Uuid, actor: &Actor, kind: &'static str, quota: &Quota) -> Fact {
    let bare = proto::Quota {
        tenants: Vec::new(),
        conditions: Vec::new(),
        etag: String::new(),
        ..quota_message(quota)
    };
    let message = proto::QuotaCreated { quota: Some(bare) };
    Fact::new(
        "quota",
        uid,
        quota.name_any(),
        kind,
        actor.clone(),
        &message,
    )
}

pub(super) fn namespace_created(whose: &Whose, uid: Uuid, name: &str) -> Fact {
    let message = proto::NamespaceCreated {
        namespace: Some(owned(whose, uid, name)),
    };
    let (kind, actor) = ("NamespaceCreated", whose.actor.clone());
    of(
        whose,
        Fact::new("namespace", uid, name, kind, actor, &message),
    )
}

pub(super) fn namespace_released(whose: &Whose, uid: Uuid, name: &str, is_kept: bool) -> Fact {
    let fate = if is_kept { Fate::Kept } else { Fate::Deleted };
    let message = proto::NamespaceReleased {
        namespace: Some(owned(whose, uid, name)),
        fate: fate.into(),
    };
    let (kind, actor) = ("NamespaceReleased", whose.actor.clone());
    of(
        whose,
        Fact::new("namespace", uid, name, kind, actor, &message),
    )
}

fn owned(whose: &Whose, uid: Uuid, name: &str) -> proto::OwnedNamespace {
    proto::OwnedNamespace {
        tenant: whose.name.to_string(),
        tenant_uid: whose.uid.to_string(),
        namespace: name.to_owned(),
        namespace_uid: uid.to_string(),
    }
}

pub(super) fn grant(whose: &Whose, kind: &'static str, grant: &Grant) -> Fact {
    let message = proto::MemberGranted {
        grant: Some(proto::Grant {
            tenant: whose.name.to_string(),
            namespace: grant.namespace.clone(),
            role: role(grant.role).into(),
            subject: grant.subject.name.clone(),
            is_group: grant.subject.is_group,
            cluster_roles: grant.cluster_roles.clone(),
        }),
    };
    let uid = tenantry_events::uid("grant", &format!("{}/{}", whose.uid, key(grant)));
    of(
        whose,
        Fact::new(
            "grant",
            uid,
            &grant.subject.name,
            kind,
            whose.actor.clone(),
            &message,
        ),
    )
}

/// Each drift is a thing of its own.
pub(super) fn drift(whose: &Whose, drift: &Drift) -> Fact {
    let message = proto::DriftReverted {
        drift: Some(proto::Drift {
            tenant: whose.name.to_string(),
            kind: format!("{:?}", drift.key.kind),
            namespace: drift.key.namespace.clone(),
            name: drift.key.name.clone(),
            field_manager: drift.field_manager.clone(),
            difference: drift.difference.clone(),
        }),
    };
    let actor = match drift.field_manager.as_str() {
        "" => Actor::system("tenant"),
        manager => Actor::field_manager(manager),
    };
    of(
        whose,
        Fact::new(
            "drift",
            Uuid::now_v7(),
            &drift.key.name,
            "DriftReverted",
            actor,
            &message,
        ),
    )
}

/// What makes a grant the same grant, whatever roles it stands for.
pub(super) fn key(grant: &Grant) -> String {
    let kind = if grant.subject.is_group {
        "group"
    } else {
        "user"
    };
    format!(
        "{}/{}/{kind}/{}",
        grant.namespace,
        grant.role.as_str(),
        grant.subject.name
    )
}

fn of(whose: &Whose, fact: Fact) -> Fact {
    fact.with_tenant(whose.name.clone())
}
