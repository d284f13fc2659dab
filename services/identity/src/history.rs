//! What is done to IAM, as facts.
//!
//! An intent is a thing of its own, with a fresh uid: asking twice for the same is two requests, and the log, which keeps
//! only changes of a thing, must have both. It shares its correlation with its outcome.

use tenantry_domain::Actor;
use tenantry_events::{Fact, uid};
use tenantry_proto::identity::v1;
use tenantry_runtime::auth::Authority;
use uuid::Uuid;

/// Who wants something, in which request.
#[derive(Debug, Clone)]
pub struct Cause {
    /// The caller.
    pub actor: Actor,
    /// Shared by the facts of the request.
    pub correlation: Uuid,
}

impl Cause {
    /// A request of whoever holds `authority`.
    pub fn of(authority: &Authority) -> Self {
        Self {
            actor: authority.actor(),
            correlation: Uuid::now_v7(),
        }
    }

    /// Something that Tenantry does by itself, as part of the request `correlation`.
    pub(crate) fn own(correlation: Uuid) -> Self {
        Self {
            actor: Actor::system("identity"),
            correlation,
        }
    }

    fn fact<M: serde::Serialize>(&self, thing: Thing, kind: &'static str, message: &M) -> Fact {
        let Thing { noun, uid, name } = thing;
        Fact::new(noun, uid, name, kind, self.actor.clone(), message)
            .with_correlation(self.correlation)
    }
}

/// Where a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Asked for, not there yet.
    Requested,
    /// There.
    Made,
    /// There no more.
    Gone,
}

struct Thing {
    noun: &'static str,
    uid: Uuid,
    name: String,
}

impl Thing {
    /// The thing at `stage`: itself by its `key`, or the request for it.
    fn new(noun: &'static str, stage: Stage, key: &str, name: String) -> Self {
        let uid = match stage {
            Stage::Requested => Uuid::now_v7(),
            Stage::Made | Stage::Gone => uid(noun, key),
        };
        Self { noun, uid, name }
    }
}

/// Noun of groups.
pub(crate) const GROUP: &str = "group";
/// Noun of users.
pub(crate) const USER: &str = "user";
/// Noun of inline policies of users.
pub(crate) const POLICY: &str = "user_policy";
/// Noun of memberships.
pub(crate) const MEMBERSHIP: &str = "membership";
/// Noun of access keys.
pub(crate) const KEY: &str = "access_key";

/// A fact about a group; itself by its IAM id.
pub(crate) fn group(cause: &Cause, stage: Stage, group: v1::Group) -> Fact {
    let thing = Thing::new(GROUP, stage, &group.group_id, group.group_name.clone());
    let group = Some(group);
    match stage {
        Stage::Requested => cause.fact(
            thing,
            "GroupCreateRequested",
            &v1::GroupCreateRequested { group },
        ),
        Stage::Made => cause.fact(thing, "GroupCreated", &v1::GroupCreated { group }),
        Stage::Gone => cause.fact(thing, "GroupDeleted", &v1::GroupDeleted { group }),
    }
}

/// A fact about a user; itself by its IAM id.
pub(crate) fn user(cause: &Cause, stage: Stage, user: v1::User) -> Fact {
    let thing = Thing::new(USER, stage, &user.user_id, user.user_name.clone());
    let user = Some(user);
    match stage {
        Stage::Requested => cause.fact(
            thing,
            "UserCreateRequested",
            &v1::UserCreateRequested { user },
        ),
        Stage::Made => cause.fact(thing, "UserCreated", &v1::UserCreated { user }),
        Stage::Gone => cause.fact(thing, "UserDeleted", &v1::UserDeleted { user }),
    }
}

/// A fact about an inline policy; itself by its user's IAM id and its name.
pub(crate) fn policy(cause: &Cause, stage: Stage, user_id: &str, policy: v1::UserPolicy) -> Fact {
    let key = format!("{user_id}/{}", policy.policy_name);
    let name = policy_name(&policy.user_name, &policy.policy_name);
    let thing = Thing::new(POLICY, stage, &key, name);
    let policy = Some(policy);
    match stage {
        Stage::Requested => cause.fact(
            thing,
            "UserPolicyPutRequested",
            &v1::UserPolicyPutRequested { policy },
        ),
        Stage::Made => cause.fact(thing, "UserPolicyPut", &v1::UserPolicyPut { policy }),
        Stage::Gone => cause.fact(
            thing,
            "UserPolicyDeleted",
            &v1::UserPolicyDeleted { policy },
        ),
    }
}

/// How the history names an inline policy.
pub(crate) fn policy_name(user_name: &str, policy_name: &str) -> String {
    format!("{user_name}/{policy_name}")
}

/// A fact about a membership; itself by both IAM ids, `group/user`.
pub(crate) fn membership(
    cause: &Cause,
    stage: Stage,
    ids: &str,
    membership: v1::Membership,
) -> Fact {
    let name = membership_name(&membership.group_name, &membership.user_name);
    let thing = Thing::new(MEMBERSHIP, stage, ids, name);
    let membership = Some(membership);
    match stage {
        Stage::Requested => cause.fact(
            thing,
            "MembershipAddRequested",
            &v1::MembershipAddRequested { membership },
        ),
        Stage::Made => cause.fact(
            thing,
            "MembershipAdded",
            &v1::MembershipAdded { membership },
        ),
        Stage::Gone => cause.fact(
            thing,
            "MembershipRemoved",
            &v1::MembershipRemoved { membership },
        ),
    }
}

/// How the history names a membership.
pub(crate) fn membership_name(group_name: &str, user_name: &str) -> String {
    format!("{group_name}/{user_name}")
}

/// A fact about an access key, never its secret; itself by its id. A request is named by its user.
pub(crate) fn key(cause: &Cause, stage: Stage, key: v1::AccessKey) -> Fact {
    let name = match stage {
        Stage::Requested => key.user_name.clone(),
        Stage::Made | Stage::Gone => key.access_key_id.clone(),
    };
    let thing = Thing::new(KEY, stage, &key.access_key_id, name);
    let access_key = Some(key);
    match stage {
        Stage::Requested => cause.fact(
            thing,
            "AccessKeyCreateRequested",
            &v1::AccessKeyCreateRequested { access_key },
        ),
        Stage::Made => cause.fact(
            thing,
            "AccessKeyCreated",
            &v1::AccessKeyCreated { access_key },
        ),
        Stage::Gone => cause.fact(
            thing,
            "AccessKeyDeleted",
            &v1::AccessKeyDeleted { access_key },
        ),
    }
}

/// Noun of mappings.
pub(crate) const MAPPING: &str = "identity_mapping";
/// What the intent of a mapping is called.
pub(crate) const MAPPING_REQUESTED: &str = "IdentityMappingCreateRequested";
/// What its outcome is called.
pub(crate) const MAPPING_MADE: &str = "IdentityMappingCreated";

/// A fact about an entry of aws-auth; itself by its ARN, without case as IAM has it.
pub(crate) fn mapping(cause: &Cause, stage: Stage, mapping: v1::IdentityMapping) -> Fact {
    let thing = Thing::new(
        MAPPING,
        stage,
        &mapping.arn.to_ascii_lowercase(),
        mapping.arn.clone(),
    );
    let mapping = Some(mapping);
    match stage {
        Stage::Requested => {
            let message = v1::IdentityMappingCreateRequested { mapping };
            cause.fact(thing, MAPPING_REQUESTED, &message)
        }
        Stage::Made => cause.fact(thing, MAPPING_MADE, &v1::IdentityMappingCreated { mapping }),
        Stage::Gone => cause.fact(
            thing,
            "IdentityMappingDeleted",
            &v1::IdentityMappingDeleted { mapping },
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(noun: &str, facts: [Fact; 3], kinds: [&str; 3], data: &Value) {
        for (fact, kind) in facts.iter().zip(kinds) {
            assert_eq!((fact.noun, fact.kind), (noun, kind));
            assert_eq!(&fact.data, data, "{kind}");
        }
        let [requested, made, gone] = facts;
        assert_eq!(made.uid, gone.uid);
        assert_ne!(requested.uid, made.uid);
        assert_eq!(requested.correlation, made.correlation);
    }

    fn each<T: Clone>(thing: &T, fact: impl Fn(&Cause, Stage, T) -> Fact) -> [Fact; 3] {
        let cause = Cause::own(Uuid::nil());
        [Stage::Requested, Stage::Made, Stage::Gone].map(|stage| fact(&cause, stage, thing.clone()))
    }

    fn at() -> Option<pbjson_types::Timestamp> {
        Some(pbjson_types::Timestamp {
            seconds: 1_738_588_136,
            nanos: 0,
        })
    }

    #[test]
    fn groups_and_users_are_told_whole() {
        let one = v1::Group {
            group_name: "logistics-owner".into(),
            path: "/".into(),
            group_id: "AGPAZFWZTAEJYEKE56O3P".into(),
            arn: "arn:aws:iam::630742778131:group/logistics-owner".into(),
            create_time: at(),
        };
        let kinds = ["GroupCreateRequested", "GroupCreated", "GroupDeleted"];
        let data = json!({ "group": {
            "groupName": "logistics-owner", "path": "/", "groupId": "AGPAZFWZTAEJYEKE56O3P",
            "arn": "arn:aws:iam::630742778131:group/logistics-owner", "createTime": "2025-02-03T13:08:56+00:00",
        }});
        check(GROUP, each(&one, group), kinds, &data);
        let one = v1::User {
            user_name: "falcon@nordmart.com".into(),
            path: "/".into(),
            user_id: "AIDAZFWZTAEJ7ILHDKLLD".into(),
            arn: "arn:aws:iam::630742778131:user/falcon@nordmart.com".into(),
            create_time: at(),
        };
        let kinds = ["UserCreateRequested", "UserCreated", "UserDeleted"];
        let data = json!({ "user": {
            "userName": "falcon@nordmart.com", "path": "/", "userId": "AIDAZFWZTAEJ7ILHDKLLD",
            "arn": "arn:aws:iam::630742778131:user/falcon@nordmart.com", "createTime": "2025-02-03T13:08:56+00:00",
        }});
        check(USER, each(&one, user), kinds, &data);
    }

    #[test]
    fn what_hangs_on_a_user_is_told_by_names() {
        let one = v1::UserPolicy {
            user_name: "falcon".into(),
            policy_name: "ClusterAccess".into(),
            policy_document: "{}".into(),
        };
        let kinds = [
            "UserPolicyPutRequested",
            "UserPolicyPut",
            "UserPolicyDeleted",
        ];
        let data = json!({ "policy": { "userName": "falcon", "policyName": "ClusterAccess", "policyDocument": "{}" } });
        let fact = |cause: &Cause, stage, one| policy(cause, stage, "AIDA1", one);
        check(POLICY, each(&one, fact), kinds, &data);
        let one = v1::Membership {
            group_name: "logistics-owner".into(),
            user_name: "falcon".into(),
        };
        let kinds = [
            "MembershipAddRequested",
            "MembershipAdded",
            "MembershipRemoved",
        ];
        let data =
            json!({ "membership": { "groupName": "logistics-owner", "userName": "falcon" } });
        let fact = |cause: &Cause, stage, one| membership(cause, stage, "AGPA1/AIDA1", one);
        check(MEMBERSHIP, each(&one, fact), kinds, &data);
    }

    #[test]
    fn keys_are_told_without_a_place_for_secrets() {
        let one = v1::AccessKey {
            user_name: "falcon".into(),
            access_key_id: "AKIA1".into(),
            is_active: true,
            create_time: at(),
        };
        let kinds = [
            "AccessKeyCreateRequested",
            "AccessKeyCreated",
            "AccessKeyDeleted",
        ];
        let data = json!({ "accessKey": {
            "userName": "falcon", "accessKeyId": "AKIA1", "isActive": true, "createTime": "2025-02-03T13:08:56+00:00",
        }});
        check(KEY, each(&one, key), kinds, &data);
    }

    #[test]
    fn mappings_are_told_as_they_are_in_effect() {
        let one = v1::IdentityMapping {
            arn: "arn:aws:iam::630742778131:user/falcon@nordmart.com".into(),
            username: "falcon@nordmart.com".into(),
            groups: vec!["logistics-dev".into()],
        };
        let kinds = [
            "IdentityMappingCreateRequested",
            "IdentityMappingCreated",
            "IdentityMappingDeleted",
        ];
        let data = json!({ "mapping": {
            "arn": "arn:aws:iam::630742778131:user/falcon@nordmart.com",
            "username": "falcon@nordmart.com", "groups": ["logistics-dev"],
        }});
        check(MAPPING, each(&one, mapping), kinds, &data);
    }
}
