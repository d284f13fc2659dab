//! IO out: plans into the cluster. Rights are taken first and given last.

use futures::{StreamExt as _, stream};
use tenantry_runtime::Chain;

use super::{
    Context,
    build::{Plan, Revoke},
    object::{Key, Kind, Object},
    record::Permit,
    validate::Problem,
};
use crate::cluster;

/// Writes at once for one tenant.
const WRITES: usize = 4;

/// What the apiserver would not do, beside what it did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Refusals: they stay until somebody changes something.
    pub problems: Vec<Problem>,
    /// Objects that are not as wanted because of either.
    pub undone: Vec<Key>,
    /// The first failure that may pass by itself.
    pub transient: Option<cluster::Error>,
}

impl Applied {
    pub(super) fn note(&mut self, key: &Key, result: Result<(), cluster::Error>) {
        let Err(failure) = result else { return };
        self.undone.push(key.clone());
        if is_refusal(&failure) {
            self.problems.push(refusal(key, &failure));
        } else {
            self.transient = self.transient.take().or(Some(failure));
        }
    }

    /// Both.
    pub fn and(mut self, other: Self) -> Self {
        self.problems.extend(other.problems);
        self.undone.extend(other.undone);
        self.transient = self.transient.or(other.transient);
        self
    }
}

/// Whether the apiserver will say the same until somebody changes something.
pub(super) fn is_refusal(failure: &cluster::Error) -> bool {
    matches!(failure.code(), Some(403 | 422))
}

/// A refusal in the words of a condition.
pub(super) fn refusal(key: &Key, failure: &cluster::Error) -> Problem {
    let is_binding = matches!(key.kind, Kind::RoleBinding | Kind::ClusterRoleBinding);
    let reason = if is_binding {
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
pub(super) async fn revoke(context: &Context, plan: &Plan) -> Applied {
    let mut applied = Applied::default();
    for revoke in &plan.revoke {
        let result = match revoke {
            Revoke::Delete(key) => remove(context, key).await,
            Revoke::Narrow(object) => write(context, object).await,
        };
        applied.note(revoke.key(), result);
    }
    applied
}

/// Namespaces, then what is in them; drops what nobody wants, and prunes last.
pub(super) async fn structure(context: &Context, plan: &Plan) -> Applied {
    let namespaces = all(context, &plan.namespaces).await;
    // A namespace that was refused is told once, and not again by everything that would lie in it.
    let has_place = |object: &&Object| {
        let namespace = object.key.namespace.as_str();
        namespace.is_empty() || context.view.namespaces.find("", namespace).is_some()
    };
    let made = namespaces.and(all(context, plan.structure.iter().filter(has_place)).await);
    let mut dropped = Applied::default();
    for key in &plan.drop {
        dropped.note(key, remove(context, key).await);
    }
    for name in &plan.prune {
        let key = Key {
            kind: Kind::Namespace,
            namespace: String::new(),
            name: name.clone(),
        };
        dropped.note(&key, remove(context, &key).await);
    }
    made.and(dropped)
}

/// Gives rights. The permit shows that they are in the history.
pub(super) async fn grant(context: &Context, plan: &Plan, _recorded: Permit) -> Applied {
    all(context, &plan.grants).await
}

async fn all(context: &Context, objects: impl IntoIterator<Item = &Object>) -> Applied {
    let mut applied = Applied::default();
    let objects: Vec<&Object> = objects.into_iter().collect();
    let writes: Vec<_> = objects
        .iter()
        .map(|object| write(context, object))
        .collect();
    let results: Vec<_> = stream::iter(writes).buffered(WRITES).collect().await;
    for (object, result) in objects.into_iter().zip(results) {
        applied.note(&object.key, result);
    }
    applied
}

async fn write(context: &Context, object: &Object) -> Result<(), cluster::Error> {
    let answer = cluster::apply(&context.client, object).await?;
    context.view.note(object.key.kind, answer);
    Ok(())
}

/// Deletes an object of ours.
pub(super) async fn remove(context: &Context, key: &Key) -> Result<(), cluster::Error> {
    match cluster::delete(&context.client, key).await? {
        Some(going) => context.view.note(key.kind, going),
        None => context.view.end(key),
    }
    Ok(())
}
