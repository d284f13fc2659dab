use tenantry_testkit::eventually;

use crate::support::{World, tenant};

#[tokio::test]
async fn a_removed_member_is_refused_and_a_group_is_let_in() {
    let world = World::shared().await;
    world.apply(&tenant("members", "owl@nordmart.com", ""));
    world.wait_for("members", "Ready", "True").await;
    let patch = r#"patch tenant members --type=merge -p {"spec":{"accessControl":{"owners":{"users":[]},"viewers":{"groups":["auditors"]}}}}"#;
    world.kubectl(patch).unwrap();
    world.wait_for("members", "Ready", "True").await;
    assert!(
        world
            .kubectl("auth can-i get pods -n members-dev --as owl@nordmart.com")
            .is_err()
    );
    assert!(
        world
            .kubectl("auth can-i get pods -n members-dev --as somebody --as-group auditors")
            .is_ok()
    );
    assert!(
        world
            .kubectl("auth can-i create pods -n members-dev --as somebody --as-group auditors")
            .is_err()
    );
    world
        .wait_for_fact("members", "MemberRevoked owl@nordmart.com")
        .await;
    world
        .wait_for_fact("members", "MemberGranted auditors")
        .await;
}

#[tokio::test]
async fn a_binding_that_somebody_keeps_from_going_gives_nobody_anything() {
    let world = World::shared().await;
    let owner = "owl@nordmart.com";
    world.apply(&tenant("armed", owner, ""));
    world.wait_for("armed", "Ready", "True").await;
    let may = |place: &str| world.can(owner, &format!("get pods -n armed-{place}"));
    assert!(may("dev") && may("build"));
    let hold = |finalizers: &str| {
        let line = "patch rolebinding tenant-owner-admin -n armed-dev --type=merge -p";
        let patch = format!(r#"{{"metadata":{{"finalizers":{finalizers}}}}}"#);
        world.kubectl(&format!("{line} {patch}")).unwrap();
    };
    hold(r#"["example.com/hold"]"#);
    let patch = r#"patch tenant armed --type=merge -p {"spec":{"accessControl":{"owners":{"users":[]},"viewers":{"groups":["auditors"]}}}}"#;
    world.kubectl(patch).unwrap();
    // One that nobody holds goes.
    world
        .wait_until_gone("get rolebinding tenant-owner-admin -n armed-build")
        .await;
    let held = eventually("a binding of nobody", async || {
        let held = world.get("rolebinding tenant-owner-admin -n armed-dev");
        match held["subjects"].is_null() {
            true => Ok(held),
            false => Err(held),
        }
    })
    .await;
    assert!(held["metadata"]["deletionTimestamp"].is_string(), "{held}");
    assert_eq!(held["metadata"]["finalizers"][0], "example.com/hold");
    // What it gave has ended, though it is there.
    world
        .wait_for_fact("armed", &format!("MemberRevoked {owner}"))
        .await;
    assert!(!may("dev") && !may("build"));
    hold("null");
    world
        .wait_until_gone("get rolebinding tenant-owner-admin -n armed-dev")
        .await;
    world.wait_for("armed", "Ready", "True").await;
}

#[tokio::test]
async fn a_namespace_that_leaves_the_spec_goes_and_an_adopted_one_stays() {
    let world = World::shared().await;
    world.kubectl("create namespace adopted").unwrap();
    world.apply(&tenant(
        "prune",
        "owl@nordmart.com",
        ", withoutTenantPrefix: [adopted]",
    ));
    world.wait_for("prune", "Stalled", "True").await;
    let message = world.get("tenant prune")["status"]["conditions"].to_string();
    assert!(
        message.contains("kubectl label namespace adopted stakater.com/tenant=prune"),
        "{message}"
    );
    world
        .kubectl("label namespace adopted stakater.com/tenant=prune")
        .unwrap();
    world.wait_for("prune", "Ready", "True").await;
    world.kubectl(r#"patch tenant prune --type=merge -p {"spec":{"namespaces":{"withTenantPrefix":["dev"],"withoutTenantPrefix":[]}}}"#).unwrap();
    world.wait_until_gone("get namespace prune-build").await;
    world.wait_for("prune", "Ready", "True").await;
    assert!(world.kubectl("get namespace adopted").is_ok());
    assert_eq!(
        world.get("tenant prune")["status"]["deployedNamespaces"],
        serde_json::json!(["prune-dev"])
    );
}

#[tokio::test]
async fn without_purge_namespaces_stay_and_rights_go() {
    let world = World::shared().await;
    world.apply(&tenant("keep", "owl@nordmart.com", ""));
    world.wait_for("keep", "Ready", "True").await;
    world.kubectl("delete tenant keep --timeout=20s").unwrap();
    let namespace = world.get("namespace keep-dev");
    assert!(namespace["metadata"]["labels"]["stakater.com/tenant"].is_null());
    assert_eq!(
        namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "baseline"
    );
    assert!(
        world
            .kubectl("auth can-i get pods -n keep-dev --as owl@nordmart.com")
            .is_err()
    );
    let left = world.get("rolebinding,resourcequota,limitrange -n keep-dev");
    assert_eq!(left["items"], serde_json::json!([]));
    let facts = world.facts("keep").await;
    assert_eq!(facts.last().map(String::as_str), Some("TenantDeleted keep"));
    assert_eq!(
        fates(&world, "keep").await,
        ["keep-build FATE_KEPT", "keep-dev FATE_KEPT"]
    );
}

/// What the history says became of a tenant's namespaces.
async fn fates(world: &World, tenant: &str) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT name || ' ' || (data ->> 'fate') FROM events.event
         WHERE tenant = $1 AND kind = 'NamespaceReleased' ORDER BY name",
    )
    .bind(tenant)
    .fetch_all(&world.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn with_purge_namespaces_go() {
    let world = World::shared().await;
    world.apply(&tenant(
        "purge",
        "owl@nordmart.com",
        ", onDeletePurgeNamespaces: true",
    ));
    world.wait_for("purge", "Ready", "True").await;
    world.kubectl("delete tenant purge --timeout=30s").unwrap();
    world.wait_until_gone("get namespace purge-dev").await;
    world.wait_until_gone("get namespace purge-build").await;
    world
        .wait_until_gone("get clusterrole tenantry-tenant-purge")
        .await;
    assert_eq!(
        fates(&world, "purge").await,
        ["purge-build FATE_DELETED", "purge-dev FATE_DELETED"]
    );
}

#[tokio::test]
async fn a_purge_tells_what_keeps_a_namespace_while_other_tenants_go_on() {
    let world = World::shared().await;
    world.apply(&tenant(
        "stuck",
        "owl@nordmart.com",
        ", onDeletePurgeNamespaces: true",
    ));
    world.wait_for("stuck", "Ready", "True").await;
    let held = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "namespace": "stuck-dev", "finalizers": ["example.com/hold"]}}"#;
    world.apply(held);
    world.kubectl("delete tenant stuck --wait=false").unwrap();
    world.wait_until_gone("get namespace stuck-build").await;
    world.wait_for_words("stuck", "stuck-dev (").await;
    world.wait_for_words("stuck", "example.com/hold").await;
    world.apply(&tenant("goes-on", "owl@nordmart.com", ""));
    world.wait_for("goes-on", "Ready", "True").await;
    world
        .kubectl(
            r#"patch configmap held -n stuck-dev --type=merge -p {"metadata":{"finalizers":null}}"#,
        )
        .unwrap();
    world.wait_until_gone("get namespace stuck-dev").await;
    world.wait_until_gone("get tenant stuck").await;
}

#[tokio::test]
async fn without_purge_what_we_set_goes_and_what_others_set_stays() {
    let world = World::shared().await;
    let metadata =
        ", metadata: {common: {labels: {team: stars, shared: both}, annotations: {note: ours}}}";
    world.apply(&tenant("bare", "owl@nordmart.com", metadata));
    world.wait_for("bare", "Ready", "True").await;
    world
        .kubectl("label namespace bare-dev theirs=kept")
        .unwrap();
    let shared = r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bare-dev", "labels": {"shared": "both"}}}"#;
    world
        .kubectl_with("apply --server-side --field-manager=others -f -", shared)
        .unwrap();
    world.kubectl("delete tenant bare --timeout=20s").unwrap();
    let left = world.get("namespace bare-dev")["metadata"].clone();
    assert_eq!(
        left["labels"],
        serde_json::json!({
            "kubernetes.io/metadata.name": "bare-dev", "pod-security.kubernetes.io/enforce": "baseline",
            "shared": "both", "theirs": "kept",
        })
    );
    assert!(left["annotations"].is_null(), "{left}");
}

#[tokio::test]
async fn a_name_that_two_tenants_want_is_refused_until_one_of_them_gives_it_up() {
    let world = World::shared().await;
    let list = |name: &str, entry: &str| {
        tenant(name, "owl@nordmart.com", "").replace("[dev, build]", &format!("[{entry}]"))
    };
    world.apply(&list("two", "names-x"));
    world.wait_for("two", "Ready", "True").await;
    let second = list("two-names", "x");
    let refused = world.kubectl_with("apply -f -", &second).unwrap_err();
    assert!(
        refused.contains("two-names-x") && refused.contains("tenant two"),
        "{refused}"
    );
    world.apply(&list("two", "other"));
    world.wait_until_gone("get namespace two-names-x").await;
    world.apply(&second);
    world.wait_for("two-names", "Ready", "True").await;
    let owner = r"get namespace two-names-x -o=jsonpath={.metadata.labels.stakater\.com/tenant}";
    world.wait_for_answer(owner, "two-names").await;
}

#[tokio::test]
async fn a_pause_is_told_as_that_of_who_asked_for_it_whatever_he_writes() {
    let world = World::shared().await;
    world.apply(&tenant("halted", "owl@nordmart.com", ""));
    world.wait_for("halted", "Ready", "True").await;
    // Whose field manager it is, anybody may choose.
    let annotate = |who: &str, what: &str| {
        let whose = format!("--as {who} --as-group system:masters");
        let manager = "--field-manager=tenantry-tenant-api";
        let line = format!("annotate tenant halted --overwrite {whose} {manager} {what}");
        world.kubectl(&line).unwrap();
    };
    let by = r"get tenant halted -o=jsonpath={.metadata.annotations.tenantry\.dev/paused-by}";
    annotate(
        "zoe",
        "tenantry.dev/paused=true tenantry.dev/paused-by=bear",
    );
    assert_eq!(world.kubectl(by).unwrap(), "zoe");
    world.wait_for_fact("halted", "TenantPaused halted").await;
    // Nor can it be somebody else's later on.
    annotate("crow", "tenantry.dev/paused-by=bear note=mine");
    assert_eq!(world.kubectl(by).unwrap(), "zoe");
    // Of an annotation that is gone, the apiserver does not tell who took it away.
    annotate("owl", "tenantry.dev/paused-");
    world.wait_for_fact("halted", "TenantResumed halted").await;
    assert_eq!(
        pauses(&world, "halted").await,
        ["TenantPaused user:zoe", "TenantResumed user:owl"]
    );
}

/// What the history says of a tenant's pauses, and whose they were.
async fn pauses(world: &World, tenant: &str) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT kind || ' ' || actor_kind || ':' || actor_name FROM events.event
         WHERE tenant = $1 AND kind IN ('TenantPaused', 'TenantResumed') ORDER BY row_id",
    )
    .bind(tenant)
    .fetch_all(&world.pool())
    .await
    .unwrap()
}
