//! IAM's rules for names, checked here because what stands in for IAM in tests takes anything.

use std::fmt;

/// Why text is no name. The message completes `<field> …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No text at all.
    #[error("is empty; a name is needed")]
    Empty,
    /// More than IAM takes.
    #[error("is longer than the {max} characters that IAM allows")]
    TooLong {
        /// What IAM takes.
        max: usize,
    },
    /// A character that IAM does not take.
    #[error("has {found:?}; letters, digits and any of +=,.@_- are allowed")]
    Character {
        /// The first such.
        found: char,
    },
    /// A path that is none.
    #[error("is no IAM path; it begins and ends with / and has no spaces, such as /teams/")]
    Path,
    /// A key id that is none.
    #[error("is no access key id; those have 16 to 128 letters, digits and underscores")]
    KeyId,
}

fn check(text: &str, max: usize) -> Result<(), NameError> {
    // IAM's `\w` is ASCII.
    let is_legal = |c: &char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(*c);
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(found) = text.chars().find(|c| !is_legal(c)) {
        return Err(NameError::Character { found });
    }
    if text.len() > max {
        return Err(NameError::TooLong { max });
    }
    Ok(())
}

fn check_user(text: &str) -> Result<(), NameError> {
    check(text, 64)
}

fn check_128(text: &str) -> Result<(), NameError> {
    check(text, 128)
}

fn check_path(text: &str) -> Result<(), NameError> {
    let is_legal = text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    match text.len() {
        0 => Err(NameError::Empty),
        513.. => Err(NameError::TooLong { max: 512 }),
        _ if is_legal && text.starts_with('/') && text.ends_with('/') && text != "//" => Ok(()),
        _ => Err(NameError::Path),
    }
}

fn check_key(text: &str) -> Result<(), NameError> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if (16..=128).contains(&text.len()) && text.chars().all(is_legal) {
        Ok(())
    } else {
        Err(NameError::KeyId)
    }
}

/// One macro instead of five copies: the types differ in meaning and rule only.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Name of an IAM user: 1 to 64 of `[\w+=,.@-]`.
    UserName, check_user
}
name! {
    /// Name of an IAM group: 1 to 128 of `[\w+=,.@-]`.
    GroupName, check_128
}
name! {
    /// Name of an inline policy: 1 to 128 of `[\w+=,.@-]`.
    PolicyName, check_128
}
name! {
    /// IAM path: `/`, or up to 512 printable characters between slashes.
    Path, check_path
}
name! {
    /// Id of an access key: 16 to 128 of `\w`.
    KeyId, check_key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_follow_iam() {
        let check = |text: &str, expected: Result<(), NameError>| {
            assert_eq!(UserName::parse(text).map(|_| ()), expected, "{text:?}");
        };
        check("falcon@nordmart.com", Ok(()));
        check("a+b=c,d.e-f_9", Ok(()));
        check("", Err(NameError::Empty));
        check("two words", Err(NameError::Character { found: ' ' }));
        check("a/b", Err(NameError::Character { found: '/' }));
        check("fålcon", Err(NameError::Character { found: 'å' }));
        check(&"a".repeat(64), Ok(()));
        check(&"a".repeat(65), Err(NameError::TooLong { max: 64 }));
    }

    #[test]
    fn group_and_policy_names_may_be_longer() {
        assert!(GroupName::parse("g".repeat(128)).is_ok());
        assert_eq!(
            PolicyName::parse("p".repeat(129)),
            Err(NameError::TooLong { max: 128 })
        );
    }

    #[test]
    fn paths_stand_between_slashes() {
        for path in ["/", "/teams/", "/a/b/"] {
            assert!(Path::parse(path).is_ok(), "{path}");
        }
        // `noslash` is what the stand-in turns into a broken ARN.
        for path in ["noslash", "/open", "/a b/", "//"] {
            assert_eq!(Path::parse(path), Err(NameError::Path), "{path}");
        }
    }

    #[test]
    fn key_ids_are_words() {
        assert!(KeyId::parse("AKIAIOSFODNN7EXAMPLE").is_ok());
        assert_eq!(KeyId::parse("AKIA"), Err(NameError::KeyId));
        assert_eq!(KeyId::parse("AKIAIOSFODNN7EXAMPL!"), Err(NameError::KeyId));
    }
}
