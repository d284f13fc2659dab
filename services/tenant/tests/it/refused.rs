use serde_json::Value;
use tenantry_proto::tenant::v1::{DeleteTenantRequest, tenant_service_client::TenantServiceClient};
use tenantry_testkit::eventually;
use tonic::Request;

use crate::support::{World, tenant};

/// A quota's use is told each ten seconds at most, so a write may be due that long after its cause.
const USE_TOLD_SECONDS: u64 = 11;

/// Holds a right that the service lacks, so the apiserver does not let it bind this one.
const UNLISTED: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: unlisted}
rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]
---
apiVersion: tenantoperator.stakater.com/v1beta1
kind: IntegrationConfig
metadata: {name: tenant-operator-config, namespace: multi-tenant-operator}
spec:
  accessControl:
    rbac:
      tenantRoles:
        default: {owner: {clusterRoles: [unlisted]}, editor: {clusterRoles: [edit]}, viewer: {clusterRoles: [view]}}
";

/// Refuses what the service does to `kind` in the namespace `at`.
fn refusing(name: &str, resource: &str, operation: &str, at: &str) -> String {
    let group = if resource == "rolebindings" {
        "rbac.authorization.k8s.io"
    } else {
        ""
    };
    format!(
        "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {name}}}
spec:
  matchConstraints:
    resourceRules:
    - {{apiGroups: ['{group}'], apiVersions: [v1], resources: [{resource}], operations: [{operation}]}}
  validations:
  - expression: \"request.namespace != '{at}' || !request.userInfo.username.endsWith(':tenantry-tenant')\"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {name}}}
spec: {{policyName: {name}, validationActions: [Deny]}}
"
    )
}

/// Refuses the service the deletion of the tenant `name`.
fn refusing_deletion_of(name: &str) -> String {
    refusing("hold-tenant", "tenants", "DELETE", "")
        .replace(
            "apiGroups: ['']",
            "apiGroups: [tenantoperator.stakater.com]",
        )
        .replace("apiVersions: [v1]", "apiVersions: ['*']")
        .replace(
            "request.namespace != ''",
            &format!("request.name != '{name}'"),
        )
}

/// Waits until a policy is in force: the apiserver takes a moment to hear of it.
async fn until_refused(world: &World, line: &str) {
    eventually(&format!("a refusal of: {line}"), async || {
        let line = format!(
            "{line} --dry-run=server --as system:serviceaccount:multi-tenant-operator:tenantry-tenant"
        );
        match world.kubectl(&line) {
            Err(refusal) if refusal.contains("denied request") => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

fn lift(world: &World, policy: &str) {
    let line =
        format!("delete validatingadmissionpolicy,validatingadmissionpolicybinding {policy}");
    world.kubectl(&line).unwrap();
}

/// The service's writes in the audit log: verb, resource and the apiserver's answer.
pub(crate) fn writes(world: &World) -> Vec<(String, String, u64)> {
    let log = std::fs::read_to_string(world.audit_log()).expect("reading the audit log");
    let entries = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    entries
        .filter(|entry| text(&entry["user"]["username"]).ends_with(":tenantry-tenant"))
        .map(|entry| {
            (
                text(&entry["verb"]),
                text(&entry["objectRef"]["resource"]),
                entry["responseStatus"]["code"].as_u64().unwrap_or_default(),
            )
        })
        .collect()
}

fn accepted(writes: &[(String, String, u64)]) -> Vec<&(String, String, u64)> {
    writes.iter().filter(|(.., code)| *code < 300).collect()
}

fn refused(writes: &[(String, String, u64)]) -> usize {
    writes.len() - accepted(writes).len()
}

#[tokio::test]
async fn a_role_that_cannot_be_bound_is_told_once_and_then_nothing_is_written() {
    let world = World::start().await;
    world.apply(&tenant("bound", "owl@nordmart.com", ""));
    world.wait_for("bound", "Ready", "True").await;
    let told = || world.kubectl("get events -n default").unwrap();
    // The control: what is given is told.
    eventually("the rights given are told", async || {
        let told = told();
        let all = "everything wanted is in place; rights given in 6 bindings";
        told.contains(all).then_some(()).ok_or(told)
    })
    .await;
    world.apply(UNLISTED);
    world.apply(&tenant("unbound", "crow@nordmart.com", ""));
    world.wait_for("unbound", "Stalled", "True").await;
    let conditions = world.get("tenant unbound")["status"]["conditions"].to_string();
    assert!(conditions.contains("RoleNotBindable"), "{conditions}");
    world
        .wait_for_fact("unbound", "NamespaceCreated unbound-dev")
        .await;
    let facts = world.facts("unbound").await;
    assert!(
        facts.contains(&"MemberGrantRequested crow@nordmart.com".to_owned())
            && !facts.contains(&"MemberGranted crow@nordmart.com".to_owned()),
        "{facts:?}"
    );
    let of_unbound = told();
    let of_unbound = of_unbound
        .lines()
        .filter(|line| line.contains("tenant/unbound"));
    let given: Vec<&str> = of_unbound
        .filter(|line| line.contains("MembersGranted"))
        .collect();
    // The rights on the tenant and on its two namespaces themselves; the role in both was refused.
    assert!(
        matches!(given[..], [given] if given.contains("in 4 bindings")),
        "{given:?}"
    );
    another_look_writes_nothing(&world).await;
}

/// What a look does each minute, now.
async fn another_look_writes_nothing(world: &World) {
    let before = eventually("both tenants are at rest", async || {
        let before = writes(world);
        quiet(USE_TOLD_SECONDS).await;
        let after = writes(world);
        (before == after).then_some(after).ok_or("writes go on")
    })
    .await;
    world.restart(None);
    let after = eventually("the refused grant is tried again", async || {
        let after = writes(world);
        // One for each namespace of both tenants.
        (refused(&after) >= refused(&before) + 4)
            .then_some(after)
            .ok_or("not yet")
    })
    .await;
    assert_eq!(accepted(&after), accepted(&before));
    quiet(USE_TOLD_SECONDS).await;
    assert_eq!(accepted(&writes(world)), accepted(&before));
}

#[allow(
    clippy::disallowed_methods,
    reason = "the passing of time is what is measured"
)]
async fn quiet(seconds: u64) {
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
}

#[tokio::test]
async fn drift_is_told_once_it_is_put_back_and_not_before() {
    let world = World::shared().await;
    world.apply(&tenant("stands", "owl@nordmart.com", ""));
    world.wait_for("stands", "Ready", "True").await;
    world.apply(&refusing(
        "hold-quota",
        "resourcequotas",
        "UPDATE",
        "stands-dev",
    ));
    until_refused(&world, "label resourcequota tenant-quota -n stands-dev a=b").await;
    world.kubectl(r#"patch resourcequota tenant-quota -n stands-dev --field-manager=mallory --type=merge -p {"spec":{"hard":{"configmaps":"99"}}}"#).unwrap();
    world.wait_for("stands", "Stalled", "True").await;
    for n in 0..3 {
        world
            .kubectl(&format!("annotate tenant stands look={n} --overwrite"))
            .unwrap();
    }
    quiet(3).await;
    let drifts = async || {
        let facts = world.facts("stands").await;
        facts
            .iter()
            .filter(|fact| fact.starts_with("DriftReverted"))
            .count()
    };
    assert_eq!(drifts().await, 0);
    lift(&world, "hold-quota");
    eventually("the drift is told", async || {
        world
            .kubectl("annotate tenant stands look=again --overwrite")
            .unwrap();
        world
            .kubectl("annotate tenant stands look=more --overwrite")
            .unwrap();
        match drifts().await {
            0 => Err("not yet"),
            _ => Ok(()),
        }
    })
    .await;
    world.wait_for("stands", "Ready", "True").await;
    assert_eq!(drifts().await, 1);
}

#[tokio::test]
async fn a_deletion_that_was_refused_leaves_no_mark_of_who_asked() {
    let world = World::shared().await;
    world.apply(&tenant("stays", "owl@nordmart.com", ""));
    world.wait_for("stays", "Ready", "True").await;
    world.apply(&refusing_deletion_of("stays"));
    until_refused(&world, "delete tenant stays").await;
    let mut client = TenantServiceClient::new(world.channel().await);
    let mut request = Request::new(DeleteTenantRequest {
        name: "stays".to_owned(),
        ..DeleteTenantRequest::default()
    });
    let token = format!("Bearer {}", world.admin_token()).parse().unwrap();
    request.metadata_mut().insert("authorization", token);
    client.delete_tenant(request).await.unwrap_err();
    let annotations = &world.get("tenant stays")["metadata"]["annotations"];
    assert!(annotations["tenantry.dev/deleted-by"].is_null());
    lift(&world, "hold-tenant");
    world.kubectl("delete tenant stays --timeout=20s").unwrap();
    let actor: String = sqlx::query_scalar(
        "SELECT actor_name FROM events.event WHERE kind = 'TenantDeleted' AND name = 'stays'",
    )
    .fetch_one(&world.pool())
    .await
    .unwrap();
    assert_eq!(actor, "platform-admin");
}

#[tokio::test]
async fn one_binding_that_stays_holds_up_no_other_when_a_tenant_goes() {
    let world = World::shared().await;
    world.apply(&tenant("clings", "owl@nordmart.com", ""));
    world.wait_for("clings", "Ready", "True").await;
    world.apply(&refusing(
        "hold-binding",
        "rolebindings",
        "DELETE",
        "clings-build",
    ));
    until_refused(
        &world,
        "delete rolebinding tenant-owner-admin -n clings-build",
    )
    .await;
    world.kubectl("delete tenant clings --wait=false").unwrap();
    world
        .wait_until_gone("get rolebinding tenant-owner-admin -n clings-dev")
        .await;
    world
        .wait_until_gone("get clusterrolebinding tenantry-tenant-clings")
        .await;
    assert!(
        world
            .kubectl("get rolebinding tenant-owner-admin -n clings-build")
            .is_ok()
    );
    lift(&world, "hold-binding");
    world.wait_until_gone("get tenant clings").await;
}

#[tokio::test]
async fn a_label_on_a_namespace_out_of_reach_makes_nobody_its_owner() {
    let world = World::shared().await;
    world.apply(&tenant("reaches", "owl@nordmart.com", ""));
    world.wait_for("reaches", "Ready", "True").await;
    world
        .kubectl("label namespace kube-node-lease stakater.com/tenant=reaches")
        .unwrap();
    world.kubectl("create namespace reached").unwrap();
    // The control: any other namespace with the label is the tenant's.
    world
        .kubectl("label namespace reached stakater.com/tenant=reaches")
        .unwrap();
    world
        .wait_for_fact("reaches", "NamespaceCreated reached")
        .await;
    let facts = world.facts("reaches").await;
    assert!(
        !facts.contains(&"NamespaceCreated kube-node-lease".to_owned()),
        "{facts:?}"
    );
}
