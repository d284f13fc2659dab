use std::fmt;

/// Partitions in which the authenticator knows ARNs.
const PARTITIONS: &[&str] = &[
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
];
/// Where Identity Center keeps its roles; IAM lets nobody else make one there.
const IDENTITY_CENTER: &str = "aws-reserved/sso.amazonaws.com/";

/// What an ARN names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An IAM user; its path is part of its ARN.
    User,
    /// An IAM role; STS reports it without its path.
    Role,
}

/// Why an ARN cannot be mapped. The message completes `<field> …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// Not an ARN of IAM.
    #[error("is no ARN of IAM: {0}; give one such as arn:aws:iam::111122223333:user/ada")]
    Malformed(&'static str),
    /// An ARN of something that aws-auth cannot hold.
    #[error("names {what}, which cannot be mapped; {advice}")]
    Unsupported {
        /// What it is.
        what: &'static str,
        /// What to map instead.
        advice: &'static str,
    },
}

/// An IAM user or role, as the authenticator will see it.
///
/// Invariant: the ARN of a role has no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    kind: Kind,
    arn: String,
    given: String,
}

impl Principal {
    /// Takes the ARN of a user or role; a role's path is stripped.
    pub fn parse(given: &str) -> Result<Self, PrincipalError> {
        use PrincipalError::Malformed;
        if given.is_empty() {
            return Err(Malformed("it is empty"));
        }
        if !given.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Malformed("it has a character that no ARN has"));
        }
        let parts: Vec<&str> = given.splitn(6, ':').collect();
        let [prefix, partition, service, region, account, resource] = parts[..] else {
            return Err(Malformed("it has fewer than six parts"));
        };
        if prefix != "arn" {
            return Err(Malformed("it does not begin with arn:"));
        }
        if !PARTITIONS.contains(&partition) {
            return Err(Malformed("its partition is unknown"));
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed("its account is not twelve digits"));
        }
        let (kind, path_and_name) = kind_of(service, resource)?;
        if !region.is_empty() {
            return Err(Malformed("it has a region, which IAM has not"));
        }
        let (path, name) = path_and_name
            .rsplit_once('/')
            .unwrap_or(("", path_and_name));
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if name.is_empty() || !name.chars().all(is_name) || path_and_name.starts_with('/') {
            return Err(Malformed("it has no name that IAM allows"));
        }
        let arn = match kind {
            Kind::Role if !path.is_empty() => {
                format!("arn:{partition}:iam::{account}:role/{name}")
            }
            Kind::Role | Kind::User => given.to_owned(),
        };
        Ok(Self {
            kind,
            arn,
            given: given.to_owned(),
        })
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its ARN as it must stand in aws-auth.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Its ARN as it was given.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// Whether it was given with a path that had to go.
    pub fn is_stripped(&self) -> bool {
        self.arn != self.given
    }

    /// Whether `arn` names the same principal, in another spelling perhaps.
    pub fn is(&self, arn: &str) -> bool {
        key(&self.arn) == key(arn)
    }

    /// Whether the ARN as given says that only Identity Center can hand the role out.
    pub(super) fn is_identity_center(&self) -> bool {
        self.kind == Kind::Role && self.given.contains(&format!(":role/{IDENTITY_CENTER}"))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

/// Two ARNs with the same key are the same principal: IAM's names ignore case, and a role's name its path.
pub(super) fn key(arn: &str) -> String {
    let lower = arn.to_ascii_lowercase();
    match lower.split_once(":role/") {
        Some((account, role)) => {
            let name = role.rsplit('/').next().unwrap_or(role);
            format!("{account}:role/{name}")
        }
        None => lower,
    }
}

fn kind_of<'a>(service: &str, resource: &'a str) -> Result<(Kind, &'a str), PrincipalError> {
    let (word, rest) = resource.split_once('/').unwrap_or((resource, ""));
    let unsupported = |what, advice| Err(PrincipalError::Unsupported { what, advice });
    match (service, word) {
        ("iam", "user") => Ok((Kind::User, rest)),
        ("iam", "role") => Ok((Kind::Role, rest)),
        ("iam", "group") => unsupported(
            "an IAM group",
            "STS reports no groups: map each of its users, or name them in a Tenant's access control",
        ),
        ("iam", "root") => {
            unsupported("the account's root user", "map an IAM user or role instead")
        }
        ("sts", "assumed-role") => unsupported(
            "a session of a role",
            "map the role itself: arn:aws:iam::<account>:role/<name>",
        ),
        ("sts", "federated-user") => {
            unsupported("a federated user", "map the IAM user or role behind it")
        }
        ("iam" | "sts", _) => unsupported("neither an IAM user nor a role", "map a user or a role"),
        _ => Err(PrincipalError::Malformed("its service is not iam")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "arn:aws:iam::630742778131";

    #[test]
    fn users_keep_their_path_and_roles_lose_it() {
        let check = |given: &str, arn: &str| {
            let parsed = Principal::parse(&format!("{ACCOUNT}:{given}")).unwrap();
            assert_eq!(parsed.arn(), format!("{ACCOUNT}:{arn}"));
            assert_eq!(parsed.is_stripped(), given != arn);
        };
        check("user/falcon@nordmart.com", "user/falcon@nordmart.com");
        check("user/teams/falcon", "user/teams/falcon");
        check("role/dev", "role/dev");
        check(
            "role/aws-reserved/sso.amazonaws.com/eu-north-1/AWSReservedSSO_dev_0123",
            "role/AWSReservedSSO_dev_0123",
        );
    }

    #[test]
    fn what_cannot_be_mapped_says_what_to_map() {
        for (arn, words) in [
            (
                "arn:aws:iam::630742778131:group/logistics-owner",
                "an IAM group",
            ),
            ("arn:aws:iam::630742778131:root", "root user"),
            (
                "arn:aws:sts::630742778131:assumed-role/dev/ada",
                "a session",
            ),
            ("arn:aws:sts::630742778131:federated-user/ada", "federated"),
        ] {
            let refused = Principal::parse(arn).unwrap_err();
            assert!(
                matches!(refused, PrincipalError::Unsupported { .. }),
                "{arn}"
            );
            assert!(refused.to_string().contains(words), "{refused}");
        }
    }

    #[test]
    fn what_is_no_arn_is_refused() {
        for arn in [
            "",
            "falcon",
            "arn:aws:iam::630742778131",
            "arn:gcp:iam::630742778131:user/a",
            "arn:aws:s3:::bucket",
            "arn:aws:iam::63074277813:user/a",
            "arn:aws:iam::630742778131:user/",
            "arn:aws:iam::630742778131:user/a b",
            "arn:aws:iam::630742778131:user/a\n",
            "630742778131",
            "arn:aws:iam:eu-north-1:630742778131:user/a",
            "arn:aws:iam::630742778131:user//a",
        ] {
            let refused = Principal::parse(arn);
            assert!(
                matches!(refused, Err(PrincipalError::Malformed(_))),
                "{arn}: {refused:?}"
            );
        }
    }

    #[test]
    fn one_principal_has_one_key() {
        let key = |arn: &str| key(&format!("{ACCOUNT}:{arn}"));
        assert_eq!(key("user/Falcon"), key("user/falcon"));
        assert_eq!(key("role/a/b/Dev"), key("role/dev"));
        assert_ne!(key("user/a/dev"), key("user/dev"));
    }
}
