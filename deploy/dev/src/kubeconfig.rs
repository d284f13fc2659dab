//! Kubeconfigs, written as JSON, which every YAML reader reads.

use std::fs;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::home::{binary, write_private};
use crate::stack::{CLUSTER, REGION, Stack};
use crate::tool;

/// The administrator, by static token.
pub(crate) fn write_admin(stack: &Stack) -> Result<()> {
    write_token(stack, "admin", &stack.secrets().kubernetes_admin)
}

/// Whoever holds this bearer token.
pub(crate) fn write_token(stack: &Stack, who: &str, token: &str) -> Result<()> {
    write(stack, who, json!({ "token": token }))
}

/// falcon, an IAM user: a token of his own access key, as EKS' kubeconfigs get it.
pub(crate) fn write_falcon(stack: &Stack) -> Result<()> {
    let env = [
        (
            "AWS_SHARED_CREDENTIALS_FILE",
            stack
                .home
                .secret("falcon.credentials")
                .display()
                .to_string(),
        ),
        ("AWS_PROFILE", "falcon".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        // The operator's settings of the surrounding shell would win over the profile.
        ("AWS_ENDPOINT_URL", String::new()),
        ("AWS_ACCESS_KEY_ID", String::new()),
        ("AWS_SECRET_ACCESS_KEY", String::new()),
        ("AWS_SESSION_TOKEN", String::new()),
    ];
    let args = [
        "eks",
        "get-token",
        "--cluster-name",
        CLUSTER,
        "--region",
        REGION,
    ];
    write(
        stack,
        "falcon",
        exec(&tool::aws().display().to_string(), &args, &env),
    )
}

/// A user of Keycloak: an id token by `cargo dev oidc-token`.
pub(crate) fn write_oidc(stack: &Stack, who: &str) -> Result<()> {
    let program = binary("tenantry-dev");
    let args = [
        "--stack",
        &stack.name,
        "oidc-token",
        "--user",
        &format!("{who}@nordmart.com"),
    ];
    write(stack, who, exec(&program.display().to_string(), &args, &[]))
}

fn exec(command: &str, args: &[&str], env: &[(&str, String)]) -> Value {
    let env: Vec<Value> = env
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": command,
        "args": args,
        "env": env,
        "interactiveMode": "Never",
    }})
}

fn write(stack: &Stack, who: &str, user: Value) -> Result<()> {
    let authority = fs::read(stack.authority()).context("reading the certificate authority")?;
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": CLUSTER, "cluster": {
            "server": stack.apiserver_url(),
            "certificate-authority-data": BASE64_STANDARD.encode(authority),
        }}],
        "users": [{ "name": who, "user": user }],
        "contexts": [{ "name": CLUSTER, "context": { "cluster": CLUSTER, "user": who } }],
        "current-context": CLUSTER,
    });
    let text = serde_json::to_string_pretty(&config).context("encoding a kubeconfig")?;
    write_private(&stack.kubeconfig(who), &text)
}
