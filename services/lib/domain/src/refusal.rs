use crate::{Actor, TenantName};

/// Longest subject that is kept: no Kubernetes name is longer.
const SUBJECT_CHARS_MAX: usize = 253;

/// One call or admission that was refused, before aggregation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Who asked; a caller without a valid token is `system:anonymous`.
    pub actor: Actor,
    /// Method that was refused, such as `tenantry.tenant.v1.TenantService/CreateTenant`.
    pub method: String,
    /// Machine reason, such as `PERMISSION_DENIED`.
    pub reason: String,
    /// What was named: a tenant, an ARN; empty if nothing. At most 253 characters, none of them a control character.
    pub subject: String,
    /// Tenant that it concerns.
    pub tenant: Option<TenantName>,
}

impl Refusal {
    /// A refusal of `method` for `reason`, concerning no tenant.
    ///
    /// `subject` is the caller's own text of any length; it is kept as far as it can be a name, so that whoever is
    /// refused cannot fill the history or stop it with a character that no database takes.
    pub fn new(actor: Actor, method: &str, reason: &str, subject: &str) -> Self {
        Self {
            actor,
            method: method.to_owned(),
            reason: reason.to_owned(),
            subject: printable(subject),
            tenant: None,
        }
    }

    /// The same refusal, concerning `tenant`.
    pub fn with_tenant(self, tenant: Option<TenantName>) -> Self {
        Self { tenant, ..self }
    }
}

fn printable(text: &str) -> String {
    let visible = text.chars().filter(|character| !character.is_control());
    visible.take(SUBJECT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_kept_as_far_as_it_can_be_a_name() {
        let subject = |text: &str| Refusal::new(Actor::user("ada"), "m", "r", text).subject;
        assert_eq!(subject("logistics"), "logistics");
        assert_eq!(subject("a\0b\n\u{85}c"), "abc");
        assert_eq!(subject(&"ä".repeat(2_000_000)), "ä".repeat(253));
    }
}
