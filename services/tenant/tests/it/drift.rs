use tenantry_testkit::eventually;

use crate::support::{World, tenant};

#[tokio::test]
async fn drift_is_put_back_and_told_with_who_made_it() {
    let world = World::shared().await;
    world.apply(&tenant("drift", "owl@nordmart.com", ""));
    world.wait_for("drift", "Ready", "True").await;
    let subject = "get rolebinding tenant-owner-admin -n drift-dev -o=jsonpath={.subjects[*].name}";
    world.kubectl(r#"patch rolebinding tenant-owner-admin -n drift-dev --field-manager=mallory --type=merge -p {"subjects":[{"kind":"User","name":"crow","apiGroup":"rbac.authorization.k8s.io"}]}"#).unwrap();
    world.wait_for_answer(subject, "owl@nordmart.com").await;
    world
        .kubectl("delete resourcequota tenant-quota -n drift-dev")
        .unwrap();
    world
        .wait_for_answer(
            "get resourcequota tenant-quota -n drift-dev -o name",
            "resourcequota/tenant-quota",
        )
        .await;
    world
        .kubectl("label namespace drift-build stakater.com/tenant-")
        .unwrap();
    world
        .wait_for_answer(
            "get namespace drift-build -o=jsonpath={.metadata.labels.stakater\\.com/tenant}",
            "drift",
        )
        .await;
    world
        .kubectl(
            "label namespace drift-dev pod-security.kubernetes.io/enforce=privileged --overwrite",
        )
        .unwrap();
    let level = r"get namespace drift-dev -o=jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}";
    world.wait_for_answer(level, "baseline").await;
    world.wait_for("drift", "Ready", "True").await;
    let drifts = eventually("four drifts in the history", async || {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT name, actor_name FROM events.event WHERE tenant = 'drift' AND kind = 'DriftReverted' ORDER BY row_id")
                .fetch_all(&world.pool())
                .await
                .unwrap();
        if rows.len() >= 4 { Ok(rows) } else { Err(rows) }
    })
    .await;
    assert!(
        drifts.contains(&("tenant-owner-admin".to_owned(), "mallory".to_owned())),
        "{drifts:?}"
    );
    // Of a removal the apiserver keeps no trace, so nobody is blamed.
    for (name, actor) in [("drift-build", "tenant"), ("drift-dev", "kubectl-label")] {
        assert!(
            drifts.contains(&(name.to_owned(), actor.to_owned())),
            "{drifts:?}"
        );
    }
    assert!(
        drifts.contains(&("tenant-quota".to_owned(), "tenant".to_owned())),
        "{drifts:?}"
    );
    let told = world.kubectl("get events -n default").unwrap();
    let is_it = |line: &str| line.contains("DriftReverted") && line.contains("tenant/drift ");
    assert!(told.lines().any(is_it), "{told}");
}
