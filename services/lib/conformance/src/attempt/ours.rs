//! At what Tenantry keeps in the tenant's namespaces, and at the tenant itself.

use serde_json::json;
use tenantry_k8s::{guardrails, keys};

use super::{
    Attempt, Probe, Stage, Target,
    beyond::{RBAC, account, binding, bound},
};

const TENANT: &str = "tenantoperator.stakater.com/v1beta3";
const QUOTA: &str = "tenantoperator.stakater.com/v1beta1";
const GUARDRAILS: &str = "tenantry.dev/v1alpha1";
/// Who manages what the tenant service keeps.
const MANAGER: &str = "tenantry-tenant";
const KEPT: &[&str] = &["is kept by the tenant service as the Tenant says"];
const FIX_OBJECTS: &str = "apply deploy/policies/protected.yaml: the policy tenantry-objects or its binding is missing or altered";
const FIX_RIGHT: &str = "take the right to write it away from the tenant's members";

pub(super) fn attempts(stage: &Stage) -> Vec<Attempt> {
    let mut all = limits(stage);
    all.extend(bindings(stage));
    all.extend(intent(stage));
    all
}

fn limits(stage: &Stage) -> Vec<Attempt> {
    let own = Some(stage.namespace.as_str());
    let inside = |resource| Target::inside(&stage.namespace, "v1", resource);
    let rules = Target::inside(&stage.namespace, GUARDRAILS, "guardrails");
    let more = json!({"spec": {"hard": {"configmaps": "99"}}});
    let none = json!({"spec": {"imageRegistries": null, "podPriorityClasses": null}});
    vec![
        Attempt {
            what: "edit the quota",
            refused: Probe::patch(inside("resourcequotas").named("tenant-quota"), more),
            because: &["cannot patch resource \"resourcequotas\""],
            control: Probe::may("get", "", "resourcequotas", own),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "edit the limits",
            refused: Probe::delete(inside("limitranges").named("tenant-limits")),
            because: &["cannot delete resource \"limitranges\""],
            control: Probe::may("get", "", "limitranges", own),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "edit the rules of the namespace",
            refused: Probe::patch(rules.named(guardrails::NAME), none),
            because: &["cannot patch resource \"guardrails\""],
            control: Probe::may("patch", "apps", "deployments", own),
            fix: FIX_RIGHT,
        },
    ]
}

fn bindings(stage: &Stage) -> Vec<Attempt> {
    let bindings = Target::inside(&stage.namespace, RBAC, "rolebindings");
    let ours = bindings.clone().named(&stage.binding);
    let mut forged = bound("RoleBinding", "view", &account(stage));
    forged["metadata"]["labels"] = json!({keys::MANAGED_BY: MANAGER});
    vec![
        Attempt {
            what: "make a binding that looks like ours",
            refused: Probe::create(bindings, forged),
            because: KEPT,
            control: binding(stage, "view"),
            fix: FIX_OBJECTS,
        },
        Attempt {
            what: "edit our bindings",
            refused: Probe::patch(ours.clone(), json!({"subjects": [account(stage)]})),
            because: KEPT,
            control: binding(stage, "view"),
            fix: FIX_OBJECTS,
        },
        Attempt {
            what: "delete our bindings",
            refused: Probe::delete(ours),
            because: KEPT,
            control: Probe::may(
                "delete",
                "rbac.authorization.k8s.io",
                "rolebindings",
                Some(&stage.namespace),
            ),
            fix: FIX_OBJECTS,
        },
    ]
}

fn intent(stage: &Stage) -> Vec<Attempt> {
    let tenant = Target::cluster(TENANT, "tenants").named(&stage.tenant);
    let quota = Target::cluster(QUOTA, "quotas").named(&stage.quota);
    let control = || binding(stage, "view");
    vec![
        Attempt {
            what: "edit the tenant",
            refused: Probe::patch(tenant, json!({"spec": {"desc": "mine"}})),
            because: &["cannot patch resource \"tenants\""],
            control: control(),
            fix: FIX_RIGHT,
        },
        Attempt {
            what: "edit the tenant's budget",
            refused: Probe::patch(quota, json!({"metadata": {"annotations": {"mine": "yes"}}})),
            because: &["cannot patch resource \"quotas\""],
            control: control(),
            fix: FIX_RIGHT,
        },
    ]
}
