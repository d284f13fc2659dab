//! What `deploy/policies/guardrails.yaml` refuses, in the same words and the same order. Pure.
//!
//! The apiserver judges what comes; this judges what is there. Both are held together by `cases.yaml`, which a test here and
//! one on a real apiserver read.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    core::v1::{Container, PersistentVolumeClaim, Pod, PodSpec, Service},
    networking::v1::Ingress,
};
use regex::Regex;
use tenantry_k8s::{GuardrailsSpec, tenant::Allowed};

/// Where an image comes from that names no registry.
const STANDARD_REGISTRY: &str = "docker.io";
/// Characters of a list: the apiserver takes a message of 5 KiB.
const LISTED_MAX: usize = 1000;
/// Older than the field, and preferred to it by controllers.
const STORAGE_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// Older than the field, and obeyed beside it.
const INGRESS_CLASS: &str = "kubernetes.io/ingress.class";

/// Whether anything can break them.
pub(super) fn has_rules(rules: &GuardrailsSpec) -> bool {
    has_rules_for_pods(rules)
        || has_rules_for_claims(rules)
        || has_rules_for_ingresses(rules)
        || has_rules_for_services(rules)
}

pub(super) fn has_rules_for_pods(rules: &GuardrailsSpec) -> bool {
    let denied = rules.service_accounts.as_ref();
    !allowed(&rules.image_registries).is_empty()
        || !allowed(&rules.pod_priority_classes).is_empty()
        || denied.is_some_and(|accounts| !accounts.denied.is_empty())
        || bans_host_ports(rules)
}

pub(super) fn has_rules_for_claims(rules: &GuardrailsSpec) -> bool {
    !allowed(&rules.storage_classes).is_empty()
}

pub(super) fn has_rules_for_ingresses(rules: &GuardrailsSpec) -> bool {
    let hosts = rules.host_validation_config.as_ref();
    !allowed(&rules.ingress_classes).is_empty()
        || hosts.is_some_and(|hosts| {
            !hosts.allowed.is_empty()
                || hosts.allowed_regex.is_some()
                || hosts.deny_wildcards == Some(true)
        })
}

pub(super) fn has_rules_for_services(rules: &GuardrailsSpec) -> bool {
    let network = rules.network.as_ref();
    network.is_some_and(|network| network.disable_node_port_services == Some(true))
}

/// What speaks against a pod; one that is through with its work breaks nothing.
pub(super) fn pod(rules: &GuardrailsSpec, pod: &Pod) -> Vec<String> {
    unfinished(pod).map_or_else(Vec::new, |spec| pod_spec(rules, spec))
}

/// The spec of a pod that is not through with its work.
pub(in crate::reconcile) fn unfinished(pod: &Pod) -> Option<&PodSpec> {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    let is_through = matches!(phase, Some("Succeeded" | "Failed"));
    pod.spec.as_ref().filter(|_| !is_through)
}

fn pod_spec(rules: &GuardrailsSpec, spec: &PodSpec) -> Vec<String> {
    [
        image(rules, spec),
        priority(rules, spec),
        account(rules, spec),
        host_port(rules, spec),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn image(rules: &GuardrailsSpec, spec: &PodSpec) -> Option<String> {
    let registries = allowed(&rules.image_registries);
    let is_allowed = |image: &str| {
        let written = registry(image);
        let is_listed = |name: &str| registries.iter().any(|registry| registry == name);
        is_listed(written) || (written.is_empty() && is_listed(STANDARD_REGISTRY))
    };
    let (of, image) = images(spec)
        .into_iter()
        .find(|(_, image)| !registries.is_empty() && !is_allowed(image))?;
    let from = match registry(&image) {
        "" => STANDARD_REGISTRY,
        registry => registry,
    };
    Some(format!(
        "{of}: image {image} comes from registry {from}, which is not in imageRegistries.allowed of tenant {}: {}",
        rules.tenant,
        listed(registries)
    ))
}

/// The registry that an image names; empty if none. As container runtimes read a reference.
fn registry(image: &str) -> &str {
    let Some((first, _)) = image.split_once('/') else {
        return "";
    };
    let is_registry = first.contains(['.', ':'])
        || first == "localhost"
        || first.contains(|letter: char| letter.is_ascii_uppercase());
    if is_registry { first } else { "" }
}

/// Images, and whose they are.
fn images(spec: &PodSpec) -> Vec<(String, String)> {
    let of_containers = containers(spec).into_iter().map(|container| {
        let image = container.image.unwrap_or_default();
        (format!("container {}", container.name), image)
    });
    let of_volumes = spec.volumes.iter().flatten().filter_map(|volume| {
        let image = volume.image.as_ref()?.reference.clone();
        Some((format!("volume {}", volume.name), image.unwrap_or_default()))
    });
    of_containers.chain(of_volumes).collect()
}

/// Containers of every sort.
fn containers(spec: &PodSpec) -> Vec<Container> {
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    let ephemeral = ephemeral.map(|container| Container {
        name: container.name.clone(),
        image: container.image.clone(),
        ports: container.ports.clone(),
        ..Container::default()
    });
    let init = spec.init_containers.iter().flatten().cloned();
    spec.containers
        .iter()
        .cloned()
        .chain(init)
        .chain(ephemeral)
        .collect()
}

fn priority(rules: &GuardrailsSpec, spec: &PodSpec) -> Option<String> {
    let class = spec.priority_class_name.clone().unwrap_or_default();
    let classes = allowed(&rules.pod_priority_classes);
    let is_refused = !classes.is_empty() && !classes.contains(&class);
    is_refused.then(|| {
        not_listed(
            "priority class",
            &class,
            "podPriorityClasses",
            rules,
            classes,
        )
    })
}

fn account(rules: &GuardrailsSpec, spec: &PodSpec) -> Option<String> {
    let denied = &rules.service_accounts.as_ref()?.denied;
    let account = match spec.service_account_name.as_deref() {
        None | Some("") => "default",
        Some(name) => name,
    };
    denied.iter().any(|name| name == account).then(|| {
        format!(
            "service account {account} is in serviceAccounts.denied of tenant {}: {}",
            rules.tenant,
            listed(denied)
        )
    })
}

fn bans_host_ports(rules: &GuardrailsSpec) -> bool {
    let network = rules.network.as_ref();
    network.is_some_and(|network| network.disable_host_ports == Some(true))
}

fn host_port(rules: &GuardrailsSpec, spec: &PodSpec) -> Option<String> {
    if !bans_host_ports(rules) {
        return None;
    }
    containers(spec).into_iter().find_map(|container| {
        let ports = container.ports.into_iter().flatten();
        let port = ports.filter_map(|port| port.host_port).find(|port| *port != 0)?;
        Some(format!(
            "container {} asks for host port {port}, \
             which tenantPolicies.network.disableHostPorts of the IntegrationConfig refuses: use a Service",
            container.name
        ))
    })
}

/// What speaks against a claim.
pub(super) fn claim(rules: &GuardrailsSpec, claim: &PersistentVolumeClaim) -> Vec<String> {
    let classes = allowed(&rules.storage_classes);
    let is_refused = |class: &String| !classes.is_empty() && !classes.contains(class);
    storage_classes(claim)
        .into_iter()
        .find(is_refused)
        .map(|class| not_listed("storage class", &class, "storageClasses", rules, classes))
        .into_iter()
        .collect()
}

/// The classes that a claim names; without one it waits for the default, or binds to its volume only as of class "".
fn storage_classes(claim: &PersistentVolumeClaim) -> Vec<String> {
    let spec = claim.spec.clone().unwrap_or_default();
    let older = annotation(claim.metadata.annotations.as_ref(), STORAGE_CLASS);
    let given: Vec<String> = older.into_iter().chain(spec.storage_class_name).collect();
    let has_volume = spec.volume_name.is_some_and(|name| !name.is_empty());
    if given.is_empty() && has_volume {
        return vec![String::new()];
    }
    given
}

/// What speaks against an ingress.
pub(super) fn ingress(rules: &GuardrailsSpec, ingress: &Ingress) -> Vec<String> {
    let hosts = hosts(ingress);
    [
        ingress_class(rules, ingress),
        wildcard(rules, &hosts),
        host(rules, &hosts),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ingress_class(rules: &GuardrailsSpec, ingress: &Ingress) -> Option<String> {
    let classes = allowed(&rules.ingress_classes);
    let named = ingress
        .spec
        .as_ref()
        .and_then(|spec| spec.ingress_class_name.clone());
    let older = annotation(ingress.metadata.annotations.as_ref(), INGRESS_CLASS);
    let given: Vec<String> = named.into_iter().chain(older).collect();
    let given = if given.is_empty() {
        vec![String::new()]
    } else {
        given
    };
    let refused = given
        .into_iter()
        .find(|class| !classes.is_empty() && !classes.contains(class))?;
    Some(not_listed(
        "ingress class",
        &refused,
        "ingressClasses",
        rules,
        classes,
    ))
}

/// Every host that an ingress takes traffic of or has a certificate for; `*` where it says none.
fn hosts(ingress: &Ingress) -> Vec<String> {
    let spec = ingress.spec.clone().unwrap_or_default();
    let of_rules = spec.rules.into_iter().flatten().map(|rule| {
        let host = rule.host.filter(|host| !host.is_empty());
        host.unwrap_or_else(|| "*".to_owned())
    });
    let of_backend = spec.default_backend.map(|_| "*".to_owned());
    let of_tls = spec.tls.into_iter().flatten().flat_map(|tls| tls.hosts);
    of_rules.chain(of_backend).chain(of_tls.flatten()).collect()
}

fn wildcard(rules: &GuardrailsSpec, hosts: &[String]) -> Option<String> {
    let is_denied = rules.host_validation_config.as_ref()?.deny_wildcards == Some(true);
    let host = hosts
        .iter()
        .find(|host| is_denied && host.starts_with('*'))?;
    Some(format!(
        "host {host} is a wildcard, which hostValidationConfig.denyWildcards of tenant {} refuses: name the host",
        rules.tenant
    ))
}

fn host(rules: &GuardrailsSpec, hosts: &[String]) -> Option<String> {
    let config = rules.host_validation_config.as_ref()?;
    let pattern = config.allowed_regex.as_deref().unwrap_or_default();
    // The schema takes only RE2. The little of it that is unknown here is left to the apiserver's judgement.
    let regex = Regex::new(pattern).ok()?;
    if config.allowed.is_empty() && pattern.is_empty() {
        return None;
    }
    let is_allowed = |host: &&String| {
        config.allowed.contains(host) || (!pattern.is_empty() && regex.is_match(host))
    };
    let host = hosts.iter().find(|host| !is_allowed(host))?;
    let or_none = |text: &str| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text.to_owned()
        }
    };
    Some(format!(
        "host {host} is not allowed by hostValidationConfig of tenant {}: allowed {}; allowedRegex {}",
        rules.tenant,
        or_none(&listed(&config.allowed)),
        or_none(pattern)
    ))
}

/// What speaks against a service.
pub(super) fn service(rules: &GuardrailsSpec, service: &Service) -> Vec<String> {
    let spec = service.spec.clone().unwrap_or_default();
    let kind = spec.type_.as_deref().unwrap_or("ClusterIP");
    let balances = kind == "LoadBalancer" && spec.allocate_load_balancer_node_ports != Some(false);
    let mut ports = spec.ports.iter().flatten();
    let opens = kind == "NodePort"
        || balances
        || ports.any(|port| port.node_port.is_some_and(|port| port != 0));
    if !opens || !has_rules_for_services(rules) {
        return Vec::new();
    }
    vec![format!(
        "a service of type {kind} opens ports on the nodes, which tenantPolicies.network.disableNodePortServices \
         of the IntegrationConfig refuses: use ClusterIP, or LoadBalancer with allocateLoadBalancerNodePorts: false"
    )]
}

/// The list; empty where everything is allowed.
fn allowed(rule: &Option<Allowed>) -> &[String] {
    rule.as_ref().map_or(&[], |rule| &rule.allowed)
}

fn not_listed(
    what: &str,
    class: &str,
    field: &str,
    rules: &GuardrailsSpec,
    classes: &[String],
) -> String {
    let class = if class.is_empty() { "\"\"" } else { class };
    let (tenant, listed) = (&rules.tenant, listed(classes));
    format!("{what} {class} is not in {field}.allowed of tenant {tenant}: {listed}")
}

/// The names, as many as a message holds.
fn listed(names: &[String]) -> String {
    let shown = names
        .iter()
        .map(|name| if name.is_empty() { "\"\"" } else { name });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match shown.char_indices().nth(LISTED_MAX) {
        Some((end, _)) => format!("{} …", &shown[..end]),
        None => shown,
    }
}

fn annotation(annotations: Option<&BTreeMap<String, String>>, key: &str) -> Option<String> {
    annotations?.get(key).cloned()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    /// Objects under one set of rules.
    #[derive(Deserialize)]
    struct Group {
        rules: GuardrailsSpec,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        object: Value,
        refused: Option<String>,
    }

    fn judged(rules: &GuardrailsSpec, object: &Value) -> Vec<String> {
        let object = object.clone();
        match object["kind"].as_str().unwrap() {
            "Pod" => pod(rules, &serde_json::from_value(object).unwrap()),
            "PersistentVolumeClaim" => claim(rules, &serde_json::from_value(object).unwrap()),
            "Ingress" => ingress(rules, &serde_json::from_value(object).unwrap()),
            "Service" => service(rules, &serde_json::from_value(object).unwrap()),
            other => panic!("no rules for {other}"),
        }
    }

    #[test]
    fn what_is_there_is_judged_in_the_words_of_the_policies() {
        let groups: Vec<Group> = serde_saphyr::from_str(include_str!("cases.yaml")).unwrap();
        for Group { rules, cases } in groups {
            for Case { object, refused } in cases {
                let found = judged(&rules, &object);
                assert_eq!(found.first(), refused.as_ref(), "{object}");
            }
        }
    }

    #[test]
    fn a_pod_that_is_through_breaks_nothing() {
        let rules: GuardrailsSpec =
            serde_saphyr::from_str("{tenant: acme, imageRegistries: {allowed: [ghcr.io]}}")
                .unwrap();
        let mut found: Pod =
            serde_saphyr::from_str("{apiVersion: v1, kind: Pod, metadata: {}, spec: {containers: [{name: a, image: nginx}]}}").unwrap();
        assert_eq!(pod(&rules, &found).len(), 1);
        found.status.get_or_insert_default().phase = Some("Succeeded".into());
        assert_eq!(pod(&rules, &found), [""; 0]);
    }
}
