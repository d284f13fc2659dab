use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};
use kube::{Resource as _, ResourceExt, core::ObjectMeta};
use tenantry_k8s::{
    IntegrationConfig,
    integration_config::{self, IngressHost},
    keys,
};

use crate::{
    config::ClusterConfig,
    reconcile::{
        build::MANAGED_BY,
        object::{Kind, Object},
    },
};

/// A part of the installation that people reach.
struct Part {
    name: &'static str,
    service: &'static str,
    /// Path under one host for all.
    path: &'static str,
    of: fn(&integration_config::Ingress) -> Option<&IngressHost>,
}

const PARTS: [Part; 3] = [
    Part {
        name: "console",
        service: "tenantry-console",
        path: "/",
        of: |ingress| ingress.console.as_ref(),
    },
    Part {
        name: "gateway",
        service: "tenantry-console",
        path: "/gateway",
        of: |ingress| ingress.gateway.as_ref(),
    },
    Part {
        name: "keycloak",
        service: "keycloak",
        path: "/keycloak",
        of: |ingress| ingress.keycloak.as_ref(),
    },
];

/// The ingresses of the installation; none while the console is off.
pub(super) fn wanted(config: &IntegrationConfig, settings: &ClusterConfig) -> Vec<Object> {
    let components = config.spec.components.clone().unwrap_or_default();
    if components.console != Some(true) {
        return Vec::new();
    }
    let ingress = components.ingress.unwrap_or_default();
    PARTS
        .iter()
        .map(|part| Object::wanted(Kind::Ingress, &object(config, settings, &ingress, part)))
        .collect()
}

fn object(
    config: &IntegrationConfig,
    settings: &ClusterConfig,
    ingress: &integration_config::Ingress,
    part: &Part,
) -> Ingress {
    let own = (part.of)(ingress);
    let own_host = own.and_then(|own| own.host.clone());
    let is_shared = own_host.is_none() && ingress.host.is_some();
    let default = || format!("{}.{}", part.name, settings.ingress_domain);
    let host = own_host
        .or_else(|| ingress.host.clone())
        .unwrap_or_else(default);
    let path = own
        .and_then(|own| own.path.clone())
        .unwrap_or_else(|| if is_shared { part.path } else { "/" }.to_owned());
    let secret_name = own
        .and_then(|own| own.tls_secret_name.clone())
        .or_else(|| ingress.tls_secret_name.clone());
    let class = ingress
        .ingress_class_name
        .clone()
        .unwrap_or_else(|| settings.ingress_class.clone());
    let spec = IngressSpec {
        ingress_class_name: Some(class),
        rules: Some(vec![rule(&host, path, part.service)]),
        // Without a Secret the ingress controller's own certificate serves.
        tls: Some(vec![IngressTLS {
            hosts: Some(vec![host.clone()]),
            secret_name,
        }]),
        ..IngressSpec::default()
    };
    Ingress {
        metadata: metadata(config, part),
        spec: Some(spec),
        status: None,
    }
}

fn rule(host: &str, path: String, service: &str) -> IngressRule {
    let backend = IngressServiceBackend {
        name: service.to_owned(),
        port: Some(ServiceBackendPort {
            name: Some("http".to_owned()),
            number: None,
        }),
    };
    let path = HTTPIngressPath {
        path: Some(path),
        path_type: "Prefix".to_owned(),
        backend: IngressBackend {
            service: Some(backend),
            resource: None,
        },
    };
    IngressRule {
        host: Some(host.to_owned()),
        http: Some(HTTPIngressRuleValue { paths: vec![path] }),
    }
}

fn metadata(config: &IntegrationConfig, part: &Part) -> ObjectMeta {
    let labels = [
        (keys::MANAGED_BY, MANAGED_BY),
        (keys::PART_OF, "tenantry"),
        (keys::COMPONENT, part.name),
    ];
    ObjectMeta {
        name: Some(format!("tenant-operator-{}", part.name)),
        namespace: config.namespace(),
        labels: Some(
            labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        ),
        owner_references: Some(config.owner_ref(&()).into_iter().collect()),
        ..ObjectMeta::default()
    }
}
