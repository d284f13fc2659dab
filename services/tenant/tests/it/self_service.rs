use tenantry_testkit::eventually;

use crate::support::{World, settings, tenant};

const FALCON: &str = "falcon@nordmart.com";

fn namespace(name: &str, labels: &str) -> String {
    format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{{labels}}}}}}}")
}

/// Creates a namespace as `user`.
fn create(world: &World, user: &str, name: &str, labels: &str) -> Result<String, String> {
    world.kubectl_with(
        &format!("create --as {user} -f -"),
        &namespace(name, labels),
    )
}

/// Writes to a namespace as `user`, who need not be able to read it: every other way of kubectl reads first.
fn write(world: &World, user: &str, manifest: &str) -> Result<String, String> {
    let apply = format!("apply --server-side --as {user} -f -");
    world.kubectl_with(&apply, manifest)
}

/// Writes an annotation that decides about nothing.
fn annotate(world: &World, user: &str, name: &str) -> Result<String, String> {
    let manifest = namespace(name, "").replace("labels: {}", "annotations: {seen: always}");
    write(world, user, &manifest)
}

/// A tenant of falcon's with an editor and a viewer, and one of bear's; the rules are enforced.
async fn two_tenants(world: &World, name: &str) {
    let manifest = tenant(name, FALCON, ", sandboxes: {enabled: true}").replace(
        "accessControl: {",
        "accessControl: {editors: {users: [edi]}, viewers: {users: [vic]}, ",
    );
    world.apply(&manifest);
    world.apply(&tenant(&format!("{name}-foreign"), "bear@nordmart.com", ""));
    world.wait_for(name, "Ready", "True").await;
    world
        .wait_for(&format!("{name}-foreign"), "Ready", "True")
        .await;
    eventually("the rules are enforced", async || {
        let label = format!("stakater.com/tenant: {name}-foreign");
        match create(
            world,
            &format!("{FALCON} --dry-run=server"),
            "probe",
            &label,
        ) {
            Err(refused) if refused.contains("you are no owner") => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

fn refused(answer: Result<String, String>, words: &[&str]) {
    let refusal = answer.expect_err("a refusal");
    for words in words {
        assert!(refusal.contains(words), "{words:?} in {refusal}");
    }
}

#[tokio::test]
async fn owners_make_label_and_delete_namespaces_of_their_own_tenant() {
    let world = World::shared().await;
    two_tenants(&world, "serve").await;
    let own = "stakater.com/tenant: serve";
    create(&world, FALCON, "serve-own", own).unwrap();
    let apply = format!("apply --server-side --as {FALCON} -f -");
    let other = namespace("serve-other", own);
    world.kubectl_with(&apply, &other).unwrap();
    let origin = |name: &str| {
        format!(r"get namespace {name} -o=jsonpath={{.metadata.annotations.tenantry\.dev/origin}}")
    };
    world
        .wait_for_answer(&origin("serve-own"), "self-served")
        .await;
    world
        .wait_for_answer(&origin("serve-other"), "self-served")
        .await;
    world.wait_for("serve", "Ready", "True").await;
    assert!(
        world.can(FALCON, "create pods -n serve-own")
            && world.can("edi", "create pods -n serve-own")
    );
    assert!(!world.can("bear@nordmart.com", "get pods -n serve-own"));
    let quota = world.get("resourcequota tenant-quota -n serve-own");
    assert!(quota["status"]["hard"]["configmaps"].is_string());
    let status = world.get("tenant serve")["status"].clone();
    assert!(
        status["managedNamespaces"]
            .to_string()
            .contains("serve-own")
    );
    assert!(
        !status["deployedNamespaces"]
            .to_string()
            .contains("serve-own")
    );
    // Client-side apply reads first, which owners may not.
    refused(
        world.kubectl_with(
            &format!("apply --as {FALCON} -f -"),
            &namespace("serve-third", own),
        ),
        &["cannot get resource \"namespaces\""],
    );
    world
        .kubectl(&format!(
            "label namespace serve-own color=red --as {FALCON}"
        ))
        .unwrap();
    world
        .kubectl_with(
            &apply,
            &namespace("serve-other", &format!("{own}, color: red")),
        )
        .unwrap();
    world.kubectl("create namespace serve-adopted").unwrap();
    // The times of creation and of the label are kept by the second.
    eventually("a second later", async || {
        let namespace = world.get("namespace serve-adopted");
        let created = namespace["metadata"]["creationTimestamp"]
            .as_str()
            .unwrap()
            .to_owned();
        let age = k8s_openapi::jiff::Timestamp::now().duration_since(created.parse().unwrap());
        if age.as_secs() > 1 { Ok(()) } else { Err(age) }
    })
    .await;
    world
        .kubectl("label namespace serve-adopted stakater.com/tenant=serve")
        .unwrap();
    world
        .wait_for_answer(&origin("serve-adopted"), "adopted")
        .await;
    world.wait_for("serve", "Ready", "True").await;
    let delete = |name: &str, user: &str| {
        world.kubectl(&format!("delete namespace {name} --wait=false --as {user}"))
    };
    for (name, origin) in [
        ("serve-dev", "spec"),
        ("serve-falcon-nordmart-sandbox", "sandbox"),
        ("serve-adopted", "adopted"),
    ] {
        refused(
            delete(name, FALCON),
            &[
                name,
                "owners may delete what they made themselves",
                &format!("by {origin}"),
            ],
        );
    }
    refused(
        delete("serve-own", "edi"),
        &["cannot delete resource \"namespaces\""],
    );
    delete("serve-own", FALCON).unwrap();
    world.wait_until_gone("get namespace serve-own").await;
    world.wait_for("serve", "Ready", "True").await;
    assert!(
        !world.get("tenant serve")["status"]["managedNamespaces"]
            .to_string()
            .contains("serve-own")
    );
}

#[tokio::test]
async fn nobody_makes_or_moves_a_namespace_beyond_their_own_tenant() {
    let world = World::shared().await;
    two_tenants(&world, "beyond").await;
    let (own, foreign) = (
        "stakater.com/tenant: beyond",
        "stakater.com/tenant: beyond-foreign",
    );
    let name = "beyond-own";
    refused(
        create(&world, FALCON, name, ""),
        &[
            name,
            "lacks the label stakater.com/tenant",
            "kubectl create or kubectl apply --server-side",
        ],
    );
    refused(
        create(&world, FALCON, name, foreign),
        &[name, "is beyond-foreign", "you are no owner of that tenant"],
    );
    for user in ["edi", "vic"] {
        refused(
            create(&world, user, name, own),
            &["cannot create resource \"namespaces\""],
        );
    }
    refused(
        create(&world, FALCON, "kube-own", own),
        &["kube-own", "privileged"],
    );
    refused(
        create(&world, FALCON, "kube-own", ""),
        &["kube-own", "lacks the label"],
    );
    let patch =
        |name: &str, user: &str| annotate(&world, &format!("{user} --dry-run=server"), name);
    for name in ["kube-system", "default"] {
        refused(patch(name, FALCON), &[name, "belongs to no tenant"]);
    }
    refused(patch("beyond-foreign-dev", FALCON), &["you are no owner"]);
    patch("beyond-foreign-dev", "bear@nordmart.com").unwrap();
    for more in [
        "pod-security.kubernetes.io/enforce: privileged",
        "stakater.com/kind: dev",
    ] {
        refused(
            create(&world, FALCON, name, &format!("{own}, {more}")),
            &["are set by the platform"],
        );
    }
    let forged = namespace(name, own).replace(
        "labels:",
        "annotations: {tenantry.dev/origin: spec}, labels:",
    );
    refused(
        world.kubectl_with(&format!("create --as {FALCON} -f -"), &forged),
        &["annotations tenantry.dev/* are set by the tenant service"],
    );
    create(&world, FALCON, name, own).unwrap();
    world
        .wait_for_answer(
            r"get namespace beyond-own -o=jsonpath={.metadata.annotations.tenantry\.dev/origin}",
            "self-served",
        )
        .await;
    world.wait_for("beyond", "Ready", "True").await;
    let change = |what: &str| world.kubectl(&format!("{what} --overwrite --as {FALCON}"));
    refused(
        change("label namespace beyond-own stakater.com/tenant-"),
        &["belongs to tenant beyond", "only administrators"],
    );
    refused(
        change("label namespace beyond-own stakater.com/tenant=beyond-foreign"),
        &["beyond-own", "beyond-foreign"],
    );
    refused(
        change("label namespace beyond-own pod-security.kubernetes.io/enforce=privileged"),
        &["are set by the platform"],
    );
    refused(
        change("annotate namespace beyond-dev tenantry.dev/origin=self-served"),
        &["are set by the tenant service"],
    );
    change("annotate namespace beyond-dev example.com/note=fine").unwrap();
    // An administrator moves it, and its members with it.
    world
        .kubectl("label namespace beyond-own stakater.com/tenant=beyond-foreign --overwrite")
        .unwrap();
    eventually(
        "the new tenant's members have it, the old ones do not",
        async || {
            let (old, new) = (
                world.can(FALCON, "get pods -n beyond-own"),
                world.can("bear@nordmart.com", "get pods -n beyond-own"),
            );
            if new && !old { Ok(()) } else { Err((old, new)) }
        },
    )
    .await;
}

#[tokio::test]
async fn an_owner_takes_what_nobody_has_only_where_he_may_update_it() {
    let world = World::shared().await;
    two_tenants(&world, "taken").await;
    world.kubectl("create namespace taken-old").unwrap();
    let take = |tenant: &str| {
        let labels = format!("stakater.com/tenant: {tenant}");
        write(&world, FALCON, &namespace("taken-old", &labels))
    };
    let words = "falcon@nordmart.com cannot update namespace taken-old: it belongs to no tenant, and you may not update it; \
                 who may can set its label stakater.com/tenant";
    refused(take("taken"), &[words]);
    refused(take("taken-foreign"), &[words]);
    let label = r"get namespace taken-old -o=jsonpath={.metadata.labels.stakater\.com/tenant}";
    assert_eq!(world.kubectl(label).unwrap(), "");
    // Whoever may update it gives it away, to a tenant of his own.
    let bind = "create rolebinding keeper -n taken-old --clusterrole=tenantry-own-namespace";
    world.kubectl(&format!("{bind} --user={FALCON}")).unwrap();
    eventually("the right to update it", async || {
        match take("taken-foreign") {
            Err(refused) if refused.contains("you are no owner of that tenant") => Ok(()),
            other => Err(other),
        }
    })
    .await;
    take("taken").unwrap();
    assert_eq!(world.kubectl(label).unwrap(), "taken");
    eventually("the tenant has it", async || {
        let status = world.get("tenant taken")["status"].clone();
        let has_it = status["managedNamespaces"]
            .to_string()
            .contains("taken-old");
        has_it.then_some(()).ok_or(status)
    })
    .await;
}

/// Rights on all namespaces, of whoever is named.
const PLATFORM: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: writes-namespaces}
rules:
- {apiGroups: [''], resources: [namespaces], verbs: [get, create, update, patch, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: writes-namespaces}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: writes-namespaces}
subjects:
- {kind: User, name: controller, apiGroup: rbac.authorization.k8s.io}
- {kind: User, name: robot-7, apiGroup: rbac.authorization.k8s.io}
- {kind: User, name: denied, apiGroup: rbac.authorization.k8s.io}
- {kind: Group, name: platform, apiGroup: rbac.authorization.k8s.io}
- {kind: ServiceAccount, name: deployer, namespace: cd}
- {kind: ServiceAccount, name: robot-7, namespace: cd}
";

#[tokio::test]
async fn the_integration_config_says_who_is_exempt_and_the_apiserver_holds_it_alone() {
    let world = World::start().await;
    two_tenants(&world, "exempt").await;
    world.apply(PLATFORM);
    let group = "somebody --as-group platform";
    let (deployer, robot) = (
        "system:serviceaccount:cd:deployer",
        "system:serviceaccount:cd:robot-7",
    );
    let probe = |user: &str| create(&world, &format!("{user} --dry-run=server"), "probe", "");
    let lacking = ["lacks the label"];
    for user in [
        "robot-7",
        group,
        deployer,
        robot,
        "denied --as-group platform",
    ] {
        refused(probe(user), &lacking);
    }
    world.apply(&settings(
        "{accessControl: {privileged: {namespaces: ['^infra-'], users: ['^robot-', robot], groups: [platform], \
          serviceAccounts: ['^system:serviceaccount:cd:deployer$']}, \
          namespaceAccessPolicy: {deny: {privilegedNamespaces: {users: [denied]}}}}}",
    ));
    eventually("the lists are in force", async || probe("robot-7")).await;
    for user in [group, deployer, "denied --as-group platform"] {
        probe(user).unwrap();
    }
    // A service account is no user, whatever its name.
    refused(probe(robot), &lacking);
    refused(probe("controller"), &lacking);
    create(&world, "controller --dry-run=server", "infra-x", "").unwrap();
    let claim = "stakater.com/tenant: exempt";
    refused(
        create(&world, "controller --dry-run=server", "infra-x", claim),
        &["privileged"],
    );
    refused(
        create(
            &world,
            "denied --as-group platform",
            "probe",
            "stakater.com/tenant: exempt",
        ),
        &["namespaceAccessPolicy.deny", "tenant exempt"],
    );
    refused(
        world.kubectl("delete namespace exempt-dev --as denied --as-group platform"),
        &["namespaceAccessPolicy.deny"],
    );
    world
        .kubectl(&format!("label namespace exempt-dev seen=yes --as {group}"))
        .unwrap();
    // Without the service, and without its parameter put back by it, the rules hold.
    world
        .kubectl("delete configmap tenantry-privileged -n multi-tenant-operator")
        .unwrap();
    eventually("the parameter is back", async || probe("robot-7")).await;
    world.kill();
    let own = "stakater.com/tenant: exempt";
    refused(create(&world, FALCON, "exempt-own", ""), &lacking);
    refused(
        create(
            &world,
            FALCON,
            "exempt-own",
            "stakater.com/tenant: exempt-foreign",
        ),
        &["you are no owner"],
    );
    create(&world, FALCON, "exempt-own", own).unwrap();
    // A controller takes its finalizer off a namespace on its way out, and touches no other one.
    refused(
        world.kubectl("label namespace exempt-own seen=yes --as controller"),
        &["you are no owner"],
    );
    world.kubectl(r#"patch namespace exempt-own --type=merge -p {"metadata":{"finalizers":["example.com/hold"]}}"#).unwrap();
    world
        .kubectl("delete namespace exempt-own --wait=false")
        .unwrap();
    let going = "get namespace exempt-own -o=jsonpath={.status.phase}";
    assert_eq!(world.kubectl(going).unwrap(), "Terminating");
    // Not so who owns another tenant, though RBAC lets him patch every namespace.
    refused(
        annotate(&world, "bear@nordmart.com", "exempt-own"),
        &["exempt-own", "you are no owner of that tenant"],
    );
    world.kubectl(r#"patch namespace exempt-own --type=merge -p {"metadata":{"finalizers":null}} --as controller"#).unwrap();
    world.wait_until_gone("get namespace exempt-own").await;
}
