use anyhow::{Context as _, bail};
use async_nats::jetstream::{self, ErrorCode, context::GetStreamErrorKind, stream};

/// Declaration of the stream, as in `deploy/nats`.
const DECLARED: &str = include_str!("../../../../deploy/nats/stream.json");

/// Which stream, and under which first token its subjects lie. Tests have their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// Name of the stream.
    pub name: String,
    /// First token of every subject.
    pub prefix: String,
}

impl Default for StreamSpec {
    fn default() -> Self {
        Self {
            name: "TENANTRY".into(),
            prefix: "evt".into(),
        }
    }
}

impl StreamSpec {
    /// The declared configuration under this name and prefix.
    pub fn declared(&self) -> stream::Config {
        let declared: stream::Config =
            serde_json::from_str(DECLARED).expect("deploy/nats/stream.json is a stream");
        stream::Config {
            name: self.name.clone(),
            subjects: vec![format!("{}.>", self.prefix)],
            ..declared
        }
    }
}

/// Creates the stream that `declared` describes if it is absent. Never alters one.
///
/// Errors: a stream of that name that differs, with the fields that do.
pub async fn apply(context: &jetstream::Context, declared: stream::Config) -> anyhow::Result<()> {
    match context.get_stream(&declared.name).await {
        Ok(found) => {
            let differences = differences(&declared, &found.cached_info().config);
            if differences.is_empty() {
                return Ok(());
            }
            bail!(
                "stream {} differs from its declaration in {}",
                declared.name,
                differences.join(", ")
            )
        }
        Err(failure) if is_absent(&failure) => {
            let name = declared.name.clone();
            context
                .create_stream(declared)
                .await
                .with_context(|| format!("creating stream {name}"))?;
            Ok(())
        }
        Err(failure) => Err(failure).with_context(|| format!("reading stream {}", declared.name)),
    }
}

fn is_absent(failure: &jetstream::context::GetStreamError) -> bool {
    matches!(failure.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Names of the fields that matter to us and differ.
pub(crate) fn differences(declared: &stream::Config, found: &stream::Config) -> Vec<&'static str> {
    let pairs = [
        ("subjects", declared.subjects == found.subjects),
        ("retention", declared.retention == found.retention),
        ("storage", declared.storage == found.storage),
        ("discard", declared.discard == found.discard),
        ("max_age", declared.max_age == found.max_age),
        (
            "max_msgs_per_subject",
            declared.max_messages_per_subject == found.max_messages_per_subject,
        ),
        (
            "duplicate_window",
            declared.duplicate_window == found.duplicate_window,
        ),
        ("deny_delete", declared.deny_delete == found.deny_delete),
        ("deny_purge", declared.deny_purge == found.deny_purge),
    ];
    pairs
        .into_iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(name, _)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_can_be_read_and_a_difference_is_named() {
        let declared = StreamSpec::default().declared();
        assert!(declared.deny_delete && declared.deny_purge);
        assert_eq!(declared.subjects, ["evt.>"]);
        let found = stream::Config {
            deny_purge: false,
            ..declared.clone()
        };
        assert_eq!(differences(&declared, &found), ["deny_purge"]);
    }
}
