//! What an owner might try to get beyond his tenant, each with what he may: a refusal alone could have come from anything.
//!
//! This is the one list: the tenant service's tests try it on an installation of their own, `tenantry conformance` on any.

use std::collections::BTreeSet;

use http::Method;
use k8s_openapi::api::authorization::v1::ResourceAttributes;
use serde_json::{Value, json};
use tenantry_k8s::GuardrailsSpec;

use crate::{
    cluster::Outcome,
    report::{Check, Finding, Kind, Right, Verdict},
};

mod beyond;
mod namespaces;
mod ours;
mod pods;
mod rules;

pub(crate) use namespaces::adoption;

/// What the attempts are made with.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    /// Name of the tenant.
    pub tenant: String,
    /// Its Quota.
    pub quota: String,
    /// A namespace of it.
    pub namespace: String,
    /// A tenant that is not theirs, and a namespace of it; made up where there is no other.
    pub foreign: (String, String),
    /// A namespace of it that its spec made.
    pub made: Option<String>,
    /// A namespace of it that an owner made himself.
    pub served: Option<String>,
    /// A namespace that no tenant has, and that one could have by its name.
    pub lone: Option<String>,
    /// A binding of ours in the namespace.
    pub binding: String,
    /// The rules that the namespace is under.
    pub rules: GuardrailsSpec,
    /// Service accounts of the namespace.
    pub accounts: BTreeSet<String>,
}

/// An attempt, and what of the same kind is allowed.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What is attempted.
    pub what: &'static str,
    /// What must be refused.
    pub refused: Probe,
    /// Words of the right refusal: any of these.
    pub because: &'static [&'static str],
    /// What must be allowed.
    pub control: Probe,
    /// What to do if it is not refused.
    pub fix: &'static str,
}

/// Something that is tried without being done.
#[derive(Clone, Debug)]
pub enum Probe {
    /// A write that is not stored.
    DryRun(DryRun),
    /// A question about a right, where trying would do harm.
    Review(Box<ResourceAttributes>),
}

/// A write that is not stored.
#[derive(Clone, Debug)]
pub struct DryRun {
    pub(crate) verb: Verb,
    pub(crate) target: Target,
    pub(crate) body: Value,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Create,
    Patch,
    Delete,
}

impl Verb {
    pub(crate) fn method(self) -> Method {
        match self {
            Self::Create => Method::POST,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Create | Self::Delete => "application/json",
            Self::Patch => "application/merge-patch+json",
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// What a write is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `v1`, or group and version.
    api: &'static str,
    resource: &'static str,
    namespace: Option<String>,
    /// None where it is to be created.
    name: Option<String>,
}

impl Target {
    fn cluster(api: &'static str, resource: &'static str) -> Self {
        Self {
            api,
            resource,
            namespace: None,
            name: None,
        }
    }

    fn inside(namespace: &str, api: &'static str, resource: &'static str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            ..Self::cluster(api, resource)
        }
    }

    fn named(self, name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..self
        }
    }

    /// Path of the request.
    pub(crate) fn path(&self) -> String {
        let root = if self.api.contains('/') {
            "apis"
        } else {
            "api"
        };
        let namespace = self
            .namespace
            .iter()
            .map(|name| format!("/namespaces/{name}"));
        let name = self.name.iter().map(|name| format!("/{name}"));
        let (api, resource) = (self.api, self.resource);
        format!(
            "/{root}/{api}{}/{resource}{}",
            namespace.collect::<String>(),
            name.collect::<String>()
        )
    }
}

impl Probe {
    fn create(target: Target, body: Value) -> Self {
        Self::write(Verb::Create, target, body)
    }

    fn patch(target: Target, body: Value) -> Self {
        Self::write(Verb::Patch, target, body)
    }

    fn delete(target: Target) -> Self {
        // With a body, the apiserver reads the options of a deletion there, and those of the query not at all.
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]});
        Self::write(Verb::Delete, target, options)
    }

    fn write(verb: Verb, target: Target, body: Value) -> Self {
        Self::DryRun(DryRun { verb, target, body })
    }

    /// `resource` is `name`, or `name/subresource`.
    fn may(verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> Self {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Self::Review(Box::new(ResourceAttributes {
            verb: Some(verb.to_owned()),
            group: Some(group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource: Some(subresource.to_owned()),
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        }))
    }

    /// True if it is a write, which an administrator may try as well.
    pub fn is_dry_run(&self) -> bool {
        matches!(self, Self::DryRun(_))
    }

    fn right(&self) -> Right {
        let (verb, resource) = match self {
            Self::DryRun(dry_run) => (dry_run.verb.as_str(), dry_run.target.resource.to_owned()),
            Self::Review(asked) => {
                let resource = asked.resource.clone().unwrap_or_default();
                let sub = asked.subresource.as_deref().unwrap_or_default();
                let resource = [resource.as_str(), sub].join("/");
                (
                    asked.verb.as_deref().unwrap_or_default(),
                    resource.trim_end_matches('/').to_owned(),
                )
            }
        };
        Right {
            resource,
            verbs: vec![verb.to_owned()],
        }
    }

    fn place(&self) -> String {
        let namespace = match self {
            Self::DryRun(dry_run) => dry_run.target.namespace.clone(),
            Self::Review(asked) => asked.namespace.clone(),
        };
        namespace.map_or_else(
            || "the cluster".to_owned(),
            |namespace| format!("namespace {namespace}"),
        )
    }
}

/// Every attempt that makes sense on this stage.
pub fn attempts(stage: &Stage) -> Vec<Attempt> {
    let mut all = beyond::attempts(stage);
    all.extend(namespaces::attempts(stage));
    all.extend(ours::attempts(stage));
    all.extend(pods::attempts(stage));
    all.extend(rules::attempts(stage));
    all
}

/// What became of an attempt of `who`.
pub fn judge(attempt: &Attempt, who: &str, tried: &Outcome, control: &Outcome) -> Check {
    let doubt = doubt(attempt, tried, control);
    let is_done = *tried == Outcome::Allowed;
    let verdict = match (is_done, doubt.is_empty()) {
        (true, _) => Verdict::NotHeld,
        (false, false) => Verdict::Inconclusive,
        (false, true) => Verdict::Held,
    };
    let finding = Finding {
        rights: vec![attempt.refused.right()],
        because: "the apiserver would have done it".to_owned(),
        fix: attempt.fix.to_owned(),
    };
    Check {
        kind: Kind::Attempt,
        what: attempt.what.to_owned(),
        who: who.to_owned(),
        place: attempt.refused.place(),
        calls: 2,
        verdict,
        doubt: if is_done { String::new() } else { doubt },
        findings: is_done.then_some(finding).into_iter().collect(),
        lacking: Vec::new(),
    }
}

fn doubt(attempt: &Attempt, tried: &Outcome, control: &Outcome) -> String {
    let is_right = |words: &String| {
        let because = attempt.because;
        because.is_empty() || because.iter().any(|reason| words.contains(reason))
    };
    match (tried, control) {
        (_, Outcome::Refused(words) | Outcome::Unknown(words)) => {
            format!(
                "what is allowed is not possible either, so the refusal proves nothing: {words}"
            )
        }
        (Outcome::Unknown(words), Outcome::Allowed) => format!("no answer: {words}"),
        (Outcome::Refused(words), Outcome::Allowed) if !is_right(words) => {
            format!("refused, but by something else: {words}")
        }
        (Outcome::Refused(_) | Outcome::Allowed, Outcome::Allowed) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> Attempt {
        let target = Target::inside("a-dev", "rbac.authorization.k8s.io/v1", "rolebindings");
        Attempt {
            what: "bind",
            refused: Probe::delete(target.clone().named("b")),
            because: &["is kept", "not yours"],
            control: Probe::create(target, json!({})),
            fix: "mend it",
        }
    }

    fn check(tried: Outcome, control: Outcome, expected: Verdict, doubt: &str) {
        let found = judge(&attempt(), "owner anna", &tried, &control);
        assert_eq!(found.verdict, expected, "{found:?}");
        assert!(found.doubt.starts_with(doubt), "{found:?}");
        assert_eq!(found.findings.is_empty(), expected != Verdict::NotHeld);
    }

    #[test]
    fn only_the_right_refusal_beside_a_control_holds() {
        let refused = |words: &str| Outcome::Refused(words.to_owned());
        let allowed = || Outcome::Allowed;
        check(refused("it is kept here"), allowed(), Verdict::Held, "");
        check(allowed(), allowed(), Verdict::NotHeld, "");
        check(allowed(), refused("x"), Verdict::NotHeld, "");
        check(
            refused("busy"),
            allowed(),
            Verdict::Inconclusive,
            "refused, but by something else: busy",
        );
        check(
            refused("it is kept here"),
            refused("quota"),
            Verdict::Inconclusive,
            "what is allowed is not possible either",
        );
        let silent = || Outcome::Unknown("late".to_owned());
        check(
            silent(),
            allowed(),
            Verdict::Inconclusive,
            "no answer: late",
        );
        check(
            refused("it is kept here"),
            silent(),
            Verdict::Inconclusive,
            "what is allowed is not possible either",
        );
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let check = |target: Target, expected: &str| assert_eq!(target.path(), expected);
        check(
            Target::inside("a-dev", "rbac.authorization.k8s.io/v1", "roles"),
            "/apis/rbac.authorization.k8s.io/v1/namespaces/a-dev/roles",
        );
        check(
            Target::cluster("v1", "namespaces").named("a-dev"),
            "/api/v1/namespaces/a-dev",
        );
    }

    #[test]
    fn attempts_have_names_of_their_own() {
        let stage = Stage {
            made: Some("a-dev".to_owned()),
            lone: Some("nobodys".to_owned()),
            ..Stage::default()
        };
        let all = attempts(&stage);
        let names: BTreeSet<&str> = all.iter().map(|attempt| attempt.what).collect();
        assert_eq!(names.len(), all.len());
    }
}
