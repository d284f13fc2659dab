use std::time::{Duration, Instant};

use crate::support::{World, tenants};

/// So many that each of two replicas has some.
const TENANTS: usize = 12;

#[tokio::test]
async fn a_killed_replicas_tenants_are_taken_over_and_nothing_is_done_twice() {
    let world = World::start().await;
    let other = world.replica("other");
    world.wait_for_replicas(2).await;
    let names: Vec<String> = (0..TENANTS).map(|n| format!("shared-{n}")).collect();
    world.apply(&tenants(&names, "owl@nordmart.com"));
    for name in &names {
        world.wait_for(name, "Ready", "True").await;
    }
    drop(other);
    let killed = Instant::now();
    world.apply(&tenants(&names, "crow@nordmart.com"));
    for name in &names {
        world.wait_for(name, "Ready", "True").await;
    }
    let took = killed.elapsed();
    // Sooner would mean that the killed one had none.
    let expected = Duration::from_secs(4)..Duration::from_secs(15);
    assert!(expected.contains(&took), "{took:?}");
    for name in &names {
        world
            .wait_for_fact(name, "MemberGranted crow@nordmart.com")
            .await;
        let facts = world.facts(name).await;
        let of = |kind: &str| facts.iter().filter(|fact| fact.starts_with(kind)).count();
        let kinds = [
            "TenantApplied",
            "NamespaceCreated",
            "MemberGrantRequested",
            "MemberGranted ",
            "MemberRevoked",
        ];
        assert_eq!(kinds.map(of), [2, 2, 4, 4, 2], "{facts:?}");
    }
}
