//! Every verb on every resource, in one place: what is, against what should be.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::authorization::v1::ResourceAttributes, apimachinery::pkg::apis::meta::v1::APIResourceList,
};
use tenantry_k8s::{TenantSpec, tenant::Allowed};

use crate::{
    matrix::{Column, Matrix, VERBS},
    report::{Check, Finding, Kind, Right, Verdict},
    scene::{Asker, Place, Scene},
};

const FIX_BINDING: &str = "take away or narrow what is named here; `kubectl auth can-i --list --as USER` shows what is left";

/// A resource or subresource of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    group: String,
    name: String,
    is_namespaced: bool,
}

impl Resource {
    /// Everything in an answer of the discovery API.
    pub(crate) fn of(list: &APIResourceList) -> Vec<Self> {
        let group = list.group_version.rsplit_once('/');
        let group = group.map_or("", |(group, _)| group);
        let resources = list.resources.iter().map(|found| Self {
            group: group.to_owned(),
            name: found.name.clone(),
            is_namespaced: found.namespaced,
        });
        resources.collect()
    }

    /// `deployments/scale (apps)`.
    pub fn title(&self) -> String {
        match self.group.as_str() {
            "" => self.name.clone(),
            group => format!("{} ({group})", self.name),
        }
    }

    /// A question about a namespace concerns what lies in it, and the namespace itself.
    fn concerns(&self, place: &Place) -> bool {
        place.namespace.is_none() || self.is_namespaced || self.name.starts_with("namespaces")
    }

    fn attributes(&self, place: &Place, verb: &str) -> ResourceAttributes {
        let (name, subresource) = self.name.split_once('/').unwrap_or((&self.name, ""));
        ResourceAttributes {
            group: Some(self.group.clone()),
            resource: Some(name.to_owned()),
            subresource: Some(subresource.to_owned()),
            namespace: place.namespace.clone(),
            verb: Some(verb.to_owned()),
            ..ResourceAttributes::default()
        }
    }
}

/// What the cluster says of a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it is there.
    pub is_allowed: bool,
    /// What gives it.
    pub reason: String,
}

/// One question, by the indices of who, where and what.
#[derive(Clone, Debug)]
pub struct Question {
    /// Index of the asker in the scene.
    pub asker: usize,
    /// Index of the place among the asker's.
    pub place: usize,
    /// What is asked about.
    pub resource: Resource,
    /// Which of [`VERBS`].
    pub verb: &'static str,
}

impl Question {
    /// As the apiserver is asked.
    pub fn attributes(&self, scene: &Scene) -> ResourceAttributes {
        let place = &scene.askers[self.asker].places[self.place];
        self.resource.attributes(place, self.verb)
    }
}

/// Every question of the scene.
pub fn questions(scene: &Scene, resources: &[Resource]) -> Vec<Question> {
    let mut all = Vec::new();
    for (asker, person) in scene.askers.iter().enumerate() {
        for (place, there) in person.places.iter().enumerate() {
            for resource in resources.iter().filter(|resource| resource.concerns(there)) {
                all.extend(VERBS.map(|verb| Question {
                    asker,
                    place,
                    resource: resource.clone(),
                    verb,
                }));
            }
        }
    }
    all
}

/// A question with its answer, or with why there is none.
pub type Answered = (Question, Result<Answer, String>);

enum Expected {
    Yes,
    No,
    /// The platform decides: kinds that the matrix never saw, roles of the platform's own.
    Either,
}

fn expected(matrix: &Matrix, spec: &TenantSpec, asker: &Asker, question: &Question) -> Expected {
    let place = &asker.places[question.place];
    let resource = question.resource.title();
    let may = |who| matrix.may(who, place.column, &resource, question.verb);
    let is_own = place.column == Column::Own;
    if is_own && (!place.is_standard || !matrix.knows(&resource)) && !asker.roles.is_empty() {
        Expected::Either
    } else if asker.who().into_iter().any(may)
        || !asker.roles.is_empty() && is_class(spec, place.column, &resource, question.verb)
    {
        Expected::Yes
    } else {
        Expected::No
    }
}

/// Members may read every class where the tenant may use every one; by name only where it may use some.
fn is_class(spec: &TenantSpec, column: Column, resource: &str, verb: &str) -> bool {
    let is_open =
        |rule: &Option<Allowed>| rule.as_ref().is_some_and(|rule| rule.allowed.is_empty());
    column == Column::Cluster
        && ["get", "list", "watch"].contains(&verb)
        && match resource {
            "storageclasses (storage.k8s.io)" => is_open(&spec.storage_classes),
            "ingressclasses (networking.k8s.io)" => is_open(&spec.ingress_classes),
            "priorityclasses (scheduling.k8s.io)" => is_open(&spec.pod_priority_classes),
            _ => false,
        }
}

/// The matrix as the answers show it.
///
/// Errors: a question that has no answer, as `verb resource: why`.
pub fn seen(scene: &Scene, answered: &[Answered]) -> Result<Matrix, String> {
    let mut matrix = Matrix::default();
    for (question, answer) in answered {
        let (resource, verb) = (question.resource.title(), question.verb);
        let asker = &scene.askers[question.asker];
        let column = asker.places[question.place].column;
        matrix.know(resource.clone());
        match answer {
            Ok(answer) if answer.is_allowed => {
                for who in asker.who() {
                    matrix.allow(who, column, resource.clone(), verb);
                }
            }
            Ok(_) => {}
            Err(why) => return Err(format!("{verb} {resource}: {why}")),
        }
    }
    Ok(matrix)
}

/// Sums of the answers about one place.
#[derive(Default)]
struct Tally {
    calls: usize,
    is_known: bool,
    /// By what gives them, so that one binding is one finding.
    excess: BTreeMap<String, Vec<Right>>,
    lacking: Vec<Right>,
    unanswered: Vec<String>,
}

/// One check for each person and place.
pub fn judge(scene: &Scene, matrix: &Matrix, answered: &[Answered]) -> Vec<Check> {
    let mut tallies: BTreeMap<(usize, usize), Tally> = BTreeMap::new();
    for (question, answer) in answered {
        let asker = &scene.askers[question.asker];
        let tally = tallies.entry((question.asker, question.place)).or_default();
        let expected = expected(matrix, &scene.tenant.spec, asker, question);
        count(tally, question, answer, &expected);
        let is_there = answer.as_ref().is_ok_and(|answer| answer.is_allowed);
        tally.is_known |= is_there && is_telling(matrix, asker, question);
    }
    tallies
        .iter()
        .map(|((asker, place), tally)| {
            let person = &scene.askers[*asker];
            let mut own = tallies.iter().filter(|((found, _), _)| found == asker);
            let is_known = own.any(|(_, tally)| tally.is_known);
            check(person, &person.places[*place], tally, is_known)
        })
        .collect()
}

/// Whether having the right shows that the cluster knows the person: of a member, one in the tenant's namespaces that he
/// would not have elsewhere.
fn is_telling(matrix: &Matrix, asker: &Asker, question: &Question) -> bool {
    let resource = question.resource.title();
    let is_everywhere = |who| matrix.may(who, Column::Foreign, &resource, question.verb);
    let is_own = asker.places[question.place].column == Column::Own;
    asker.roles.is_empty() || is_own && !asker.who().into_iter().any(is_everywhere)
}

fn count(
    tally: &mut Tally,
    question: &Question,
    answer: &Result<Answer, String>,
    expected: &Expected,
) {
    tally.calls += 1;
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            let verb = question.verb;
            let resource = question.resource.title();
            tally.unanswered.push(format!("{verb} {resource}: {why}"));
            return;
        }
    };
    match (expected, answer.is_allowed) {
        (Expected::Yes, false) => note(&mut tally.lacking, question),
        (Expected::No, true) => {
            let given = tally.excess.entry(answer.reason.clone()).or_default();
            note(given, question);
        }
        (Expected::Yes | Expected::Either, true) | (Expected::Either | Expected::No, false) => {}
    }
}

fn note(rights: &mut Vec<Right>, question: &Question) {
    let resource = question.resource.title();
    let verb = question.verb.to_owned();
    match rights.last_mut().filter(|last| last.resource == resource) {
        Some(last) => last.verbs.push(verb),
        None => rights.push(Right {
            resource,
            verbs: vec![verb],
        }),
    }
}

fn check(asker: &Asker, place: &Place, tally: &Tally, is_known: bool) -> Check {
    let findings: Vec<Finding> = tally.excess.iter().map(finding).collect();
    let doubt = match tally.unanswered.first() {
        _ if !findings.is_empty() => String::new(),
        Some(first) => format!(
            "{} questions have no answer: {first}",
            tally.unanswered.len()
        ),
        None if !is_known => format!(
            "{asker} has none of the rights that he should have, so a refusal proves nothing; is the tenant Ready?"
        ),
        None => String::new(),
    };
    let verdict = match (findings.is_empty(), doubt.is_empty()) {
        (false, _) => Verdict::NotHeld,
        (true, false) => Verdict::Inconclusive,
        (true, true) => Verdict::Held,
    };
    Check {
        kind: Kind::Rights,
        what: "rights".to_owned(),
        who: asker.to_string(),
        place: place.to_string(),
        calls: tally.calls,
        verdict,
        doubt,
        findings,
        lacking: tally.lacking.clone(),
    }
}

fn finding((reason, rights): (&String, &Vec<Right>)) -> Finding {
    Finding {
        rights: rights.clone(),
        because: reason.clone(),
        fix: FIX_BINDING.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tenantry_k8s::Tenant;

    use super::*;
    use crate::{
        Verdict::{Held, Inconclusive, NotHeld},
        scene::Wish,
    };

    fn tenant(name: &str, owner: &str) -> Tenant {
        serde_json::from_value(json!({
            "apiVersion": "tenantoperator.stakater.com/v1beta3", "kind": "Tenant", "metadata": {"name": name},
            "spec": {"quota": "small", "accessControl": {"owners": {"users": [owner]}}, "storageClasses": {"allowed": []}},
            "status": {"managedNamespaces": [format!("{name}-dev")]},
        }))
        .unwrap()
    }

    fn resource(group: &str, name: &str, is_namespaced: bool) -> Resource {
        Resource {
            group: group.to_owned(),
            name: name.to_owned(),
            is_namespaced,
        }
    }

    /// Verdicts on the owner's rights, by place, where the cluster allows what `allows` says.
    fn verdicts(allows: impl Fn(&Place, &str) -> bool) -> Vec<(String, Verdict)> {
        let scene = Scene::of(tenant("a", "anna"), &[tenant("b", "bob")], &Wish::default());
        let scene = scene.unwrap();
        let resources = [
            resource("", "pods", true),
            resource("example.com", "widgets", true),
            resource("storage.k8s.io", "storageclasses", false),
            resource("authentication.k8s.io", "selfsubjectreviews", false),
        ];
        let answer = |question: Question| {
            let place = &scene.askers[question.asker].places[question.place];
            let is_owner = !scene.askers[question.asker].roles.is_empty();
            let title = question.resource.title();
            let is_self = title.starts_with("self") && question.verb == "create";
            let is_allowed = is_self && place.namespace.is_none()
                || is_owner && question.verb == "get" && allows(place, &title);
            let reason = "binding x".to_owned();
            (question, Ok(Answer { is_allowed, reason }))
        };
        let answered = questions(&scene, &resources).into_iter().map(answer);
        let checks = judge(&scene, &Matrix::golden(), &answered.collect::<Vec<_>>());
        let owners = checks.into_iter().filter(|check| check.who == "owner anna");
        owners.map(|check| (check.place, check.verdict)).collect()
    }

    fn is_own(place: &Place) -> bool {
        place.namespace.as_deref() == Some("a-dev")
    }

    #[test]
    fn only_what_is_within_the_tenants_namespaces_holds() {
        let places = [
            "namespace a-dev",
            "foreign namespace b-dev",
            "kube-system",
            "the cluster",
        ];
        let check = |allows: fn(&Place, &str) -> bool, expected: [Verdict; 4]| {
            let expected = places.map(str::to_owned).into_iter().zip(expected);
            assert_eq!(verdicts(allows), expected.collect::<Vec<_>>());
        };
        check(|_, _| false, [Inconclusive; 4]);
        // Kinds that the matrix never saw are the platform's to give, in the tenant's namespaces.
        check(|place, _| is_own(place), [Held; 4]);
        check(
            |place, title| is_own(place) || title.starts_with("widgets"),
            [Held, NotHeld, NotHeld, NotHeld],
        );
        check(
            |_, title| title == "pods",
            [Held, NotHeld, NotHeld, NotHeld],
        );
        // Classes are read by whom the tenant allows all.
        check(
            |place, title| is_own(place) || title.starts_with("storage"),
            [Held; 4],
        );
    }
}
