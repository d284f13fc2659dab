use tenantry_testkit::eventually;

use crate::support::{World, tenant};

#[tokio::test]
async fn the_tutorials_tenants_work_as_it_says() {
    let world = World::shared().await;
    world.apply(&tenant("logistics", "falcon@nordmart.com", ""));
    world.apply(&tenant("retail", "bear@nordmart.com", ""));
    world.wait_for("logistics", "Ready", "True").await;
    world.wait_for("retail", "Ready", "True").await;
    let run = |user: &str, namespace: &str| {
        world.kubectl(&format!(
            "run nginx --image nginx -n {namespace} --as {user}"
        ))
    };
    // The controller-manager makes the default ServiceAccount a moment after the namespace.
    world
        .wait_for_answer(
            "get serviceaccount default -n logistics-dev -o name",
            "serviceaccount/default",
        )
        .await;
    assert_eq!(
        run("falcon@nordmart.com", "logistics-dev").unwrap().trim(),
        "pod/nginx created"
    );
    let refused = run("falcon@nordmart.com", "retail-dev").unwrap_err();
    assert!(refused.contains(
        r#"pods is forbidden: User "falcon@nordmart.com" cannot create resource "pods" in API group "" in the namespace "retail-dev""#
    ), "{refused}");
    let refused = world
        .kubectl("get namespaces --as falcon@nordmart.com")
        .unwrap_err();
    assert!(refused.contains(
        r#"namespaces is forbidden: User "falcon@nordmart.com" cannot list resource "namespaces" in API group "" at the cluster scope"#
    ), "{refused}");
    let pod = world.get("pod nginx -n logistics-dev");
    let requests = &pod["spec"]["containers"][0]["resources"]["requests"];
    assert_eq!(
        (&requests["cpu"], &requests["memory"]),
        (&"800m".into(), &"128Mi".into())
    );
}

#[tokio::test]
async fn members_reach_their_own_tenant_by_name_and_no_other() {
    let world = World::shared().await;
    world.apply(&tenant("reach-a", "owl@nordmart.com", ""));
    world.apply(&tenant("reach-b", "crow@nordmart.com", ""));
    world.wait_for("reach-a", "Ready", "True").await;
    let can = |what: &str| {
        world
            .kubectl(&format!("auth can-i {what} --as owl@nordmart.com"))
            .is_ok()
    };
    for (what, expected) in [
        ("get tenants/reach-a", true),
        ("get tenants/reach-a --subresource=cost", true),
        ("get tenants/reach-a --subresource=audit", true),
        ("get tenants/reach-a --subresource=namespaces", true),
        ("get tenants/reach-b", false),
        ("get tenants/reach-b --subresource=cost", false),
        ("get tenants", false),
        ("update tenants/reach-a", false),
        ("get persistentvolumes", false),
        ("create tenants/reach-a --subresource=namespaces", true),
        ("create tenants/reach-b --subresource=namespaces", false),
        ("create tenants --subresource=namespaces", false),
        ("create namespaces", true),
        // Any, by RBAC; which, a policy decides.
        ("patch namespaces", true),
        ("get namespaces", false),
        ("update namespaces", false),
        ("delete namespaces", false),
        // Which of their own namespaces they may delete, a policy decides.
        ("delete namespaces -n reach-a-dev", true),
        ("delete namespaces -n reach-b-dev", false),
        ("update resourcequotas -n reach-a-dev", false),
    ] {
        assert_eq!(can(what), expected, "{what}");
    }
}

#[tokio::test]
async fn the_shares_of_a_budget_never_add_up_to_more() {
    let world = World::shared().await;
    world.apply(&tenant("share", "owl@nordmart.com", ""));
    world.wait_for("share", "Ready", "True").await;
    let hard = || -> Vec<String> {
        let quotas = world.get("resourcequota -A -l stakater.com/tenant=share");
        let items = quotas["items"].as_array().unwrap();
        items
            .iter()
            .map(|quota| {
                quota["status"]["hard"]["configmaps"]
                    .as_str()
                    .unwrap_or("0")
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(hard(), ["5", "5"]);
    // kube-root-ca.crt counts in each namespace, so eight more fit, and slack goes where it is used.
    for namespace in ["share-dev", "share-build"] {
        let root = format!("get configmap kube-root-ca.crt -n {namespace} -o name");
        world
            .wait_for_answer(&root, "configmap/kube-root-ca.crt")
            .await;
    }
    for n in 0..7 {
        eventually("room in share-dev", async || {
            world.kubectl(&format!("create configmap c{n} -n share-dev"))
        })
        .await;
        let sum: usize = hard()
            .iter()
            .map(|hard| hard.parse::<usize>().unwrap())
            .sum();
        assert!(sum <= 10, "{:?}", hard());
    }
    world.kubectl("create configmap c7 -n share-build").unwrap();
    for namespace in ["share-dev", "share-build"] {
        let refused = world
            .kubectl(&format!("create configmap more -n {namespace}"))
            .unwrap_err();
        assert!(
            refused.contains("exceeded quota: tenant-quota"),
            "{refused}"
        );
    }
    // A third namespace has nothing left to have, its own configmap of Kubernetes included.
    world.kubectl(r#"patch tenant share --type=merge -p {"spec":{"namespaces":{"withTenantPrefix":["dev","build","test"]}}}"#).unwrap();
    world.wait_for("share", "Ready", "True").await;
    let shares = world.get("tenant share")["status"]["budgetShares"].clone();
    let of = |at: usize| shares[at]["hard"]["configmaps"].clone();
    assert_eq!([of(0), of(1), of(2)], ["2", "8", "0"]);
    let hard = "get quota.tenantoperator.stakater.com small -o=jsonpath={.status.tenants.share.status.hard.configmaps}";
    world.wait_for_answer(hard, "10").await;
}

#[tokio::test]
async fn the_ingresses_of_the_installation_are_made() {
    let world = World::shared().await;
    world.apply(include_str!(
        "../../../../deploy/dev/manifests/custom/integrationconfig.yaml"
    ));
    let columns = "get ingress -n multi-tenant-operator --no-headers -o custom-columns=N:.metadata.name,C:.spec.ingressClassName,H:.spec.rules[0].host";
    let expected = "tenant-operator-console    nginx   console.tenantry.local\n\
                    tenant-operator-gateway    nginx   gateway.tenantry.local\n\
                    tenant-operator-keycloak   nginx   keycloak.tenantry.local";
    world.wait_for_answer(columns, expected).await;
    let components = "get integrationconfig tenant-operator-config -o=jsonpath={.spec.components} -n multi-tenant-operator";
    assert_eq!(
        world.kubectl(components).unwrap(),
        r#"{"console":true,"showback":true}"#
    );
    assert!(
        world
            .kubectl("get ingress -n multi-tenant-operator")
            .unwrap()
            .contains("80, 443")
    );
}
