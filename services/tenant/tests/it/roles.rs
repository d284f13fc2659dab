use tenantry_testkit::eventually;

use crate::support::{World, settings, tenant};

const EDITOR: &str = "accessControl: {editors: {users: [bob@aurora.org]}, ";

const DEFAULT: &str = "{owner: {clusterRoles: [admin]}, editor: {clusterRoles: [edit]}, viewer: {clusterRoles: [view]}}";

#[tokio::test]
async fn custom_roles_follow_selectors_and_an_edit_leaves_nothing_stale() {
    let world = World::start().await;
    let config = |custom: &str| {
        settings(&format!(
            "{{accessControl: {{rbac: {{tenantRoles: {{default: {DEFAULT}, custom: [{custom}]}}}}}}}}"
        ))
    };
    let by_kind = "{labelSelector: {matchExpressions: [{key: stakater.com/kind, operator: In, values: [build]}]}, owner: {clusterRoles: [view]}}";
    world.apply(&config(by_kind));
    world.apply(&tenant("custom", "anna@aurora.org", "").replace("accessControl: {", EDITOR));
    world.wait_for("custom", "Ready", "True").await;
    let may = |user: &str, namespace: &str| {
        world.can(user, &format!("create pods -n custom-{namespace}"))
    };
    assert!(may("anna@aurora.org", "dev") && !may("anna@aurora.org", "build"));
    assert!(world.can("anna@aurora.org", "get pods -n custom-build"));
    // The level that the entry omits has the default role.
    assert!(may("bob@aurora.org", "build"));
    // Two that match bind both.
    let by_tenant = "{labelSelector: {matchLabels: {stakater.com/tenant: custom}, matchExpressions: [{key: melted, operator: DoesNotExist}]}, owner: {clusterRoles: [edit]}}";
    world.apply(&config(&format!("{by_kind}, {by_tenant}")));
    let bound = "get rolebinding -n custom-build -l stakater.com/tenant=custom -o=jsonpath={.items[*].roleRef.name}";
    world
        .wait_for_answer(bound, "edit edit tenantry-own-namespace view")
        .await;
    world.apply(&config(by_tenant));
    world
        .wait_for_answer(bound, "edit edit tenantry-own-namespace")
        .await;
    an_owner_makes_namespaces_where_roles_go_by_the_tenant(&world).await;
    // A label set by somebody else counts as well, and its removal.
    let by_label = "{labelSelector: {matchExpressions: [{key: frozen, operator: Exists}]}, owner: {clusterRoles: [view]}, editor: {clusterRoles: [view]}}";
    world.apply(&config(by_label));
    world
        .wait_for_answer(bound, "edit admin tenantry-own-namespace")
        .await;
    world
        .kubectl("label namespace custom-build frozen=yes")
        .unwrap();
    world
        .wait_for_answer(bound, "view tenantry-own-namespace view")
        .await;
    assert!(!may("anna@aurora.org", "build") && may("anna@aurora.org", "dev"));
    // Owners may not choose their own roles by that label.
    let refused = world
        .kubectl("label namespace custom-dev frozen=no --as anna@aurora.org")
        .unwrap_err();
    assert!(
        refused.contains("frozen, stakater.com/kind are set by the platform"),
        "{refused}"
    );
    world
        .kubectl("label namespace custom-dev thawed=yes --as anna@aurora.org")
        .unwrap();
    world
        .kubectl("label namespace custom-build frozen-")
        .unwrap();
    world
        .wait_for_answer(bound, "edit admin tenantry-own-namespace")
        .await;
    world.apply(&config(
        "{labelSelector: {}, viewer: {clusterRoles: [cluster-admin]}}",
    ));
    world.apply(&tenant("custom", "anna@aurora.org", "").replace(
        "accessControl: {",
        "accessControl: {viewers: {users: [eve@aurora.org]}, ",
    ));
    world
        .wait_for_words("custom", "tenant-viewer-cluster-admin in custom-dev")
        .await;
    assert!(!world.can("eve@aurora.org", "get secrets -n custom-dev"));
    let refused = world
        .kubectl_with(
            "apply --dry-run=server -f -",
            &config("{labelSelector: {matchExpressions: [{key: a, operator: Is}]}}"),
        )
        .unwrap_err();
    assert!(refused.contains("operator"), "{refused}");
}

/// The label that the namespace must have is no role label, though the selector looks at it.
async fn an_owner_makes_namespaces_where_roles_go_by_the_tenant(world: &World) {
    let create = |how: &str, more: &str| {
        let labels = format!("{{stakater.com/tenant: custom{more}}}");
        let metadata = format!("{{name: custom-own, labels: {labels}}}");
        world.kubectl_with(
            &format!("create --as anna@aurora.org {how} -f -"),
            &format!("{{apiVersion: v1, kind: Namespace, metadata: {metadata}}}"),
        )
    };
    // The control: the other key of the selector is one, so the apiserver knows of the selector.
    eventually("the selector's role labels", async || {
        match create("--dry-run=server", ", melted: 'yes'") {
            Err(refused)
                if refused.contains("melted, stakater.com/kind are set by the platform") =>
            {
                Ok(())
            }
            other => Err(other),
        }
    })
    .await;
    create("", "").unwrap();
    eventually("the owner's access", async || {
        let has_it = world.can("anna@aurora.org", "create pods -n custom-own");
        has_it.then_some(()).ok_or("none")
    })
    .await;
}

/// Refuses the deletion of bindings to `admin`, as some other policy of a cluster might.
const HOLD: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: hold-bindings}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [rbac.authorization.k8s.io], apiVersions: [v1], operations: [DELETE], resources: [rolebindings]}
  validations:
  - {expression: "oldObject.roleRef.name != 'admin'", message: held for the audit}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: hold-bindings}
spec: {policyName: hold-bindings, validationActions: [Deny]}
"#;

#[tokio::test]
async fn a_binding_that_is_to_go_and_stays_is_named() {
    let world = World::start().await;
    let config = |owner: &str| {
        let roles = DEFAULT.replace("[admin]", &format!("[{owner}]"));
        let rbac = format!("{{rbac: {{tenantRoles: {{default: {roles}}}}}}}");
        settings(&format!("{{accessControl: {rbac}}}"))
    };
    world.apply(&config("admin"));
    world.apply(&tenant("stale", "anna@aurora.org", ""));
    world.wait_for("stale", "Ready", "True").await;
    world.apply(HOLD);
    eventually("a deletion that is refused", async || {
        let line = "delete rolebinding tenant-owner-admin -n stale-dev --dry-run=server";
        world.kubectl(line).err().ok_or("it would go")
    })
    .await;
    world.apply(&config("edit"));
    let status = "get integrationconfig tenant-operator-config -n multi-tenant-operator -o=jsonpath={.status.roleBindingsToDelete}";
    let both = r#"["stale-build/tenant-owner-admin","stale-dev/tenant-owner-admin"]"#;
    world.wait_for_answer(status, both).await;
    world.wait_for_words("stale", "held for the audit").await;
    world
        .kubectl("delete validatingadmissionpolicybinding hold-bindings")
        .unwrap();
    // Nobody tells of a policy that is gone: a change of the tenant makes it be looked at.
    eventually("the end of both bindings", async || {
        world.kubectl("annotate tenant stale note=look --overwrite")?;
        world.kubectl("annotate tenant stale note-")?;
        match world.kubectl("get rolebinding tenant-owner-admin -n stale-dev") {
            Err(gone) if gone.contains("NotFound") => Ok(()),
            there => Err(format!("{there:?}")),
        }
    })
    .await;
    world.wait_for_answer(status, "").await;
    assert!(!world.can("anna@aurora.org", "create rolebindings -n stale-dev"));
    assert!(world.can("anna@aurora.org", "create pods -n stale-dev"));
}
