//! Deletion of a Tenant: rights go first, then what is ours; namespaces go or stay as the spec says. Nothing blocks.

use k8s_openapi::{api::core::v1::Namespace, jiff::Timestamp};
use kube::{ResourceExt, runtime::controller::Action};
use serde_json::json;
use tenantry_k8s::{Tenant, keys};
use tenantry_runtime::Chain;
use uuid::Uuid;

use super::{
    Context, Error, SOON, actor,
    apply::{Failure, remove, still_ours},
    cluster,
    dereference::{Observed, dereference},
    finalizer,
    object::{Key, Kind, Object},
    record::{self, Whose},
    status::Teller,
    validate::{Valid, validate},
    write_status,
};

/// Takes back what `tenant` granted and lets it go.
pub(super) async fn release(tenant: &Tenant, context: &Context) -> Result<Action, Error> {
    let name = tenant.name_any();
    if !finalizer::is_on(tenant) {
        return Ok(Action::await_change());
    }
    let failed = |source| Error::Cluster {
        name: name.clone(),
        source,
    };
    let observed = dereference(&context.view, tenant, &context.config.namespace);
    let valid = validate(tenant, &observed).map_err(|source| Error::Invalid {
        name: name.clone(),
        source,
    })?;
    let left = take_back(tenant, &valid, context, &observed)
        .await
        .map_err(|failure| failure.of(&name))?;
    if !left.is_empty() {
        let message = format!("waiting for namespaces to go: {}", left.join(", "));
        tell(tenant, context, "NamespacesTerminating", &message)
            .await
            .map_err(failed)?;
        return Ok(Action::requeue(SOON));
    }
    let whose = Whose {
        actor: actor::of_deletion(&tenant.metadata),
        ..Whose::from(&valid)
    };
    if let Err(failure) =
        record::deleted(&context.store, tenant, &whose, &context.view.namespaces).await
    {
        tracing::warn!(tenant = %name, error = %Chain(&failure), "Deletion waits for the history.");
        let message =
            "rights are taken; the tenant goes as soon as the tenant database has recorded it";
        tell(tenant, context, "HistoryUnavailable", message)
            .await
            .map_err(failed)?;
        return Ok(Action::requeue(SOON));
    }
    forget(context, tenant, whose.uid);
    let left = finalizer::take_off(&context.client, tenant)
        .await
        .map_err(failed)?;
    context.note_tenant(left);
    Ok(Action::await_change())
}

/// Forgets what is kept in memory of a tenant that is gone.
pub(super) fn forget(context: &Context, tenant: &Tenant, uid: Uuid) {
    context.memory.forget(uid);
    context.haste.forget(uid);
    context.looks.forget(uid);
    context.pace.forget(tenant);
}

/// Takes rights, then our objects, then the namespaces or their labels. Gives the namespaces that are still to go.
async fn take_back(
    tenant: &Tenant,
    valid: &Valid,
    context: &Context,
    observed: &Observed,
) -> Result<Vec<String>, Failure> {
    let name = valid.name.as_str();
    take_rights(context, name, observed).await?;
    let is_purge = tenant
        .spec
        .namespaces
        .as_ref()
        .is_some_and(|spec| spec.on_delete_purge_namespaces == Some(true));
    if is_purge {
        let ours = owned(valid, observed);
        remove_each(context, name, observed, &still_there(&ours)).await?;
        return Ok(ours.into_iter().map(told).collect());
    }
    keep_namespaces(context, valid, observed).await?;
    Ok(Vec::new())
}

/// Takes every right that was given in the name of `tenant`.
pub(super) async fn take_rights(
    context: &Context,
    tenant: &str,
    observed: &Observed,
) -> Result<(), Failure> {
    let rights = [
        Kind::RoleBinding,
        Kind::ClusterRoleBinding,
        Kind::ClusterRole,
    ];
    remove_each(context, tenant, observed, &keys_of(observed, &rights)).await
}

/// Takes our objects out of the tenant's namespaces, and then our labels off them.
pub(super) async fn keep_namespaces(
    context: &Context,
    valid: &Valid,
    observed: &Observed,
) -> Result<(), Failure> {
    let name = valid.name.as_str();
    let shares = observed.quotas.iter();
    let shares = shares.map(|share| Key::of(Kind::ResourceQuota, share));
    let others = keys_of(observed, &[Kind::LimitRange, Kind::NetworkPolicy]);
    let inside: Vec<Key> = shares.chain(others).collect();
    remove_each(context, name, observed, &inside).await?;
    for namespace in owned(valid, observed) {
        still_ours(context, name)?;
        let_go(context, name, namespace).await?;
    }
    // A namespace with the label and without rules would take nothing.
    for key in keys_of(observed, &[Kind::Guardrails]) {
        remove(context, name, observed, &key).await?;
    }
    Ok(())
}

fn owned<'a>(valid: &Valid, observed: &'a Observed) -> Vec<&'a Namespace> {
    let all = observed.namespaces.iter();
    all.filter(|namespace| valid.owns(namespace)).collect()
}

/// Asks for the deletion of each, whatever becomes of the others: one that will not go holds up no other.
async fn remove_each(
    context: &Context,
    tenant: &str,
    observed: &Observed,
    keys: &[Key],
) -> Result<(), Failure> {
    let mut first = Ok(());
    for key in keys {
        first = first.and(remove(context, tenant, observed, key).await);
    }
    first
}

/// Namespaces that are not on their way out yet.
fn still_there(namespaces: &[&Namespace]) -> Vec<Key> {
    namespaces
        .iter()
        .filter(|namespace| namespace.metadata.deletion_timestamp.is_none())
        .map(|namespace| Key::of(Kind::Namespace, *namespace))
        .collect()
}

/// A namespace that is to go, with what keeps it.
fn told(namespace: &Namespace) -> String {
    let finalizers = namespace
        .finalizers()
        .iter()
        .map(|finalizer| format!("finalizer {finalizer}"));
    let conditions = namespace
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let left = conditions
        .filter(|condition| condition.status == "True")
        .filter_map(|condition| condition.message.clone());
    let reasons: Vec<String> = finalizers.chain(left).collect();
    match reasons.as_slice() {
        [] => namespace.name_any(),
        reasons => format!("{} ({})", namespace.name_any(), reasons.join("; ")),
    }
}

/// Takes off a namespace what we set and nobody else did, and the tenant's label whoever set it.
async fn let_go(
    context: &Context,
    tenant: &str,
    namespace: &Namespace,
) -> Result<(), cluster::Error> {
    let key = Key::of(Kind::Namespace, namespace);
    let bare = Object {
        value: bare(namespace),
        key: key.clone(),
    };
    let mut left = cluster::apply(&context.client, &bare).await?;
    if left
        .labels()
        .get(keys::TENANT)
        .is_some_and(|left| left == tenant)
    {
        let unlabelled = json!({"metadata": {"labels": {keys::TENANT: null}}});
        left = cluster::merge(&context.client, &key, unlabelled).await?;
    }
    context.view.note(Kind::Namespace, left);
    Ok(())
}

/// All that we still say of a namespace: its Pod Security level, for the workloads stay too. The uid keeps one that is
/// gone from being made anew.
fn bare(namespace: &Namespace) -> serde_json::Value {
    let level = namespace.labels().get(keys::POD_SECURITY);
    let labels = level.map(|level| json!({keys::POD_SECURITY: level}));
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": namespace.name_any(), "uid": namespace.metadata.uid, "labels": labels.unwrap_or_default()},
    })
}

/// What there is of these kinds, kind after kind.
fn keys_of(observed: &Observed, kinds: &[Kind]) -> Vec<Key> {
    let objects = kinds.iter().flat_map(|kind| observed.of(*kind));
    objects.map(|object| object.key.clone()).collect()
}

async fn tell(
    tenant: &Tenant,
    context: &Context,
    reason: &str,
    message: &str,
) -> Result<(), cluster::Error> {
    let mut status = tenant.status.clone().unwrap_or_default();
    let generation = tenant.metadata.generation.unwrap_or(1);
    let before = std::mem::take(&mut status.conditions);
    let teller = Teller {
        before: &before,
        generation,
        now: Timestamp::now(),
    };
    status.observed_generation = Some(generation);
    status.ready = false;
    status.conditions = vec![
        teller.tell("Ready", false, reason, message),
        teller.tell("Reconciling", true, reason, message),
        teller.tell("Stalled", false, "Progressing", ""),
    ];
    write_status(tenant, context, status).await
}
