//! Three nodes as EKS would have them, kept alive by kwok.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Layer, Probe, Process, Unit, Work, prepared};
use crate::exec::Spec;
use crate::stack::{COMMAND, REGION, Stack};
use crate::tool;

pub(crate) const UNIT: Unit = Unit {
    name: "kwok",
    after: &[tool::KWOK.name, "kube-apiserver"],
    layer: Layer::Platform,
    work: Work::Process(Process {
        prepare: prepared,
        spec,
        probe,
        grace: Duration::from_secs(5),
    }),
    deadline: Duration::from_secs(60),
};

pub(crate) const NODES: Unit = Unit {
    name: "nodes",
    after: &["kwok", "kube-controller-manager", "kube-scheduler"],
    layer: Layer::Platform,
    work: Work::Task(create_nodes),
    deadline: COMMAND,
};

/// One instance of the node group.
struct Node {
    name: &'static str,
    instance: &'static str,
    kind: &'static str,
    zone: &'static str,
    cpu: &'static str,
    cpu_free: &'static str,
    memory: &'static str,
    memory_free: &'static str,
    pods: &'static str,
}

/// Capacity and allocatable as these instance types report them on EKS.
const NODES_OF_THE_GROUP: [Node; 3] = [
    Node {
        name: "ip-192-168-11-21.eu-north-1.compute.internal",
        instance: "i-0a1b2c3d4e5f60001",
        kind: "m5.large",
        zone: "eu-north-1a",
        cpu: "2",
        cpu_free: "1930m",
        memory: "7910184Ki",
        memory_free: "7220008Ki",
        pods: "29",
    },
    Node {
        name: "ip-192-168-42-22.eu-north-1.compute.internal",
        instance: "i-0a1b2c3d4e5f60002",
        kind: "m5.large",
        zone: "eu-north-1b",
        cpu: "2",
        cpu_free: "1930m",
        memory: "7910184Ki",
        memory_free: "7220008Ki",
        pods: "29",
    },
    Node {
        name: "ip-192-168-73-23.eu-north-1.compute.internal",
        instance: "i-0a1b2c3d4e5f60003",
        kind: "m5.xlarge",
        zone: "eu-north-1c",
        cpu: "4",
        cpu_free: "3920m",
        memory: "15896988Ki",
        memory_free: "14880156Ki",
        pods: "58",
    },
];

fn spec(stack: &Stack) -> Result<Spec> {
    Ok(Spec::new(tool::kwok())
        .args([
            format!("--kubeconfig={}", stack.kubeconfig("admin").display()),
            "--manage-all-nodes=true".to_owned(),
        ])
        .args([
            "--node-lease-duration-seconds=40".to_owned(),
            "--node-ip=192.168.0.1".to_owned(),
        ])
        .arg(format!("--server-address=127.0.0.1:{}", stack.ports().kwok))
        .arg("--cidr=192.168.128.0/17")
        // A kwok.yaml in somebody's home has no say here.
        .env("HOME", stack.home.data("kwok").display().to_string()))
}

fn probe(stack: &Stack) -> Probe {
    Probe::Http(stack.ports().kwok, "/healthz")
}

fn create_nodes(stack: &Stack) -> Result<()> {
    let items: Vec<Value> = NODES_OF_THE_GROUP.iter().map(object).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let text = serde_json::to_string(&list).context("encoding the nodes")?;
    let apply = ["apply", "--server-side", "--field-manager=eks", "-f", "-"];
    stack.kubectl().args(apply).input(text).run(COMMAND)?;
    let wait = [
        "wait",
        "--for=condition=Ready",
        "node",
        "--all",
        "--timeout=50s",
    ];
    stack.kubectl().args(wait).run(COMMAND).map(drop)
}

fn object(node: &Node) -> Value {
    let Node {
        name,
        instance,
        kind,
        zone,
        ..
    } = node;
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": name, "labels": {
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/os": "linux",
            "kubernetes.io/hostname": name,
            "node.kubernetes.io/instance-type": kind,
            "topology.kubernetes.io/region": REGION,
            "topology.kubernetes.io/zone": zone,
            "eks.amazonaws.com/capacityType": "ON_DEMAND",
            "eks.amazonaws.com/nodegroup": "workers",
        }},
        "spec": { "providerID": format!("aws:///{zone}/{instance}") },
        "status": {
            "capacity": resources(node.cpu, node.memory, "83873772Ki", node.pods),
            "allocatable": resources(node.cpu_free, node.memory_free, "76224326324", node.pods),
        },
    })
}

fn resources(cpu: &str, memory: &str, storage: &str, pods: &str) -> Value {
    json!({ "cpu": cpu, "memory": memory, "ephemeral-storage": storage, "pods": pods })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::home::repository;

    #[test]
    fn containers_get_the_same_nodes() {
        let path = repository().join("deploy/compose/nodes.yaml");
        let text = fs::read_to_string(path).unwrap();
        let there: Vec<Value> = text
            .split("\n---\n")
            .map(|node| serde_saphyr::from_str(node).unwrap())
            .collect();
        let ours: Vec<Value> = NODES_OF_THE_GROUP.iter().map(object).collect();
        assert_eq!(there, ours);
    }
}
