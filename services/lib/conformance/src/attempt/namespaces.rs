//! At what says whose a namespace is, and at what keeps it.

use serde_json::{Value, json};
use tenantry_k8s::keys;

use super::{Attempt, Probe, Stage, Target};

const FIX: &str =
    "apply deploy/policies/namespaces.yaml: its policy or binding is missing or altered";
const FIX_FINALIZERS: &str = "apply deploy/policies/protected.yaml: the policy tenantry-finalizers or its binding is missing or altered";

pub(super) fn attempts(stage: &Stage) -> Vec<Attempt> {
    let mut all = kept(stage);
    all.extend(moved(stage));
    all.extend(foreign(stage));
    all.extend(adopted(stage));
    all.extend(deleted(stage));
    all
}

/// A namespace that nobody has comes to a tenant.
pub(crate) fn adoption(name: &str, tenant: &str) -> Probe {
    labelled(name, json!({keys::TENANT: tenant}))
}

fn target(name: &str) -> Target {
    Target::cluster("v1", "namespaces").named(name)
}

fn noted(name: &str, metadata: Value) -> Probe {
    Probe::patch(target(name), json!({"metadata": metadata}))
}

fn labelled(name: &str, labels: Value) -> Probe {
    noted(name, json!({"labels": labels}))
}

/// A label that decides about nothing.
fn plain(stage: &Stage) -> Probe {
    labelled(&stage.namespace, json!({"tenantry-conformance": "probe"}))
}

fn made(name: &str, tenant: &str) -> Probe {
    let metadata = json!({"name": name, "labels": {keys::TENANT: tenant}});
    Probe::create(
        Target::cluster("v1", "namespaces"),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}),
    )
}

fn kept(stage: &Stage) -> Vec<Attempt> {
    let own = &stage.namespace;
    let annotated = |key: &str, value: &str| noted(own, json!({"annotations": {key: value}}));
    let note = || annotated("tenantry-conformance", "probe");
    vec![
        Attempt {
            what: "lower Pod Security",
            refused: labelled(
                own,
                json!({keys::POD_SECURITY: "privileged", "pod-security.kubernetes.io/enforce-version": "v1.0"}),
            ),
            because: &["are set by the platform"],
            control: plain(stage),
            fix: FIX,
        },
        // What may be deleted rests on it. No origin is called that, so it is a change whatever the namespace's is.
        Attempt {
            what: "forge the origin of a namespace",
            refused: annotated(keys::ORIGIN, "tenantry-conformance"),
            because: &["are set by the tenant service"],
            control: note(),
            fix: FIX,
        },
        Attempt {
            what: "keep the namespace by a finalizer",
            refused: noted(own, json!({"finalizers": ["tenantry.dev/conformance"]})),
            because: &["cannot put a finalizer on namespace"],
            control: note(),
            fix: FIX_FINALIZERS,
        },
    ]
}

fn moved(stage: &Stage) -> Vec<Attempt> {
    let own = &stage.namespace;
    let (tenant, _) = &stage.foreign;
    vec![
        Attempt {
            what: "move a namespace to another tenant",
            refused: labelled(own, json!({keys::TENANT: tenant})),
            because: &[
                "you are no owner of that tenant",
                "only administrators move a namespace",
            ],
            control: plain(stage),
            fix: FIX,
        },
        Attempt {
            what: "take the tenant's label off",
            refused: labelled(own, json!({keys::TENANT: null})),
            because: &["take its label stakater.com/tenant away"],
            control: plain(stage),
            fix: FIX,
        },
    ]
}

fn foreign(stage: &Stage) -> Vec<Attempt> {
    let (tenant, namespace) = &stage.foreign;
    let name = format!("{}-tenantry-conformance", stage.tenant);
    vec![
        Attempt {
            what: "change a namespace that is not the tenant's",
            refused: labelled(namespace, json!({"tenantry-conformance": "probe"})),
            because: &["you are no owner of that tenant", "it belongs to no tenant"],
            control: plain(stage),
            fix: FIX,
        },
        Attempt {
            what: "make a namespace for another tenant",
            refused: made(&name, tenant),
            because: &["you are no owner of that tenant"],
            control: made(&name, &stage.tenant),
            fix: FIX,
        },
    ]
}

fn adopted(stage: &Stage) -> Option<Attempt> {
    let own = json!({keys::TENANT: stage.tenant, "tenantry-conformance": "probe"});
    Some(Attempt {
        what: "adopt a namespace that nobody has",
        refused: adoption(stage.lone.as_ref()?, &stage.tenant),
        because: &["who may can set its label stakater.com/tenant"],
        control: labelled(&stage.namespace, own),
        fix: FIX,
    })
}

fn deleted(stage: &Stage) -> Option<Attempt> {
    let name = stage.made.as_ref()?;
    let control = match &stage.served {
        Some(served) => Probe::delete(target(served)),
        // The right is there, so it is the policy that refuses.
        None => Probe::may("delete", "", "namespaces", Some(name)),
    };
    Some(Attempt {
        what: "delete a namespace that the spec made",
        refused: Probe::delete(target(name)),
        because: &["owners may delete what they made themselves"],
        control,
        fix: FIX,
    })
}
