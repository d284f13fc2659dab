//! The custom resources as people write them, read into API messages.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use serde::Deserialize;
use serde_json::{Map, Value};
use tenantry_proto::tenant::v1::{
    AccessControl, Members, NamespacesSpec, Quota, QuotaSpec, Tenant, TenantSpec,
};

use crate::error::Error;

const GROUP: &str = "tenantoperator.stakater.com/";

/// Text of a file, or of stdin for `-`.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::File {
        action: "reading",
        path: path.to_owned(),
        source,
    };
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    fs::read_to_string(path).map_err(failed)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Map<String, Value>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

/// What a document of a manifest is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Resource {
    /// A Tenant.
    Tenant(Box<Tenant>),
    /// A Quota.
    Quota(Box<Quota>),
}

/// Every document of a manifest, quotas first: tenants name them.
pub(crate) fn resources(text: &str) -> Result<Vec<Resource>, Error> {
    let (mut quotas, mut tenants) = (Vec::new(), Vec::new());
    for document in documents(text) {
        match kind(&document)?.as_str() {
            "Tenant" => tenants.push(Resource::Tenant(Box::new(tenant(&document)?))),
            "Quota" => quotas.push(Resource::Quota(Box::new(quota(&document)?))),
            other => {
                return Err(Error::Manifest(format!(
                    "it holds a {other}; only Tenants and Quotas can be sent this way"
                )));
            }
        }
    }
    if quotas.is_empty() && tenants.is_empty() {
        return Err(Error::Manifest("it is empty".to_owned()));
    }
    quotas.extend(tenants);
    Ok(quotas)
}

/// Texts between lines of `---`, those that say nothing aside.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if line == "---" || line.starts_with("--- ") {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says_something =
        |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    documents.retain(|document| document.lines().any(says_something));
    documents
}

fn kind(document: &str) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let kind: Kind =
        serde_saphyr::from_str(document).map_err(|error| Error::Manifest(error.to_string()))?;
    Ok(kind.kind)
}

/// A Tenant manifest as a message; fields that the message has no place for travel in `extra`.
pub(crate) fn tenant(text: &str) -> Result<Tenant, Error> {
    let mut manifest = parse(text, "Tenant")?;
    let spec = &mut manifest.spec;
    let mut access = take::<Map<String, Value>>(spec, "accessControl")?;
    let mut namespaces = take::<Map<String, Value>>(spec, "namespaces")?;
    let typed = TenantSpec {
        quota: take(spec, "quota")?,
        description: take(spec, "desc")?,
        access_control: Some(AccessControl {
            owners: members(&mut access, "owners")?,
            editors: members(&mut access, "editors")?,
            viewers: members(&mut access, "viewers")?,
        }),
        namespaces: Some(NamespacesSpec {
            with_tenant_prefix: take(&mut namespaces, "withTenantPrefix")?,
            without_tenant_prefix: take(&mut namespaces, "withoutTenantPrefix")?,
            on_delete_purge_namespaces: take(&mut namespaces, "onDeletePurgeNamespaces")?,
        }),
        extra: None,
    };
    none_left(&access, "spec.accessControl")?;
    if !namespaces.is_empty() {
        spec.insert("namespaces".to_owned(), Value::Object(namespaces));
    }
    let extra = if spec.is_empty() {
        None
    } else {
        Some(take_all(std::mem::take(spec))?)
    };
    Ok(Tenant {
        name: manifest.metadata.name,
        spec: Some(TenantSpec { extra, ..typed }),
        ..Default::default()
    })
}

/// A Quota manifest as a message.
pub(crate) fn quota(text: &str) -> Result<Quota, Error> {
    let mut manifest = parse(text, "Quota")?;
    let mut resources = take::<Map<String, Value>>(&mut manifest.spec, "resourcequota")?;
    let hard = take::<Map<String, Value>>(&mut resources, "hard")?;
    let limitrange = manifest.spec.remove("limitrange").map(decode).transpose()?;
    none_left(&resources, "spec.resourcequota")?;
    none_left(&manifest.spec, "spec")?;
    let hard = hard
        .into_iter()
        .map(|(resource, quantity)| (resource, quantity_text(&quantity)))
        .collect();
    Ok(Quota {
        name: manifest.metadata.name,
        spec: Some(QuotaSpec { hard, limitrange }),
        ..Default::default()
    })
}

fn parse(text: &str, kind: &str) -> Result<Manifest, Error> {
    let manifest: Manifest =
        serde_saphyr::from_str(text).map_err(|error| Error::Manifest(error.to_string()))?;
    if manifest.kind != kind || !manifest.api_version.starts_with(GROUP) {
        let found = format!("{} {}", manifest.api_version, manifest.kind);
        return Err(Error::Manifest(format!(
            "it is a {found}, not a {GROUP}… {kind}"
        )));
    }
    Ok(manifest)
}

/// Quantities may be written as YAML numbers; the API takes text.
fn quantity_text(quantity: &Value) -> String {
    quantity
        .as_str()
        .map_or_else(|| quantity.to_string(), str::to_owned)
}

fn members(access: &mut Map<String, Value>, role: &str) -> Result<Option<Members>, Error> {
    if !access.contains_key(role) {
        return Ok(None);
    }
    let mut listed = take::<Map<String, Value>>(access, role)?;
    let members = Members {
        users: take(&mut listed, "users")?,
        groups: take(&mut listed, "groups")?,
    };
    none_left(&listed, &format!("spec.accessControl.{role}"))?;
    Ok(Some(members))
}

/// Takes a field out; absent and null are the default.
fn take<T: Default + for<'de> Deserialize<'de>>(
    from: &mut Map<String, Value>,
    field: &str,
) -> Result<T, Error> {
    match from.remove(field) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => serde_json::from_value(value)
            .map_err(|error| Error::Manifest(format!("{field}: {error}"))),
    }
}

fn take_all(fields: Map<String, Value>) -> Result<pbjson_types::Struct, Error> {
    decode(Value::Object(fields))
}

fn decode(value: Value) -> Result<pbjson_types::Struct, Error> {
    serde_json::from_value(value).map_err(|error| Error::Manifest(error.to_string()))
}

/// Nothing a person wrote is dropped in silence.
fn none_left(fields: &Map<String, Value>, path: &str) -> Result<(), Error> {
    match fields.keys().next() {
        None => Ok(()),
        Some(field) => Err(Error::Manifest(format!(
            "{path}.{field} cannot be sent this way; use kubectl apply -f"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUTORIAL_TENANT: &str = "
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata:
  name: logistics
spec:
  namespaces:
    withTenantPrefix:
    - dev
    - build
  accessControl:
    owners:
      users:
      - falcon@nordmart.com
  quota: small
";

    const TUTORIAL_QUOTA: &str = "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: Quota
metadata:
  name: small
spec:
  limitrange:
    limits:
    - max:
        cpu: 800m
      min:
        cpu: 200m
      type: Container
  resourcequota:
    hard:
      configmaps: \"10\"
      memory: \"8Gi\"
";

    #[test]
    fn the_tutorials_tenant_is_read() {
        let spec = tenant(TUTORIAL_TENANT).unwrap().spec.unwrap();
        assert_eq!(spec.quota, "small");
        assert_eq!(
            spec.access_control.unwrap().owners.unwrap().users,
            ["falcon@nordmart.com"]
        );
        assert_eq!(
            spec.namespaces.unwrap().with_tenant_prefix,
            ["dev", "build"]
        );
        assert_eq!(spec.extra, None);
    }

    #[test]
    fn the_tutorials_quota_is_read() {
        let spec = quota(TUTORIAL_QUOTA).unwrap().spec.unwrap();
        assert_eq!(spec.hard["memory"], "8Gi");
        assert_eq!(spec.hard["configmaps"], "10");
        assert!(spec.limitrange.unwrap().fields.contains_key("limits"));
    }

    #[test]
    fn fields_without_a_place_travel_along() {
        let text = format!("{TUTORIAL_TENANT}  imageRegistries:\n    allowed: [docker.io]\n");
        assert!(
            tenant(&text)
                .unwrap()
                .spec
                .unwrap()
                .extra
                .unwrap()
                .fields
                .contains_key("imageRegistries")
        );
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let refusal =
            quota(&TUTORIAL_QUOTA.replace("    hard:", "    scopes: [BestEffort]\n    hard:"))
                .unwrap_err();
        assert!(
            refusal.to_string().contains("spec.resourcequota.scopes"),
            "{refusal}"
        );
    }

    #[test]
    fn documents_come_quotas_first_and_empty_ones_are_none() {
        let text = format!("# ours\n---{TUTORIAL_TENANT}---{TUTORIAL_QUOTA}---\n# the end\n");
        let names: Vec<String> = resources(&text)
            .unwrap()
            .into_iter()
            .map(|resource| match resource {
                Resource::Tenant(tenant) => tenant.name,
                Resource::Quota(quota) => quota.name,
            })
            .collect();
        assert_eq!(names, ["small", "logistics"]);
        assert!(resources("# nothing\n").is_err());
        assert!(resources("kind: Pod\n").is_err());
    }

    #[test]
    fn another_kind_is_refused() {
        assert!(
            tenant(TUTORIAL_QUOTA)
                .unwrap_err()
                .to_string()
                .contains("v1beta1 Quota")
        );
    }
}
