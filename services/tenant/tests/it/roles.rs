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
    let by_tenant = "{labelSelector: {matchLabels: {stakater.com/tenant: custom}}, owner: {clusterRoles: [edit]}}";
    world.apply(&config(&format!("{by_kind}, {by_tenant}")));
    let bound = "get rolebinding -n custom-build -l stakater.com/tenant=custom -o=jsonpath={.items[*].roleRef.name}";
    world
        .wait_for_answer(bound, "edit edit tenantry-own-namespace view")
        .await;
    world.apply(&config(by_tenant));
    world
        .wait_for_answer(bound, "edit edit tenantry-own-namespace")
        .await;
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
