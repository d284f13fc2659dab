//! Custom resources to the contract's messages and back. Shared by gRPC and events, so that both say the same.

mod quota;
mod tenant;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1, jiff::Timestamp};
use kube::core::ObjectMeta;
use pbjson_types::Struct;
use serde_json::{Map, Value};
use tenantry_proto::tenant::v1::Condition;

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
