//! Inline policies of users.

use percent_encoding::percent_decode_str;
use serde_json::Value;
use tenantry_proto::identity::v1;

use super::{
    Cause, Error, Iam, Mode, Outcome,
    name::{PolicyName, UserName},
    unfinished::Gone,
};
use crate::history::{self, Stage};

/// Characters of inline policies that a user may have, white space not counted.
const CHARACTERS_MAX: usize = 2048;

/// An inline policy as IAM has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whose.
    pub user_name: String,
    /// Its name.
    pub name: String,
    /// JSON text.
    pub document: String,
}

/// Why text is no policy document. The message completes `<field> …`.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// No JSON object.
    #[error("is no JSON object with Version and Statement")]
    Shape,
    /// More than IAM takes.
    #[error("has {found} characters beside white space; IAM allows a user {CHARACTERS_MAX}")]
    TooLong {
        /// Characters given.
        found: usize,
    },
    /// A character that IAM does not take.
    #[error("has {found:?}; IAM allows tab, line ends and U+0020 to U+00FF")]
    Character {
        /// The first such.
        found: char,
    },
}

/// A policy document: the text as given, and what it says.
#[derive(Debug, Clone)]
pub struct Document {
    text: String,
    value: Value,
}

impl Document {
    /// Takes the JSON text of a policy. What its statements mean is IAM's to judge.
    pub fn parse(text: String) -> Result<Self, DocumentError> {
        let is_legal = |c: &char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}');
        if let Some(found) = text.chars().find(|c| !is_legal(c)) {
            return Err(DocumentError::Character { found });
        }
        let found = text.chars().filter(|c| !c.is_whitespace()).count();
        if found > CHARACTERS_MAX {
            return Err(DocumentError::TooLong { found });
        }
        // The parser's own words would print parts of the document; the shape says enough.
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let has = |key: &str| value.get(key).is_some();
        if has("Version") && has("Statement") {
            Ok(Self { text, value })
        } else {
            Err(DocumentError::Shape)
        }
    }

    /// Whether `text` says the same: order of keys and white space mean nothing.
    fn says(&self, text: &str) -> bool {
        serde_json::from_str::<Value>(text).is_ok_and(|value| value == self.value)
    }
}

/// An inline policy that somebody wants.
#[derive(Debug, Clone)]
pub struct NewPolicy {
    /// Whose.
    pub user_name: UserName,
    /// Its name.
    pub name: PolicyName,
    /// What it says.
    pub document: Document,
}

impl NewPolicy {
    fn wanted(&self) -> Policy {
        Policy {
            user_name: self.user_name.to_string(),
            name: self.name.to_string(),
            document: self.document.text.clone(),
        }
    }
}

impl Iam {
    /// Sees to it that the policy says what is wanted.
    ///
    /// Errors: `NotFound` without the user.
    pub async fn put_policy(
        &self,
        cause: &Cause,
        new: NewPolicy,
        mode: Mode,
    ) -> Result<Outcome<Policy>, Error> {
        let user = self.get_user(&new.user_name).await?;
        let fact = |stage, policy: Policy| history::policy(cause, stage, &user.id, policy.into());
        let found = self.find_policy(&new.user_name, &new.name).await?;
        if let Some(found) = found.filter(|found| new.document.says(&found.document)) {
            if mode == Mode::Apply {
                let made = fact(Stage::Made, found.clone());
                self.complete("UserPolicyPutRequested", made).await?;
            }
            return Ok(Outcome::Unchanged(found));
        }
        if mode == Mode::Apply {
            self.store
                .record(&fact(Stage::Requested, new.wanted()))
                .await?;
            self.write_policy(&new).await?;
            self.store.record(&fact(Stage::Made, new.wanted())).await?;
        }
        Ok(Outcome::Changed(new.wanted()))
    }

    async fn write_policy(&self, new: &NewPolicy) -> Result<(), Error> {
        let what = format!("policy {} of user {}", new.name, new.user_name);
        let call = || async {
            let call = self
                .client
                .put_user_policy()
                .user_name(new.user_name.as_str());
            let call = call
                .policy_name(new.name.as_str())
                .policy_document(&new.document.text);
            let put = call.send().await;
            put.map(drop)
                .map_err(|failure| Error::of("putting", &what, failure))
        };
        self.settled(&[new.user_name.as_str()], call).await
    }

    /// An inline policy.
    ///
    /// Errors: `NotFound`.
    pub async fn get_policy(
        &self,
        user_name: &UserName,
        name: &PolicyName,
    ) -> Result<Policy, Error> {
        let what = format!("policy {name} of user {user_name}");
        let call = self.client.get_user_policy().user_name(user_name.as_str());
        let read = call.policy_name(name.as_str()).send().await;
        let read = read.map_err(|failure| Error::of("reading", &what, failure))?;
        // IAM hands documents out percent-encoded (RFC 3986), and never but in UTF-8.
        let document = percent_decode_str(&read.policy_document).decode_utf8_lossy();
        Ok(Policy {
            user_name: user_name.to_string(),
            name: name.to_string(),
            document: document.into_owned(),
        })
    }

    /// An inline policy, if it is there.
    pub(super) async fn find_policy(
        &self,
        user_name: &UserName,
        name: &PolicyName,
    ) -> Result<Option<Policy>, Error> {
        match self.get_policy(user_name, name).await {
            Ok(policy) => Ok(Some(policy)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sees to it that the policy is not there. True if it was.
    pub async fn delete_policy(
        &self,
        cause: &Cause,
        user_name: &UserName,
        name: &PolicyName,
    ) -> Result<bool, Error> {
        let user = match self.get_user(user_name).await {
            Ok(user) => Some(user),
            Err(Error::NotFound { .. }) => None,
            Err(failure) => return Err(failure),
        };
        let found = match &user {
            Some(_) => self.find_policy(user_name, name).await?,
            None => None,
        };
        if let (Some(user), Some(policy)) = (user, found) {
            self.remove_policy(cause, &user.id, policy).await?;
            return Ok(true);
        }
        let gone = Gone {
            noun: history::POLICY,
            name: &history::policy_name(user_name.as_str(), name.as_str()),
            made: "UserPolicyPut",
            kind: "UserPolicyDeleted",
        };
        self.complete_gone(cause, gone).await;
        Ok(false)
    }

    /// Deletes a policy that was seen, and says so.
    pub(super) async fn remove_policy(
        &self,
        cause: &Cause,
        user_id: &str,
        policy: Policy,
    ) -> Result<(), Error> {
        let what = format!("policy {} of user {}", policy.name, policy.user_name);
        let call = || async {
            let call = self
                .client
                .delete_user_policy()
                .user_name(&policy.user_name);
            let deleted = call.policy_name(&policy.name).send().await;
            deleted
                .map(drop)
                .map_err(|failure| Error::of("deleting", &what, failure))
        };
        match self.settled(&[], call).await {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(failure) => return Err(failure),
        }
        let policy: v1::UserPolicy = policy.into();
        self.store
            .note(&history::policy(cause, Stage::Gone, user_id, policy))
            .await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUTORIAL: &str = r#"{"Statement": [{"Action": "eks:DescribeCluster", "Effect": "Allow", "Resource": "*"}],
        "Version": "2012-10-17"}"#;

    #[test]
    fn documents_are_compared_by_what_they_say() {
        let document = Document::parse(TUTORIAL.to_owned()).unwrap();
        assert!(document.says(
            r#"{"Version":"2012-10-17","Statement":[{"Resource":"*","Effect":"Allow","Action":"eks:DescribeCluster"}]}"#
        ));
        assert!(!document.says(&TUTORIAL.replace("Allow", "Deny")));
        assert!(!document.says("nonsense"));
    }

    #[test]
    fn what_iam_would_refuse_is_refused() {
        let check = |text: String, expected: &str| {
            let refused = Document::parse(text).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        };
        check("{".to_owned(), "no JSON object");
        check("[]".to_owned(), "no JSON object");
        check(r#"{"Version":"2012-10-17"}"#.to_owned(), "no JSON object");
        check(TUTORIAL.replace('*', "→"), "'→'");
        check(
            TUTORIAL.replace('*', &"x".repeat(2048)),
            "IAM allows a user 2048",
        );
        // White space is not counted.
        assert!(Document::parse(TUTORIAL.replace(' ', &" ".repeat(500))).is_ok());
    }
}
