//! Slack goes where a create needs it, before the apiserver judges.

use crate::support::{World, tenant};

/// Two namespaces share it evenly: 4 GiB each.
const QUOTA: &str = "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: Quota
metadata: {name: roomy}
spec: {resourcequota: {hard: {requests.memory: 8Gi, pods: '40'}}}
";

fn pod(name: &str, namespace: &str, memory: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  containers: [{{name: c, image: nginx, resources: {{requests: {{memory: {memory}}}}}}}]
"
    )
}

/// The tenant `wide`, which has it.
async fn begin(world: &World) {
    world.apply(QUOTA);
    world.apply(&tenant("wide", "owl@nordmart.com", "").replace("quota: small", "quota: roomy"));
    world.wait_for("wide", "Ready", "True").await;
}

fn share(world: &World, namespace: &str) -> String {
    let path = "{.status.hard.requests\\.memory}";
    let line = format!("get resourcequota tenant-quota -n {namespace} -o jsonpath={path}");
    world.kubectl(&line).unwrap()
}

#[tokio::test]
async fn a_create_that_fits_the_budget_and_not_its_share_is_admitted_at_the_first_try() {
    let world = World::shared().await;
    begin(&world).await;
    let create = |pod: &str, how: &str| world.kubectl_with(&format!("create {how} -f -"), pod);
    let large = pod("large", "wide-dev", "6Gi");
    // A dry run moves nothing.
    let refused = create(&large, "--dry-run=server").unwrap_err();
    assert!(refused.contains("exceeded quota"), "{refused}");
    let shares = ["wide-dev", "wide-build"].map(|namespace| share(&world, namespace));
    assert_eq!(shares, ["4Gi", "4Gi"]);
    create(&large, "").unwrap();
    // Back again, with what is left.
    create(&pod("small", "wide-build", "2Gi"), "").unwrap();
    let refused = create(&pod("more", "wide-build", "1Gi"), "").unwrap_err();
    let budget =
        "tenant wide uses 8Gi of 8Gi requests.memory of quota roomy, all its namespaces together";
    for words in ["exceeded quota: tenant-quota", budget] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let shares = ["wide-dev", "wide-build"].map(|namespace| share(&world, namespace));
    assert_eq!(shares, ["6Gi", "2Gi"]);
}

#[tokio::test]
async fn with_every_replica_down_the_share_stands_and_says_so() {
    let world = World::start().await;
    begin(&world).await;
    world.kill();
    let large = pod("large", "wide-dev", "6Gi");
    let refused = world.kubectl_with("create -f -", &large).unwrap_err();
    let native = "exceeded quota: tenant-quota, requested: requests.memory=6Gi, used: requests.memory=0, limited: requests.memory=4Gi";
    assert!(refused.contains(native), "{refused}");
    world
        .kubectl_with("create -f -", &pod("small", "wide-dev", "4Gi"))
        .unwrap();
    world.restart(None);
    // The other half is free, and goes where it is needed.
    world
        .kubectl_with("create -f -", &pod("more", "wide-dev", "3Gi"))
        .unwrap();
}

#[tokio::test]
async fn the_replica_that_is_asked_need_not_be_the_one_that_moves() {
    let world = World::start().await;
    begin(&world).await;
    let _other = world.replica("other");
    let names: Vec<String> = (0..6).map(|n| format!("wide-{n}")).collect();
    for name in &names {
        world.apply(&tenant(name, "owl@nordmart.com", "").replace("quota: small", "quota: roomy"));
    }
    for name in &names {
        world.wait_for(name, "Ready", "True").await;
        let large = pod("large", &format!("{name}-dev"), "6Gi");
        world.kubectl_with("create -f -", &large).unwrap();
    }
}
