use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// Prefix of CloudEvents `type`.
const TYPE_PREFIX: &str = "dev.tenantry.";

/// A fact on the stream: CloudEvents 1.0, JSON structured mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Always `1.0`.
    pub specversion: String,
    /// UUIDv7 of the event; also `Nats-Msg-Id`.
    pub id: Uuid,
    /// `tenantry/<context>`.
    pub source: String,
    /// `dev.tenantry.<context>.v1.<Kind>`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `<noun>/<name>`, for people.
    pub subject: String,
    /// When it was recorded.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// Identifier of the thing.
    pub uid: Uuid,
    /// Revision of the thing: 1, 2, 3 without gaps.
    pub revision: i64,
    /// `<kind>:<name>` of who caused it.
    pub actor: String,
    /// Tenant it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Shared by the events of one request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<Uuid>,
    /// The event that caused this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causationid: Option<Uuid>,
    /// W3C trace context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// proto3 JSON of the message in `events.proto`.
    pub data: serde_json::Value,
}

/// Why a message is not an event we understand.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not a CloudEvent.
    #[error("decoding an envelope")]
    Envelope(#[source] serde_json::Error),
    /// Data of another shape than its type promises.
    #[error("decoding the data of event {id} of type {type_}")]
    Data {
        /// Id of the event.
        id: Uuid,
        /// Its type.
        type_: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

impl Envelope {
    /// Reads a message's payload.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(payload).map_err(DecodeError::Envelope)
    }

    /// What became true: the last part of the type, such as `GroupCreated`.
    pub fn kind(&self) -> &str {
        self.type_.rsplit('.').next().unwrap_or_default()
    }

    /// The data as the message that the type promises.
    pub fn message<M: DeserializeOwned>(&self) -> Result<M, DecodeError> {
        serde_json::from_value(self.data.clone()).map_err(|source| DecodeError::Data {
            id: self.id,
            type_: self.type_.clone(),
            source,
        })
    }

    /// CloudEvents `type` of `kind` in `context`.
    pub(crate) fn type_of(context: &str, kind: &str) -> String {
        format!("{TYPE_PREFIX}{context}.v1.{kind}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_the_last_part_of_the_type() {
        let json = serde_json::json!({
            "specversion": "1.0", "id": Uuid::nil(), "source": "tenantry/identity",
            "type": Envelope::type_of("identity", "GroupCreated"), "subject": "group/a",
            "time": "2026-03-03T10:00:00Z", "datacontenttype": "application/json", "uid": Uuid::nil(),
            "revision": 1, "actor": "user:a", "data": {}
        });
        let envelope = Envelope::decode(json.to_string().as_bytes()).unwrap();
        assert_eq!(envelope.kind(), "GroupCreated");
        assert!(Envelope::decode(b"{}").is_err());
    }
}
