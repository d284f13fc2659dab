//! Deleting a user in IAM's order: what signs goes first, what it hangs on last.
//!
//! Only what Tenantry itself gives is taken: keys, inline and attached policies, memberships. A login profile, a
//! certificate or a second factor was given by somebody else; IAM then refuses, and its words name what is left.

use aws_sdk_iam::types;

use super::{
    Cause, Error, Iam,
    key::absent_is_fine,
    name::{GroupName, PolicyName, UserName},
    unfinished::Gone,
    user::User,
};
use crate::history::{self, Stage};

impl Iam {
    /// Records that the user is gone, if it went unrecorded.
    pub async fn note_absent_user(&self, cause: &Cause, name: &UserName) {
        let gone = Gone {
            noun: history::USER,
            name: name.as_str(),
            made: "UserCreated",
            kind: "UserDeleted",
        };
        self.complete_gone(cause, gone).await;
    }

    /// Deletes `user` after all that it has. The caller has seen to it that it is not mapped.
    ///
    /// Errors: `InUse` while it has what Tenantry does not give.
    pub async fn delete_user(
        &self,
        cause: &Cause,
        name: &UserName,
        user: User,
    ) -> Result<(), Error> {
        self.drain_keys(cause, name).await?;
        self.drain_policies(cause, name, &user).await?;
        self.drain_groups(cause, name, &user).await?;
        let what = format!("user {name}");
        let call = || async {
            let deleted = self
                .client
                .delete_user()
                .user_name(name.as_str())
                .send()
                .await;
            deleted
                .map(drop)
                .map_err(|failure| Error::of("deleting", &what, failure))
        };
        absent_is_fine(self.settled(&[], call).await)?;
        self.forget_young(name.as_str()).await;
        self.store
            .note(&history::user(cause, Stage::Gone, user.into()))
            .await;
        Ok(())
    }

    async fn drain_keys(&self, cause: &Cause, name: &UserName) -> Result<(), Error> {
        let keys = self.list_keys(name).await?;
        // All of them before the first is deleted: a failure in between leaves no key that signs.
        for key in &keys {
            absent_is_fine(self.deactivate_key(key).await)?;
        }
        for key in keys {
            self.remove_key(cause, key).await?;
        }
        Ok(())
    }

    async fn drain_policies(
        &self,
        cause: &Cause,
        name: &UserName,
        user: &User,
    ) -> Result<(), Error> {
        for policy_name in self.policies_of(name).await? {
            // What IAM lists are names.
            let Ok(policy_name) = PolicyName::parse(policy_name) else {
                continue;
            };
            if let Some(policy) = self.find_policy(name, &policy_name).await? {
                self.remove_policy(cause, &user.id, policy).await?;
            }
        }
        self.detach_policies(name).await
    }

    async fn detach_policies(&self, name: &UserName) -> Result<(), Error> {
        let what = format!("user {name}");
        let call = self
            .client
            .list_attached_user_policies()
            .user_name(name.as_str());
        let attached = call.into_paginator().items().send().try_collect().await;
        let attached: Vec<types::AttachedPolicy> = attached
            .map_err(|failure| Error::of("listing attached policies of", &what, failure))?;
        for arn in attached.into_iter().filter_map(|policy| policy.policy_arn) {
            let call = self.client.detach_user_policy().user_name(name.as_str());
            let detached = call.policy_arn(&arn).send().await;
            let detached =
                detached.map_err(|failure| Error::of("detaching policies of", &what, failure));
            absent_is_fine(detached.map(drop))?;
        }
        Ok(())
    }

    async fn drain_groups(&self, cause: &Cause, name: &UserName, user: &User) -> Result<(), Error> {
        for group in self.groups_of(name).await? {
            let ids = format!("{}/{}", group.id, user.id);
            // What IAM lists are names.
            let Ok(group_name) = GroupName::parse(group.name) else {
                continue;
            };
            self.leave_group(cause, &ids, &group_name, name).await?;
        }
        Ok(())
    }
}
