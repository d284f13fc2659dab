use serde_json::Value;
use tenantry_domain::{Actor, ActorKind};
use tenantry_k8s::TenantSpec;
use tenantry_proto::{
    audit::v1::{self as audit, actor::Kind},
    tenant::v1 as proto,
};

use super::{role, tenant::spec_message, timestamp};
use crate::store::{Access, Application, Reverted, Revision};

/// The spec of a revision, as far as today's schema knows its fields.
pub fn revision_spec(revision: &Revision) -> Result<TenantSpec, serde_json::Error> {
    serde_json::from_value(revision.spec.clone())
}

/// A spec as it was seen; none of it if no version of the schema that we know reads it.
pub fn revision_message(revision: &Revision) -> proto::TenantRevision {
    proto::TenantRevision {
        tenant: revision.tenant.clone(),
        uid: revision.uid.to_string(),
        generation: revision.generation,
        spec: revision_spec(revision).ok().map(|spec| spec_message(&spec)),
        actor: Some(actor_message(&revision.actor)),
        record_time: Some(timestamp(revision.recorded)),
        apply_time: revision.applied.map(timestamp),
        tenant_delete_time: revision.deleted.map(timestamp),
    }
}

/// What was in place for a revision.
pub fn application_message(application: &Application) -> proto::Application {
    let objects = application.objects.as_array();
    proto::Application {
        generation: application.generation,
        inputs: application.inputs.clone(),
        apply_time: Some(timestamp(application.recorded)),
        objects: objects.into_iter().flatten().map(object_message).collect(),
    }
}

fn object_message(object: &Value) -> proto::AppliedObject {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    proto::AppliedObject {
        kind: text("kind"),
        namespace: text("namespace"),
        name: text("name"),
        digest: text("digest"),
    }
}

/// A stretch of access.
pub fn access_message(access: &Access) -> proto::MemberAccess {
    let grant = &access.grant;
    proto::MemberAccess {
        tenant: access.tenant.clone(),
        tenant_uid: access.tenant_uid.to_string(),
        namespace: grant.namespace.clone(),
        role: role(grant.role).into(),
        subject: grant.subject.name.clone(),
        is_group: grant.subject.is_group,
        cluster_roles: grant.cluster_roles.clone(),
        request_time: Some(timestamp(access.requested)),
        start_time: access.bound.map(timestamp),
        end_time: access.ended.map(timestamp),
        actor: Some(actor_message(&access.actor)),
        generation: access.generation,
    }
}

/// Drift that was put back. The log holds the event's own message.
pub fn drift_message(reverted: &Reverted) -> proto::RevertedDrift {
    let event: Option<proto::DriftReverted> = serde_json::from_value(reverted.data.clone()).ok();
    proto::RevertedDrift {
        id: reverted.id.to_string(),
        drift: event.and_then(|event| event.drift),
        revert_time: Some(timestamp(reverted.recorded)),
    }
}

fn actor_message(actor: &Actor) -> audit::Actor {
    let kind = match actor.kind {
        ActorKind::User => Kind::User,
        ActorKind::FieldManager => Kind::FieldManager,
        ActorKind::System => Kind::System,
    };
    audit::Actor {
        kind: kind.into(),
        name: actor.name.clone(),
    }
}
