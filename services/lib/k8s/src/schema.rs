//! Pieces of schema that several resources share, and the CRDs as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Kubernetes' own grammar of a quantity, without the minus sign: no limit is negative.
const QUANTITY: &str =
    r"^\+?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?[0-9]+))?$";

/// Resource names to quantities, written as text or as a number.
pub(crate) fn quantities(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = observed_quantities(generator);
    let rule = json!([{
        "rule": "self.all(k, k.size() <= 317)",
        "message": "the name of a resource has at most 317 characters",
    }]);
    schema.insert("x-kubernetes-validations".to_owned(), rule);
    schema
}

/// What a ResourceQuota counts under a name of its own.
const COUNTED: [&str; 19] = [
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// Limits of a budget: what the apiserver can count.
///
/// A name without a slash is one that Kubernetes itself knows; a name with one counts objects (`count/…`), belongs to a
/// storage class, or is an extended resource.
pub(crate) fn budget(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = quantities(generator);
    let known = json!({
        "rule": format!(
            "self.all(k, k in ['{}'] || k.contains('/') || k.startsWith('hugepages-') || k.startsWith('requests.hugepages-'))",
            COUNTED.join("','"),
        ),
        "message": format!(
            "nothing can be counted under that name; known are {}, hugepages-<size>, count/<resource>.<group>, \
             <class>.storageclass.storage.k8s.io/requests.storage and extended resources such as requests.nvidia.com/gpu",
            COUNTED.join(", "),
        ),
    });
    let rules = schema.get_mut("x-kubernetes-validations");
    if let Some(rules) = rules.and_then(Value::as_array_mut) {
        rules.push(known);
    }
    schema
}

/// The same in a status, where the number of entries has no bound that a rule could be weighed by.
pub(crate) fn observed_quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"x-kubernetes-int-or-string": true, "pattern": QUANTITY, "maxLength": 64},
    })
}

/// What the apiserver takes as the key of a label or annotation.
const KEY: &str =
    "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

/// Labels for a namespace. A value with a template is checked when it is filled in.
pub(crate) fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 128},
        "x-kubernetes-validations": [
            {
                "rule": format!("self.all(k, k.matches('{KEY}'))"),
                "message": "the key of a label is [prefix/]name of letters, digits, -, _ and ., the name at most 63 characters",
            },
            {
                "rule": "self.all(k, self[k].contains('{{') || self[k].matches('^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$'))",
                "message": "the value of a label is at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit",
            },
            {
                "rule": "self.all(k, k != 'stakater.com/tenant' && !k.startsWith('tenantry.dev/'))",
                "message": "stakater.com/tenant and tenantry.dev/ belong to Tenantry; remove the key",
            },
        ],
    })
}

/// Annotations for a namespace.
pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 16384},
        "x-kubernetes-validations": [
            {
                "rule": format!("self.all(k, k.matches('{KEY}'))"),
                "message": "the key of an annotation is [prefix/]name of letters, digits, -, _ and ., the name at most 63 characters",
            },
            {
                "rule": "self.all(k, !k.startsWith('tenantry.dev/'))",
                "message": "tenantry.dev/ belongs to Tenantry; remove the key",
            },
        ],
    })
}

/// Conditions, merged by type.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "description": "What holds at observedGeneration: Ready, Reconciling, Stalled and others.",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {"type": "string", "maxLength": 316},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "reason": {"type": "string", "minLength": 1, "maxLength": 1024},
                "message": {"type": "string", "maxLength": 32768},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
                "lastTransitionTime": {"type": "string", "format": "date-time"},
            },
        },
    })
}

/// Anything: passed on as it is.
pub(crate) fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// Every CRD, in the form that is installed and that `deploy/crds` holds.
///
/// Shape: no `default` anywhere, so that what people wrote is what they read back.
pub fn crds() -> Vec<CustomResourceDefinition> {
    [
        crate::Guardrails::crd(),
        crate::IntegrationConfig::crd(),
        crate::Quota::crd(),
        crate::Tenant::crd(),
    ]
    .into_iter()
    .map(without_defaults)
    .collect()
}

fn without_defaults(crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let mut value = json!(crd);
    for version in value["spec"]["versions"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        strip(&mut version["schema"]["openAPIV3Schema"]);
    }
    serde_json::from_value(value).expect("a CRD without defaults is a CRD")
}

/// Walks the schema by its structure: a property that happens to be called `default` stays.
fn strip(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.remove("default");
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(strip);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(key) {
            strip(inner);
        }
    }
}
