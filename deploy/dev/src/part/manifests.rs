//! What the cluster holds before the first service starts: namespace, CRDs, rights, policies, and the things that only a local cluster lacks.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Layer, Unit, Work};
use crate::home::repository;
use crate::kubeconfig;
use crate::stack::{COMMAND, Service, Stack};
use crate::webhooks;

pub(crate) const UNIT: Unit = Unit {
    name: "manifests",
    after: &["kube-controller-manager"],
    layer: Layer::Platform,
    work: Work::Task(apply_all),
    deadline: COMMAND,
};

/// The webhooks, once their service is there: before it, nothing could be written that they watch over.
pub(crate) const WEBHOOKS: Unit = Unit {
    name: "webhooks",
    after: &["tenant"],
    layer: Layer::Service,
    work: Work::Task(|stack| webhooks::install(&stack.kubectl(), &stack.webhook_url())),
    deadline: COMMAND,
};

/// Custom resources of ours, once the webhooks can say whether they are right.
pub(crate) const CUSTOM: Unit = Unit {
    name: "custom resources",
    after: &["webhooks"],
    layer: Layer::Service,
    work: Work::Task(|stack| apply(stack, &repository().join("deploy/dev/manifests/custom"))),
    deadline: COMMAND,
};

/// In this order: the namespace first, and custom resources after their definitions.
const FOLDERS: [&str; 5] = [
    "deploy/dev/manifests/base",
    "deploy/crds",
    "deploy/rbac",
    "deploy/policies",
    "deploy/dev/manifests/platform",
];

fn apply_all(stack: &Stack) -> Result<()> {
    for folder in FOLDERS {
        apply(stack, &repository().join(folder)).with_context(|| format!("applying {folder}"))?;
        if folder == "deploy/crds" {
            wait_for_crds(stack)?;
        }
    }
    create_once(stack, "deploy/dev/manifests/aws-auth.yaml")?;
    kubeconfig::write_oidc(stack, "bear")?;
    kubeconfig::write_falcon(stack)
}

fn apply(stack: &Stack, folder: &Path) -> Result<()> {
    let has_manifests = folder
        .read_dir()
        .is_ok_and(|mut files| files.any(|file| file.is_ok_and(|file| is_yaml(&file.path()))));
    if !has_manifests {
        return Ok(());
    }
    let file = folder.display().to_string();
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=tenantry-dev",
        "-f",
        &file,
    ];
    stack.kubectl().args(apply).run(COMMAND).map(drop)
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml")
}

fn wait_for_crds(stack: &Stack) -> Result<()> {
    let all = stack
        .kubectl()
        .args(["get", "crd", "-o", "name"])
        .run(COMMAND)?;
    if all.trim().is_empty() {
        return Ok(());
    }
    let wait = [
        "wait",
        "--for=condition=Established",
        "crd",
        "--all",
        "--timeout=30s",
    ];
    stack.kubectl().args(wait).run(COMMAND).map(drop)
}

/// Only where absent: aws-auth is edited by the identity service afterwards.
fn create_once(stack: &Stack, file: &str) -> Result<()> {
    let output = stack
        .kubectl()
        .args(["create", "-f", file])
        .output(COMMAND)?;
    let is_there = output.status.success() || output.stderr.contains("AlreadyExists");
    anyhow::ensure!(is_there, "creating {file}: {}", output.stderr);
    Ok(())
}

/// A kubeconfig per service, with a token of its own ServiceAccount.
pub(super) fn write_service_kubeconfigs(stack: &Stack) -> Result<()> {
    for service in Service::ALL {
        let account = format!("tenantry-{}", service.name());
        let create = [
            "create",
            "token",
            &account,
            "-n",
            crate::stack::NAMESPACE,
            "--duration=8760h",
        ];
        let token = stack.kubectl().args(create).run(COMMAND)?;
        kubeconfig::write_token(stack, service.name(), token.trim())?;
    }
    Ok(())
}
