//! The Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Layer, Probe, Process, Unit, Work, prepared};
use crate::exec::Spec;
use crate::home::write_private;
use crate::stack::{Shape, Stack};
use crate::tool;

pub(crate) const ETCD: Unit = Unit {
    name: "etcd",
    after: &[tool::CONTROL_PLANE.name],
    layer: Layer::Platform,
    work: Work::Process(Process {
        prepare: prepared,
        spec: etcd,
        probe: etcd_probe,
        grace: Duration::from_secs(10),
    }),
    deadline: Duration::from_secs(30),
};

pub(crate) const APISERVER: Unit = Unit {
    name: "kube-apiserver",
    after: &["etcd"],
    layer: Layer::Platform,
    // It waits up to a minute for its watchers; nothing is lost by not waiting, since all its state is in etcd.
    work: Work::Process(Process {
        prepare,
        spec: apiserver,
        probe: apiserver_probe,
        grace: Duration::from_secs(3),
    }),
    deadline: Duration::from_secs(120),
};

pub(crate) const CONTROLLER_MANAGER: Unit = Unit {
    name: "kube-controller-manager",
    after: &["kube-apiserver"],
    layer: Layer::Platform,
    work: Work::Process(Process {
        prepare: prepared,
        spec: controller_manager,
        probe: controllers_probe,
        grace: Duration::from_secs(5),
    }),
    deadline: Duration::from_secs(90),
};

pub(crate) const SCHEDULER: Unit = Unit {
    name: "kube-scheduler",
    after: &["kube-apiserver"],
    layer: Layer::Platform,
    work: Work::Process(Process {
        prepare: prepared,
        spec: scheduler,
        probe: scheduler_probe,
        grace: Duration::from_secs(5),
    }),
    deadline: Duration::from_secs(60),
};

fn etcd(stack: &Stack) -> Result<Spec> {
    let (client, peer) = (stack.ports().etcd, stack.ports().etcd_peer);
    let (client, peer) = (
        format!("http://127.0.0.1:{client}"),
        format!("http://127.0.0.1:{peer}"),
    );
    Ok(Spec::new(tool::control_plane("etcd"))
        .arg(format!("--data-dir={}", stack.home.data("etcd").display()))
        .args([
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
        ])
        .args([
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
        ])
        .arg(format!("--initial-cluster=default={peer}"))
        // A local cluster may lose its last second with the machine's power, and is five times as fast for it.
        .args(["--unsafe-no-fsync", "--log-level=warn"]))
}

fn etcd_probe(stack: &Stack) -> Probe {
    Probe::Http(stack.ports().etcd, "/readyz")
}

fn prepare(stack: &Stack) -> Result<()> {
    let token = &stack.secrets().kubernetes_admin;
    write_private(
        &stack.home.secret("tokens.csv"),
        &format!("{token},platform-admin,platform-admin,system:masters\n"),
    )?;
    write_json(stack, "audit-policy.yaml", &audit_policy())?;
    write_json(stack, "authentication.yaml", &authentication(stack)?)?;
    write_json(stack, "webhook.yaml", &webhook(stack)?)
}

fn apiserver(stack: &Stack) -> Result<Spec> {
    let file = |path: std::path::PathBuf| path.display().to_string();
    let signing_key = file(stack.home.tls("service-account.key"));
    let spec = Spec::new(tool::control_plane("kube-apiserver"))
        .arg(format!(
            "--etcd-servers=http://127.0.0.1:{}",
            stack.ports().etcd
        ))
        .args([
            "--bind-address=127.0.0.1",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--authorization-mode=Node,RBAC",
        ])
        .arg(format!("--secure-port={}", stack.ports().apiserver))
        .arg(format!(
            "--tls-cert-file={}",
            file(stack.home.tls("apiserver.crt"))
        ))
        .arg(format!(
            "--tls-private-key-file={}",
            file(stack.home.tls("apiserver.key"))
        ))
        .arg(format!("--service-account-key-file={signing_key}"))
        .arg(format!("--service-account-signing-key-file={signing_key}"))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .arg("--api-audiences=https://kubernetes.default.svc,tenantry")
        // Tokens of our services live as long as their kubeconfig, beyond what the apiserver would grant by default.
        .arg("--service-account-max-token-expiration=8760h")
        .arg(format!(
            "--token-auth-file={}",
            file(stack.home.secret("tokens.csv"))
        ))
        // Loopback can't be an endpoint of the service `kubernetes`; nothing here runs in a pod that would ask.
        .arg("--endpoint-reconciler-type=none")
        .args([format!(
            "--audit-policy-file={}",
            file(stack.home.config("audit-policy.yaml"))
        )])
        .args([
            format!("--audit-log-path={}", file(stack.audit_log())),
            "--audit-log-maxsize=100".to_owned(),
        ]);
    Ok(match stack.shape {
        Shape::ControlPlane => spec,
        Shape::Whole => spec
            .arg(format!(
                "--authentication-config={}",
                file(stack.home.config("authentication.yaml"))
            ))
            .arg(format!(
                "--authentication-token-webhook-config-file={}",
                file(stack.home.config("webhook.yaml"))
            ))
            .args([
                "--authentication-token-webhook-cache-ttl=1s",
                "--authentication-token-webhook-version=v1beta1",
            ]),
    })
}

fn apiserver_probe(stack: &Stack) -> Probe {
    Probe::Command(stack.kubectl().args(["get", "--raw", "/readyz"]))
}

/// Writes only, so that silence at rest can be seen; without Leases, and without the questions that are asked by POST.
fn audit_policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            { "level": "None", "resources": [{ "group": "coordination.k8s.io", "resources": ["leases"] }] },
            { "level": "None", "resources": [{ "group": "authentication.k8s.io" }, { "group": "authorization.k8s.io" }] },
            { "level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"] },
            { "level": "None" },
        ],
    })
}

/// Keycloak's users: by verified e-mail, and nobody whose name or group could pass for the system's own.
fn authentication(stack: &Stack) -> Result<Value> {
    let authority =
        fs::read_to_string(stack.authority()).context("reading the certificate authority")?;
    Ok(json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{
            "issuer": {
                "url": stack.issuer(),
                "audiences": ["kubernetes", "console"],
                "audienceMatchPolicy": "MatchAny",
                "certificateAuthority": authority,
            },
            "claimValidationRules": [{
                "expression": "claims.?email_verified.orValue(false) == true",
                "message": "the e-mail address is not verified",
            }],
            "claimMappings": {
                "username": { "expression": "claims.email" },
                "groups": { "expression": "dyn(claims.?groups.orValue([])).map(group, 'oidc:' + string(group))" },
                "uid": { "claim": "sub" },
            },
            "userValidationRules": [
                { "expression": "!user.username.startsWith('system:')", "message": "the name is reserved" },
                { "expression": "user.groups.all(group, !group.startsWith('system:'))", "message": "a group is reserved" },
            ],
        }],
    }))
}

/// Where aws-iam-authenticator answers TokenReviews.
fn webhook(stack: &Stack) -> Result<Value> {
    let authority = stack.authority();
    anyhow::ensure!(
        authority.exists(),
        "the certificate authority is made before"
    );
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "authenticator", "cluster": {
            "server": format!("https://127.0.0.1:{}/authenticate", stack.ports().authenticator),
            "certificate-authority": authority,
        }}],
        "users": [{ "name": "apiserver" }],
        "contexts": [{ "name": "webhook", "context": { "cluster": "authenticator", "user": "apiserver" } }],
        "current-context": "webhook",
    }))
}

fn write_json(stack: &Stack, file: &str, value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).with_context(|| format!("encoding {file}"))?;
    write_private(&stack.home.config(file), &text)
}

fn controller_manager(stack: &Stack) -> Result<Spec> {
    Ok(client(
        stack,
        "kube-controller-manager",
        stack.ports().controller_manager,
    )
    .arg(format!("--root-ca-file={}", stack.authority().display()))
    // Its own brake lets twenty quotas a second into force: on one machine that would be all that is ever measured.
    .args(["--kube-api-qps=1000", "--kube-api-burst=2000"])
    .arg(format!(
        "--service-account-private-key-file={}",
        stack.home.tls("service-account.key").display()
    )))
}

fn scheduler(stack: &Stack) -> Result<Spec> {
    Ok(client(stack, "kube-scheduler", stack.ports().scheduler))
}

/// One of each is enough, so nobody writes Leases to elect it.
fn client(stack: &Stack, name: &str, port: u16) -> Spec {
    let kubeconfig = stack.kubeconfig("admin").display().to_string();
    Spec::new(tool::control_plane(name))
        .args([
            format!("--kubeconfig={kubeconfig}"),
            format!("--secure-port={port}"),
        ])
        .args(["--bind-address=127.0.0.1", "--leader-elect=false"])
        .arg(format!("--cert-dir={}", stack.home.data(name).display()))
}

/// Ready by its effects: a service account was made, and `admin` was aggregated.
fn controllers_probe(stack: &Stack) -> Probe {
    let script = r#""$0" get serviceaccount default -n default -o name && test -n "$("$0" get clusterrole admin -o 'jsonpath={.rules}')""#;
    let kubectl = tool::kubectl().display().to_string();
    let config = stack.kubeconfig("admin").display().to_string();
    Probe::Command(
        Spec::new("sh")
            .args(["-c", script, &kubectl])
            .env("KUBECONFIG", config),
    )
}

fn scheduler_probe(stack: &Stack) -> Probe {
    Probe::Tcp(stack.ports().scheduler)
}
