use super::{Data, Entry, Fault, Model, Section, model};

/// Most bytes that a ConfigMap may hold.
const BYTES_MAX: usize = 1024 * 1024;

/// Why aws-auth is left as it is. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A section cannot be parsed: an edit could lock everybody out, or hide that somebody is.
    #[error("{} of aws-auth cannot be parsed at line {}, column {}: {}; put it right with kubectl edit configmap aws-auth -n kube-system",
            .fault.section, .fault.flaw.line, .fault.flaw.column, .fault.flaw.problem)]
    Unparseable {
        /// Where and what.
        fault: Fault,
        /// The section with its tabs as spaces, if that is all it takes.
        repaired: Option<String>,
    },
    /// The ARN is mapped already, and differently.
    #[error("{arn} is mapped already: {difference}; {advice}")]
    Exists {
        /// The ARN.
        arn: String,
        /// What differs, with both values.
        difference: String,
        /// The way out.
        advice: &'static str,
    },
    /// The username belongs to another ARN.
    #[error(
        "username {username:?} is mapped to {arn} already, and two people would be one; choose another username, or delete that mapping first"
    )]
    UsernameTaken {
        /// The username.
        username: String,
        /// Who has it.
        arn: String,
    },
    /// The change would cost somebody the cluster.
    #[error("{why}; if it is meant, edit aws-auth by hand")]
    Guarded {
        /// What it would do.
        why: String,
    },
    /// Nothing to delete.
    #[error("{arn} is not mapped; list the mappings to see which are")]
    NotFound {
        /// The ARN.
        arn: String,
    },
}

impl Refusal {
    pub(super) fn guarded(why: impl Into<String>) -> Self {
        Self::Guarded { why: why.into() }
    }
}

/// Refuses a text that the authenticator does not read to its end.
pub(super) fn require_readable(data: &Data, model: &Model) -> Result<(), Refusal> {
    let Some(fault) = model.faults.first().cloned() else {
        return Ok(());
    };
    let repaired = data
        .get(fault.section.as_str())
        .and_then(|text| repair(fault.section, text));
    Err(Refusal::Unparseable { fault, repaired })
}

/// The section with spaces for tabs, if it can be read then.
fn repair(section: Section, text: &str) -> Option<String> {
    let repaired = text.replace('\t', "  ");
    let is_readable = match section {
        Section::Roles | Section::Users => model::rows(section, &repaired).is_ok(),
        Section::Accounts => model::list(&repaired).is_ok(),
    };
    (repaired != text && is_readable).then_some(repaired)
}

/// Refuses to take `gone` out of `before`, where somebody would be locked out by it.
pub(super) fn require_expendable(
    before: &Model,
    gone: &[&Entry],
    own: Option<&str>,
) -> Result<(), Refusal> {
    if let Some(node) = gone.iter().find(|entry| entry.is_node()) {
        return Err(Refusal::guarded(format!(
            "{} lets nodes into the cluster",
            node.arn
        )));
    }
    let own = own.map(super::principal::key);
    if let Some(entry) = gone.iter().find(|entry| Some(entry.key()) == own) {
        return Err(Refusal::guarded(format!(
            "{} is how Tenantry itself reaches the cluster",
            entry.arn
        )));
    }
    let is_gone = |entry: &Entry| gone.contains(&entry);
    let has_admin = before.all().any(Entry::is_admin);
    let keeps_admin = before
        .effective()
        .iter()
        .any(|entry| entry.is_admin() && !is_gone(entry));
    if has_admin && !keeps_admin && gone.iter().any(|entry| entry.is_admin()) {
        return Err(Refusal::guarded("it is the last administrator in aws-auth"));
    }
    Ok(())
}

/// Refuses a text that is larger than the apiserver takes.
pub(super) fn require_size(after: &Data) -> Result<(), Refusal> {
    let bytes: usize = after.iter().map(|(key, text)| key.len() + text.len()).sum();
    if bytes > BYTES_MAX {
        let why = format!("aws-auth would have {bytes} bytes, and a ConfigMap holds {BYTES_MAX}");
        return Err(Refusal::guarded(why));
    }
    Ok(())
}
