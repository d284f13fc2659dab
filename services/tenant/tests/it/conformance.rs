//! `tenantry conformance` on a cluster of its own: silent while isolation is intact, and it names what is not.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tenantry_testkit::eventually;

use crate::support::World;

/// Every asker, a private sandbox, a rule to break, a neighbour, and a place that nobody has.
const TENANTS: &str = "
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata: {name: iso}
spec:
  quota: small
  namespaces: {withTenantPrefix: [dev], sandboxes: {enabled: true, private: true}}
  accessControl: {owners: {users: [ida]}, editors: {users: [ed]}, viewers: {groups: [watchers]}}
  imageRegistries: {allowed: [ghcr.io]}
---
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata: {name: next}
spec:
  quota: small
  namespaces: {withTenantPrefix: [dev]}
  accessControl: {owners: {users: [nora]}}
---
apiVersion: v1
kind: Namespace
metadata: {name: nobodys}
";
/// Bindings that are taken away: what they deny is possible then.
const PULLED: [&str; 2] = ["tenantry-guardrails-workloads-create", "tenantry-objects"];
const ELSEWHERE: &str = "create --dry-run=server -f - --as ida";
const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: iso-dev}, spec: {containers: [{name: c, image: quay.io/x}]}}";
const UNBIND: &str = "delete rolebinding tenant-owner-admin -n iso-dev --dry-run=server --as ida";

fn conformance(kubeconfig: &Path, args: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_tenantry-tenant")).with_file_name("tenantry");
    let mut command = Command::new(&program);
    command
        .args(["conformance", "--tenant", "iso", "--kubeconfig"])
        .arg(kubeconfig)
        .args(args);
    let output = command.output();
    output.unwrap_or_else(|error| {
        panic!(
            "{}: {error}; make it with `cargo build -p tenantry`",
            program.display()
        )
    })
}

fn as_admin(world: &World, args: &[&str]) -> Output {
    conformance(&world.admin_kubeconfig(), args)
}

fn text(output: &Output) -> String {
    let both = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    both.concat()
}

/// Runs as far as `args` say, and must end with `code` and say `words`. Gives all that it says.
fn ends_with(world: &World, args: &[&str], code: i32, words: &[&str]) -> String {
    let output = as_admin(world, args);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(code), "{told}");
    for word in words {
        assert!(told.contains(word), "no {word:?} in {told}");
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_on_an_intact_tenant_and_names_what_was_broken() {
    let world = World::start().await;
    world.apply(TENANTS);
    world.wait_for("iso", "Ready", "True").await;
    world.wait_for("next", "Ready", "True").await;
    until_guarded(&world, true).await;
    an_intact_tenant_holds_and_nothing_is_written(&world);
    a_binding_too_much_and_a_policy_that_says_nothing_are_named(&world).await;
    a_policy_too_few_is_named(&world).await;
    without_impersonation_nothing_is_told(&world).await;
    a_failed_control_is_no_proof(&world).await;
}

fn an_intact_tenant_holds_and_nothing_is_written(world: &World) {
    let before = writes(world).len();
    let output = as_admin(world, &["-o", "json"]);
    assert!(output.status.success(), "{}", text(&output));
    nothing_was_written(world, before);
    let report = serde_json::from_slice(&output.stdout).unwrap();
    everybody_was_asked_for_everywhere(&report);
    what_needs_a_place_was_attempted(&report);
}

/// Waits until the policies are in force, or no longer: the apiserver takes a moment to hear of them.
async fn until_guarded(world: &World, is_guarded: bool) {
    eventually("the policies", async || {
        let tried = [(ELSEWHERE, POD), (UNBIND, "")]
            .map(|(line, manifest)| world.kubectl_with(line, manifest).is_err());
        (tried == [is_guarded; 2]).then_some(()).ok_or(tried)
    })
    .await;
}

/// Writes that the apiserver noted, but for those of the tenant service and the control plane.
fn writes(world: &World) -> Vec<Value> {
    let log = fs::read_to_string(world.audit_log()).unwrap();
    let entries = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_ours = |entry: &Value| {
        let agent = entry["userAgent"].as_str().unwrap_or_default();
        let user = entry["user"]["username"].as_str().unwrap_or_default();
        !user.starts_with("system:") && !agent.starts_with("kubectl")
    };
    entries.filter(is_ours).collect()
}

fn nothing_was_written(world: &World, before: usize) {
    let all = writes(world);
    let written = &all[before..];
    // The control: the log tells of the attempts, under the member's name.
    assert!(written.len() >= 40, "{}", written.len());
    assert!(
        written
            .iter()
            .any(|entry| entry["impersonatedUser"]["username"] == "ida")
    );
    for entry in written {
        let uri = entry["requestURI"].as_str().unwrap();
        assert!(uri.ends_with("?dryRun=All"), "{entry}");
    }
}

fn everybody_was_asked_for_everywhere(report: &Value) {
    let names: Vec<&str> = report["asked"]
        .as_array()
        .unwrap()
        .iter()
        .map(|asked| asked["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["ed", "ida", "watchers", "tenantry-conformance-outsider"]
    );
    let checks = report["checks"].as_array().unwrap();
    let places = checks
        .iter()
        .filter(|check| check["kind"] == "rights" && check["who"] == "editor ed")
        .map(|check| check["place"].as_str().unwrap());
    let expected = [
        "namespace iso-dev",
        "own sandbox iso-ed-sandbox",
        "another's sandbox iso-ida-sandbox",
        "foreign namespace next-dev",
        "kube-system",
        "the cluster",
    ];
    assert_eq!(places.collect::<Vec<_>>(), expected);
    let lacking = checks.iter().filter(|check| !check["lacking"].is_null());
    assert_eq!(lacking.collect::<Vec<_>>(), Vec::<&Value>::new());
}

fn what_needs_a_place_was_attempted(report: &Value) {
    let checks = report["checks"].as_array().unwrap();
    for what in [
        "adopt a namespace that nobody has",
        "delete a namespace that the spec made",
    ] {
        let is_it = |check: &Value| check["kind"] == "attempt" && check["what"] == what;
        assert!(checks.iter().any(is_it), "{what}: {}", report["notes"]);
    }
}

/// Of the policy no attempt tells: the tenant has no rule about claims, so nothing can be tried in vain.
async fn a_binding_too_much_and_a_policy_that_says_nothing_are_named(world: &World) {
    let policy = "validatingadmissionpolicy tenantry-guardrails-claims";
    let shipped = world.get(policy)["spec"]["validations"][0]["expression"].clone();
    let say = |expression: &Value| {
        let path = "/spec/validations/0/expression";
        let patch = json!([{"op": "replace", "path": path, "value": expression}]);
        let line = format!("patch {policy} --type=json --patch-file=/dev/stdin");
        world.kubectl_with(&line, &patch.to_string()).unwrap();
    };
    say(&json!("true"));
    world
        .kubectl("create clusterrolebinding oops --clusterrole=cluster-admin --user=ed")
        .unwrap();
    eventually("the mistake's effect", async || {
        world.can("ed", "delete nodes").then_some(()).ok_or("no")
    })
    .await;
    let named = [
        "policy tenantry-guardrails-claims",
        "altered: spec.validations[0].expression",
        "-f deploy/policies/guardrails.yaml",
        "rights: editor ed in kube-system",
        "ClusterRoleBinding \"oops\"",
        "fix:",
    ];
    let told = ends_with(world, &["--member", "ed"], 1, &named);
    let mut others = not_held(&told);
    others.retain(|name| {
        *name != "policy tenantry-guardrails-claims" && !name.starts_with("rights: editor ed in ")
    });
    assert_eq!(others, [""; 0], "{told}");
    world.kubectl("delete clusterrolebinding oops").unwrap();
    say(&shipped);
}

/// Names of what did not hold.
fn not_held(told: &str) -> Vec<&str> {
    let (_, list) = told.split_once("\nDid not hold:\n").unwrap();
    let list = list.lines().take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.strip_prefix("  "));
    names.filter(|line| !line.starts_with(' ')).collect()
}

async fn a_policy_too_few_is_named(world: &World) {
    let kept = PULLED.map(|name| {
        let line = format!("get validatingadmissionpolicybinding {name} -o json");
        let mut binding: Value = serde_json::from_str(&world.kubectl(&line).unwrap()).unwrap();
        binding["metadata"] = json!({"name": name});
        let line = format!("delete validatingadmissionpolicybinding {name}");
        world.kubectl(&line).unwrap();
        binding
    });
    until_guarded(world, false).await;
    let binding =
        || world.get("rolebinding tenant-owner-admin -n iso-dev")["metadata"]["uid"].clone();
    let before = binding();
    let named = [
        "policy tenantry-guardrails-workloads-create",
        "policy tenantry-objects",
        "it is missing",
        "an image from elsewhere: owner ida in namespace iso-dev",
        "delete our bindings: owner ida in namespace iso-dev",
        "deploy/policies/guardrails.yaml",
    ];
    ends_with(world, &["--member", "ida"], 1, &named);
    // What would have been possible was not done.
    assert_eq!(binding(), before);
    for binding in kept {
        world.apply(&binding.to_string());
    }
    until_guarded(world, true).await;
}

async fn without_impersonation_nothing_is_told(world: &World) {
    world
        .kubectl("create serviceaccount reader -n default")
        .unwrap();
    for line in [
        "create clusterrole tenant-reader --verb=get,list --resource=tenants.tenantoperator.stakater.com",
        "create clusterrolebinding tenant-reader --clusterrole=tenant-reader --serviceaccount=default:reader",
    ] {
        world.kubectl(line).unwrap();
    }
    let token = world.kubectl("create token reader -n default").unwrap();
    let text_of = fs::read_to_string(world.admin_kubeconfig()).unwrap();
    let mut config: Value = serde_json::from_str(&text_of).unwrap();
    config["users"][0]["user"] = json!({"token": token.trim()});
    let path = world.admin_kubeconfig().with_file_name("reader.json");
    fs::write(&path, config.to_string()).unwrap();
    eventually("a refusal that says what is missing", async || {
        let output = conformance(&path, &[]);
        let told = text(&output);
        let is_so =
            told.contains("you may not impersonate ed") && told.contains("verb impersonate");
        (is_so && output.status.code() == Some(4))
            .then_some(())
            .ok_or(told)
    })
    .await;
}

async fn a_failed_control_is_no_proof(world: &World) {
    // Nobody puts the bindings back.
    world.kill();
    world
        .kubectl("delete rolebindings -n iso-dev -l stakater.com/tenant=iso")
        .unwrap();
    world
        .kubectl("delete rolebindings -n iso-ida-sandbox -l stakater.com/tenant=iso")
        .unwrap();
    let told = [
        "0 did not hold",
        "owner ida has none of the rights that he should have",
        "what is allowed is not possible either",
    ];
    ends_with(world, &["--member", "ida"], 8, &told);
}
