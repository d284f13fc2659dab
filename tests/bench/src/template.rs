use std::path::Path;

use anyhow::{Context as _, bail};
use kube::{
    Api,
    core::{ApiResource, DynamicObject},
};
use serde_json::{Value, json};

use crate::{
    Size, apply,
    audit::{self, Write},
    judge,
    world::World,
};

/// Stands for a tenant's name wherever one goes.
const NAME: &str = "xtemplatex";

/// The writes that the service makes for one tenant, as it made them for one.
pub(crate) struct Template {
    pub(crate) steps: Vec<Step>,
}

/// One write.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) write: Write,
    /// The object as it was afterwards, without what the apiserver keeps.
    body: Value,
}

impl Template {
    /// Watches the service make one tenant.
    pub(crate) async fn take(binary: &Path, size: &Size) -> anyhow::Result<Self> {
        let one = Size {
            tenants: 1,
            replicas: 1,
            ..size.clone()
        };
        let mut world = World::start(binary, one.replicas).await?;
        world.start_service().await?;
        apply::quota(&world, 10).await?;
        let before = audit::writes(&world)?.len();
        apply::tenant(&world.client, NAME, &one).await?;
        judge::ready(&world, &[NAME.to_owned()]).await?;
        let mut steps = Vec::new();
        for write in audit::writes(&world)?.into_iter().skip(before) {
            if write.resource == "quotas" {
                continue;
            }
            let body = body(&world, &write).await?;
            steps.push(Step { write, body });
        }
        if steps.is_empty() {
            bail!("the service wrote nothing for a tenant");
        }
        Ok(Self { steps })
    }
}

impl Step {
    /// How the apiserver addresses it.
    pub(crate) fn resource(&self) -> ApiResource {
        let Write {
            group,
            version,
            resource,
            ..
        } = &self.write;
        let kind = self.body["kind"].as_str().unwrap_or_default();
        let api_version = match group.as_str() {
            "" => version.clone(),
            group => format!("{group}/{version}"),
        };
        ApiResource {
            group: group.clone(),
            version: version.clone(),
            api_version,
            kind: kind.to_owned(),
            plural: resource.clone(),
        }
    }

    /// Namespace, name and content for the tenant `name`.
    pub(crate) fn of(&self, name: &str) -> (String, String, Value) {
        let text = self.body.to_string().replace(NAME, name);
        let body = serde_json::from_str(&text).expect("a name in JSON leaves it JSON");
        let there = |text: &str| text.replace(NAME, name);
        (there(&self.write.namespace), there(&self.write.name), body)
    }
}

async fn body(world: &World, write: &Write) -> anyhow::Result<Value> {
    let step = Step {
        write: write.clone(),
        body: json!({}),
    };
    let resource = step.resource();
    let api: Api<DynamicObject> = match write.namespace.as_str() {
        "" => Api::all_with(world.client.clone(), &resource),
        namespace => Api::namespaced_with(world.client.clone(), namespace, &resource),
    };
    if write.verb == "create" && write.name.is_empty() {
        // Kubernetes Events: the log does not name what was made.
        let one = api
            .list(&Default::default())
            .await?
            .items
            .into_iter()
            .next();
        return Ok(bare(
            serde_json::to_value(one.context("an Event of the service")?)?,
            write,
        ));
    }
    let object = api.get(&write.name).await;
    let object = object.with_context(|| format!("reading {write:?}"))?;
    Ok(bare(serde_json::to_value(object)?, write))
}

/// Without what the apiserver keeps, so that it can be applied again.
fn bare(mut object: Value, write: &Write) -> Value {
    let fields = object.as_object_mut().expect("an object");
    if write.subresource != "status" {
        fields.remove("status");
    } else {
        fields.remove("spec");
    }
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "managedFields",
        ] {
            metadata.remove(field);
        }
    }
    if write.resource == "namespaces" {
        fields.remove("spec");
    }
    if write.resource == "tenants" && write.subresource.is_empty() {
        fields.remove("spec");
    }
    object
}

impl Step {
    /// Changes the content.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.body);
    }
}
