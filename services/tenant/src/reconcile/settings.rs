//! The IntegrationConfig's own effects: the ingresses of the installation. What it says for tenants is read with each tenant.

mod ingress;
mod outstanding;

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{api::networking::v1::Ingress, jiff::Timestamp};
use kube::{Api, ResourceExt, api::ListParams, runtime::controller::Action};
use serde_json::json;
use tenantry_k8s::{IntegrationConfig, IntegrationConfigStatus, integration_config, keys};

use super::{
    Context, Error, LATER, SOON,
    apply::Applied,
    build::MANAGED_BY,
    object::{Key, Kind, Object},
    status::Teller,
    unreadable, validate, write_status_of,
};
use crate::{
    cluster::{self, within},
    read::Read,
};

pub(super) async fn reconcile(
    config: Arc<Read<IntegrationConfig>>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let name = config.name_any();
    let failed = |source| Error::Cluster {
        name: name.clone(),
        source,
    };
    let config = match &config.0 {
        Ok(config) => config,
        Err(fault) if context.shards.owns("settings") => {
            let told = unreadable::tell::<IntegrationConfig>(&context.client, fault).await;
            return told.map(|()| Action::await_change()).map_err(failed);
        }
        Err(_) => return Ok(Action::await_change()),
    };
    let is_ours = name == integration_config::NAME
        && config.namespace().as_ref() == Some(&context.config.namespace);
    if !context.shards.owns("settings") {
        return Ok(Action::await_change());
    }
    if !is_ours || config.metadata.deletion_timestamp.is_some() {
        // Our ingresses go by their owner reference.
        return Ok(Action::await_change());
    }
    let wanted = ingress::wanted(config, &context.config);
    let applied = bring(&context, &wanted).await.map_err(failed)?;
    context.view.listed().await?;
    let generation = config.metadata.generation;
    let told = config
        .status
        .as_ref()
        .and_then(|status| status.observed_generation);
    // The tenants have just heard of it, too, and need a moment.
    let outstanding = match told == generation {
        true => Some(outstanding::bindings(&context).await),
        false => None,
    };
    let status = status(config, &applied, outstanding.as_deref());
    if config.status.as_ref() != Some(&status) {
        let namespace = Some(context.config.namespace.as_str());
        write_status_of::<IntegrationConfig>(&context.client, namespace, &name, json!(status))
            .await
            .map_err(failed)?;
    }
    match applied.transient {
        Some(source) => Err(failed(source)),
        None if outstanding.is_none_or(|names| !names.is_empty()) => Ok(Action::requeue(SOON)),
        None if applied.problems.is_empty() => Ok(Action::await_change()),
        None => Ok(Action::requeue(LATER)),
    }
}

/// Writes the ingresses that differ, and drops those of ours that nobody wants.
async fn bring(context: &Context, wanted: &[Object]) -> Result<Applied, cluster::Error> {
    let params = ListParams::default().labels(&format!("{}={MANAGED_BY}", keys::MANAGED_BY));
    let api = Api::<Ingress>::namespaced(context.client.clone(), &context.config.namespace);
    let there: BTreeMap<Key, Object> = within(api.list(&params))
        .await?
        .iter()
        .map(|ingress| Object::observed(Kind::Ingress, ingress))
        .map(|object| (object.key.clone(), object))
        .collect();
    let mut applied = Applied::default();
    for object in wanted {
        let found = there.get(&object.key);
        if found
            .is_none_or(|found| !object.is_held_by(found) || object.applied() != found.applied())
        {
            let written = cluster::apply(&context.client, object).await.map(drop);
            applied.note(&object.key, written);
        }
    }
    for unwanted in there
        .values()
        .filter(|found| wanted.iter().all(|object| object.key != found.key))
    {
        let uid = unwanted.uid().map(str::to_owned);
        let deleted = cluster::delete(&context.client, &unwanted.key, uid).await;
        applied.note(&unwanted.key, deleted.map(drop));
    }
    Ok(applied)
}

fn status(
    config: &IntegrationConfig,
    applied: &Applied,
    outstanding: Option<&[String]>,
) -> IntegrationConfigStatus {
    let before = config.status.clone().unwrap_or_default();
    let generation = config.metadata.generation.unwrap_or(1);
    let teller = Teller {
        before: &before.conditions,
        generation,
        now: Timestamp::now(),
    };
    let problem = applied.problems.first();
    let (reason, message) = problem.map_or(("Applied", "in force for every tenant"), |problem| {
        (problem.reason, problem.message.as_str())
    });
    let mut conditions = vec![
        teller.tell("Ready", problem.is_none(), reason, message),
        teller.tell("Reconciling", false, "Idle", ""),
        teller.tell("Stalled", problem.is_some(), reason, message),
    ];
    let unsupported = validate::of_config(&config.spec);
    if !unsupported.is_empty() {
        let message = format!("not acted on yet: {}", unsupported.join(", "));
        conditions.push(teller.tell("FieldsUnsupported", true, "NotActedOn", &message));
    }
    IntegrationConfigStatus {
        observed_generation: Some(generation),
        role_bindings_to_delete: outstanding.unwrap_or_default().to_vec(),
        conditions,
    }
}
