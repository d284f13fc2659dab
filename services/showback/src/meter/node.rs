use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use uuid::Uuid;

use super::request::amounts;
use crate::{
    cost::Quantities,
    price::{PriceKey, PurchaseOption},
};

/// What a node says about itself at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSighting {
    /// Identity.
    pub uid: Uuid,
    /// Name.
    pub name: String,
    /// When it joined; AWS does not tell the cluster when it was launched.
    pub created_s: i64,
    /// `status.capacity`, not what is allocatable: the kubelet's share was paid for as well.
    pub capacity: Quantities,
    /// What its price is looked up by.
    pub price_key: PriceKey,
}

impl NodeSighting {
    /// Reads a node; none before its kubelet has said what it has.
    pub fn of(node: &Node) -> Option<Self> {
        let meta = &node.metadata;
        let capacity = amounts(node.status.as_ref()?.capacity.as_ref());
        if capacity.cpu == 0 || capacity.memory == 0 {
            return None;
        }
        Some(Self {
            uid: meta.uid.as_ref()?.parse().ok()?,
            name: meta.name.clone()?,
            created_s: meta.creation_timestamp.as_ref()?.0.as_second(),
            capacity,
            price_key: price_key(meta.labels.as_ref().unwrap_or(&BTreeMap::new())),
        })
    }
}

fn price_key(labels: &BTreeMap<String, String>) -> PriceKey {
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    let bought = labels.get("eks.amazonaws.com/capacityType");
    let bought = bought.or_else(|| labels.get("karpenter.sh/capacity-type"));
    // EKS writes ON_DEMAND, Karpenter on-demand.
    let word = bought.map(|word| word.to_lowercase().replace('-', "_"));
    PriceKey {
        instance_type: label("node.kubernetes.io/instance-type"),
        region: label("topology.kubernetes.io/region"),
        purchase_option: word
            .and_then(|word| PurchaseOption::parse(&word))
            .unwrap_or(PurchaseOption::OnDemand),
    }
}
