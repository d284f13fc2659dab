//! `oidc-token`: what kubelogin does with a browser, without one. It works in this realm only, see deploy/keycloak.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::probe::http;
use crate::report::say;
use crate::stack::Stack;

/// Options of `oidc-token`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The user's e-mail address.
    #[arg(long)]
    user: String,
}

/// Prints an ExecCredential for kubectl.
pub(crate) fn run(stack: &Stack, arguments: &Arguments) -> Result<()> {
    let token = fetch(stack, &arguments.user)?;
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": { "token": token },
    });
    say!("{credential}");
    Ok(())
}

/// An id token of the user, for the client `kubernetes`.
pub(crate) fn fetch(stack: &Stack, user: &str) -> Result<String> {
    let password = match user {
        "bear@nordmart.com" => &stack.secrets().bear,
        "admin@nordmart.com" => &stack.secrets().admin,
        _ => bail!("no password of {user} is known here"),
    };
    let url = format!(
        "http://127.0.0.1:{}/realms/tenantry/protocol/openid-connect/token",
        stack.ports().keycloak_http
    );
    let form = [
        ("grant_type", "password"),
        ("client_id", "kubernetes"),
        ("scope", "openid"),
        ("username", user),
        ("password", password),
    ];
    let mut response = http()
        .post(url)
        .send_form(form)
        .context("asking Keycloak for a token")?;
    let text = response
        .body_mut()
        .read_to_string()
        .context("reading Keycloak's answer")?;
    let answer: Value = serde_json::from_str(&text).context("decoding Keycloak's answer")?;
    let token = answer
        .get("id_token")
        .and_then(Value::as_str)
        .context("Keycloak's answer has no id token")?;
    Ok(token.to_owned())
}
