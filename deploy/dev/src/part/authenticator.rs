//! EKS' own verifier of IAM tokens, reading the real aws-auth.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Layer, Probe, Process, Unit, Work};
use crate::exec::Spec;
use crate::stack::{CLUSTER, REGION, Stack};
use crate::tool;

pub(crate) const UNIT: Unit = Unit {
    name: "authenticator",
    after: &[tool::AUTHENTICATOR.name, "aws", "kube-apiserver"],
    layer: Layer::Platform,
    // It doesn't listen to SIGTERM.
    work: Work::Process(Process {
        prepare,
        spec,
        probe,
        grace: Duration::ZERO,
    }),
    deadline: Duration::from_secs(60),
};

/// Its state directory, with the certificate under the names that it expects.
fn prepare(stack: &Stack) -> Result<()> {
    let state = stack.home.data("authenticator");
    fs::create_dir_all(&state).context("creating the authenticator's state directory")?;
    for (from, to) in [
        ("authenticator.crt", "cert.pem"),
        ("authenticator.key", "key.pem"),
    ] {
        fs::copy(stack.home.tls(from), state.join(to))
            .with_context(|| format!("copying {from}"))?;
    }
    fs::set_permissions(state.join("key.pem"), fs::Permissions::from_mode(0o600))
        .context("closing the key")
}

fn spec(stack: &Stack) -> Result<Spec> {
    Ok(Spec::new(tool::authenticator())
        .args([
            "server",
            "--backend-mode=EKSConfigMap",
            "--kubeconfig-pregenerated=true",
            "--address=127.0.0.1",
        ])
        .args([
            format!("--cluster-id={CLUSTER}"),
            format!("--port={}", stack.ports().authenticator),
        ])
        .arg(format!(
            "--kubeconfig={}",
            stack.kubeconfig("admin").display()
        ))
        .arg(format!(
            "--state-dir={}",
            stack.home.data("authenticator").display()
        ))
        // It believes it talks to STS: the proxy is STS, and its certificate is the only one trusted.
        .env(
            "HTTPS_PROXY",
            format!("http://127.0.0.1:{}", stack.ports().sts_proxy),
        )
        .env("SSL_CERT_FILE", stack.authority().display().to_string())
        .env("AWS_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true"))
}

fn probe(stack: &Stack) -> Probe {
    Probe::Tcp(stack.ports().authenticator)
}
