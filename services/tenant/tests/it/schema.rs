use crate::support::{QUOTA, World, tenant};

#[tokio::test]
async fn the_apiserver_refuses_what_the_object_alone_shows_to_be_wrong() {
    let world = World::shared().await;
    let check = |manifest: &str, words: &str| {
        let refused = world
            .kubectl_with("apply --dry-run=server -f -", manifest)
            .unwrap_err();
        assert!(refused.contains(words), "{refused}");
    };
    check(
        &tenant("bad", "system:admin", ""),
        "names that start with system: belong to Kubernetes",
    );
    check(&tenant("bad_name", "owl", ""), "metadata.name");
    check(&tenant("a--b", "owl", ""), "single hyphens");
    check(
        &tenant(&"a".repeat(60), "owl", ""),
        "must have at most 63 characters",
    );
    check(
        &tenant("bad", "owl", "").replace("quota: small", "desc: none"),
        "spec.quota: Required value",
    );
    check(
        &tenant("bad", "owl", ", withoutTenantPrefix: [Upper]"),
        "withoutTenantPrefix",
    );
    check(
        &tenant("bad", "owl", "").replace(
            "quota: small",
            "quota: small\n  hostValidationConfig: {allowedRegex: '('}",
        ),
        "allowedRegex",
    );
    check(&QUOTA.replace("8Gi", "8Potatoes"), "memory");
    check(&QUOTA.replace("\"10\"", "\"-10\""), "configmaps");
    let scoped = |scopes: &str| QUOTA.replace("    hard:", &format!("    {scopes}\n    hard:"));
    check(
        &scoped("scopes: [NotTerminating]"),
        "put the rest into a Quota without scopes",
    );
    let scoped = |scopes: &str| scoped(scopes).replace("configmaps", "pods");
    check(
        &scoped("scopes: [BestEffort]"),
        "with BestEffort pods alone",
    );
    check(
        &scoped("scopes: [Terminating, NotTerminating]"),
        "its opposite",
    );
    check(&scoped("scopes: [Sometimes]"), "known are Terminating");
    let selector = |expression: &str| {
        scoped(&format!(
            "scopeSelector: {{matchExpressions: [{expression}]}}"
        ))
    };
    check(
        &selector("{scopeName: PriorityClass, operator: In}"),
        "which need them",
    );
    check(
        &selector("{scopeName: BestEffort, operator: DoesNotExist}"),
        "it is Exists",
    );
}

#[tokio::test]
async fn numbers_are_quantities_too() {
    let world = World::shared().await;
    world.apply(
        &QUOTA
            .replace("name: small", "name: numbers")
            .replace("\"10\"", "10"),
    );
    let manifest =
        tenant("fields", "owl@nordmart.com", "").replace("quota: small", "quota: numbers");
    world.apply(&manifest);
    world.wait_for("fields", "Ready", "True").await;
}
