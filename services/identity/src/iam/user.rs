//! Users.

use aws_sdk_iam::types;
use jiff::Timestamp;
use tenantry_events::Fact;

use super::{
    Cause, Error, Iam, Mode, Outcome,
    group::{Group, differs, incomplete},
    key::Key,
    moment,
    name::{Path, UserName},
};
use crate::history::{self, Stage};

/// A user as IAM has it; without id, ARN and time while it is only wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its stable id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// When it was made.
    pub create_time: Option<Timestamp>,
}

impl From<types::User> for User {
    fn from(user: types::User) -> Self {
        Self {
            create_time: Some(moment(&user.create_date)),
            name: user.user_name,
            path: user.path,
            id: user.user_id,
            arn: user.arn,
        }
    }
}

/// A user that somebody wants.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its name.
    pub name: UserName,
    /// Its path.
    pub path: Path,
}

impl NewUser {
    fn wanted(&self) -> User {
        User {
            name: self.name.to_string(),
            path: self.path.to_string(),
            id: String::new(),
            arn: String::new(),
            create_time: None,
        }
    }
}

/// A user with what hangs on it.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The user.
    pub user: User,
    /// Groups it is in, by name.
    pub groups: Vec<Group>,
    /// Its keys, oldest first.
    pub keys: Vec<Key>,
    /// Names of its inline policies.
    pub policy_names: Vec<String>,
}

impl Iam {
    /// Sees to it that the user is there.
    ///
    /// Errors: `AlreadyExists` with another path or spelling.
    pub async fn create_user(
        &self,
        cause: &Cause,
        new: NewUser,
        mode: Mode,
    ) -> Result<Outcome<User>, Error> {
        if let Some(found) = self.find_user(&new).await? {
            if mode == Mode::Apply {
                self.complete("UserCreateRequested", made(cause, &found))
                    .await?;
            }
            return Ok(Outcome::Unchanged(found));
        }
        if mode == Mode::Validate {
            return Ok(Outcome::Changed(new.wanted()));
        }
        let intent = history::user(cause, Stage::Requested, new.wanted().into());
        self.store.record(&intent).await?;
        let user = self.make_user(&new).await?;
        self.remember_young(&user.name).await;
        self.store.record(&made(cause, &user)).await?;
        Ok(Outcome::Changed(user))
    }

    /// Makes the user; one that appeared since we looked, be it by a repeat of the SDK, is as good.
    async fn make_user(&self, new: &NewUser) -> Result<User, Error> {
        let what = format!("user {}", new.name);
        let call = || async {
            let call = self.client.create_user().user_name(new.name.as_str());
            let made = call.path(new.path.as_str()).send().await;
            made.map_err(|failure| Error::of("creating", &what, failure))
        };
        match self.settled(&[], call).await {
            Ok(made) => made.user.map(User::from).ok_or_else(|| incomplete(&what)),
            Err(exists @ Error::AlreadyExists { .. }) => self.find_user(new).await?.ok_or(exists),
            Err(failure) => Err(failure),
        }
    }

    /// The wanted user, if it is there. IAM's names are unique without regard to case, ARNs in aws-auth are not.
    async fn find_user(&self, new: &NewUser) -> Result<Option<User>, Error> {
        let users = self.list_users().await?;
        let same = |user: &User| user.name.eq_ignore_ascii_case(new.name.as_str());
        let Some(found) = users.into_iter().find(same) else {
            return Ok(None);
        };
        differs(&found.name, new.name.as_str(), "name")
            .or_else(|| differs(&found.path, new.path.as_str(), "path"))
            .map_or(Ok(Some(found)), |difference| {
                let what = format!("user {}", new.name);
                Err(Error::AlreadyExists { what, difference })
            })
    }

    /// Every user, by name.
    pub async fn list_users(&self) -> Result<Vec<User>, Error> {
        let pages = self.client.list_users().into_paginator();
        let listed = pages.items().send().try_collect().await;
        let listed: Vec<types::User> =
            listed.map_err(|failure| Error::of("listing", "users", failure))?;
        let mut users: Vec<User> = listed.into_iter().map(User::from).collect();
        users.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(users)
    }

    /// A user.
    ///
    /// Errors: `NotFound`.
    pub async fn get_user(&self, name: &UserName) -> Result<User, Error> {
        let what = format!("user {name}");
        let call = || async {
            let read = self.client.get_user().user_name(name.as_str()).send().await;
            read.map_err(|failure| Error::of("reading", &what, failure))
        };
        let read = self.settled(&[name.as_str()], call).await?;
        read.user.map(User::from).ok_or_else(|| incomplete(&what))
    }

    /// A user with what hangs on it.
    ///
    /// Errors: `NotFound`.
    pub async fn profile(&self, name: &UserName) -> Result<Profile, Error> {
        let (user, groups, keys, policy_names) = futures::try_join!(
            self.get_user(name),
            self.groups_of(name),
            self.list_keys(name),
            self.policies_of(name),
        )?;
        Ok(Profile {
            user,
            groups,
            keys,
            policy_names,
        })
    }

    /// Groups that the user is in, by name.
    pub(super) async fn groups_of(&self, name: &UserName) -> Result<Vec<Group>, Error> {
        let what = format!("user {name}");
        let call = || async {
            let call = self.client.list_groups_for_user().user_name(name.as_str());
            let listed = call.into_paginator().items().send().try_collect().await;
            listed.map_err(|failure| Error::of("listing groups of", &what, failure))
        };
        let listed: Vec<types::Group> = self.settled(&[name.as_str()], call).await?;
        let mut groups: Vec<Group> = listed.into_iter().map(Group::from).collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
    }

    /// Names of the user's inline policies, in order.
    pub(super) async fn policies_of(&self, name: &UserName) -> Result<Vec<String>, Error> {
        let what = format!("user {name}");
        let call = || async {
            let call = self.client.list_user_policies().user_name(name.as_str());
            let listed = call.into_paginator().items().send().try_collect().await;
            listed.map_err(|failure| Error::of("listing policies of", &what, failure))
        };
        let mut names: Vec<String> = self.settled(&[name.as_str()], call).await?;
        names.sort();
        Ok(names)
    }
}

fn made(cause: &Cause, user: &User) -> Fact {
    history::user(cause, Stage::Made, user.clone().into())
}
