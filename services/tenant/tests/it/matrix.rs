//! Who may what: every role × every resource that the apiserver discovers × every verb × where, against a golden matrix.
//!
//! The apiserver itself is asked, by SubjectAccessReview. What `admin` allows inside one's own namespace stands in the
//! matrix as such. An outsider with the same questions is the control: what he may is what every user of a cluster may.

use std::{collections::BTreeMap, fmt::Write as _};

use futures::{StreamExt as _, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::{Api, Client, Config, api::PostParams, config::Kubeconfig};
use serde_json::Value;

use crate::support::World;

const VERBS: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];
const ROLES: [&str; 4] = ["owner", "editor", "viewer", "outsider"];
/// Namespace of a question, by what it stands for; none is the whole cluster.
const PLACES: [(&str, Option<&str>); 4] = [
    ("its own namespace", Some("matrix-dev")),
    ("another tenant's", Some("foreign-dev")),
    ("kube-system", Some("kube-system")),
    ("the cluster", None),
];
/// Questions at once.
const AT_ONCE: usize = 16;

struct Resource {
    group: String,
    name: String,
    is_namespaced: bool,
}

#[derive(Clone)]
struct Question {
    role: &'static str,
    place: usize,
    resource: String,
    verb: &'static str,
    attributes: ResourceAttributes,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_what_the_matrix_says_and_nothing_else() {
    let world = World::shared().await;
    world.apply(&manifest("matrix", true));
    world.apply(&manifest("foreign", false));
    world.wait_for("matrix", "Ready", "True").await;
    world.wait_for("foreign", "Ready", "True").await;
    let client = client(&world).await;
    let questions = questions(&resources(&world));
    let answers: Vec<Option<Question>> = stream::iter(questions)
        .map(|question| ask(client.clone(), question))
        .buffered(AT_ONCE)
        .collect()
        .await;
    insta::assert_snapshot!(matrix(answers.into_iter().flatten()));
}

fn manifest(name: &str, has_members: bool) -> String {
    let members = if has_members {
        "owners: {users: [owner]}, editors: {users: [editor]}, viewers: {users: [viewer]}"
    } else {
        "owners: {users: [somebody]}"
    };
    format!(
        "{{apiVersion: tenantoperator.stakater.com/v1beta3, kind: Tenant, metadata: {{name: {name}}}, spec: {{quota: small, \
         namespaces: {{withTenantPrefix: [dev]}}, accessControl: {{{members}}}}}}}"
    )
}

async fn client(world: &World) -> Client {
    let config = Kubeconfig::read_from(world.admin_kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(config, &Default::default()).await;
    Client::try_from(config.unwrap()).unwrap()
}

/// Every resource and subresource, of the preferred version of each group.
fn resources(world: &World) -> Vec<Resource> {
    let raw = |path: &str| -> Value {
        serde_json::from_str(&world.kubectl(&format!("get --raw {path}")).unwrap()).unwrap()
    };
    let groups = raw("/apis");
    let groups = groups["groups"].as_array().unwrap().iter().map(|group| {
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let version = word(&group["preferredVersion"]["groupVersion"]);
        (word(&group["name"]), format!("/apis/{version}"))
    });
    let core = (String::new(), "/api/v1".to_owned());
    let mut all = Vec::new();
    for (group, path) in [core].into_iter().chain(groups) {
        for resource in raw(&path)["resources"].as_array().unwrap() {
            all.push(Resource {
                group: group.clone(),
                name: resource["name"].as_str().unwrap().to_owned(),
                is_namespaced: resource["namespaced"] == true,
            });
        }
    }
    all
}

fn questions(resources: &[Resource]) -> Vec<Question> {
    let mut all = Vec::new();
    for role in ROLES {
        for (place, (_, namespace)) in PLACES.into_iter().enumerate() {
            for resource in resources {
                // A question about a namespace concerns what lies in it, and the namespace itself.
                let is_inside = resource.is_namespaced || resource.name.starts_with("namespaces");
                if namespace.is_some() && !is_inside {
                    continue;
                }
                for verb in VERBS {
                    all.push(question(role, place, namespace, resource, verb));
                }
            }
        }
    }
    all
}

fn question(
    role: &'static str,
    place: usize,
    namespace: Option<&str>,
    resource: &Resource,
    verb: &'static str,
) -> Question {
    let (name, subresource) = resource
        .name
        .split_once('/')
        .unwrap_or((&resource.name, ""));
    let attributes = ResourceAttributes {
        group: Some(resource.group.clone()),
        resource: Some(name.to_owned()),
        subresource: Some(subresource.to_owned()),
        namespace: namespace.map(str::to_owned),
        verb: Some(verb.to_owned()),
        ..ResourceAttributes::default()
    };
    let resource = match resource.group.as_str() {
        "" => resource.name.clone(),
        group => format!("{} ({group})", resource.name),
    };
    Question {
        role,
        place,
        resource,
        verb,
        attributes,
    }
}

/// The question, if the answer is yes.
async fn ask(client: Client, question: Question) -> Option<Question> {
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(question.role.to_owned()),
            groups: Some(vec!["system:authenticated".to_owned()]),
            resource_attributes: Some(question.attributes.clone()),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews = Api::<SubjectAccessReview>::all(client);
    let answer = reviews.create(&PostParams::default(), &review).await;
    answer.unwrap().status.unwrap().allowed.then_some(question)
}

fn matrix(allowed: impl Iterator<Item = Question>) -> String {
    let mut all: BTreeMap<(usize, usize), BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    for question in allowed {
        let role = ROLES
            .iter()
            .position(|role| *role == question.role)
            .unwrap();
        let verbs = all.entry((role, question.place)).or_default();
        verbs
            .entry(question.resource)
            .or_default()
            .push(question.verb);
    }
    let mut text = String::new();
    for (role, name) in ROLES.iter().enumerate() {
        for (place, (where_, _)) in PLACES.iter().enumerate() {
            writeln!(text, "{name} in {where_}:").unwrap();
            for (resource, verbs) in all.get(&(role, place)).into_iter().flatten() {
                let verbs = if verbs.len() == VERBS.len() {
                    "all".to_owned()
                } else {
                    verbs.join(" ")
                };
                writeln!(text, "  {resource}: {verbs}").unwrap();
            }
        }
    }
    text
}
