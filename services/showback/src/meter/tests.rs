use k8s_openapi::api::core::v1::{Node, Pod};

use super::*;
use crate::{
    cost::{Each, Quantities},
    price::PurchaseOption,
};

const GIB: i64 = 1 << 30;

fn quantities(cpu: i64, memory: i64) -> Quantities {
    Each {
        cpu,
        memory,
        gpu: 0,
    }
}

fn sighting(yaml: &str) -> Option<PodSighting> {
    let pod: Pod = serde_saphyr::from_str(&format!(
        "metadata: {{name: p, namespace: ns, uid: 6f2d7c5e-31b4-5d0a-9a57-0c1d52e8b7f3, creationTimestamp: '1970-01-01T00:00:01Z'{yaml}"
    ))
    .unwrap();
    PodSighting::of(&pod)
}

#[test]
fn an_unbound_pod_holds_nothing() {
    assert_eq!(sighting("}\nspec: {containers: [{name: a}]}"), None);
}

#[test]
fn a_pod_holds_from_its_binding() {
    let pod = sighting(
        "}
spec: {nodeName: n, containers: [{name: a, resources: {requests: {cpu: 200m, memory: 1Gi}}}, {name: b, resources: {limits: {cpu: '1', nvidia.com/gpu: 2}}}]}
status: {conditions: [{type: PodScheduled, status: 'True', lastTransitionTime: '1970-01-01T00:00:07Z'}]}",
    )
    .unwrap();
    assert_eq!((pod.scheduled_s, pod.node.as_str()), (7, "n"));
    assert_eq!(
        pod.request,
        Each {
            cpu: 1_200,
            memory: GIB,
            gpu: 2
        }
    );
    assert_eq!((pod.initializing, pod.end), (None, None));
}

#[test]
fn effective_requests_know_init_containers_sidecars_and_overhead() {
    let pod = sighting(
        "}
spec:
  nodeName: n
  overhead: {cpu: 10m}
  initContainers:
  - {name: early, resources: {requests: {cpu: 500m}}}
  - {name: side, restartPolicy: Always, resources: {requests: {cpu: 100m, memory: 1Gi}}}
  - {name: late, resources: {requests: {cpu: 450m, memory: 2Gi}}}
  containers: [{name: a, resources: {requests: {cpu: 300m, memory: 1Gi}}}]",
    )
    .unwrap();
    assert_eq!(
        pod.scheduled_s, 1,
        "without the condition, it was made already bound"
    );
    assert_eq!(pod.request, quantities(410, 2 * GIB));
    // late runs beside the sidecar: 550m and 3Gi at most.
    assert_eq!(pod.initializing, Some((quantities(560, 3 * GIB), None)));
}

#[test]
fn a_pod_level_request_replaces_the_sum() {
    let pod = sighting("}\nspec: {nodeName: n, resources: {requests: {cpu: '2'}}, containers: [{name: a, resources: {requests: {cpu: 300m, memory: 1Gi}}}]}").unwrap();
    assert_eq!(pod.request, quantities(2_000, GIB));
}

#[test]
fn a_resize_under_way_holds_the_larger_amount() {
    let pod = |conditions: &str| {
        sighting(&format!(
            "}}
spec: {{nodeName: n, containers: [{{name: a, resources: {{requests: {{cpu: '4'}}}}}}]}}
status:
  conditions: [{conditions}]
  containerStatuses: [{{name: a, ready: true, restartCount: 0, image: i, imageID: i, resources: {{requests: {{cpu: '1'}}}}, allocatedResources: {{cpu: '2'}}}}]"
        ))
        .unwrap()
    };
    assert_eq!(pod("").request.cpu, 4_000);
    let infeasible = "{type: PodResizePending, status: 'True', reason: Infeasible}";
    assert_eq!(pod(infeasible).request.cpu, 2_000);
}

#[test]
fn a_pod_ends_with_its_last_container() {
    let pod = |meta: &str, phase: &str, second: &str| {
        let status = |name: &str, second: &str| {
            format!(
                "{{name: {name}, ready: false, restartCount: 0, image: i, imageID: i, state: {{terminated: {{exitCode: 0, finishedAt: '1970-01-01T00:00:{second}Z'}}}}}}"
            )
        };
        sighting(&format!(
            "{meta}}}\nspec: {{nodeName: n, containers: [{{name: a}}, {{name: b}}]}}\nstatus: {{phase: {phase}, containerStatuses: [{}, {second}]}}",
            status("a", "30")
        ))
        .unwrap()
        .end
    };
    let finished = "{name: b, ready: false, restartCount: 0, image: i, imageID: i, state: {terminated: {exitCode: 0, finishedAt: '1970-01-01T00:00:40Z'}}}";
    let running =
        "{name: b, ready: true, restartCount: 0, image: i, imageID: i, state: {running: {}}}";
    assert_eq!(pod("", "Succeeded", finished), Some(PodEnd::At(40)));
    assert_eq!(pod("", "Running", finished), None, "it may be restarted");
    let leaving = ", deletionTimestamp: '1970-01-01T00:00:45Z'";
    assert_eq!(pod(leaving, "Running", finished), Some(PodEnd::At(40)));
    assert_eq!(pod(leaving, "Running", running), None);
    assert_eq!(pod("", "Failed", running), Some(PodEnd::Unknown));
}

#[test]
fn a_node_is_priced_by_its_labels() {
    let node = |labels: &str, capacity: &str| {
        let node: Node = serde_saphyr::from_str(&format!(
            "metadata: {{name: n, uid: 6f2d7c5e-31b4-5d0a-9a57-0c1d52e8b7f3, creationTimestamp: '1970-01-01T00:00:09Z', labels: {{{labels}}}}}\nstatus: {{capacity: {{{capacity}}}}}"
        ))
        .unwrap();
        NodeSighting::of(&node)
    };
    let labels =
        "node.kubernetes.io/instance-type: m5.large, topology.kubernetes.io/region: eu-north-1";
    let seen = node(labels, "cpu: '2', memory: 8Gi, pods: '110'").unwrap();
    assert_eq!(
        (seen.created_s, seen.capacity),
        (9, quantities(2_000, 8 * GIB))
    );
    assert_eq!(
        seen.price_key.to_string(),
        "instance type m5.large, region eu-north-1, on_demand"
    );
    let bought = |labels: &str| {
        node(labels, "cpu: '2', memory: 8Gi")
            .unwrap()
            .price_key
            .purchase_option
    };
    assert_eq!(
        bought("eks.amazonaws.com/capacityType: SPOT"),
        PurchaseOption::Spot
    );
    assert_eq!(
        bought("karpenter.sh/capacity-type: on-demand"),
        PurchaseOption::OnDemand
    );
    assert_eq!(node(labels, ""), None, "the kubelet has not spoken yet");
}
