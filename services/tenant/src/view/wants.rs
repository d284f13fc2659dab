use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::ResourceExt;
use tenantry_k8s::Tenant;

use crate::reconcile::validate::wanted_names;

/// Which tenants a namespace of some name concerns, whatever its label says.
#[derive(Default)]
pub(super) struct Wants(Mutex<Both>);

#[derive(Default)]
struct Both {
    tenants: HashMap<String, BTreeSet<String>>,
    names: HashMap<String, BTreeSet<String>>,
}

impl Wants {
    /// Takes the names that `tenant` wants; none any more after its end. Gives the tenants that want one of the names that
    /// came or went, too.
    pub(super) fn set(&self, tenant: &Tenant, is_end: bool) -> BTreeSet<String> {
        let names: BTreeSet<String> = if is_end {
            BTreeSet::new()
        } else {
            wanted_names(tenant).into_iter().collect()
        };
        self.locked().set(tenant.name_any(), names)
    }

    /// Takes that a tenant is gone which nobody can read; gives those that want one of its names, too.
    pub(super) fn end(&self, tenant: &str) -> BTreeSet<String> {
        self.locked().set(tenant.to_owned(), BTreeSet::new())
    }

    /// Takes that only tenants of which `is_there` are left; gives those that want a name of the others, too.
    pub(super) fn keep(&self, is_there: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let mut both = self.locked();
        let tenants = both.names.keys();
        let gone: Vec<String> = tenants
            .filter(|tenant| !is_there(tenant.as_str()))
            .cloned()
            .collect();
        let mut concerned = BTreeSet::new();
        for tenant in gone {
            concerned.extend(both.set(tenant, BTreeSet::new()));
        }
        concerned
    }

    /// Names that `tenant` wants and others too, with those others.
    pub(super) fn contested(&self, tenant: &str) -> BTreeMap<String, BTreeSet<String>> {
        let both = self.locked();
        let names = both.names.get(tenant).into_iter().flatten();
        let rivals = |name: &String| {
            let mut rivals = both.tenants.get(name).cloned().unwrap_or_default();
            rivals.remove(tenant);
            (name.clone(), rivals)
        };
        names
            .map(rivals)
            .filter(|(_, rivals)| !rivals.is_empty())
            .collect()
    }

    /// Tenants that want the namespace.
    pub(super) fn of(&self, namespace: &str) -> BTreeSet<String> {
        let both = self.locked();
        both.tenants.get(namespace).cloned().unwrap_or_default()
    }

    fn locked(&self) -> MutexGuard<'_, Both> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Both {
    fn set(&mut self, tenant: String, names: BTreeSet<String>) -> BTreeSet<String> {
        let before = self.names.remove(&tenant).unwrap_or_default();
        let mut concerned = BTreeSet::new();
        for name in before.symmetric_difference(&names) {
            concerned.extend(self.tenants.get(name).cloned().unwrap_or_default());
        }
        concerned.remove(&tenant);
        for name in before.difference(&names) {
            let is_unwanted = self.tenants.get_mut(name).is_some_and(|tenants| {
                tenants.remove(&tenant);
                tenants.is_empty()
            });
            if is_unwanted {
                self.tenants.remove(name);
            }
        }
        for name in names.difference(&before) {
            let tenants = self.tenants.entry(name.clone()).or_default();
            tenants.insert(tenant.clone());
        }
        if !names.is_empty() {
            self.names.insert(tenant, names);
        }
        concerned
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tenant(name: &str, namespaces: &[&str]) -> Tenant {
        serde_json::from_value(json!({
            "apiVersion": "tenantoperator.stakater.com/v1beta3", "kind": "Tenant",
            "metadata": {"name": name},
            "spec": {"quota": "small", "namespaces": {"withoutTenantPrefix": namespaces}},
        }))
        .unwrap()
    }

    fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.map(str::to_owned).into()
    }

    #[test]
    fn what_is_gone_wants_nothing_and_who_wanted_the_same_hears_of_it() {
        let wants = Wants::default();
        for name in ["a", "b", "c"] {
            wants.set(&tenant(name, &["shared"]), false);
        }
        wants.set(&tenant("d", &["other"]), false);
        assert_eq!(wants.keep(|name| name != "a"), set(["b", "c"]));
        assert_eq!(wants.of("shared"), set(["b", "c"]));
        assert_eq!(wants.end("b"), set(["c"]));
        assert_eq!(wants.of("shared"), set(["c"]));
        assert_eq!(wants.keep(|_| true), set([]));
        assert_eq!(wants.of("other"), set(["d"]));
    }
}
