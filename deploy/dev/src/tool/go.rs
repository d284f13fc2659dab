//! Tools that come as Go modules. The module proxy is asked by Go's own client, which checks every sum.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{BUILD, directory, find, once};
use crate::exec::Spec;
use crate::home::repository;

/// Of kube-apiserver and its siblings; etcd's is in deploy/dev/tools/kubernetes/go.mod beside it.
const KUBERNETES: &str = "1.36.3";
const COMMANDS: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
];

pub(super) const NATS: Tool = Tool {
    name: "nats-server",
    package: "github.com/nats-io/nats-server/v2",
    version: "2.15.2",
};
pub(super) const KWOK: Tool = Tool {
    name: "kwok",
    package: "sigs.k8s.io/kwok/cmd/kwok",
    version: "0.7.0",
};
pub(super) const AUTHENTICATOR: Tool = Tool {
    name: "aws-iam-authenticator",
    package: "sigs.k8s.io/aws-iam-authenticator/cmd/aws-iam-authenticator",
    version: "0.6.13",
};
pub(super) const GRPCURL: Tool = Tool {
    name: "grpcurl",
    package: "github.com/fullstorydev/grpcurl/cmd/grpcurl",
    version: "1.9.3",
};

/// Compose's own reader of docker-compose.yml, for machines without Docker.
pub(super) const COMPOSE: Tool = Tool {
    name: "compose-go",
    package: "github.com/compose-spec/compose-go/v2/cmd",
    version: "2.16.2",
};

/// One command of one module.
pub(super) struct Tool {
    name: &'static str,
    package: &'static str,
    version: &'static str,
}

impl Tool {
    /// Where it lies.
    pub(super) fn binary(&self) -> PathBuf {
        let (_, command) = self
            .package
            .trim_end_matches("/v2")
            .rsplit_once('/')
            .unwrap_or_default();
        directory(self.name, self.version).join(command)
    }

    /// Builds it, unless it is there.
    pub(super) fn install(&self) -> Result<()> {
        let directory = directory(self.name, self.version);
        once(&directory, || {
            let package = format!("{}@v{}", self.package, self.version);
            let install = go()?
                .args(["install", "-trimpath", "-ldflags=-s -w", &package])
                .env("GOBIN", directory.display().to_string());
            install.run(BUILD).map(drop)
        })
    }
}

/// A program of the control plane: who has binaries shouldn't build.
pub(super) fn control_plane_binary(name: &str) -> PathBuf {
    let assets =
        std::env::var_os("KUBEBUILDER_ASSETS").map(|assets| PathBuf::from(assets).join(name));
    let built = || directory("kubernetes", KUBERNETES).join(name);
    assets
        .filter(|binary| binary.exists())
        .unwrap_or_else(built)
}

/// Builds the control plane from the module in deploy/dev/tools, whose sums are committed.
pub(super) fn control_plane() -> Result<()> {
    let directory = directory("kubernetes", KUBERNETES);
    let all = COMMANDS.iter().chain(&["etcd"]);
    if all.clone().all(|name| control_plane_binary(name).exists()) {
        return Ok(());
    }
    once(&directory, || {
        let module = repository().join("deploy/dev/tools/kubernetes");
        let version = "k8s.io/component-base/version";
        let flags = format!(
            "-ldflags=-s -w -X {version}.gitVersion=v{KUBERNETES} -X {version}.gitMajor=1 -X {version}.gitMinor=36"
        );
        let commands = COMMANDS.map(|command| format!("k8s.io/kubernetes/cmd/{command}"));
        let into = format!("{}/", directory.display());
        go()?
            .directory(&module)
            .args(["build", "-trimpath", &flags, "-o", &into])
            .args(commands)
            .run(BUILD)?;
        let etcd = directory.join("etcd").display().to_string();
        go()?
            .directory(&module)
            .args([
                "build",
                "-trimpath",
                "-ldflags=-s -w",
                "-o",
                &etcd,
                "go.etcd.io/etcd/server/v3",
            ])
            .run(BUILD)
            .map(drop)
    })
}

fn go() -> Result<Spec> {
    let program =
        find("go").context("no `go`: install Go 1.26 or newer, https://go.dev/doc/install")?;
    Ok(Spec::new(program).inherit().env("CGO_ENABLED", "0"))
}
