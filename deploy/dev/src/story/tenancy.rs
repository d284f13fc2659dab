use super::step::{Expect, Step, Who};

/// falcon before anything was granted to him.
pub(crate) fn before() -> Vec<Step> {
    vec![
        Step::new("He is known, and may do nothing yet", "kubectl get svc")
            .by(Who::Falcon)
            .expect(Expect::Refuses(
                "Error from server (Forbidden): services is forbidden: User \"falcon@nordmart.com\" cannot list resource \
                 \"services\" in API group \"\" in the namespace \"default\"",
            ))
            // The authenticator watches aws-auth, so it knows a moment later.
            .within(15),
    ]
}

/// The quota and the two tenants.
pub(crate) fn tenants() -> Vec<Step> {
    vec![
        Step::new("Apply the quota", "kubectl apply -f quota.yaml").expect(Expect::Prints(
            "quota.tenantoperator.stakater.com/small created",
        )),
        Step::new(
            "Apply the tenants",
            "kubectl apply -f logistics.yaml -f retail.yaml",
        )
        .expect(Expect::Contains(&[
            "tenant.tenantoperator.stakater.com/logistics created",
            "tenant.tenantoperator.stakater.com/retail created",
        ])),
        Step::new(
            "Both become ready",
            "kubectl wait --for=condition=Ready tenant/logistics tenant/retail --timeout=30s",
        )
        .expect(Expect::Contains(&[
            "logistics condition met",
            "retail condition met",
        ])),
        Step::new("Their namespaces are there", "kubectl get namespaces").expect(Expect::Contains(
            &[
                "logistics-dev",
                "logistics-build",
                "retail-dev",
                "retail-build",
            ],
        )),
    ]
}

/// falcon in his own namespaces and outside.
pub(crate) fn falcon() -> Vec<Step> {
    vec![
        Step::new("falcon deploys in his own namespace", "kubectl run nginx --image nginx -n logistics-dev")
            .by(Who::Falcon)
            .expect(Expect::Prints("pod/nginx created")),
        Step::new("…it runs", "kubectl wait --for=condition=Ready pod/nginx -n logistics-dev --timeout=60s")
            .by(Who::Falcon)
            .expect(Expect::Prints("pod/nginx condition met")),
        Step::new("…he changes it", "kubectl label pod nginx -n logistics-dev tier=web")
            .by(Who::Falcon)
            .expect(Expect::Prints("pod/nginx labeled")),
        Step::new("He is refused in the other tenant's", "kubectl run nginx --image nginx -n retail-dev")
            .by(Who::Falcon)
            .expect(Expect::Refuses(
                "Error from server (Forbidden): pods is forbidden: User \"falcon@nordmart.com\" cannot create resource \"pods\" \
                 in API group \"\" in the namespace \"retail-dev\"",
            )),
        Step::new("He cannot list namespaces", "kubectl get namespaces").by(Who::Falcon).expect(Expect::Refuses(
            "Error from server (Forbidden): namespaces is forbidden: User \"falcon@nordmart.com\" cannot list resource \
             \"namespaces\" in API group \"\" at the cluster scope",
        )),
    ]
}

/// bear, who logs in at Keycloak, mirrored.
pub(crate) fn bear() -> Vec<Step> {
    vec![
        Step::new("bear, an SSO user, deploys in his own namespace", "kubectl run nginx --image nginx -n retail-dev")
            .by(Who::Bear)
            .expect(Expect::Prints("pod/nginx created")),
        Step::new("…it runs", "kubectl wait --for=condition=Ready pod/nginx -n retail-dev --timeout=60s")
            .by(Who::Bear)
            .expect(Expect::Prints("pod/nginx condition met")),
        Step::new("…he changes it", "kubectl label pod nginx -n retail-dev tier=web")
            .by(Who::Bear)
            .expect(Expect::Prints("pod/nginx labeled")),
        Step::new("He is refused in the other tenant's", "kubectl run nginx --image nginx -n logistics-dev")
            .by(Who::Bear)
            .expect(Expect::Refuses(
                "Error from server (Forbidden): pods is forbidden: User \"bear@nordmart.com\" cannot create resource \"pods\" \
                 in API group \"\" in the namespace \"logistics-dev\"",
            )),
        Step::new("He cannot list namespaces", "kubectl get namespaces").by(Who::Bear).expect(Expect::Refuses(
            "Error from server (Forbidden): namespaces is forbidden: User \"bear@nordmart.com\" cannot list resource \
             \"namespaces\" in API group \"\" at the cluster scope",
        )),
    ]
}

/// Each node by instance type, region, zone and instance.
const NODES: &str = "kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.labels.node\\.kubernetes\\.io/instance-type} \
                     {.metadata.labels.topology\\.kubernetes\\.io/region} {.metadata.labels.topology\\.kubernetes\\.io/zone} \
                     {.spec.providerID}{\"\\n\"}{end}'";

/// What the platform shows of itself.
pub(crate) fn platform() -> Vec<Step> {
    vec![
        Step::new("The nodes, as EKS has them", NODES).expect(Expect::Prints(
            "m5.large eu-north-1 eu-north-1a aws:///eu-north-1a/i-0a1b2c3d4e5f60001\n\
             m5.large eu-north-1 eu-north-1b aws:///eu-north-1b/i-0a1b2c3d4e5f60002\n\
             m5.xlarge eu-north-1 eu-north-1c aws:///eu-north-1c/i-0a1b2c3d4e5f60003",
        )),
        Step::new(
            "The components that are on",
            "kubectl get integrationconfig tenant-operator-config -o=jsonpath='{.spec.components}' -n multi-tenant-operator",
        )
        .expect(Expect::Prints("{\"console\":true,\"showback\":true}")),
        Step::new("Where the console is", "kubectl get ingress -n multi-tenant-operator")
            .expect(Expect::Contains(&["tenant-operator-console", "tenant-operator-gateway", "tenant-operator-keycloak"]))
            .within(15),
    ]
}

/// What members may also do: delete. Afterwards no pod runs.
pub(crate) fn tidy_up() -> Vec<Step> {
    [
        (Who::Falcon, "kubectl delete pod nginx -n logistics-dev"),
        (Who::Bear, "kubectl delete pod nginx -n retail-dev"),
    ]
    .map(|(who, command)| {
        Step::new("Members delete what is theirs", command)
            .by(who)
            .expect(Expect::Contains(&["pod \"nginx\" deleted"]))
    })
    .to_vec()
}
