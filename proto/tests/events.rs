//! Every event's JSON, as it lies in the logs for ever: a changed line here breaks everybody's history.

use std::collections::BTreeMap;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value,
};
use serde::{Serialize, de::DeserializeOwned};
use tenantry_proto::{DESCRIPTORS, identity, showback, tenant};

/// Messages of each events.proto that are parts of events, not events.
const PARTS: [&str; 3] = [
    "tenantry.tenant.v1.Drift",
    "tenantry.tenant.v1.Grant",
    "tenantry.tenant.v1.OwnedNamespace",
];

/// Reads `json` as the generated type and writes it again.
fn through<M: Serialize + DeserializeOwned>(json: &serde_json::Value) -> serde_json::Value {
    let message: M = serde_json::from_value(json.clone()).expect("the generated type reads it");
    serde_json::to_value(message).expect("the generated type writes it")
}

type Through = fn(&serde_json::Value) -> serde_json::Value;

macro_rules! events {
    ($($context:ident: $($name:ident)+;)+) => {
        vec![$($((
            concat!("tenantry.", stringify!($context), ".v1.", stringify!($name)),
            through::<$context::v1::$name> as Through,
        )),+),+]
    };
}

fn events() -> BTreeMap<&'static str, Through> {
    let list = events! {
        identity: GroupCreateRequested GroupCreated GroupDeleted UserCreateRequested UserCreated UserDeleted
            UserPolicyPutRequested UserPolicyPut UserPolicyDeleted MembershipAddRequested MembershipAdded MembershipRemoved
            AccessKeyCreateRequested AccessKeyCreated AccessKeyDeleted IdentityMappingCreateRequested
            IdentityMappingCreated IdentityMappingDeleted RequestRefused;
        tenant: TenantCreated TenantUpdated TenantApplied TenantDeleted TenantPaused TenantResumed QuotaCreated QuotaUpdated QuotaDeleted
            NamespaceCreated NamespaceReleased MemberGrantRequested MemberGranted MemberRevoked DriftReverted RequestRefused;
        showback: CostRecorded PriceBookLoaded RequestRefused;
    };
    list.into_iter().collect()
}

/// A message with every field set, so that every name shows.
fn sample(message: MessageDescriptor) -> DynamicMessage {
    if message.full_name().starts_with("google.protobuf.") {
        return well_known(message);
    }
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        filled.set_field(&field, value(&field));
    }
    filled
}

fn well_known(message: MessageDescriptor) -> DynamicMessage {
    let json = match message.name() {
        "Timestamp" => serde_json::json!("2026-03-03T10:00:00Z"),
        "Struct" => serde_json::json!({ "key": "value" }),
        other => panic!("no sample for {other}"),
    };
    DynamicMessage::deserialize(message, json).expect("a well-known type reads its own form")
}

fn value(field: &FieldDescriptor) -> Value {
    if field.is_map() {
        let key = prost_reflect::MapKey::String("key".into());
        return Value::Map([(key, Value::String("value".into()))].into());
    }
    let single = match field.kind() {
        Kind::String => Value::String(field.name().to_owned()),
        Kind::Bool => Value::Bool(true),
        Kind::Int32 => Value::I32(7),
        Kind::Int64 => Value::I64(7),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::Message(inner) => Value::Message(sample(inner)),
        other => panic!("no sample for {other:?}"),
    };
    if field.cardinality() == Cardinality::Repeated {
        Value::List(vec![single])
    } else {
        single
    }
}

#[test]
fn every_event_keeps_its_json() {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("the descriptors are ours");
    let known = events();
    let mut golden = BTreeMap::new();
    for file in pool
        .files()
        .filter(|file| file.name().ends_with("/events.proto"))
    {
        for message in file
            .messages()
            .filter(|message| !PARTS.contains(&message.full_name()))
        {
            let name = message.full_name().to_owned();
            let through = known
                .get(name.as_str())
                .unwrap_or_else(|| panic!("{name} is missing in this test's list"));
            let sample = sample(message.clone());
            let json = through(&serde_json::to_value(&sample).expect("a message is JSON"));
            let read = DynamicMessage::deserialize(message, json.clone())
                .expect("any reader of proto3 JSON reads it");
            assert_eq!(read, sample, "{name}");
            golden.insert(name, json);
        }
    }
    assert_eq!(golden.len(), known.len());
    insta::assert_json_snapshot!(golden);
}
