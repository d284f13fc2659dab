//! Who is exempt from the rules for namespaces: the parameter of deploy/policies/namespaces.yaml, kept as the IntegrationConfig
//! says. It is never absent, and so hangs on the namespace of the installation.

use std::{collections::BTreeMap, sync::Arc};

use futures::try_join;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::json;
use tenantry_k8s::{IntegrationConfig, IntegrationConfigSpec, integration_config};

use super::{Context, Error, object::MANAGER, validate};
use crate::{
    cluster::{self, find_in, within},
    read::Read,
};

/// Name of the ConfigMap.
pub(super) const NAME: &str = "tenantry-privileged";

pub(super) async fn reconcile(
    place: Arc<Namespace>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let name = place.name_any();
    if context.shards.owns("settings") && place.metadata.deletion_timestamp.is_none() {
        keep(&context, &name)
            .await
            .map_err(|source| Error::Cluster { name, source })?;
    }
    Ok(Action::await_change())
}

async fn keep(context: &Context, namespace: &str) -> Result<(), cluster::Error> {
    let client = &context.client;
    let (config, there) = try_join!(
        find_in::<Read<IntegrationConfig>>(client, namespace, integration_config::NAME),
        find_in::<ConfigMap>(client, namespace, NAME),
    )?;
    let spec = match config {
        Some(Read(Ok(config))) => config.spec,
        // What it says is not known, so what holds goes on.
        Some(Read(Err(_unreadable))) => return Ok(()),
        None => IntegrationConfigSpec::default(),
    };
    let wanted = validate::exempt(&spec, namespace);
    let data = there.and_then(|there| there.data).unwrap_or_default();
    if wanted
        .iter()
        .any(|(key, lines)| data.get(key) != Some(lines))
    {
        write(context, namespace, &wanted).await?;
    }
    Ok(())
}

async fn write(
    context: &Context,
    namespace: &str,
    data: &BTreeMap<String, String>,
) -> Result<(), cluster::Error> {
    let api = Api::<ConfigMap>::namespaced(context.client.clone(), namespace);
    let patch = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": data,
    });
    let params = PatchParams::apply(MANAGER).force();
    within(api.patch(NAME, &params, &Patch::Apply(patch)))
        .await
        .map(drop)
}
