//! Groups. One grants nothing in the cluster by itself; it is how IAM's own policies are given to many.

use aws_sdk_iam::types;
use jiff::Timestamp;
use tenantry_events::Fact;

use super::{
    Cause, Error, Iam, Mode, Outcome, moment,
    name::{GroupName, Path},
    unfinished::Gone,
    user::User,
};
use crate::history::{self, Stage};

/// A group as IAM has it; without id, ARN and time while it is only wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
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

impl From<types::Group> for Group {
    fn from(group: types::Group) -> Self {
        Self {
            create_time: Some(moment(&group.create_date)),
            name: group.group_name,
            path: group.path,
            id: group.group_id,
            arn: group.arn,
        }
    }
}

/// A group that somebody wants.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Its name.
    pub name: GroupName,
    /// Its path.
    pub path: Path,
}

impl NewGroup {
    fn wanted(&self) -> Group {
        Group {
            name: self.name.to_string(),
            path: self.path.to_string(),
            id: String::new(),
            arn: String::new(),
            create_time: None,
        }
    }
}

impl Iam {
    /// Sees to it that the group is there.
    ///
    /// Errors: `AlreadyExists` with another path or spelling.
    pub async fn create_group(
        &self,
        cause: &Cause,
        new: NewGroup,
        mode: Mode,
    ) -> Result<Outcome<Group>, Error> {
        if let Some(found) = self.find_group(&new).await? {
            if mode == Mode::Apply {
                self.complete("GroupCreateRequested", made(cause, &found))
                    .await?;
            }
            return Ok(Outcome::Unchanged(found));
        }
        if mode == Mode::Validate {
            return Ok(Outcome::Changed(new.wanted()));
        }
        let intent = history::group(cause, Stage::Requested, new.wanted().into());
        self.store.record(&intent).await?;
        let group = self.make_group(&new).await?;
        self.remember_young(&group.name).await;
        self.store.record(&made(cause, &group)).await?;
        Ok(Outcome::Changed(group))
    }

    /// Makes the group; one that appeared since we looked, be it by a repeat of the SDK, is as good.
    async fn make_group(&self, new: &NewGroup) -> Result<Group, Error> {
        let what = format!("group {}", new.name);
        let call = || async {
            let call = self.client.create_group().group_name(new.name.as_str());
            let made = call.path(new.path.as_str()).send().await;
            made.map_err(|failure| Error::of("creating", &what, failure))
        };
        match self.settled(&[], call).await {
            Ok(made) => made.group.map(Group::from).ok_or_else(|| incomplete(&what)),
            Err(exists @ Error::AlreadyExists { .. }) => self.find_group(new).await?.ok_or(exists),
            Err(failure) => Err(failure),
        }
    }

    /// The wanted group, if it is there. IAM's names are unique without regard to case, ARNs in policies are not.
    async fn find_group(&self, new: &NewGroup) -> Result<Option<Group>, Error> {
        let groups = self.list_groups().await?;
        let same = |group: &Group| group.name.eq_ignore_ascii_case(new.name.as_str());
        let Some(found) = groups.into_iter().find(same) else {
            return Ok(None);
        };
        differs(&found.name, new.name.as_str(), "name")
            .or_else(|| differs(&found.path, new.path.as_str(), "path"))
            .map_or(Ok(Some(found)), |difference| {
                let what = format!("group {}", new.name);
                Err(Error::AlreadyExists { what, difference })
            })
    }

    /// Every group, by name.
    pub async fn list_groups(&self) -> Result<Vec<Group>, Error> {
        let pages = self.client.list_groups().into_paginator();
        let listed = pages.items().send().try_collect().await;
        let listed: Vec<types::Group> =
            listed.map_err(|failure| Error::of("listing", "groups", failure))?;
        let mut groups: Vec<Group> = listed.into_iter().map(Group::from).collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
    }

    /// A group with its members, by name.
    ///
    /// Errors: `NotFound`.
    pub async fn get_group(&self, name: &GroupName) -> Result<(Group, Vec<User>), Error> {
        self.settled(&[name.as_str()], || self.read_group(name))
            .await
    }

    async fn read_group(&self, name: &GroupName) -> Result<(Group, Vec<User>), Error> {
        let what = format!("group {name}");
        let call = self.client.get_group().group_name(name.as_str());
        let mut pages = call.into_paginator().send();
        let (mut group, mut users) = (None, Vec::new());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|failure| Error::of("reading", &what, failure))?;
            group = group.or(page.group.map(Group::from));
            users.extend(page.users.into_iter().map(User::from));
        }
        users.sort_by(|a: &User, b| a.name.cmp(&b.name));
        Ok((group.ok_or_else(|| incomplete(&what))?, users))
    }

    /// Sees to it that the group is not there. True if it was.
    ///
    /// Errors: `InUse` while it has members or policies.
    pub async fn delete_group(&self, cause: &Cause, name: &GroupName) -> Result<bool, Error> {
        let (group, users) = match self.get_group(name).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => {
                let gone = Gone {
                    noun: history::GROUP,
                    name: name.as_str(),
                    made: "GroupCreated",
                    kind: "GroupDeleted",
                };
                self.complete_gone(cause, gone).await;
                return Ok(false);
            }
            Err(failure) => return Err(failure),
        };
        self.require_unused(&group, &users).await?;
        let what = format!("group {name}");
        let call = self.client.delete_group().group_name(name.as_str());
        match call
            .send()
            .await
            .map_err(|failure| Error::of("deleting", &what, failure))
        {
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(failure) => return Err(failure),
        }
        self.forget_young(name.as_str()).await;
        self.store
            .note(&history::group(cause, Stage::Gone, group.into()))
            .await;
        Ok(true)
    }

    /// IAM would refuse too, but what stands in for it in tests deletes a group over its members' heads.
    async fn require_unused(&self, group: &Group, users: &[User]) -> Result<(), Error> {
        let what = format!("group {}", group.name);
        let inline = self.client.list_group_policies().group_name(&group.name);
        let inline = inline.into_paginator().items().send().try_collect().await;
        let inline: Vec<String> =
            inline.map_err(|failure| Error::of("listing policies of", &what, failure))?;
        let attached = self
            .client
            .list_attached_group_policies()
            .group_name(&group.name);
        let attached = attached.into_paginator().items().send().try_collect().await;
        let attached: Vec<types::AttachedPolicy> = attached
            .map_err(|failure| Error::of("listing attached policies of", &what, failure))?;
        let attached = attached.into_iter().filter_map(|policy| policy.policy_name);
        let policies: Vec<String> = inline.into_iter().chain(attached).collect();
        let members: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
        if members.is_empty() && policies.is_empty() {
            return Ok(());
        }
        let words = format!(
            "members [{}], policies [{}]",
            members.join(", "),
            policies.join(", ")
        );
        Err(Error::InUse { what, words })
    }
}

/// How `found` and `wanted` differ, in words.
pub(super) fn differs(found: &str, wanted: &str, field: &str) -> Option<String> {
    (found != wanted).then(|| format!("its {field} is {found:?}, not {wanted:?}"))
}

/// IAM's reply lacks what its model promises.
pub(super) fn incomplete(what: &str) -> Error {
    Error::Unavailable {
        operation: format!("reading {what}"),
        words: "the reply is incomplete".to_owned(),
    }
}

fn made(cause: &Cause, group: &Group) -> Fact {
    history::group(cause, Stage::Made, group.clone().into())
}
