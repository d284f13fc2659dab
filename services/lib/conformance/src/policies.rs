//! Whether the admission policies of the installation are in place, word for word: what no attempt can show where a tenant
//! has no rules.

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::{Api, Resource, ResourceExt as _};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    cluster::{Failure, Line},
    report::{Check, Finding, Kind, Right, Verdict},
};

const FILES: [(&str, &str); 3] = [
    (
        "deploy/policies/namespaces.yaml",
        include_str!("../../../../deploy/policies/namespaces.yaml"),
    ),
    (
        "deploy/policies/protected.yaml",
        include_str!("../../../../deploy/policies/protected.yaml"),
    ),
    (
        "deploy/policies/guardrails.yaml",
        include_str!("../../../../deploy/policies/guardrails.yaml"),
    ),
];

/// What the apiserver says where nothing is said, beside what is empty.
const DEFAULTS: [(&str, &str); 3] = [
    ("failurePolicy", "Fail"),
    ("matchPolicy", "Equivalent"),
    ("scope", "*"),
];

/// A policy or binding of the installation.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A policy.
    Policy(Box<ValidatingAdmissionPolicy>, &'static str),
    /// What puts a policy in force.
    Binding(Box<ValidatingAdmissionPolicyBinding>, &'static str),
}

/// Every policy and binding of the installation, with the file that has it.
pub fn wanted() -> Vec<Wanted> {
    FILES
        .into_iter()
        .flat_map(|(file, text)| text.split("\n---\n").filter_map(move |one| read(one, file)))
        .collect()
}

fn read(document: &str, file: &'static str) -> Option<Wanted> {
    let value: Value = serde_saphyr::from_str(document).expect("the policies are YAML");
    let kind = value["kind"].as_str().unwrap_or_default();
    match kind {
        "ValidatingAdmissionPolicy" => Some(Wanted::Policy(of(value), file)),
        "ValidatingAdmissionPolicyBinding" => Some(Wanted::Binding(of(value), file)),
        _ => None,
    }
}

fn of<T: DeserializeOwned>(value: Value) -> Box<T> {
    Box::new(serde_json::from_value(value).expect("the policies are of the kind they name"))
}

impl Wanted {
    /// Looks at the cluster's own. None where the caller may not read it.
    pub async fn check(&self, line: &Line) -> Option<Check> {
        let (resource, name, file, looked) = match self {
            Self::Policy(policy, file) => {
                let looked = compared(line, &**policy, |policy| &policy.spec).await;
                let resource = ValidatingAdmissionPolicy::plural(&());
                (resource, policy.name_any(), file, looked)
            }
            Self::Binding(binding, file) => {
                let looked = compared(line, &**binding, |binding| &binding.spec).await;
                let resource = ValidatingAdmissionPolicyBinding::plural(&());
                (resource, binding.name_any(), file, looked)
            }
        };
        let (fault, doubt) = match looked {
            Ok(Some(fault)) => (fault, String::new()),
            Ok(None) => (Some("it is missing".to_owned()), String::new()),
            Err(failure) if failure.refusal().is_some_and(|status| status.code == 403) => {
                return None;
            }
            Err(failure) => (None, failure.to_string()),
        };
        Some(verdict(&resource, name, file, fault, doubt))
    }
}

/// What is altered about the cluster's own, if anything; none if it has none.
async fn compared<T, S>(
    line: &Line,
    shipped: &T,
    spec: impl Fn(&T) -> &S,
) -> Result<Option<Option<String>>, Failure>
where
    T: Resource<DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
    S: Serialize,
{
    let name = shipped.name_any();
    let found = line
        .call(async |client| Api::<T>::all(client).get_opt(&name).await)
        .await?;
    Ok(found.map(|found| altered(spec(shipped), spec(&found))))
}

fn verdict(
    resource: &str,
    name: String,
    file: &str,
    fault: Option<String>,
    doubt: String,
) -> Check {
    let verdict = match (&fault, doubt.is_empty()) {
        (Some(_), _) => Verdict::NotHeld,
        (None, false) => Verdict::Inconclusive,
        (None, true) => Verdict::Held,
    };
    let finding = |because| Finding {
        rights: vec![Right {
            resource: format!("{resource} {name}"),
            verbs: Vec::new(),
        }],
        because,
        fix: format!(
            "kubectl apply --server-side --force-conflicts -f {file}, of the version of this command"
        ),
    };
    Check {
        kind: Kind::Policy,
        what: format!("policy {name}"),
        who: "everybody".to_owned(),
        place: "the cluster".to_owned(),
        calls: 1,
        verdict,
        doubt,
        findings: fault.map(finding).into_iter().collect(),
        lacking: Vec::new(),
    }
}

/// The first place where what is in force is not what ships.
///
/// Another version of the installation says it otherwise and is told of as well: what it lets pass, nobody can tell by its
/// words.
fn altered<T: Serialize>(shipped: &T, found: &T) -> Option<String> {
    let json = |spec: &T| serde_json::to_value(spec).expect("a spec is JSON");
    difference(&json(shipped), &json(found), "spec").map(|path| format!("altered: {path}"))
}

/// Path of the first difference.
///
/// What ships must be there as it is. What is there beside it must be the apiserver's own default: one condition or
/// exclusion more would let pass what the rest refuses.
fn difference(shipped: &Value, found: &Value, path: &str) -> Option<String> {
    match (shipped, found) {
        (Value::Object(shipped), Value::Object(found)) => in_fields(shipped, found, path),
        (Value::Array(shipped), Value::Array(found)) if shipped.len() == found.len() => {
            let mut pairs = shipped.iter().zip(found).enumerate();
            pairs.find_map(|(index, (shipped, found))| {
                difference(shipped, found, &format!("{path}[{index}]"))
            })
        }
        (shipped, found) => (shipped != found).then(|| path.to_owned()),
    }
}

fn in_fields(
    shipped: &Map<String, Value>,
    found: &Map<String, Value>,
    path: &str,
) -> Option<String> {
    let names: BTreeSet<&String> = shipped.keys().chain(found.keys()).collect();
    names.into_iter().find_map(|name| {
        let path = format!("{path}.{name}");
        match (shipped.get(name), found.get(name)) {
            (Some(shipped), Some(found)) => difference(shipped, found, &path),
            (None, Some(found)) if is_default(name, found) => None,
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => Some(path),
        }
    })
}

fn is_default(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => DEFAULTS.contains(&(name, text.as_str())),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bindings() -> Vec<ValidatingAdmissionPolicyBinding> {
        let binding = |wanted| match wanted {
            Wanted::Binding(binding, _) => Some(*binding),
            Wanted::Policy(..) => None,
        };
        wanted().into_iter().filter_map(binding).collect()
    }

    fn spec(wanted: &Wanted) -> Value {
        let spec = match wanted {
            Wanted::Policy(policy, _) => serde_json::to_value(&policy.spec),
            Wanted::Binding(binding, _) => serde_json::to_value(&binding.spec),
        };
        spec.unwrap()
    }

    /// As the apiserver gives it back: with what it says where nothing is said.
    fn live(mut spec: Value) -> Value {
        let defaults = [
            ("matchPolicy", json!("Equivalent")),
            ("namespaceSelector", json!({})),
            ("objectSelector", json!({})),
        ];
        for name in ["matchConstraints", "matchResources"] {
            let Some(limits) = spec.get_mut(name).and_then(Value::as_object_mut) else {
                continue;
            };
            for (field, default) in defaults.clone() {
                limits.entry(field).or_insert(default);
            }
            let rules = limits.get_mut("resourceRules");
            for rule in rules.and_then(Value::as_array_mut).into_iter().flatten() {
                rule["scope"] = json!("*");
            }
        }
        spec
    }

    #[test]
    fn every_policy_of_the_installation_has_a_binding() {
        let bound: Vec<String> = bindings()
            .into_iter()
            .map(|binding| binding.spec.policy_name)
            .collect();
        for wanted in wanted() {
            if let Wanted::Policy(policy, _) = wanted {
                assert!(bound.contains(&policy.name_any()), "{}", policy.name_any());
            }
        }
        assert!(bound.len() >= 12, "{bound:?}");
    }

    #[test]
    fn the_apiservers_defaults_alter_nothing() {
        let mut changed = 0;
        for wanted in wanted() {
            let shipped = spec(&wanted);
            let live = live(shipped.clone());
            assert_eq!(difference(&shipped, &live, "spec"), None, "{live}");
            changed += usize::from(live != shipped);
        }
        assert!(changed >= 12, "{changed}");
    }

    #[test]
    fn every_change_of_a_policy_is_a_fault() {
        let is_it = |wanted: &Wanted| match wanted {
            Wanted::Policy(policy, _) => policy.name_any() == "tenantry-finalizers",
            Wanted::Binding(..) => false,
        };
        let shipped = spec(&wanted().into_iter().find(is_it).unwrap());
        let check = |change: fn(&mut Value), expected: &str| {
            let mut changed = live(shipped.clone());
            change(&mut changed);
            let found = difference(&shipped, &changed, "spec");
            assert_eq!(found.as_deref(), Some(expected));
        };
        check(
            |spec| spec["validations"][0]["expression"] = json!("true"),
            "spec.validations[0].expression",
        );
        check(|spec| spec["validations"] = json!([]), "spec.validations");
        check(
            |spec| spec["failurePolicy"] = json!("Ignore"),
            "spec.failurePolicy",
        );
        check(
            |spec| spec["matchConditions"][0]["expression"] = json!("false"),
            "spec.matchConditions[0].expression",
        );
        check(
            |spec| spec["matchConstraints"]["resourceRules"][0]["operations"] = json!(["CREATE"]),
            "spec.matchConstraints.resourceRules[0].operations",
        );
        check(
            |spec| spec["matchConstraints"]["resourceRules"][0]["scope"] = json!("Namespaced"),
            "spec.matchConstraints.resourceRules[0].scope",
        );
        // What ours says nothing about.
        check(
            |spec| spec["matchConstraints"]["namespaceSelector"]["matchLabels"] = json!({"a": "b"}),
            "spec.matchConstraints.namespaceSelector",
        );
        check(
            |spec| spec["matchConstraints"]["excludeResourceRules"] = json!([{"resources": ["*"]}]),
            "spec.matchConstraints.excludeResourceRules",
        );
    }

    #[test]
    fn a_binding_that_lets_pass_is_a_fault() {
        let shipped = bindings().remove(0);
        assert_eq!(altered(&shipped.spec, &shipped.spec), None);
        let mut lenient = shipped.clone();
        lenient.spec.validation_actions = vec!["Audit".to_owned()];
        let fault = altered(&shipped.spec, &lenient.spec);
        let expected = "altered: spec.validationActions[0]";
        assert_eq!(fault.as_deref(), Some(expected));
    }
}
