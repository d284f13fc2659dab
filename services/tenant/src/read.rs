//! Objects as their type reads them: one that does not fit must not keep the others from being seen.
//!
//! An apiserver may hold such an object when the schema changed after it was stored.

use std::borrow::Cow;

use kube::{Resource, core::ObjectMeta, runtime::watcher::Event};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// An object, or what of it does not fit its type.
#[derive(Debug, Clone)]
pub(crate) struct Read<K>(pub(crate) Result<K, Box<Unreadable>>);

/// An object that does not fit its type.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{field}: {why}")]
pub(crate) struct Unreadable {
    /// All that is known of it.
    pub(crate) metadata: ObjectMeta,
    /// Path of the first field that does not fit.
    field: String,
    why: String,
}

impl<'de, K> Deserialize<'de> for Read<K>
where
    K: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        let metadata = value["metadata"].clone();
        let fault = match serde_path_to_error::deserialize(value.take()) {
            Ok(object) => return Ok(Self(Ok(object))),
            Err(fault) => fault,
        };
        Ok(Self(Err(Box::new(Unreadable {
            metadata: serde_json::from_value(metadata).map_err(D::Error::custom)?,
            field: fault.path().to_string(),
            why: fault.inner().to_string(),
        }))))
    }
}

impl<K: Resource> Resource for Read<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(of: &K::DynamicType) -> Cow<'_, str> {
        K::kind(of)
    }

    fn group(of: &K::DynamicType) -> Cow<'_, str> {
        K::group(of)
    }

    fn version(of: &K::DynamicType) -> Cow<'_, str> {
        K::version(of)
    }

    fn plural(of: &K::DynamicType) -> Cow<'_, str> {
        K::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0
            .as_ref()
            .map_or_else(|fault| &fault.metadata, K::meta)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => object.meta_mut(),
            Err(fault) => &mut fault.metadata,
        }
    }
}

/// What a watch tells of an object that cannot be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is there, and as it is it was not there before a list that may be under way.
    There(Box<Unreadable>),
    /// The one of that name is gone.
    Gone(String),
}

/// An event of what can be read, or what is told of something that cannot.
pub(crate) fn sort<K>(event: Event<Read<K>>) -> Result<Event<K>, Fault> {
    match event {
        Event::Init => Ok(Event::Init),
        Event::InitDone => Ok(Event::InitDone),
        Event::InitApply(Read(read)) => read.map(Event::InitApply).map_err(Fault::There),
        Event::Apply(Read(read)) => read.map(Event::Apply).map_err(Fault::There),
        Event::Delete(Read(read)) => read
            .map(Event::Delete)
            .map_err(|fault| Fault::Gone(fault.name())),
    }
}

impl Unreadable {
    /// Its name.
    pub(crate) fn name(&self) -> String {
        self.metadata.name.clone().unwrap_or_default()
    }

    /// Says in the log that it is left alone.
    pub(crate) fn warn(&self, kind: &str) {
        tracing::warn!(
            kind,
            name = self.name(),
            field = self.field,
            why = self.why,
            "An object does not fit its type; it stays as it is, and is not looked after."
        );
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;
    use tenantry_k8s::Tenant;

    use super::*;

    /// An object of that kind as the apiserver tells of it.
    pub(crate) fn read<K>(name: &str, spec: &Value) -> Read<K>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let object = json!({
            "apiVersion": K::api_version(&()), "kind": K::kind(&()),
            "metadata": {"name": name, "uid": name, "resourceVersion": "1"},
            "spec": spec,
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_path_and_what_fits_is_read() {
        assert_eq!(
            read::<Tenant>("t", &json!({"quota": "small"}))
                .0
                .unwrap()
                .spec
                .quota,
            "small"
        );
        let owners = json!({"users": ["a", {"name": "b"}]});
        let fault = read::<Tenant>(
            "t",
            &json!({"quota": "small", "accessControl": {"owners": owners}}),
        )
        .0
        .unwrap_err();
        assert_eq!(fault.name(), "t");
        assert_eq!(fault.field, "spec.accessControl.owners.users[1]");
        assert!(fault.why.contains("expected a string"), "{fault}");
    }
}
