use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    core::DynamicObject,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Size,
    apply::{self, names},
    judge,
    template::{Step, Template},
    world::World,
};

/// Tenants at once: more than two cores can serve.
pub(crate) const AT_ONCE: usize = 16;

/// Makes every tenant and the service's writes for it, one after the other for each.
pub(crate) async fn apply(
    world: &World,
    template: &Template,
    size: &Size,
) -> anyhow::Result<Duration> {
    apply::quota(world, 10).await?;
    let began = Instant::now();
    let names = names(size);
    let all: Vec<_> = names
        .iter()
        .map(|name| tenant(world, template, name, size))
        .collect();
    stream::iter(all)
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(began.elapsed())
}

async fn tenant(world: &World, template: &Template, name: &str, size: &Size) -> anyhow::Result<()> {
    apply::tenant(&world.client, name, size).await?;
    for (number, step) in template.steps.iter().enumerate() {
        write(&world.client, step, name, number).await?;
    }
    Ok(())
}

async fn write(client: &Client, step: &Step, tenant: &str, number: usize) -> anyhow::Result<()> {
    let resource = step.resource();
    let (namespace, name, mut body) = step.of(tenant);
    let api: Api<DynamicObject> = match namespace.as_str() {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    let params = PatchParams::apply("flood").force();
    match (step.write.verb.as_str(), step.write.subresource.as_str()) {
        ("create", _) => {
            body["metadata"]["name"] = json!(format!("{tenant}-{number}"));
            let object: DynamicObject = serde_json::from_value(body)?;
            api.create(&PostParams::default(), &object).await?;
        }
        (_, "status") => drop(
            api.patch_status(&name, &params, &Patch::Apply(body))
                .await?,
        ),
        _ => drop(api.patch(&name, &params, &Patch::Apply(body)).await?),
    }
    Ok(())
}

/// What each share is after the edit.
const EACH: usize = 99;

/// Changes every ResourceQuota, as an edit of the shared quota does.
pub(crate) async fn edit(
    world: &World,
    template: &Template,
    size: &Size,
) -> anyhow::Result<Duration> {
    let is_share = |step: &&Step| step.write.resource == "resourcequotas";
    let shares: Vec<&Step> = template.steps.iter().filter(is_share).collect();
    let began = Instant::now();
    let names = names(size);
    let all: Vec<_> = names
        .iter()
        .map(|name| change(world, &shares, name))
        .collect();
    stream::iter(all)
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    // Judged as ours are: what is written is not yet enforced.
    judge::shares(world, size, shares.len() * EACH).await?;
    Ok(began.elapsed())
}

async fn change(world: &World, shares: &[&Step], tenant: &str) -> anyhow::Result<()> {
    for share in shares {
        let mut share = (*share).clone();
        share.change(|body: &mut Value| {
            body["spec"]["hard"]["configmaps"] = json!(EACH.to_string())
        });
        write(&world.client, &share, tenant, 0).await?;
    }
    Ok(())
}
