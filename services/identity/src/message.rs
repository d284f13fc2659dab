//! IAM's things as messages of the contract, for replies and facts alike.

use jiff::Timestamp;
use tenantry_proto::identity::v1;

use crate::iam::{group::Group, key::Key, policy::Policy, user::User};

fn timestamp(time: Timestamp) -> pbjson_types::Timestamp {
    pbjson_types::Timestamp {
        seconds: time.as_second(),
        nanos: 0,
    }
}

impl From<Group> for v1::Group {
    fn from(group: Group) -> Self {
        let Group {
            name,
            path,
            id,
            arn,
            create_time,
        } = group;
        Self {
            group_name: name,
            path,
            group_id: id,
            arn,
            create_time: create_time.map(timestamp),
        }
    }
}

impl From<User> for v1::User {
    fn from(user: User) -> Self {
        let User {
            name,
            path,
            id,
            arn,
            create_time,
        } = user;
        Self {
            user_name: name,
            path,
            user_id: id,
            arn,
            create_time: create_time.map(timestamp),
        }
    }
}

impl From<Policy> for v1::UserPolicy {
    fn from(policy: Policy) -> Self {
        let Policy {
            user_name,
            name,
            document,
        } = policy;
        Self {
            user_name,
            policy_name: name,
            policy_document: document,
        }
    }
}

impl From<Key> for v1::AccessKey {
    fn from(key: Key) -> Self {
        let Key {
            user_name,
            id,
            is_active,
            create_time,
        } = key;
        Self {
            user_name,
            access_key_id: id,
            is_active,
            create_time: create_time.map(timestamp),
        }
    }
}
