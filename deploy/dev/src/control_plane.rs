//! A control plane of a test's own, for controllers and cluster-wide singletons: ready in seconds, gone with the value.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::exec::Spec;
use crate::graph;
use crate::home::{Home, repository};
use crate::part::{self, Unit};
use crate::stack::{COMMAND, Shape, Stack};
use crate::webhooks;

/// Whether pods can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// No scheduler and no nodes.
    None,
    /// The scheduler, and three nodes kept by kwok.
    Three,
}

/// A running control plane: etcd, kube-apiserver, kube-controller-manager, and nodes if asked for.
///
/// Invariant: its processes end with it. What a killed test left is ended by [`ControlPlane::sweep`].
pub struct ControlPlane {
    stack: Stack,
    /// Whether its directory stays when it ends.
    is_left: bool,
}

impl ControlPlane {
    /// A directory for a test's control plane, where [`ControlPlane::sweep`] finds it: `target/planes/<name>-<pid>`.
    pub fn directory(name: &str) -> PathBuf {
        planes().join(format!("{name}-{}", std::process::id()))
    }

    /// Starts one in `directory`, which goes with it unless the test panics.
    pub fn start(directory: &Path, nodes: Nodes) -> Result<Self> {
        let home = Home::at(directory.to_path_buf());
        let stack = Stack::prepare(home, "control-plane", Shape::ControlPlane)?;
        let plane = Self {
            stack,
            is_left: false,
        };
        graph::up(&units(nodes), |unit| unit.start(&plane.stack))?;
        Ok(plane)
    }

    /// The same, holding what was left in the directory `left`, which stays as it is: most of a start is the making of it.
    pub fn start_from(left: &Path, directory: &Path, nodes: Nodes) -> Result<Self> {
        let home = Home::at(directory.to_path_buf());
        home.take_over(&Home::at(left.to_path_buf()))?;
        Self::start(directory, nodes)
    }

    /// Ends it, and leaves its directory for [`ControlPlane::start_from`].
    pub fn leave(mut self) -> Result<()> {
        self.is_left = true;
        part::control_plane::CONTROLLER_MANAGER.stop(&self.stack.home)?;
        // Whoever finds it waits no longer for the controllers.
        let account = ["delete", "serviceaccount", "default", "-n", "default"];
        self.kubectl().args(account).run(COMMAND)?;
        graph::down(&units(Nodes::Three), |unit| unit.stop(&self.stack.home))
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.stack.kubeconfig("admin")
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> Spec {
        self.stack.kubectl()
    }

    /// Installs the webhooks of a tenant service that answers at `url`, and waits until it does.
    pub fn install_webhooks(&self, url: &str) -> Result<()> {
        webhooks::install(&self.kubectl(), url)
    }

    /// Waits until the installed webhooks answer, as after a start of the service.
    pub fn wait_for_webhooks(&self) -> Result<()> {
        webhooks::wait(&self.kubectl())
    }

    /// `https://127.0.0.1:…`.
    pub fn apiserver_url(&self) -> String {
        self.stack.apiserver_url()
    }

    /// kube-apiserver's audit log.
    pub fn audit_log(&self) -> PathBuf {
        self.stack.audit_log()
    }

    /// Ends what killed tests left running in directories of [`ControlPlane::directory`].
    pub fn sweep() -> Result<()> {
        for entry in fs::read_dir(planes()).into_iter().flatten() {
            let home = Home::at(entry.context("listing control planes")?.path());
            for unit in part::UNITS {
                if let Some(process) = crate::process::Recorded::find(&home.record(unit.name)) {
                    process.kill()?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        for unit in units(Nodes::Three) {
            // Nothing of it is needed again, so nothing is waited for.
            if let Some(Err(error)) = self.stack.process(unit.name).map(|process| process.kill()) {
                eprintln!("ending {}: {error:#}", unit.name);
            }
        }
        if !self.is_left
            && !std::thread::panicking()
            && let Err(error) = fs::remove_dir_all(self.stack.root())
        {
            eprintln!("removing {}: {error}", self.stack.root().display());
        }
    }
}

fn units(nodes: Nodes) -> Vec<&'static Unit> {
    let bare = [
        "control plane binaries",
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
    ];
    let with_nodes = ["kwok binary", "kube-scheduler", "kwok", "nodes"];
    let is_wanted = |unit: &&Unit| {
        bare.contains(&unit.name) || (nodes == Nodes::Three && with_nodes.contains(&unit.name))
    };
    part::UNITS.iter().filter(is_wanted).collect()
}

fn planes() -> PathBuf {
    repository().join("target").join("planes")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_control_plane_runs_pods_and_ends_with_its_value() {
        let plane = ControlPlane::start(&ControlPlane::directory("own"), Nodes::Three).unwrap();
        let minute = Duration::from_secs(60);
        plane
            .kubectl()
            .args(["run", "nginx", "--image=nginx"])
            .run(minute)
            .unwrap();
        let wait = [
            "wait",
            "--for=condition=Ready",
            "pod/nginx",
            "--timeout=30s",
        ];
        plane.kubectl().args(wait).run(minute).unwrap();
        let processes: Vec<_> = units(Nodes::Three)
            .iter()
            .filter_map(|unit| plane.stack.process(unit.name))
            .collect();
        assert_eq!(processes.len(), 5);
        drop(plane);
        assert!(processes.iter().all(|process| !process.is_alive()));
    }
}
