use super::*;
use crate::{cost::Each, price::PurchaseOption};

const POD: Uuid = Uuid::from_u128(1);
const NODE: Uuid = Uuid::from_u128(2);
const NAMESPACE: Uuid = Uuid::from_u128(3);

fn cpu(millis: i64) -> Quantities {
    Each {
        cpu: millis,
        memory: 0,
        gpu: 0,
    }
}

fn pod(scheduled_s: i64, request: i64) -> PodSighting {
    PodSighting {
        uid: POD,
        namespace: "ns".into(),
        name: "p".into(),
        node: "n".into(),
        scheduled_s,
        initializing: None,
        request: cpu(request),
        end: None,
    }
}

fn node(uid: Uuid, created_s: i64, instance_type: &str) -> NodeSighting {
    let (instance_type, region) = (instance_type.into(), String::new());
    let purchase_option = PurchaseOption::OnDemand;
    let price_key = PriceKey {
        instance_type,
        region,
        purchase_option,
    };
    NodeSighting {
        uid,
        name: "n".into(),
        created_s,
        capacity: cpu(4_000),
        price_key,
    }
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.see_namespace("ns".into(), NAMESPACE, 0);
    ledger.see_node(node(NODE, 1, "x"), 1);
    ledger.take_changes();
    ledger
}

/// Changes to pods as `start..end cpu`, with `~latest` where the end is an estimate.
fn usages(ledger: &mut Ledger) -> Vec<String> {
    let line = |change: Change| match change {
        Change::OpenUsage(new) => Some(format!("open {} {}", new.start_s, new.request.cpu)),
        Change::AmendUsage {
            start_s, request, ..
        } => Some(format!("amend {start_s} {}", request.cpu)),
        Change::CloseUsage { start_s, end, .. } => {
            let latest = end.latest_s.map_or_else(String::new, |it| format!("~{it}"));
            Some(format!("close {start_s}..{}{latest}", end.end_s))
        }
        Change::OpenNode { .. } | Change::AmendNode { .. } | Change::CloseNode { .. } => None,
    };
    ledger.take_changes().into_iter().filter_map(line).collect()
}

#[test]
fn a_pod_holds_from_binding_to_deletion_and_repeats_say_nothing() {
    let mut ledger = ledger();
    ledger.see_pod(pod(10, 100), 12);
    assert_eq!(usages(&mut ledger), ["open 10 100"]);
    ledger.see_pod(pod(10, 100), 20);
    assert!(usages(&mut ledger).is_empty());
    ledger.lose_pod(POD, None, 30);
    assert_eq!(usages(&mut ledger), ["close 10..30"]);
    ledger.lose_pod(POD, None, 31);
    assert!(usages(&mut ledger).is_empty());
}

#[test]
fn a_finished_pod_seen_once_is_exact() {
    let mut ledger = ledger();
    let finished = PodSighting {
        end: Some(PodEnd::At(17)),
        ..pod(10, 100)
    };
    ledger.see_pod(finished.clone(), 500);
    ledger.see_pod(finished.clone(), 600);
    ledger.lose_pod(POD, Some(&finished), 700);
    assert_eq!(usages(&mut ledger), ["open 10 100", "close 10..17"]);
}

#[test]
fn a_change_of_request_splits() {
    let mut ledger = ledger();
    ledger.see_pod(pod(10, 100), 10);
    ledger.see_pod(pod(10, 300), 10);
    ledger.see_pod(pod(10, 200), 25);
    assert_eq!(
        usages(&mut ledger),
        ["open 10 100", "amend 10 300", "close 10..25", "open 25 200"]
    );
}

#[test]
fn init_containers_hold_until_they_are_done() {
    let mut ledger = ledger();
    let initializing = |until| PodSighting {
        initializing: Some((cpu(900), until)),
        ..pod(10, 100)
    };
    ledger.see_pod(initializing(None), 11);
    ledger.see_pod(initializing(Some(18)), 20);
    let expected = ["open 10 900", "close 10..18", "open 18 100"];
    assert_eq!(usages(&mut ledger), expected);

    let mut late = self::ledger();
    late.see_pod(initializing(Some(18)), 500);
    assert_eq!(
        usages(&mut late),
        expected,
        "the same when seen only afterwards"
    );
}

#[test]
fn an_absent_pod_ends_at_the_last_proof_of_life() {
    let mut ledger = ledger();
    ledger.see_pod(pod(10, 100), 10);
    ledger.miss_pods(&HashSet::from([POD]), Some(50), 90);
    ledger.miss_pods(&HashSet::new(), Some(50), 99);
    assert_eq!(usages(&mut ledger), ["open 10 100", "close 10..50~99"]);
}

#[test]
fn a_deleted_node_ends_its_pods_and_a_pod_that_lives_goes_on_when_it_is_back() {
    let mut ledger = ledger();
    ledger.see_pod(pod(10, 100), 10);
    ledger.lose_node("n", NODE, 40);
    ledger.see_pod(pod(10, 100), 45);
    assert_eq!(usages(&mut ledger), ["open 10 100", "close 10..40"]);
    ledger.see_node(node(Uuid::from_u128(9), 60, "x"), 61);
    ledger.see_pod(pod(10, 100), 62);
    assert_eq!(usages(&mut ledger), ["open 60 100"]);
}

#[test]
fn a_pod_waits_for_its_namespace() {
    let mut ledger = Ledger::default();
    ledger.see_pod(pod(10, 100), 12);
    assert!(usages(&mut ledger).is_empty());
    ledger.see_namespace("ns".into(), NAMESPACE, 15);
    assert_eq!(usages(&mut ledger), ["open 10 100"]);
}

#[test]
fn what_an_earlier_process_left_is_taken_up() {
    let mut ledger = ledger();
    ledger.restore_pod(
        POD,
        "n".into(),
        PodState::Open {
            start_s: 10,
            request: cpu(100),
        },
    );
    ledger.see_pod(pod(10, 100), 50);
    assert!(usages(&mut ledger).is_empty());
    ledger.lose_pod(POD, None, 60);
    assert_eq!(usages(&mut ledger), ["close 10..60"]);
}

#[test]
fn a_late_label_is_true_from_the_beginning_and_a_changed_one_from_now() {
    let mut ledger = Ledger::default();
    ledger.see_node(node(NODE, 10, ""), 11);
    ledger.see_node(node(NODE, 10, "x"), 20);
    ledger.see_node(node(NODE, 10, "y"), 30);
    let line = |change: Change| match change {
        Change::OpenNode { node, start_s } => {
            format!("open {start_s} {}", node.price_key.instance_type)
        }
        Change::AmendNode {
            start_s, price_key, ..
        } => format!("amend {start_s} {}", price_key.instance_type),
        Change::CloseNode {
            start_s,
            end,
            is_gone,
            ..
        } => format!("close {start_s}..{} {is_gone}", end.end_s),
        other => panic!("{other:?}"),
    };
    let changes: Vec<String> = ledger.take_changes().into_iter().map(line).collect();
    assert_eq!(
        changes,
        ["open 10 ", "amend 10 x", "close 10..30 false", "open 30 y"]
    );
}
