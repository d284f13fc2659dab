//! What an owner might try to get beyond his tenant. Each is refused for the reason that it should be, and beside each
//! stands what he may: a refusal alone could have come from anything. `tenantry conformance` tries the same elsewhere.

use std::time::Duration;

use tenantry_conformance::{Cluster, Verdict, cluster::Outcome};
use tenantry_testkit::eventually;

use crate::support::World;

const TENANT: &str = "
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata: {name: climb}
spec:
  quota: small
  namespaces: {withTenantPrefix: [dev]}
  accessControl: {owners: {users: [climber]}}
  storageClasses: {allowed: [silver]}
  ingressClasses: {allowed: [nginx]}
  podPriorityClasses: {allowed: ['']}
  imageRegistries: {allowed: [ghcr.io]}
  serviceAccounts: {denied: [default]}
  hostValidationConfig: {allowed: [shop.example.com]}
";

const NEIGHBOUR: &str = "
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata: {name: climb-not}
spec:
  quota: small
  namespaces: {withTenantPrefix: [dev]}
  accessControl: {owners: {users: [somebody]}}
";

#[tokio::test]
async fn an_owner_gets_nothing_beyond_his_tenant() {
    let world = World::shared().await;
    world.apply(TENANT);
    world.apply(NEIGHBOUR);
    world.wait_for("climb", "Ready", "True").await;
    world.wait_for("climb-not", "Ready", "True").await;
    // `default` is denied, so pods need one that is not.
    world
        .kubectl("create serviceaccount web -n climb-dev --as climber")
        .unwrap();
    let run = world.conformance("climb", Some("climb-not")).await;
    assert!(run.attempts().len() >= 34, "{}", run.attempts().len());
    for attempt in run.attempts() {
        // A policy takes a moment to be in force after a start.
        eventually(attempt.what, async || match run.attempt(attempt).await {
            Some(check) if check.verdict == Verdict::Held => Ok(()),
            other => Err(other),
        })
        .await;
    }
    // The administrator's own attempt shows that the manifests are sound.
    let cluster = Cluster::new(world.admin_config().await, Duration::from_secs(10));
    let administrator = cluster.as_caller().unwrap();
    for attempt in run
        .attempts()
        .iter()
        .filter(|attempt| attempt.refused.is_dry_run())
    {
        let outcome = administrator.attempt(&attempt.refused).await;
        let is_for_all = BINDS_ADMINISTRATORS.contains(&attempt.what);
        assert_eq!(
            outcome == Outcome::Allowed,
            !is_for_all,
            "{}: {outcome:?}",
            attempt.what
        );
    }
}

/// Pod Security and the rules of a namespace make no difference between persons.
const BINDS_ADMINISTRATORS: [&str; 10] = [
    "a privileged pod",
    "a hostPath",
    "the host's network",
    "the host's processes",
    "an image from elsewhere",
    "a priority above all",
    "a denied service account",
    "a storage class that is not allowed",
    "an ingress class that is not allowed",
    "somebody else's host",
];
