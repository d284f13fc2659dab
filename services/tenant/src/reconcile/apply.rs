//! IO out: plans into the cluster. Rights are taken first and given last, and nothing is written once the tenant may be
//! another replica's.

use futures::{StreamExt as _, stream};
use kube::core::DynamicObject;
use serde_json::json;
use tenantry_runtime::Chain;

use super::{
    Context, Error,
    build::{Plan, Revoke},
    dereference::Observed,
    object::{Key, Kind, Object},
    record::Permit,
    validate::Problem,
};
use crate::cluster;

/// Writes at once for one tenant.
const WRITES: usize = 4;

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The apiserver did not do it.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The tenant may be another replica's by now.
    #[error("the tenant is not this replica's any more")]
    Lost,
}

impl Failure {
    /// The same as the end of a look at the tenant of that name.
    pub(super) fn of(self, tenant: &str) -> Error {
        let name = tenant.to_owned();
        match self {
            Self::Cluster(source) => Error::Cluster { name, source },
            Self::Lost => Error::Lost { name },
        }
    }
}

/// What the apiserver would not do, beside what it did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Refusals: they stay until somebody changes something.
    pub problems: Vec<Problem>,
    /// Objects that are not as wanted because of either.
    pub undone: Vec<Key>,
    /// The first failure that may pass by itself.
    pub transient: Option<cluster::Error>,
    /// Whether it was given up in the middle, because the tenant may be another replica's.
    pub is_lost: bool,
}

impl Applied {
    pub(super) fn note(&mut self, key: &Key, result: Result<(), impl Into<Failure>>) {
        let Err(failure) = result else { return };
        self.undone.push(key.clone());
        let failure: Failure = failure.into();
        match failure {
            Failure::Lost => self.is_lost = true,
            Failure::Cluster(failure) if is_refusal(&failure) => {
                self.problems.push(refusal(key, &failure));
            }
            Failure::Cluster(failure) => {
                self.transient = self.transient.take().or(Some(failure));
            }
        }
    }

    /// Both.
    pub fn and(mut self, other: Self) -> Self {
        self.problems.extend(other.problems);
        self.undone.extend(other.undone);
        self.transient = self.transient.or(other.transient);
        self.is_lost |= other.is_lost;
        self
    }
}

/// Whether the apiserver will say the same until somebody changes something.
pub(super) fn is_refusal(failure: &cluster::Error) -> bool {
    matches!(failure.code(), Some(403 | 422))
}

/// A refusal in the words of a condition.
pub(super) fn refusal(key: &Key, failure: &cluster::Error) -> Problem {
    let reason = if key.kind.is_binding() {
        "RoleNotBindable"
    } else {
        "ClusterRefused"
    };
    let place = if key.namespace.is_empty() {
        String::new()
    } else {
        format!(" in {}", key.namespace)
    };
    Problem {
        reason,
        message: format!("{:?} {}{place}: {}", key.kind, key.name, Chain(failure)),
    }
}

/// Takes rights, every one that can be taken.
pub(super) async fn revoke(
    context: &Context,
    tenant: &str,
    observed: &Observed,
    plan: &Plan,
) -> Applied {
    let mut applied = Applied::default();
    for revoke in &plan.revoke {
        let result = match revoke {
            Revoke::Delete(key) => remove(context, tenant, observed, key).await,
            Revoke::Narrow(object) => write(context, tenant, object).await,
        };
        applied.note(revoke.key(), result);
    }
    applied
}

/// Namespaces, then what is in them; drops what nobody wants, and prunes last.
pub(super) async fn structure(
    context: &Context,
    tenant: &str,
    observed: &Observed,
    plan: &Plan,
) -> Applied {
    let namespaces = all(context, tenant, &plan.namespaces).await;
    // A namespace that was refused is told once, and not again by everything that would lie in it.
    let has_place = |object: &&Object| {
        let namespace = object.key.namespace.as_str();
        namespace.is_empty() || context.view.namespaces.has("", namespace)
    };
    let placed = plan.structure.iter().filter(has_place);
    let made = namespaces.and(all(context, tenant, placed).await);
    let mut dropped = Applied::default();
    for key in &plan.drop {
        dropped.note(key, remove(context, tenant, observed, key).await);
    }
    for name in &plan.prune {
        let key = Key {
            kind: Kind::Namespace,
            namespace: String::new(),
            name: name.clone(),
        };
        dropped.note(&key, remove(context, tenant, observed, &key).await);
    }
    made.and(dropped)
}

/// Gives rights. The permit shows that they are in the history.
pub(super) async fn grant(
    context: &Context,
    tenant: &str,
    plan: &Plan,
    _recorded: Permit,
) -> Applied {
    all(context, tenant, &plan.grants).await
}

async fn all(
    context: &Context,
    tenant: &str,
    objects: impl IntoIterator<Item = &Object>,
) -> Applied {
    let mut applied = Applied::default();
    let objects: Vec<&Object> = objects.into_iter().collect();
    let writes: Vec<_> = objects
        .iter()
        .map(|object| write(context, tenant, object))
        .collect();
    let results: Vec<_> = stream::iter(writes).buffered(WRITES).collect().await;
    for (object, result) in objects.into_iter().zip(results) {
        applied.note(&object.key, result);
    }
    applied
}

async fn write(context: &Context, tenant: &str, object: &Object) -> Result<(), Failure> {
    still_ours(context, tenant)?;
    let answer = cluster::apply(&context.client, object).await?;
    context.view.note(object.key.kind, answer);
    Ok(())
}

/// Deletes an object of ours, and no other than was `observed`. A binding gives nothing after it, also where a finalizer of
/// somebody keeps it there.
pub(super) async fn remove(
    context: &Context,
    tenant: &str,
    observed: &Observed,
    key: &Key,
) -> Result<(), Failure> {
    still_ours(context, tenant)?;
    let uid = observed.uid(key);
    match cluster::delete(&context.client, key, uid.clone()).await? {
        Some(going) if has_subjects(&going) => disarm(context, key, going).await?,
        Some(going) => context.view.note(key.kind, going),
        None => context.view.end(key, uid),
    }
    Ok(())
}

/// Asked before each write, and not once: a plan can take longer than the others wait for a replica that is cut off.
pub(super) fn still_ours(context: &Context, tenant: &str) -> Result<(), Failure> {
    if context.shards.owns(tenant) {
        Ok(())
    } else {
        Err(Failure::Lost)
    }
}

/// Takes everybody off a binding that is to go and cannot yet: RBAC goes by it until it is gone.
async fn disarm(context: &Context, key: &Key, going: DynamicObject) -> Result<(), cluster::Error> {
    let nobody = json!({"subjects": null});
    let left = match cluster::merge(&context.client, key, nobody).await {
        // It went meanwhile, or its role did: it gives nothing either way.
        Err(failure) if failure.code() == Some(404) => going,
        answer => answer?,
    };
    context.view.note(key.kind, left);
    Ok(())
}

/// Only bindings have subjects.
fn has_subjects(object: &DynamicObject) -> bool {
    let subjects = object.data["subjects"].as_array();
    subjects.is_some_and(|subjects| !subjects.is_empty())
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn key() -> Key {
        Key {
            kind: Kind::RoleBinding,
            namespace: "n".into(),
            name: "b".into(),
        }
    }

    #[test]
    fn a_tenant_that_was_lost_in_the_middle_is_no_fault_of_the_apiserver() {
        let mut applied = Applied::default();
        applied.note(&key(), Err(Failure::Lost));
        assert!(applied.is_lost && applied.transient.is_none());
        assert_eq!(applied.problems, []);
        assert_eq!(applied.undone, [key()]);
        assert!(Applied::default().and(applied).is_lost);
    }

    #[test]
    fn a_refusal_is_a_problem_and_another_failure_may_pass() {
        let failing = |code: u16| {
            let status = Status::failure("no", "Why").with_code(code);
            let failure = cluster::Error::from(kube::Error::Api(Box::new(status)));
            let mut applied = Applied::default();
            applied.note(&key(), Err(failure));
            applied
        };
        let refused = failing(403);
        assert_eq!(refused.problems[0].reason, "RoleNotBindable");
        assert!(refused.transient.is_none() && !refused.is_lost);
        let failed = failing(500);
        assert_eq!(failed.problems, []);
        assert!(failed.transient.is_some() && !failed.is_lost);
    }

    #[test]
    fn only_a_binding_that_names_somebody_gives_something() {
        let check = |rest: serde_json::Value, expected: bool| {
            let resource = Kind::RoleBinding.resource();
            let object = DynamicObject::new("b", &resource).data(rest);
            assert_eq!(has_subjects(&object), expected, "{object:?}");
        };
        check(json!({"subjects": [{"kind": "User", "name": "owl"}]}), true);
        check(json!({"subjects": []}), false);
        check(json!({"roleRef": {"name": "admin"}}), false);
    }
}
