use tenantry_testkit::eventually;

use crate::support::{QUOTA, World, tenant};

/// Everything that a tenant could have left behind.
fn traces(world: &World, tenant: &str) -> String {
    let kinds =
        "namespaces,clusterroles,clusterrolebindings,rolebindings,resourcequotas,limitranges";
    world
        .kubectl(&format!(
            "get {kinds} -A -l stakater.com/tenant={tenant} -o name"
        ))
        .unwrap()
}

#[tokio::test]
async fn a_quota_that_contradicts_itself_is_refused() {
    let world = World::shared().await;
    let check = |limits: &str, words: Option<&str>| {
        let manifest = format!(
            "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: Quota
metadata: {{name: contrary}}
spec: {{limitrange: {{limits: [{limits}]}}}}
"
        );
        let answer = world.kubectl_with("create --dry-run=server -f -", &manifest);
        match (answer, words) {
            (Ok(_), None) => {}
            (Err(refused), Some(words)) => assert!(refused.contains(words), "{refused}"),
            (answer, _) => panic!("{limits}: {answer:?}"),
        }
    };
    check(
        "{type: Container, min: {cpu: 200m}, max: {cpu: 800m}}",
        None,
    );
    check("{type: Container, min: {cpu: 1}, max: {cpu: 1000m}}", None);
    check("{type: Container, min: {memory: 2Gi}, max: {cpu: 1}}", None);
    check(
        "{type: Container, min: {cpu: 2}, max: {cpu: 800m}}",
        Some("min is more than max"),
    );
    check(
        "{type: Container, default: {memory: 2Gi}, max: {memory: 1Gi}}",
        Some("default is more than max"),
    );
    check(
        "{type: Container, defaultRequest: {cpu: 2}, default: {cpu: 1}}",
        Some("defaultRequest is more than default"),
    );
    check(
        "{type: Container, max: {cpu: 1}}, {type: Container, max: {cpu: 2}}",
        Some("a type is there twice"),
    );
    check(
        "{type: Container, max: {cpu: 1}}, {type: Pod, max: {cpu: 2}}",
        None,
    );
}

#[tokio::test]
async fn hostile_text_in_a_tenant_is_refused_or_harms_nobody() {
    let world = World::shared().await;
    let try_out = |manifest: &str| world.kubectl_with("create --dry-run=server -f -", manifest);
    let refuse = |manifest: &str, words: &str| {
        let refused = try_out(manifest).unwrap_err();
        assert!(refused.contains(words), "{words}: {refused}");
    };
    let owner = |owner: &str| tenant("hostile", owner, "");
    refuse(&owner("'system:masters'"), "names that start with system:");
    refuse(
        &owner(r#""owl\nbear""#),
        "spec.accessControl.owners.users[0]",
    );
    refuse(&owner("''"), "spec.accessControl.owners.users[0]");
    // Cyrillic а: a name like any other in a list of members, and none that a tenant can have.
    try_out(&owner("'аdmin'")).unwrap();
    refuse(
        &owner("owl").replace("name: hostile", "name: 'аdmin'"),
        "metadata.name",
    );
    refuse(
        &owner("owl").replace("name: hostile", r#"name: "a\nb""#),
        "metadata.name",
    );
    refuse(
        &owner("owl").replace("name: hostile", "name: '{{ x }}'"),
        "metadata.name",
    );
    let lists = |lists: &str| tenant("hostile", "owl", &format!(", {lists}"));
    refuse(
        &lists("withoutTenantPrefix: ['{{ x }}']"),
        "withoutTenantPrefix[0]",
    );
    refuse(
        &lists("withoutTenantPrefix: [dеv]"),
        "withoutTenantPrefix[0]",
    );
    refuse(
        &lists("withoutTenantPrefix: [one, one]"),
        "a name is there twice",
    );
    try_out(&lists("withoutTenantPrefix: [one, two]")).unwrap();
    let labels = |labels: &str| lists(&format!("metadata: {{common: {{labels: {{{labels}}}}}}}"));
    refuse(
        &labels("'stakater.com/tenant': other"),
        "belong to Tenantry",
    );
    refuse(&labels("'tenantry.dev/x': word"), "belong to Tenantry");
    refuse(&labels("'no key': word"), "the key of a label");
    refuse(&labels("key: 'no value'"), "the value of a label");
    try_out(&labels("'example.com/key': value")).unwrap();
    let note = "annotations: {'tenantry.dev/origin': adopted}";
    refuse(
        &lists(&format!("metadata: {{common: {{{note}}}}}")),
        "belongs to Tenantry",
    );
}

#[tokio::test]
async fn a_specification_of_a_mebibyte_is_refused() {
    let world = World::shared().await;
    let filled = |text: &str, entries: usize| {
        let annotations = (0..entries).map(|n| format!("'example.com/{n}': '{text}'"));
        let annotations = annotations.collect::<Vec<_>>().join(", ");
        tenant(
            "large",
            "owl",
            &format!(", metadata: {{common: {{annotations: {{{annotations}}}}}}}"),
        )
    };
    let create = |manifest: &str| world.kubectl_with("create --dry-run=server -f -", manifest);
    let refused = create(&filled(&"x".repeat(1 << 20), 1)).unwrap_err();
    assert!(
        refused.contains("Too long: may not be more than 16384"),
        "{refused}"
    );
    let refused = create(&filled("x", 65)).unwrap_err();
    assert!(refused.contains("must have at most 64 items"), "{refused}");
    create(&filled("x", 64)).unwrap();
    // The event about it has all of it inside, and has to find room in the stream.
    let refused = create(&filled(&"x".repeat(16_000), 60)).unwrap_err();
    assert!(
        refused.contains("at most 458752 bytes are allowed"),
        "{refused}"
    );
    // More than a namespace takes: a condition says so, and nothing else is harmed.
    world.apply(&tenant("beside", "owl@nordmart.com", ""));
    let manifest = filled(&"x".repeat(7_000), 60);
    world.kubectl_with("create -f -", &manifest).unwrap();
    world.wait_for("large", "Stalled", "True").await;
    world.wait_for("beside", "Ready", "True").await;
    let conditions = world.get("tenant large")["status"]["conditions"].to_string();
    assert!(conditions.contains("annotations"), "{conditions}");
    world.kubectl("delete tenant large --timeout=30s").unwrap();
    assert_eq!(traces(&world, "large"), "");
}

#[tokio::test]
async fn a_quota_that_no_event_could_hold_is_refused() {
    let world = World::shared().await;
    let amounts = (0..64).map(|n| format!("'example.com/{}{n:02}': 1", "x".repeat(280)));
    let amounts = amounts.collect::<Vec<_>>().join(", ");
    // 38 KiB for each kind of thing.
    let filled = |kinds: usize| {
        let limits = (0..kinds).map(|n| {
            format!("{{type: Kind{n}, max: {{{amounts}}}, maxLimitRequestRatio: {{{amounts}}}}}")
        });
        let limits = limits.collect::<Vec<_>>().join(", ");
        format!(
            "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: Quota
metadata: {{name: heavy}}
spec: {{limitrange: {{limits: [{limits}]}}}}
"
        )
    };
    let refuse = |line: &str| {
        let refused = world.kubectl_with(line, &filled(16)).unwrap_err();
        assert!(
            refused.contains("at most 458752 bytes are allowed; shorten it"),
            "{line}: {refused}"
        );
    };
    refuse("create --dry-run=server -f -");
    world
        .kubectl_with("create --dry-run=server -f -", &filled(4))
        .unwrap();
    world.apply(&QUOTA.replace("name: small", "name: heavy"));
    refuse("replace --dry-run=server -f -");
    world
        .kubectl("delete quotas.tenantoperator.stakater.com heavy --timeout=20s")
        .unwrap();
}

#[tokio::test]
async fn a_tenant_deleted_while_it_is_made_leaves_nothing_behind() {
    let world = World::shared().await;
    for round in 0..3 {
        let name = format!("brief-{round}");
        let purge = ", onDeletePurgeNamespaces: true";
        world.apply(&tenant(&name, "owl@nordmart.com", purge));
        world
            .kubectl(&format!("delete tenant {name} --timeout=30s"))
            .unwrap();
        eventually("nothing is left", async || {
            let left = traces(&world, &name);
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
}

#[tokio::test]
async fn an_integration_config_that_means_nothing_is_refused() {
    let world = World::shared().await;
    let check = |spec: &str, words: Option<&str>| {
        let manifest = format!(
            "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: IntegrationConfig
metadata: {{name: tenant-operator-config, namespace: multi-tenant-operator}}
spec: {{{spec}}}
"
        );
        let answer = world.kubectl_with("apply --dry-run=server -f -", &manifest);
        match (answer, words) {
            (Ok(_), None) => {}
            (Err(refused), Some(words)) => assert!(refused.contains(words), "{refused}"),
            (answer, _) => panic!("{spec}: {answer:?}"),
        }
    };
    let roles = |roles: &str| format!("accessControl: {{rbac: {{tenantRoles: {{{roles}}}}}}}");
    let role = "{clusterRoles: [view]}";
    let all = format!("owner: {role}, editor: {role}, viewer: {role}");
    check(&roles(&format!("default: {{{all}}}")), None);
    check(&roles("custom: []"), Some("default is missing"));
    check(
        &roles(&format!("default: {{owner: {role}, editor: {role}}}")),
        Some("tenantRoles.default.viewer: Required value"),
    );
    let selector = |operator: &str| {
        let expression = format!("{{key: k, {operator}}}");
        roles(&format!(
            "default: {{{all}}}, custom: [{{labelSelector: {{matchExpressions: [{expression}]}}, owner: {role}}}]"
        ))
    };
    check(&selector("operator: In, values: [a]"), None);
    check(
        &selector("operator: Like, values: [a]"),
        Some("operator is In, NotIn"),
    );
    check(
        &selector("operator: In"),
        Some("values belong to In and NotIn"),
    );
    let users = |pattern: &str| format!("accessControl: {{privileged: {{users: [{pattern}]}}}}");
    check(&users("'^admin-.*'"), None);
    check(&users("'('"), Some("users: not a regular expression"));
    check(
        "defaults: {containerRequests: {cpu: 2}, containerLimits: {cpu: 1}}",
        Some("containerRequests is more than containerLimits"),
    );
}

#[tokio::test]
async fn a_quota_of_nothing_or_of_what_nobody_counts_is_refused() {
    let world = World::shared().await;
    let check = |spec: &str, words: Option<&str>| {
        let manifest = format!(
            "{{apiVersion: tenantoperator.stakater.com/v1beta1, kind: Quota, metadata: {{name: counted}}, spec: {spec}}}"
        );
        let answer = world.kubectl_with("create --dry-run=server -f -", &manifest);
        match (answer, words) {
            (Ok(_), None) => {}
            (Err(refused), Some(words)) => assert!(refused.contains(words), "{refused}"),
            (answer, _) => panic!("{spec}: {answer:?}"),
        }
    };
    let nothing = Some("spec limits nothing");
    check("{}", nothing);
    check("{resourcequota: {hard: {}}}", nothing);
    check("{resourcequota: {}, limitrange: {limits: []}}", nothing);
    check(
        "{limitrange: {limits: [{type: Container, max: {cpu: 1}}]}}",
        None,
    );
    let hard = |name: &str| format!("{{resourcequota: {{hard: {{{name}: 1}}}}}}");
    for name in [
        "pods",
        "requests.cpu",
        "services.nodeports",
        "requests.hugepages-2Mi",
        "count/deployments.apps",
        "count/configmaps",
        "gold.storageclass.storage.k8s.io/requests.storage",
        "requests.nvidia.com/gpu",
    ] {
        check(&hard(name), None);
    }
    for name in ["pod", "Memory", "requests.gpu", "memory.requests", "'a b'"] {
        check(&hard(name), Some("nothing can be counted under that name"));
    }
}

#[tokio::test]
async fn a_quota_of_words_is_refused_and_numbers_are_taken() {
    let world = World::shared().await;
    let create = |manifest: &str| world.kubectl_with("create --dry-run=server -f -", manifest);
    let manifest = QUOTA.replace("name: small", "name: words");
    create(&manifest).unwrap();
    let refused = create(&manifest.replace("8Gi", &"9".repeat(65))).unwrap_err();
    assert!(refused.contains("memory"), "{refused}");
}
