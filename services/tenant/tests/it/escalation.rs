//! What an owner might try to get beyond his tenant. Each is refused for the reason that it should be, and beside each
//! stands what he may: a refusal alone could have come from anything.

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
";

/// An attempt, and what of the same kind is allowed.
struct Attempt {
    what: &'static str,
    refused: Ask,
    because: &'static str,
    allowed: Ask,
}

/// A kubectl line, with a manifest if it reads one.
struct Ask(&'static str, &'static str);

const fn line(line: &'static str) -> Ask {
    Ask(line, "")
}

const fn pod(spec: &'static str) -> Ask {
    Ask("create --dry-run=server -f -", spec)
}

const PLAIN: Ask = pod(
    "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: climb-dev}, spec: {containers: [{name: c, image: nginx}]}}",
);

const ATTEMPTS: [Attempt; 19] = [
    Attempt {
        what: "bind cluster-admin",
        refused: line(
            "create rolebinding up --clusterrole=cluster-admin --user=climber -n climb-dev",
        ),
        because: "attempting to grant RBAC permissions not currently held",
        allowed: line("create rolebinding down --clusterrole=view --user=guest -n climb-dev"),
    },
    Attempt {
        what: "escalate a role",
        refused: line("create role up --verb=* --resource=nodes -n climb-dev"),
        because: "attempting to grant RBAC permissions not currently held",
        allowed: line("create role down --verb=get --resource=pods -n climb-dev"),
    },
    Attempt {
        what: "bind beyond the namespace",
        refused: line("create clusterrolebinding up --clusterrole=view --user=climber"),
        because: "cannot create resource \"clusterrolebindings\"",
        allowed: line("create rolebinding again --clusterrole=view --user=guest -n climb-dev"),
    },
    Attempt {
        what: "impersonate a user",
        refused: line("auth can-i impersonate users"),
        because: "no",
        // What `admin` allows inside one's own namespace.
        allowed: line("auth can-i impersonate serviceaccounts -n climb-dev"),
    },
    Attempt {
        what: "lower Pod Security",
        refused: line(
            "label namespace climb-dev pod-security.kubernetes.io/enforce=privileged --overwrite",
        ),
        because: "are set by the platform",
        allowed: line("label namespace climb-dev team=blue --overwrite"),
    },
    Attempt {
        what: "move a namespace to another tenant",
        refused: line("label namespace climb-dev stakater.com/tenant=other --overwrite"),
        because: "stakater.com/tenant",
        allowed: line("label namespace climb-dev team=green --overwrite"),
    },
    Attempt {
        what: "a privileged pod",
        refused: pod(
            "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: climb-dev}, spec: {containers: [{name: c, image: nginx, securityContext: {privileged: true}}]}}",
        ),
        // The apiserver of these tests allows no privileged pod to anybody, and says so first.
        because: "securityContext.privileged: Forbidden",
        allowed: PLAIN,
    },
    Attempt {
        what: "a hostPath",
        refused: pod(
            "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: climb-dev}, spec: {containers: [{name: c, image: nginx}], volumes: [{name: v, hostPath: {path: /}}]}}",
        ),
        because: "violates PodSecurity \"baseline:latest\": hostPath volumes",
        allowed: pod(
            "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: climb-dev}, spec: {containers: [{name: c, image: nginx}], volumes: [{name: v, emptyDir: {}}]}}",
        ),
    },
    Attempt {
        what: "the host's network",
        refused: pod(
            "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: climb-dev}, spec: {hostNetwork: true, containers: [{name: c, image: nginx}]}}",
        ),
        because: "violates PodSecurity \"baseline:latest\": host namespaces (hostNetwork=true)",
        allowed: PLAIN,
    },
    Attempt {
        what: "the host's processes",
        refused: pod(
            "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: climb-dev}, spec: {hostPID: true, containers: [{name: c, image: nginx}]}}",
        ),
        because: "violates PodSecurity \"baseline:latest\": host namespaces (hostPID=true)",
        allowed: PLAIN,
    },
    Attempt {
        what: "choose a node",
        refused: pod(
            "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: climb-dev}, spec: {nodeName: control-plane, containers: [{name: c, image: nginx}]}}",
        ),
        because: "climber cannot choose node control-plane for pod p",
        allowed: pod(
            "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: climb-dev}, spec: {nodeSelector: {zone: a}, containers: [{name: c, image: nginx}]}}",
        ),
    },
    Attempt {
        what: "edit the quota",
        refused: line(
            r#"patch resourcequota tenant-quota -n climb-dev --type=merge -p {"spec":{"hard":{"configmaps":"99"}}}"#,
        ),
        because: "cannot patch resource \"resourcequotas\"",
        allowed: line("get resourcequota tenant-quota -n climb-dev"),
    },
    Attempt {
        what: "edit the limits",
        refused: line("delete limitrange tenant-limits -n climb-dev"),
        because: "cannot delete resource \"limitranges\"",
        allowed: line("get limitrange tenant-limits -n climb-dev"),
    },
    Attempt {
        what: "edit our bindings",
        refused: line(
            r#"patch rolebinding tenant-owner-admin -n climb-dev --type=merge -p {"subjects":[{"kind":"User","name":"guest","apiGroup":"rbac.authorization.k8s.io"}]}"#,
        ),
        because: "is kept by the tenant service as the Tenant says",
        allowed: line("create rolebinding own --clusterrole=view --user=guest -n climb-dev"),
    },
    Attempt {
        what: "delete our bindings",
        refused: line("delete rolebinding tenant-owner-admin -n climb-dev"),
        because: "is kept by the tenant service as the Tenant says",
        allowed: line("delete rolebinding own -n climb-dev"),
    },
    Attempt {
        what: "a token of a foreign service account",
        refused: line("create token default -n kube-system"),
        because: "cannot create resource \"serviceaccounts/token\"",
        allowed: line("create token default -n climb-dev"),
    },
    Attempt {
        what: "a webhook",
        refused: Ask(
            "create --dry-run=server -f -",
            "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: up}}",
        ),
        because: "cannot create resource \"validatingwebhookconfigurations\"",
        allowed: Ask(
            "create --dry-run=server -f -",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: down, namespace: climb-dev}}",
        ),
    },
    Attempt {
        what: "a kind of resource",
        refused: Ask(
            "create --dry-run=server --validate=false -f -",
            "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: ups.example.com}, spec: {group: example.com, scope: Namespaced, names: {kind: Up, plural: ups}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}}",
        ),
        because: "cannot create resource \"customresourcedefinitions\"",
        allowed: Ask(
            "create --dry-run=server -f -",
            "{apiVersion: v1, kind: Secret, metadata: {name: down, namespace: climb-dev}}",
        ),
    },
    Attempt {
        what: "keep the namespace by a finalizer",
        refused: line(
            r#"patch namespace climb-dev --type=merge -p {"metadata":{"finalizers":["example.com/mine"]}}"#,
        ),
        because: "climber cannot put a finalizer on namespace climb-dev",
        allowed: line(
            r#"patch namespace climb-dev --type=merge -p {"metadata":{"annotations":{"note":"mine"}}}"#,
        ),
    },
];

#[tokio::test]
async fn an_owner_gets_nothing_beyond_his_tenant() {
    let world = World::shared().await;
    world.apply(TENANT);
    world.wait_for("climb", "Ready", "True").await;
    let ask = |ask: &Ask| {
        world.kubectl_with(
            &format!("{} --as climber --as-group system:authenticated", ask.0),
            ask.1,
        )
    };
    for attempt in &ATTEMPTS {
        let Attempt {
            what,
            refused,
            because,
            allowed,
        } = attempt;
        // A policy takes a moment to be in force after a start.
        eventually(what, async || match ask(refused) {
            Err(refusal) if refusal.contains(because) => Ok(()),
            other => Err(other),
        })
        .await;
        ask(allowed).unwrap_or_else(|refusal| panic!("{what}: the control is refused: {refusal}"));
    }
    // The administrator's own attempt shows that the manifests are sound.
    for attempt in ATTEMPTS
        .iter()
        .filter(|attempt| attempt.refused.0.contains("dry-run"))
    {
        let Ask(line, manifest) = &attempt.refused;
        if !attempt.because.contains("PodSecurity") && !attempt.because.contains("privileged") {
            world.kubectl_with(line, manifest).unwrap();
        }
    }
}
