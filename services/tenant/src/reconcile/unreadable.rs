//! What does not fit its type is told of, and left as it is.

use std::sync::Arc;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use kube::{
    Api, Client, Resource,
    core::{ApiResource, DynamicObject},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use tenantry_k8s::{Quota, Tenant};
use tenantry_runtime::Chain;

use super::{Context, quota, status::Teller, write_status_of};
use crate::{
    cluster::{self, within},
    read::Unreadable,
};

/// Tells of a tenant that is not in the view, if that is because it cannot be read.
pub(super) async fn tenant(context: Arc<Context>, name: String) {
    if context.shards.owns(&name) {
        missing::<Tenant>(&context, &name).await;
    }
}

/// The same of a quota.
pub(super) async fn quota(context: Arc<Context>, name: String) {
    if context.shards.owns(&quota::thing(&name)) {
        missing::<Quota>(&context, &name).await;
    }
}

async fn missing<K>(context: &Context, name: &str)
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    let Some(fault) = context.view.faults.of::<K>(name) else {
        return;
    };
    if let Err(failure) = tell::<K>(&context.client, &fault).await {
        tracing::warn!(name, error = %Chain(&failure), "What cannot be read is told of only here.");
    }
}

/// Says on the object itself what of it cannot be read.
pub(super) async fn tell<K>(client: &Client, fault: &Unreadable) -> Result<(), cluster::Error>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    let (name, namespace) = (fault.name(), fault.metadata.namespace.as_deref());
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let Some(there) = within(api.get_opt(&name)).await? else {
        return Ok(());
    };
    let told = status(&there, fault, Timestamp::now());
    if there.data["status"] != told {
        write_status_of::<K>(client, namespace, &name, told).await?;
    }
    Ok(())
}

/// The status that there is, but for what holds now.
fn status(there: &DynamicObject, fault: &Unreadable, now: Timestamp) -> Value {
    let mut status = there.data["status"].clone();
    let before = serde_json::from_value::<Vec<Condition>>(status["conditions"].take());
    let before = before.unwrap_or_default();
    let teller = Teller {
        before: &before,
        generation: there.metadata.generation.unwrap_or(1),
        now,
    };
    let why = format!(
        "{fault}; it stays as it is, and is not looked after, until that field is corrected"
    );
    status["conditions"] = json!([
        teller.tell("Ready", false, "Unreadable", &why),
        teller.tell("Reconciling", false, "Unreadable", ""),
        teller.tell("Stalled", true, "Unreadable", &why),
    ]);
    status
}
