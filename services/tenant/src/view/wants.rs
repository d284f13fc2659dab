use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
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
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        both.set(tenant.name_any(), names)
    }

    /// Names that `tenant` wants and others too, with those others.
    pub(super) fn contested(&self, tenant: &str) -> BTreeMap<String, BTreeSet<String>> {
        let both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        both.tenants.get(namespace).cloned().unwrap_or_default()
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
