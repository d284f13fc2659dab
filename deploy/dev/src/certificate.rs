//! One certificate authority per stack, and the certificates that its listeners show.
//!
//! By the `openssl` command: every machine that reaches a package manager over TLS has it, and a certificate library would double the build of this crate.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::exec::Spec;
use crate::home::Home;

const DEADLINE: Duration = Duration::from_secs(20);

/// Makes the authority and every certificate that isn't there yet.
pub(crate) fn ensure(home: &Home) -> Result<()> {
    ensure_authority(home)?;
    ensure_leaf(
        home,
        "apiserver",
        "IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc",
    )?;
    ensure_leaf(home, "keycloak", "DNS:localhost,IP:127.0.0.1")?;
    ensure_leaf(
        home,
        "sts",
        "DNS:sts.amazonaws.com,DNS:sts.eu-north-1.amazonaws.com,DNS:sts.us-east-1.amazonaws.com",
    )?;
    // aws-iam-authenticator reads its own pair from its state directory, under these names.
    ensure_leaf(home, "authenticator", "IP:127.0.0.1,DNS:localhost")?;
    ensure_signing_key(home)
}

fn ensure_authority(home: &Home) -> Result<()> {
    if home.tls("ca.crt").exists() {
        return Ok(());
    }
    let request = new_pair(home, "ca").args(["-days", "3650", "-subj", "/CN=Tenantry local stack"]);
    let request = request.args(["-addext", "keyUsage=critical,keyCertSign,cRLSign"]);
    finish(home, "ca", &request)
}

fn ensure_leaf(home: &Home, name: &str, names: &str) -> Result<()> {
    if home.tls(&format!("{name}.crt")).exists() {
        return Ok(());
    }
    let request = new_pair(home, name)
        .args(["-days", "825", "-subj", &format!("/CN={name}")])
        .args([
            "-CA",
            &text(home, "ca.crt"),
            "-CAkey",
            &text(home, "ca.key"),
        ])
        .args([
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-addext",
            "extendedKeyUsage=serverAuth",
        ])
        .args(["-addext", &format!("subjectAltName={names}")]);
    finish(home, name, &request)
}

/// Signs service account tokens.
fn ensure_signing_key(home: &Home) -> Result<()> {
    if home.tls("service-account.key").exists() {
        return Ok(());
    }
    let path = text(home, "service-account.key");
    let key = Spec::new("openssl").args([
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-out",
        &path,
    ]);
    key.run(DEADLINE).map(drop)
}

fn new_pair(home: &Home, name: &str) -> Spec {
    Spec::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-keyout",
            &text(home, &format!("{name}.key")),
            "-out",
            &text(home, &format!("{name}.partial")),
        ])
}

fn finish(home: &Home, name: &str, request: &Spec) -> Result<()> {
    request.run(DEADLINE)?;
    // Renamed last: an interrupted run leaves no half pair behind.
    let (from, to) = (
        home.tls(&format!("{name}.partial")),
        home.tls(&format!("{name}.crt")),
    );
    fs::rename(from, &to).with_context(|| format!("writing {}", to.display()))
}

fn text(home: &Home, file: &str) -> String {
    home.tls(file).display().to_string()
}
