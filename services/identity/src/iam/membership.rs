//! Memberships of users in groups.

use tenantry_events::Fact;
use tenantry_proto::identity::v1;

use super::{
    Cause, Error, Iam, Outcome,
    name::{GroupName, UserName},
    unfinished::Gone,
};
use crate::history::{self, Stage};

impl Iam {
    /// Sees to it that the user is in the group. IAM's own call would do so too; the members are read first because a
    /// repeat must not be recorded as another grant.
    ///
    /// Errors: `NotFound` without user or group.
    pub async fn add_to_group(
        &self,
        cause: &Cause,
        group_name: &GroupName,
        user_name: &UserName,
    ) -> Result<Outcome<()>, Error> {
        let (user, (group, members)) =
            futures::try_join!(self.get_user(user_name), self.get_group(group_name))?;
        let ids = format!("{}/{}", group.id, user.id);
        let fact = |stage| fact(cause, stage, &ids, group_name, user_name);
        if members.iter().any(|member| member.id == user.id) {
            self.complete("MembershipAddRequested", fact(Stage::Made))
                .await?;
            return Ok(Outcome::Unchanged(()));
        }
        self.store.record(&fact(Stage::Requested)).await?;
        self.join_group(group_name, user_name).await?;
        self.store.record(&fact(Stage::Made)).await?;
        Ok(Outcome::Changed(()))
    }

    async fn join_group(&self, group: &GroupName, user: &UserName) -> Result<(), Error> {
        let what = format!("user {user} to group {group}");
        let call = || async {
            let call = self.client.add_user_to_group().group_name(group.as_str());
            let added = call.user_name(user.as_str()).send().await;
            added
                .map(drop)
                .map_err(|failure| Error::of("adding", &what, failure))
        };
        self.settled(&[group.as_str(), user.as_str()], call).await
    }

    /// Sees to it that the user is not in the group. True if he was.
    pub async fn remove_from_group(
        &self,
        cause: &Cause,
        group_name: &GroupName,
        user_name: &UserName,
    ) -> Result<bool, Error> {
        let found = match self.get_group(group_name).await {
            Ok(found) => Some(found),
            Err(Error::NotFound { .. }) => None,
            Err(failure) => return Err(failure),
        };
        let member = found.and_then(|(group, members)| {
            let is_him = |member: &super::user::User| member.name == user_name.as_str();
            members
                .into_iter()
                .find(is_him)
                .map(|user| format!("{}/{}", group.id, user.id))
        });
        if let Some(ids) = member {
            self.leave_group(cause, &ids, group_name, user_name).await?;
            return Ok(true);
        }
        let gone = Gone {
            noun: history::MEMBERSHIP,
            name: &history::membership_name(group_name.as_str(), user_name.as_str()),
            made: "MembershipAdded",
            kind: "MembershipRemoved",
        };
        self.complete_gone(cause, gone).await;
        Ok(false)
    }

    /// Ends a membership that was seen, by its IAM ids, and says so.
    pub(super) async fn leave_group(
        &self,
        cause: &Cause,
        ids: &str,
        group: &GroupName,
        user: &UserName,
    ) -> Result<(), Error> {
        let what = format!("user {user} from group {group}");
        let call = || async {
            let call = self
                .client
                .remove_user_from_group()
                .group_name(group.as_str());
            let removed = call.user_name(user.as_str()).send().await;
            removed
                .map(drop)
                .map_err(|failure| Error::of("removing", &what, failure))
        };
        match self.settled(&[], call).await {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(failure) => return Err(failure),
        }
        self.store
            .note(&fact(cause, Stage::Gone, ids, group, user))
            .await;
        Ok(())
    }
}

fn fact(cause: &Cause, stage: Stage, ids: &str, group: &GroupName, user: &UserName) -> Fact {
    let membership = v1::Membership {
        group_name: group.to_string(),
        user_name: user.to_string(),
    };
    history::membership(cause, stage, ids, membership)
}
