//! Out of the tenant: to the cluster, to other tenants, to other people.

use serde_json::{Value, json};

use super::{Attempt, Probe, Stage, Target};

pub(super) const RBAC: &str = "rbac.authorization.k8s.io/v1";
const REGISTRATION: &str = "admissionregistration.k8s.io/v1";
const EXTENSIONS: &str = "apiextensions.k8s.io/v1";
const ESCALATES: &[&str] = &["attempting to grant RBAC permissions not currently held"];
const FIX_ESCALATION: &str =
    "take the verbs bind and escalate on roles away from the tenant's members";
const FIX_RIGHT: &str = "take the right away from the tenant's members, and from everybody";
const FIX_SUBJECTS: &str = "apply deploy/policies/protected.yaml: the policy tenantry-subjects or its binding is missing or altered";

pub(super) fn attempts(stage: &Stage) -> Vec<Attempt> {
    let mut all = bindings(stage);
    all.extend(members(stage));
    all.extend(people(stage));
    all.extend(kinds(stage));
    all
}

/// A binding of the namespace to a ClusterRole, for a service account: of a person it would be refused because of the person.
pub(super) fn binding(stage: &Stage, role: &str) -> Probe {
    bind(stage, role, &account(stage))
}

/// A service account of the namespace, which need not exist.
pub(super) fn account(stage: &Stage) -> Value {
    json!({"kind": "ServiceAccount", "name": "tenantry-conformance", "namespace": stage.namespace})
}

fn person(kind: &str, name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
}

fn bind(stage: &Stage, role: &str, subject: &Value) -> Probe {
    let target = Target::inside(&stage.namespace, RBAC, "rolebindings");
    Probe::create(target, bound("RoleBinding", role, subject))
}

/// A binding as it would be written.
pub(super) fn bound(kind: &str, role: &str, subject: &Value) -> Value {
    json!({
        "apiVersion": RBAC, "kind": kind, "metadata": {"name": "tenantry-conformance"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
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
                bound("ClusterRoleBinding", "view", &account(stage)),
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

/// Who has access is the Tenant's to say, or the history of access would not have them all.
fn members(stage: &Stage) -> Vec<Attempt> {
    const BECAUSE: &[&str] = &["would be a member whom the Tenant does not name"];
    let own = format!("system:serviceaccounts:{}", stage.namespace);
    vec![
        Attempt {
            what: "bind a person",
            refused: bind(stage, "view", &person("User", "tenantry-conformance-guest")),
            because: BECAUSE,
            control: binding(stage, "view"),
            fix: FIX_SUBJECTS,
        },
        Attempt {
            what: "bind everybody",
            refused: bind(stage, "view", &person("Group", "system:authenticated")),
            because: BECAUSE,
            control: bind(stage, "view", &person("Group", &own)),
            fix: FIX_SUBJECTS,
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
