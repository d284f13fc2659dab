use super::{Kind, Principal};

/// Longest username or group; Kubernetes has no limit, a label's neighbourhood is enough for people.
const NAME_CHARS_MAX: usize = 256;
/// Groups of one entry.
const GROUPS_MAX: usize = 64;
/// Prefixes of usernames that Kubernetes and EKS keep for themselves.
const RESERVED: &[&str] = &["system:", "eks:", "aws:", "amazon:", "iam:"];

/// A principal and the names that somebody wants it to have in the cluster.
///
/// Invariant: the names are printable ASCII without spaces and not the system's; only a role of Identity Center has a
/// template in its username.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    principal: Principal,
    username: String,
    groups: Vec<String>,
}

/// Why names cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A name breaks a rule. The rule completes `<field> …`.
    #[error("{field} {rule}")]
    Field {
        /// `username` or `groups[n]`.
        field: String,
        /// The rule, and the way out.
        rule: String,
    },
    /// A name belongs to the system.
    #[error(
        "{field} {name:?} begins with {prefix}, which belongs to the system; choose another name"
    )]
    Reserved {
        /// `username` or `groups[n]`.
        field: String,
        /// The name.
        name: String,
        /// The prefix.
        prefix: &'static str,
    },
}

impl Mapping {
    /// Takes names that keep the rules; a group named twice is taken once.
    pub fn parse(
        principal: Principal,
        username: String,
        groups: Vec<String>,
    ) -> Result<Self, MappingError> {
        check_name("username", &username)?;
        check_reserved("username", &username, RESERVED)?;
        check_template(&principal, &username)?;
        if groups.len() > GROUPS_MAX {
            return field(
                "groups",
                format!(
                    "has {} names, at most {GROUPS_MAX} are allowed",
                    groups.len()
                ),
            );
        }
        for (at, group) in groups.iter().enumerate() {
            let name = format!("groups[{at}]");
            check_name(&name, group)?;
            check_reserved(&name, group, &RESERVED[..1])?;
            if group.contains("{{") {
                return field(
                    &name,
                    "has a template; who calls would choose his own group".to_owned(),
                );
            }
        }
        let mut unique: Vec<String> = Vec::new();
        for group in groups {
            if !unique.contains(&group) {
                unique.push(group);
            }
        }
        Ok(Self {
            principal,
            username,
            groups: unique,
        })
    }

    /// Who.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Kubernetes username.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Kubernetes groups, in the order given, each once.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }
}

fn field<T>(name: &str, rule: String) -> Result<T, MappingError> {
    Err(MappingError::Field {
        field: name.to_owned(),
        rule,
    })
}

fn check_name(name: &str, text: &str) -> Result<(), MappingError> {
    if text.is_empty() {
        return field(
            name,
            "is empty; give the name that the cluster shall know".to_owned(),
        );
    }
    if text.len() > NAME_CHARS_MAX {
        return field(
            name,
            format!(
                "has {} characters, at most {NAME_CHARS_MAX} are allowed",
                text.len()
            ),
        );
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(found) => field(
            name,
            format!("has {found:?}; use printable ASCII without spaces"),
        ),
        None => Ok(()),
    }
}

fn check_reserved(field: &str, name: &str, prefixes: &[&'static str]) -> Result<(), MappingError> {
    let lower = name.to_ascii_lowercase();
    match prefixes.iter().find(|prefix| lower.starts_with(**prefix)) {
        Some(prefix) => Err(MappingError::Reserved {
            field: field.to_owned(),
            name: name.to_owned(),
            prefix,
        }),
        None => Ok(()),
    }
}

/// Whoever may assume a role chooses the session's name, and so a templated username: only Identity Center's own roles
/// have sessions that are named by somebody else.
fn check_template(principal: &Principal, username: &str) -> Result<(), MappingError> {
    if !username.contains("{{") {
        return Ok(());
    }
    let rest = username
        .replace("{{SessionNameRaw}}", "")
        .replace("{{SessionName}}", "");
    let is_session = !rest.contains("{{");
    let rule = match principal.kind() {
        Kind::User => "has a template, which works for roles only; write the name itself",
        Kind::Role if !is_session => {
            "has a template other than {{SessionNameRaw}} or {{SessionName}}"
        }
        Kind::Role if !principal.is_identity_center() => {
            "has a template, so whoever may assume the role could call himself anybody; that is for roles of \
             Identity Center: give the role's ARN with its path aws-reserved/sso.amazonaws.com/"
        }
        Kind::Role => return Ok(()),
    };
    field("username", rule.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arn: &str, username: &str, groups: &[&str]) -> Result<Mapping, MappingError> {
        let principal = Principal::parse(&format!("arn:aws:iam::630742778131:{arn}")).unwrap();
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Mapping::parse(principal, username.to_owned(), groups)
    }

    #[test]
    fn names_of_the_system_are_refused() {
        let refused = |username, groups: &[&str]| {
            matches!(
                parse("user/a", username, groups),
                Err(MappingError::Reserved { .. })
            )
        };
        for username in [
            "system:admin",
            "eks:a",
            "aws:a",
            "amazon:a",
            "iam:a",
            "System:admin",
        ] {
            assert!(refused(username, &[]), "{username}");
        }
        assert!(refused("a", &["dev", "system:masters"]));
        assert!(!refused("a", &["eks-readers"]));
    }

    #[test]
    fn names_that_cannot_be_read_are_refused() {
        for username in ["", "two words", "a\nb", "a\tb", "аdmin", &"a".repeat(257)] {
            assert!(
                matches!(
                    parse("user/a", username, &[]),
                    Err(MappingError::Field { .. })
                ),
                "{username:?}"
            );
        }
        assert!(parse("user/a", "a", &["b,c", ""]).is_err());
    }

    #[test]
    fn only_identity_center_names_sessions_for_others() {
        let sso = "role/aws-reserved/sso.amazonaws.com/eu-north-1/AWSReservedSSO_dev_01";
        assert!(parse(sso, "{{SessionNameRaw}}", &[]).is_ok());
        assert!(parse("role/dev", "{{SessionNameRaw}}", &[]).is_err());
        assert!(parse("user/a", "{{SessionNameRaw}}", &[]).is_err());
        assert!(parse(sso, "{{EC2PrivateDNSName}}", &[]).is_err());
        assert!(parse(sso, "{{SessionName}}{{AccountID}}", &[]).is_err());
        assert!(parse(sso, "a", &["{{SessionName}}"]).is_err());
    }

    #[test]
    fn a_group_named_twice_is_taken_once() {
        assert_eq!(
            parse("user/a", "a", &["y", "x", "y"]).unwrap().groups(),
            ["y", "x"]
        );
    }
}
