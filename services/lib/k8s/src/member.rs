//! Levels of membership and those who have them.

use std::collections::{BTreeMap, BTreeSet};

use crate::tenant::{AccessControl, Members};

/// A level of membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Bound to the owner roles.
    Owner,
    /// Bound to the editor roles.
    Editor,
    /// Bound to the viewer roles.
    Viewer,
}

impl Role {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Editor, Self::Viewer];

    /// The word in names, labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
        }
    }

    /// The level that `word` stands for.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// A user or a group, as the cluster knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// True for a group. First, so that users sort before groups.
    pub is_group: bool,
    /// Username or group name.
    pub name: String,
}

/// Members by level.
pub type Grantees = BTreeMap<Role, BTreeSet<Subject>>;

/// Everybody that `access` names, each once per level. Names that start with `system:` are left out.
pub fn grantees(access: &AccessControl) -> Grantees {
    let levels = [
        (Role::Owner, &access.owners),
        (Role::Editor, &access.editors),
        (Role::Viewer, &access.viewers),
    ];
    levels
        .into_iter()
        .map(|(role, members)| (role, members.iter().flat_map(subjects).collect()))
        .collect()
}

fn subjects(members: &Members) -> impl Iterator<Item = Subject> + '_ {
    let users = members.users.iter().map(|name| (false, name));
    let groups = members.groups.iter().map(|name| (true, name));
    // The schema refuses these too; an object from before the schema must not pass either.
    users
        .chain(groups)
        .filter(|(_, name)| !name.starts_with("system:"))
        .map(|(is_group, name)| Subject {
            is_group,
            name: name.clone(),
        })
}

/// Everybody that `access` names, once, whatever the level. Nobody else is a member.
pub fn members(access: Option<&AccessControl>) -> BTreeSet<Subject> {
    access
        .map(grantees)
        .into_iter()
        .flat_map(Grantees::into_values)
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_users_and_groups_of_any_level_but_never_the_systems() {
        let named = |users: &[&str], groups: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Some(Members {
                users: owned(users),
                groups: owned(groups),
            })
        };
        let access = AccessControl {
            owners: named(&["bear", "system:admin"], &[]),
            editors: None,
            viewers: named(&["bear"], &["bear", "system:masters"]),
        };
        let bear = |is_group| Subject {
            is_group,
            name: "bear".into(),
        };
        assert_eq!(
            members(Some(&access)),
            BTreeSet::from([bear(false), bear(true)])
        );
        assert_eq!(members(None), BTreeSet::new());
    }
}
