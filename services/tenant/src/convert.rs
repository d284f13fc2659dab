//! Custom resources to the contract's messages and back. Shared by gRPC and events, so that both say the same.

mod history;
mod plan;
mod quota;
mod tenant;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1, jiff::Timestamp};
use kube::core::ObjectMeta;
use pbjson_types::Struct;
use serde::{
    Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value};
use tenantry_proto::tenant::v1::{Condition, Role};

use crate::member;
pub use history::{
    access_message, application_message, drift_message, revision_message, revision_spec,
};
pub use plan::{change_message, plan_message};
pub use quota::{quota_message, quota_spec};
pub use tenant::{tenant_message, tenant_spec};

/// A field that does not fit the CRD.
#[derive(Debug, thiserror::Error)]
#[error("{field} does not fit the CRD's schema")]
pub struct Unfit {
    /// Path in the message.
    pub field: &'static str,
    /// What does not fit.
    #[source]
    pub source: serde_json::Error,
}

fn condition(condition: &v1::Condition) -> Condition {
    Condition {
        r#type: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        observed_generation: condition.observed_generation.unwrap_or_default(),
        last_transition_time: Some(timestamp(condition.last_transition_time.0)),
    }
}

/// A level as the contract has it.
pub fn role(role: member::Role) -> Role {
    match role {
        member::Role::Owner => Role::Owner,
        member::Role::Editor => Role::Editor,
        member::Role::Viewer => Role::Viewer,
    }
}

/// A moment as the contract has it.
pub fn timestamp(at: Timestamp) -> pbjson_types::Timestamp {
    pbjson_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

fn created(meta: &ObjectMeta) -> Option<pbjson_types::Timestamp> {
    meta.creation_timestamp
        .as_ref()
        .map(|time| timestamp(time.0))
}

/// A Struct with these fields; none if there are none.
///
/// Panics: every JSON object is a Struct.
fn structure(fields: Map<String, Value>) -> Option<Struct> {
    let is_empty = fields.is_empty();
    let all = || serde_json::from_value(Value::Object(fields)).expect("a JSON object is a Struct");
    (!is_empty).then(all)
}

/// The fields of a Struct.
///
/// Panics: every Struct is a JSON object.
fn fields(structure: Option<&Struct>) -> Value {
    let empty = || Value::Object(Map::new());
    structure.map_or_else(empty, |structure| {
        whole(serde_json::to_value(structure).expect("a Struct is JSON"))
    })
}

/// A Struct knows floating-point numbers only; whole ones are written whole, as the schema wants them.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.to_string().strip_suffix(".0").map(str::parse::<i64>)
        {
            Some(Ok(integer)) => Value::from(integer),
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, whole(value)))
            .collect(),
        other => other,
    }
}

/// Takes `given` as a `T` that keeps all of it: a field that the CRD does not know is a mistake, not noise.
fn parse<T: DeserializeOwned + Serialize>(given: Value) -> Result<T, serde_json::Error> {
    let parsed: T = T::deserialize(&given)?;
    match dropped(&given, &serde_json::to_value(&parsed)?) {
        None => Ok(parsed),
        Some(path) => Err(serde_json::Error::custom(format!(
            "there is no field {path}"
        ))),
    }
}

/// Path of the first field of `given` that says something and is not in `kept`.
fn dropped(given: &Value, kept: &Value) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => given.iter().find_map(|(key, value)| {
            let inner = match kept.get(key) {
                None if is_empty(value) => None,
                None => Some(String::new()),
                Some(kept) => dropped(value, kept),
            };
            inner.map(|inner| {
                if inner.is_empty() {
                    key.clone()
                } else {
                    format!("{key}.{inner}")
                }
            })
        }),
        (Value::Array(given), Value::Array(kept)) => given
            .iter()
            .zip(kept)
            .find_map(|(given, kept)| dropped(given, kept)),
        _ => None,
    }
}

/// Types leave these out when they write themselves.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Puts `over` into `under`, object by object.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tenantry_k8s::TenantSpec;

    #[test]
    fn a_field_that_the_crd_does_not_know_is_named() {
        let check = |given: Value, expected: Option<&str>| {
            let told = parse::<TenantSpec>(given)
                .err()
                .map(|fault| fault.to_string());
            assert_eq!(told.as_deref(), expected);
        };
        check(
            json!({"quota": "small", "namespaces": {"sandboxes": {"enabled": true}}}),
            None,
        );
        check(
            json!({"quota": "small", "accessControl": {"owners": {"users": []}}}),
            None,
        );
        let colour = json!({"quota": "small", "colour": "red"});
        check(colour, Some("there is no field colour"));
        let nested = json!({"quota": "small", "namespaces": {"sandboxes": {"size": 1}}});
        check(nested, Some("there is no field namespaces.sandboxes.size"));
    }
}
