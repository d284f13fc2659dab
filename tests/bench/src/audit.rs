use std::{fs, time::Duration};

use serde_json::Value;

use crate::world::World;

const SERVICE: &str = "system:serviceaccount:multi-tenant-operator:tenantry-tenant";

/// A write of the service, as the apiserver's audit log has it. Leases are left out of the log.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) verb: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Every write of the service so far, in order.
pub(crate) fn writes(world: &World) -> anyhow::Result<Vec<Write>> {
    let log = fs::read_to_string(world.installation.plane.audit_log())?;
    let entries = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = entries.filter(|entry| {
        entry["user"]["username"] == SERVICE && entry["stage"] == "ResponseComplete"
    });
    Ok(ours.map(|entry| write(&entry)).collect())
}

fn write(entry: &Value) -> Write {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &entry["objectRef"];
    // To the apiserver, a namespace lies in itself.
    let is_namespace = object["resource"] == "namespaces";
    let namespace = if is_namespace {
        String::new()
    } else {
        word(&object["namespace"])
    };
    Write {
        verb: word(&entry["verb"]),
        group: word(&object["apiGroup"]),
        version: word(&object["apiVersion"]),
        resource: word(&object["resource"]),
        subresource: word(&object["subresource"]),
        namespace,
        name: word(&object["name"]),
    }
}

/// Waits until everything is told: the use in a quota's status may be so ten seconds late.
pub(crate) async fn settled() {
    passing(15).await;
}

/// Writes of the service in `seconds` of rest.
pub(crate) async fn rest(world: &World, seconds: u64) -> anyhow::Result<Vec<Write>> {
    settled().await;
    let before = writes(world)?.len();
    passing(seconds).await;
    since(world, before)
}

/// Writes of the service after the first `before`.
pub(crate) fn since(world: &World, before: usize) -> anyhow::Result<Vec<Write>> {
    Ok(writes(world)?.split_off(before))
}

#[allow(
    clippy::disallowed_methods,
    reason = "the passing of time is what is measured"
)]
async fn passing(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
