//! Out of the tenant: to the cluster, to other tenants, to other people.

use serde_json::{Value, json};
use tenantry_k8s::keys;

use super::{Attempt, Probe, Stage, Target};

pub(super) const RBAC: &str = "rbac.authorization.k8s.io/v1";
const REGISTRATION: &str = "admissionregistration.k8s.io/v1";
const EXTENSIONS: &str = "apiextensions.k8s.io/v1";
const ESCALATES: &[&str] = &["attempting to grant RBAC permissions not currently held"];
const FIX_ESCALATION: &str =
    "take the verbs bind and escalate on roles away from the tenant's members";
const FIX_RIGHT: &str = "take the right away from the tenant's members, and from everybody";
const FIX_NAMESPACES: &str =
    "apply deploy/policies/namespaces.yaml: its policy or binding is missing or altered";

pub(super) fn attempts(stage: &Stage) -> Vec<Attempt> {
    let mut all = bindings(stage);
    all.extend(people(stage));
    all.extend(namespaces(stage));
    all.extend(kinds(stage));
    all
}

/// A binding of the namespace to a ClusterRole, for a guest.
pub(super) fn binding(stage: &Stage, role: &str) -> Probe {
    let target = Target::inside(&stage.namespace, RBAC, "rolebindings");
    Probe::create(target, bound("RoleBinding", role))
}

fn bound(kind: &str, role: &str) -> Value {
    json!({
        "apiVersion": RBAC, "kind": kind, "metadata": {"name": "tenantry-conformance"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "tenantry-conformance-guest"}],
    })
}

fn role(stage: &Stage, resource: &str, verb: &str) -> Probe {
    let target = Target::inside(&stage.namespace, RBAC, "roles");
    let rule = json!({"apiGroups": [""], "resources": [resource], "verbs": [verb]});
    Probe::create(
        target,
        json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "tenantry-conformance"}, "rules": [rule]}),
    )
}

fn bindings(stage: &Stage) -> Vec<Attempt> {
    let aggregated = json!({
        "apiVersion": RBAC, "kind": "ClusterRole",
        "metadata": {"name": "tenantry-conformance", "labels": {"rbac.authorization.k8s.io/aggregate-to-admin": "true"}},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}],
    });
    vec![
        Attempt {
            what: "bind cluster-admin",
            refused: binding(stage, "cluster-admin"),
            because: ESCALATES,
            control: binding(stage, "view"),
            fix: FIX_ESCALATION,
        },
        Attempt {
            what: "escalate a role",
            refused: role(stage, "nodes", "*"),
            because: ESCALATES,
            control: role(stage, "pods", "get"),
            fix: FIX_ESCALATION,
        },
        Attempt {
            what: "bind beyond the namespace",
            refused: Probe::create(
                Target::cluster(RBAC, "clusterrolebindings"),
                bound("ClusterRoleBinding", "view"),
            ),
            because: &["cannot create resource \"clusterrolebindings\""],
            control: binding(stage, "view"),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "widen everybody's role",
            refused: Probe::create(Target::cluster(RBAC, "clusterroles"), aggregated),
            because: &["cannot create resource \"clusterroles\""],
            control: role(stage, "pods", "get"),
            fix: FIX_RIGHT,
        },
    ]
}

/// Reviews: there is no dry run of being somebody else, and a token would be a true one.
fn people(stage: &Stage) -> Vec<Attempt> {
    let own = Some(stage.namespace.as_str());
    let token = |namespace| Probe::may("create", "", "serviceaccounts/token", namespace);
    let impersonate = |resource, namespace| Probe::may("impersonate", "", resource, namespace);
    let secrets = |namespace| Probe::may("get", "", "secrets", Some(namespace));
    vec![
        Attempt {
            what: "impersonate a user",
            refused: impersonate("users", None),
            because: &[],
            // What `admin` allows inside one's own namespace.
            control: impersonate("serviceaccounts", own),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "impersonate a group",
            refused: impersonate("groups", None),
            because: &[],
            control: impersonate("serviceaccounts", own),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "a token of a foreign service account",
            refused: token(Some("kube-system")),
            because: &[],
            control: token(own),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "a secret of the cluster",
            refused: secrets("kube-system"),
            because: &[],
            control: secrets(&stage.namespace),
            fix: FIX_RIGHT,
        },
    ]
}

fn labelled(namespace: &str, labels: Value) -> Probe {
    let target = Target::cluster("v1", "namespaces").named(namespace);
    Probe::patch(target, json!({"metadata": {"labels": labels}}))
}

fn made(name: &str, tenant: &str) -> Probe {
    let metadata = json!({"name": name, "labels": {keys::TENANT: tenant}});
    let target = Target::cluster("v1", "namespaces");
    Probe::create(
        target,
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}),
    )
}

fn namespaces(stage: &Stage) -> Vec<Attempt> {
    let own = &stage.namespace;
    let (tenant, namespace) = &stage.foreign;
    let name = format!("{}-tenantry-conformance", stage.tenant);
    let plain = || labelled(own, json!({"tenantry-conformance": "probe"}));
    let noted = |metadata: Value| {
        let target = Target::cluster("v1", "namespaces").named(own);
        Probe::patch(target, json!({"metadata": metadata}))
    };
    vec![
        Attempt {
            what: "lower Pod Security",
            refused: labelled(
                own,
                json!({keys::POD_SECURITY: "privileged", "pod-security.kubernetes.io/enforce-version": "v1.0"}),
            ),
            because: &["are set by the platform"],
            control: plain(),
            fix: FIX_NAMESPACES,
        },
        Attempt {
            what: "move a namespace to another tenant",
            refused: labelled(own, json!({keys::TENANT: tenant})),
            because: &[keys::TENANT],
            control: plain(),
            fix: FIX_NAMESPACES,
        },
        Attempt {
            what: "change a namespace that is not the tenant's",
            refused: labelled(namespace, json!({"tenantry-conformance": "probe"})),
            because: &["you are no owner of that tenant", "it belongs to no tenant"],
            control: plain(),
            fix: FIX_NAMESPACES,
        },
        Attempt {
            what: "make a namespace for another tenant",
            refused: made(&name, tenant),
            because: &["you are no owner of that tenant"],
            control: made(&name, &stage.tenant),
            fix: FIX_NAMESPACES,
        },
        Attempt {
            what: "keep the namespace by a finalizer",
            refused: noted(json!({"finalizers": ["tenantry.dev/conformance"]})),
            because: &["cannot put a finalizer on namespace"],
            control: noted(json!({"annotations": {"tenantry-conformance": "probe"}})),
            fix: "apply deploy/policies/protected.yaml: the policy tenantry-finalizers or its binding is missing or altered",
        },
    ]
}

fn kinds(stage: &Stage) -> Vec<Attempt> {
    let webhook = |kind: &str| json!({"apiVersion": REGISTRATION, "kind": kind, "metadata": {"name": "tenantry-conformance"}});
    let schema = json!({"openAPIV3Schema": {"type": "object"}});
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": schema});
    let crd = json!({
        "apiVersion": EXTENSIONS, "kind": "CustomResourceDefinition",
        "metadata": {"name": "probes.conformance.tenantry.dev"},
        "spec": {"group": "conformance.tenantry.dev", "scope": "Namespaced", "names": {"kind": "Probe", "plural": "probes"}, "versions": [version]},
    });
    let certificate = Probe::may(
        "create",
        "certificates.k8s.io",
        "certificatesigningrequests",
        None,
    );
    let control = || role(stage, "pods", "get");
    let registered =
        |resource, kind| Probe::create(Target::cluster(REGISTRATION, resource), webhook(kind));
    vec![
        Attempt {
            what: "a webhook that judges",
            refused: registered(
                "validatingwebhookconfigurations",
                "ValidatingWebhookConfiguration",
            ),
            because: &["cannot create resource \"validatingwebhookconfigurations\""],
            control: control(),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "a webhook that changes",
            refused: registered(
                "mutatingwebhookconfigurations",
                "MutatingWebhookConfiguration",
            ),
            because: &["cannot create resource \"mutatingwebhookconfigurations\""],
            control: control(),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "a kind of resource",
            refused: Probe::create(
                Target::cluster(EXTENSIONS, "customresourcedefinitions"),
                crd,
            ),
            because: &["cannot create resource \"customresourcedefinitions\""],
            control: control(),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "a certificate of the cluster",
            refused: certificate,
            because: &[],
            control: control(),
            fix: FIX_RIGHT,
        },
    ]
}
