//! One budget over all namespaces of a tenant, as seen from outside.

use std::time::{Duration, Instant};

use tenantry_testkit::{Contention, Crowd};

use crate::{refused, support::World};

/// Whom the tenants here belong to.
pub(crate) const OWNER: &str = "owl@nordmart.com";

const CREATES: usize = 1000;
const CLIENTS: usize = 16;
const BUDGET: usize = 300;
const NAMESPACES: usize = 10;
/// From the first try until the budget is used up.
const FULL: Duration = Duration::from_secs(10);
/// Between two writes of a quota's status that only tell of use.
const USE_APART: Duration = Duration::from_secs(10);
/// Longest absence of a killed replica's tenants.
const TAKEN_OVER: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_crowd_gets_the_whole_budget_and_no_more() {
    let world = World::start_with(&[("TENANTRY_REPLICA", "one")]).await;
    world.apply(&quota("crowd", &format!("{{secrets: {BUDGET}}}")));
    let alone = crowd(&world, "alone").await;
    let (writes, began) = (quota_writes(&world), Instant::now());
    hold(alone.contend(CREATES, BUDGET, || ()).await, FULL);
    let periods = began.elapsed().as_secs() / USE_APART.as_secs() + 1;
    let writes = quota_writes(&world) - writes;
    assert!(
        u64::try_from(writes).unwrap() <= periods + 1,
        "{writes} in {periods}"
    );

    let other = world.replica("other");
    world.wait_for_replicas(2).await;
    let pair = crowd(&world, "pair").await;
    hold(pair.contend(CREATES, BUDGET, || ()).await, FULL);

    let killed = crowd(&world, "killed").await;
    let kill = || drop(other);
    hold(
        killed.contend(CREATES, BUDGET, kill).await,
        FULL + TAKEN_OVER,
    );
    let used = "get quota crowd -o jsonpath={.status.tenants.alone.status.used.secrets}";
    world.wait_for_answer(used, &BUDGET.to_string()).await;
}

fn quota_writes(world: &World) -> usize {
    let writes = refused::writes(world);
    writes
        .iter()
        .filter(|(_, resource, _)| resource == "quotas")
        .count()
}

fn hold(went: Contention, patience: Duration) {
    println!("{went:?}");
    assert_eq!(
        (went.admitted, went.most, went.left),
        (BUDGET, BUDGET, BUDGET)
    );
    assert!(
        went.full_after.is_some_and(|after| after <= patience),
        "{went:?}"
    );
}

/// Members of the tenant `name`, which has a budget of [`BUDGET`] secrets.
async fn crowd(world: &World, name: &str) -> Crowd {
    let names: Vec<String> = (0..NAMESPACES).map(|n| format!("n{n}")).collect();
    world.apply(&tenant(name, "crowd", &names));
    world.wait_for(name, "Ready", "True").await;
    Crowd {
        judge: world.acting_as(None).await,
        member: world.acting_as(Some(OWNER)).await,
        namespaces: names.iter().map(|n| format!("{name}-{n}")).collect(),
        clients: CLIENTS,
    }
}

/// A Quota with `hard` as its budget.
pub(crate) fn quota(name: &str, hard: &str) -> String {
    format!(
        "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: Quota
metadata: {{name: {name}}}
spec: {{resourcequota: {{hard: {hard}}}}}
"
    )
}

/// A tenant of [`OWNER`] with a budget of its own.
pub(crate) fn tenant(name: &str, quota: &str, namespaces: &[impl AsRef<str>]) -> String {
    let namespaces: Vec<&str> = namespaces.iter().map(AsRef::as_ref).collect();
    format!(
        "
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata: {{name: {name}}}
spec:
  quota: {quota}
  namespaces: {{withTenantPrefix: [{}]}}
  accessControl: {{owners: {{users: [{OWNER}]}}}}
",
        namespaces.join(", ")
    )
}
