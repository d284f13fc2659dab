//! A control plane of a test's own, for controllers and cluster-wide singletons: ready in seconds, gone with the value.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::exec::Spec;
use crate::graph;
use crate::home::Home;
use crate::part::{self, Unit};
use crate::stack::{Shape, Stack};

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
}

impl ControlPlane {
    /// Starts one in `directory`, which it fills and which stays for inspection.
    pub fn start(directory: &Path, nodes: Nodes) -> Result<Self> {
        let home = Home::at(directory.to_path_buf());
        let stack = Stack::prepare(home, "control-plane", Shape::ControlPlane)?;
        let plane = Self { stack };
        graph::up(&units(nodes), |unit| unit.start(&plane.stack))?;
        Ok(plane)
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.stack.kubeconfig("admin")
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> Spec {
        self.stack.kubectl()
    }

    /// `https://127.0.0.1:…`.
    pub fn apiserver_url(&self) -> String {
        self.stack.apiserver_url()
    }

    /// kube-apiserver's audit log.
    pub fn audit_log(&self) -> PathBuf {
        self.stack.audit_log()
    }

    /// Ends everything recorded in the control planes below `parent`, each in a directory of its own.
    pub fn sweep(parent: &Path) -> Result<()> {
        for entry in fs::read_dir(parent).into_iter().flatten() {
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
