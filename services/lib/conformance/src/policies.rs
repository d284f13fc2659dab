//! Whether the admission policies of the installation are in place: what no attempt can show where a tenant has no rules.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

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
        let (resource, name, file, faults) = match self {
            Self::Policy(policy, file) => {
                let found = find::<ValidatingAdmissionPolicy>(line, &policy.name_any()).await;
                let faults = found.map(|found| found.map(|found| policy_faults(&found)));
                let resource = ValidatingAdmissionPolicy::plural(&());
                (resource, policy.name_any(), file, faults)
            }
            Self::Binding(binding, file) => {
                let found =
                    find::<ValidatingAdmissionPolicyBinding>(line, &binding.name_any()).await;
                let faults = found.map(|found| found.map(|found| binding_faults(binding, &found)));
                let resource = ValidatingAdmissionPolicyBinding::plural(&());
                (resource, binding.name_any(), file, faults)
            }
        };
        let (fault, doubt) = match faults {
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

async fn find<T>(line: &Line, name: &str) -> Result<Option<T>, Failure>
where
    T: Resource<DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
{
    line.call(async |client| Api::<T>::all(client).get_opt(name).await)
        .await
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
        fix: format!("kubectl apply --server-side -f {file}"),
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

/// What the policies say is for the attempts to show: another version may say it otherwise.
fn policy_faults(found: &ValidatingAdmissionPolicy) -> Option<String> {
    let spec = found.spec.as_ref();
    let is_closed = spec.and_then(|spec| spec.failure_policy.as_deref()) == Some("Fail");
    (!is_closed).then(|| "its failurePolicy is not Fail".to_owned())
}

fn binding_faults(
    wanted: &ValidatingAdmissionPolicyBinding,
    found: &ValidatingAdmissionPolicyBinding,
) -> Option<String> {
    let (wanted, found) = (&wanted.spec, &found.spec);
    let denies = found
        .validation_actions
        .iter()
        .any(|action| action == "Deny");
    let limits = found.match_resources.as_ref().map(|limits| {
        [&limits.namespace_selector, &limits.object_selector]
            .into_iter()
            .flatten()
            .any(|selector| selector.match_labels.is_some() || selector.match_expressions.is_some())
    });
    [
        (
            found.policy_name != wanted.policy_name,
            "it binds another policy",
        ),
        (!denies, "its validationActions do not deny"),
        (
            found.param_ref != wanted.param_ref,
            "its paramRef is another",
        ),
        (
            limits == Some(true),
            "it leaves out namespaces or objects by a selector",
        ),
    ]
    .into_iter()
    .find_map(|(is_so, fault)| is_so.then(|| fault.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bindings() -> Vec<ValidatingAdmissionPolicyBinding> {
        let binding = |wanted| match wanted {
            Wanted::Binding(binding, _) => Some(*binding),
            Wanted::Policy(..) => None,
        };
        wanted().into_iter().filter_map(binding).collect()
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
                assert_eq!(policy_faults(&policy), None);
            }
        }
        assert!(bound.len() >= 12, "{bound:?}");
    }

    #[test]
    fn a_binding_that_lets_pass_is_a_fault() {
        let wanted = bindings().remove(0);
        assert_eq!(binding_faults(&wanted, &wanted), None);
        let mut lenient = wanted.clone();
        lenient.spec.validation_actions = vec!["Audit".to_owned()];
        let fault = binding_faults(&wanted, &lenient);
        assert_eq!(fault.as_deref(), Some("its validationActions do not deny"));
    }
}
