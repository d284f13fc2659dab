//! In: everything that a Tenant's reconcile looks at, read once.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    api::core::v1::{Namespace, ResourceQuota},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::{ResourceExt, runtime::reflector::ObjectRef};
use serde::de::DeserializeOwned;
use tenantry_k8s::{IntegrationConfig, Quota, Tenant};

use super::object::{Key, Kind, Object};
use crate::view::{Doubt, View};

/// What is there.
///
/// Source: the view, which has our own last write always in it.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Namespace of the installation.
    pub install_namespace: String,
    /// The quota that the tenant names.
    pub quota: Option<Arc<Quota>>,
    /// Why that quota cannot be read, if it is there all the same.
    pub quota_fault: Option<String>,
    /// The IntegrationConfig.
    pub config: Option<IntegrationConfig>,
    /// Namespaces with the tenant's label, and those of the spec that exist without it.
    pub namespaces: Vec<Namespace>,
    /// Older tenants that want a namespace of a name that this one wants, by that name.
    pub rivals: BTreeMap<String, String>,
    /// Our ResourceQuotas for this tenant.
    pub quotas: Vec<ResourceQuota>,
    /// Shares that creates on their way in need, by namespace.
    pub demands: BTreeMap<String, BTreeMap<String, Quantity>>,
    /// What may be in use beyond what the apiserver tells, by namespace.
    pub doubts: BTreeMap<String, Doubt>,
    /// What else of ours there is for this tenant. It is compared as it is, and seldom read.
    pub objects: BTreeMap<Key, Object>,
    /// What classes there are.
    pub classes: Classes,
}

/// Names of the cluster's classes, in order.
#[derive(Debug, Clone, Default)]
pub struct Classes {
    /// StorageClasses.
    pub storage: Vec<String>,
    /// IngressClasses.
    pub ingress: Vec<String>,
    /// PriorityClasses.
    pub priority: Vec<String>,
}

impl Observed {
    /// What there is of a kind in `objects`.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.objects
            .values()
            .filter(move |object| object.key.kind == kind)
    }

    /// The same, as its type reads it.
    pub fn read<K: DeserializeOwned>(&self, kind: Kind) -> impl Iterator<Item = K> {
        self.of(kind).map(Object::read)
    }

    /// Uid of what there is under `key`; none if there is nothing.
    pub fn uid(&self, key: &Key) -> Option<String> {
        match key.kind {
            Kind::Namespace => uid_of(&self.namespaces, key),
            Kind::ResourceQuota => uid_of(&self.quotas, key),
            _ => self.objects.get(key)?.uid().map(str::to_owned),
        }
    }
}

fn uid_of<K: ResourceExt>(all: &[K], key: &Key) -> Option<String> {
    let mut all = all.iter();
    all.find(|object| Key::of(key.kind, *object) == *key)?.uid()
}

/// Reads what `tenant` refers to and what is there of it.
pub fn dereference(view: &View, tenant: &Tenant, install_namespace: &str) -> Observed {
    let name = tenant.name_any();
    let quota = view.quotas.now().get(&ObjectRef::new(&tenant.spec.quota));
    let quotas = view.shares.of(&name);
    let fault = view.faults.of::<Quota>(&tenant.spec.quota);
    Observed {
        install_namespace: install_namespace.to_owned(),
        quota,
        quota_fault: fault.map(|fault| fault.to_string()),
        config: view.configs.only(),
        namespaces: namespaces(view, tenant),
        rivals: view.rivals(tenant),
        doubts: view
            .doubts
            .of(quotas.iter().filter_map(ResourceExt::namespace)),
        demands: view
            .demands
            .of(quotas.iter().filter_map(ResourceExt::namespace)),
        quotas,
        objects: view.others_of(&name),
        classes: Classes {
            storage: view.storage_classes.names(),
            ingress: view.ingress_classes.names(),
            priority: view.priority_classes.names(),
        },
    }
}

/// Those with the tenant's label, and those of the spec that exist without it.
fn namespaces(view: &View, tenant: &Tenant) -> Vec<Namespace> {
    let mut all = view.namespaces.of(&tenant.name_any());
    for name in super::validate::wanted_names(tenant) {
        if all.iter().any(|namespace| namespace.name_any() == name) {
            continue;
        }
        all.extend(view.namespaces.find("", &name));
    }
    all
}
