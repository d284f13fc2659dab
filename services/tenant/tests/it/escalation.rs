//! What an owner might try to get beyond his tenant. Each is refused for the reason that it should be, and beside each
//! stands what he may: a refusal alone could have come from anything. `tenantry conformance` tries the same elsewhere.

use std::time::Duration;

use tenantry_conformance::{Cluster, Verdict, cluster::Outcome};
use tenantry_testkit::eventually;

use crate::support::{World, tenant};

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

/// What its owner makes himself.
const OWN: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: climb-own, labels: {stakater.com/tenant: climb}}}";

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
    places(&world).await;
    let run = world.conformance("climb", Some("climb-not")).await;
    let names: Vec<&str> = run.attempts().iter().map(|attempt| attempt.what).collect();
    assert!(names.len() >= 41, "{names:?}");
    for name in [
        "adopt a namespace that nobody has",
        "delete a namespace that the spec made",
    ] {
        assert!(names.contains(&name), "{name}: {:?}", run.scene().notes);
    }
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

/// A namespace that the owner made himself, and one that nobody has.
async fn places(world: &World) {
    let create = world.kubectl_with("create --as climber -f -", OWN);
    create.unwrap();
    let origin =
        r"get namespace climb-own -o=jsonpath={.metadata.annotations.tenantry\.dev/origin}";
    world.wait_for_answer(origin, "self-served").await;
    world.wait_for("climb", "Ready", "True").await;
    // It comes before those of other tests, which do not stay as they are.
    world
        .kubectl("create namespace a-place-of-nobodys")
        .unwrap();
}

#[tokio::test]
async fn people_come_in_by_the_tenant_alone_and_service_accounts_are_bound_freely() {
    let world = World::shared().await;
    world.apply(&tenant("closed", "climber", ""));
    world.wait_for("closed", "Ready", "True").await;
    let bind = |name: &str, subject: &str| {
        let line = format!(
            "create rolebinding {name} -n closed-dev --clusterrole=view {subject} --as climber"
        );
        world.kubectl(&line)
    };
    eventually("the rule about subjects", async || {
        match bind("early", "--user=eve --dry-run=server") {
            Err(refused) if refused.contains("whom the Tenant does not name") => Ok(()),
            other => Err(other),
        }
    })
    .await;
    for (subject, named) in [
        ("--user=eve", "User eve"),
        ("--group=system:authenticated", "Group system:authenticated"),
        (
            "--group=system:serviceaccounts",
            "Group system:serviceaccounts",
        ),
        (
            "--group=system:serviceaccounts:closed-build",
            "Group system:serviceaccounts:closed-build",
        ),
        // One person among those who may be bound.
        ("--serviceaccount=closed-dev:default --user=eve", "User eve"),
    ] {
        let refused = bind("guest", subject).unwrap_err();
        let words = format!(
            "climber cannot create rolebinding guest: subject {named} would be a member whom the Tenant does not name; \
             ask for a change of accessControl of the Tenant, or bind a service account"
        );
        assert!(refused.contains(&words), "{words}: {refused}");
    }
    bind("account", "--serviceaccount=closed-dev:default").unwrap();
    bind("accounts", "--group=system:serviceaccounts:closed-dev").unwrap();
    eventually("the account's access", async || {
        let account = "system:serviceaccount:closed-dev:default";
        let has_it = world.can(account, "get pods -n closed-dev");
        has_it.then_some(()).ok_or("none")
    })
    .await;
    a_binding_that_is_there_takes_no_more_people(&world);
}

fn a_binding_that_is_there_takes_no_more_people(world: &World) {
    let add = |binding: &str| {
        let eve = r#"[{"op":"add","path":"/subjects/-","value":{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"eve"}}]"#;
        let patch = format!("patch rolebinding {binding} -n closed-dev --type=json -p {eve}");
        world.kubectl(&format!("{patch} --as climber"))
    };
    let refused = add("account").unwrap_err();
    let words = "climber cannot update rolebinding account: subject User eve would be a member";
    assert!(refused.contains(words), "{refused}");
    // Whom an administrator let in stays, and does not stand in the way of what an owner changes beside him.
    world
        .kubectl("create rolebinding admitted -n closed-dev --clusterrole=view --user=guest")
        .unwrap();
    world
        .kubectl("label rolebinding admitted -n closed-dev seen=yes --as climber")
        .unwrap();
    let refused = add("admitted").unwrap_err();
    assert!(refused.contains("subject User eve"), "{refused}");
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
