use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name of a namespace, and longest value of a label.
const LABEL_CHARS_MAX: usize = 63;

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("is empty; give a name of lower-case letters, digits and single hyphens")]
    Empty,
    /// More characters than a label value may have.
    #[error("has {found} characters, at most {LABEL_CHARS_MAX} are allowed")]
    TooLong {
        /// Characters given.
        found: usize,
    },
    /// Something other than lower-case letters, digits and single hyphens between them.
    #[error("must be lower-case letters, digits and single hyphens between them, such as team-a")]
    Shape,
}

/// MTO's rule for tenants and quotas: `^[a-z0-9]+(-[a-z0-9]+)*$`.
fn check_words(text: &str) -> Result<(), NameError> {
    check_length(text)?;
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if text.split('-').all(is_word) {
        Ok(())
    } else {
        Err(NameError::Shape)
    }
}

/// Kubernetes' rule for namespaces (RFC 1123 label), which also allows hyphens in a row.
fn check_label(text: &str) -> Result<(), NameError> {
    check_length(text)?;
    let is_legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let has_edge = text.starts_with('-') || text.ends_with('-');
    if text.chars().all(is_legal) && !has_edge {
        Ok(())
    } else {
        Err(NameError::Shape)
    }
}

fn check_length(text: &str) -> Result<(), NameError> {
    match text.chars().count() {
        0 => Err(NameError::Empty),
        found if found > LABEL_CHARS_MAX => Err(NameError::TooLong { found }),
        _ => Ok(()),
    }
}

/// One macro instead of three copies: the types differ in meaning and rule only.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes text that keeps the rule.
            pub fn parse(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                $check(&text).map(|()| Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Name of a tenant, safe to use as a label value and as a namespace prefix.
    ///
    /// Shape: MTO's `^[a-z0-9]+(-[a-z0-9]+)*$`, at most 63 characters.
    TenantName, check_words
}
name! {
    /// Name of a quota.
    ///
    /// Shape: MTO's `^[a-z0-9]+(-[a-z0-9]+)*$`, at most 63 characters.
    QuotaName, check_words
}
name! {
    /// Name of a namespace.
    ///
    /// Shape: RFC 1123 label, at most 63 characters.
    NamespaceName, check_label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_names_follow_mto() {
        let check = |text: &str, expected: Result<(), NameError>| {
            assert_eq!(TenantName::parse(text).map(|_| ()), expected, "{text:?}");
        };
        check("logistics", Ok(()));
        check("team-7-a", Ok(()));
        check("", Err(NameError::Empty));
        check("Team", Err(NameError::Shape));
        check("a--b", Err(NameError::Shape));
        check("-a", Err(NameError::Shape));
        check("a\n", Err(NameError::Shape));
        check("а", Err(NameError::Shape)); // Cyrillic
        check(&"a".repeat(64), Err(NameError::TooLong { found: 64 }));
    }

    #[test]
    fn namespace_names_allow_hyphens_in_a_row() {
        assert!(NamespaceName::parse("a--b").is_ok());
        assert_eq!(NamespaceName::parse("a-"), Err(NameError::Shape));
    }
}
