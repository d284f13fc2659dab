use std::collections::BTreeMap;

use k8s_openapi::{
    api::networking::v1::{
        NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicySpec,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};
use tenantry_k8s::keys;

use crate::reconcile::{
    object::{Kind, Object},
    validate::Valid,
};

/// Where the IntegrationConfig says so, each namespace takes traffic from its own tenant and from where no tenant is.
pub(super) fn wanted(valid: &Valid) -> Vec<Object> {
    if valid.settings.network.disable_intra_tenant_networking != Some(true) {
        return Vec::new();
    }
    valid
        .spaces
        .iter()
        .map(|space| policy(valid, &space.name))
        .collect()
}

fn policy(valid: &Valid, namespace: &str) -> Object {
    let tenant = valid.name.as_str();
    let name = format!("disable-intra-tenant-networking-{tenant}");
    let from = [
        no_tenant(),
        LabelSelector {
            match_labels: Some(BTreeMap::from([(
                keys::TENANT.to_owned(),
                tenant.to_owned(),
            )])),
            ..LabelSelector::default()
        },
    ];
    let peers = from.map(|selector| NetworkPolicyPeer {
        namespace_selector: Some(selector),
        ..NetworkPolicyPeer::default()
    });
    let spec = NetworkPolicySpec {
        pod_selector: Some(LabelSelector::default()),
        policy_types: Some(vec!["Ingress".to_owned()]),
        ingress: Some(vec![NetworkPolicyIngressRule {
            from: Some(peers.into()),
            ports: None,
        }]),
        egress: None,
    };
    let metadata = super::metadata(valid, Some(namespace), name);
    Object::wanted(
        Kind::NetworkPolicy,
        &NetworkPolicy {
            metadata,
            spec: Some(spec),
        },
    )
}

fn no_tenant() -> LabelSelector {
    let absent = LabelSelectorRequirement {
        key: keys::TENANT.to_owned(),
        operator: "DoesNotExist".to_owned(),
        values: None,
    };
    LabelSelector {
        match_expressions: Some(vec![absent]),
        ..LabelSelector::default()
    }
}
