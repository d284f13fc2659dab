//! One kind at one moment: what there is by name, and who is named in which.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    sync::Arc,
};

use tenantry_k8s::{Quota, Tenant};
use tenantry_runtime::auth::Caller;

use super::resource::Custom;
use crate::member::{self, Subject};

/// Resources of one kind by name, which is the order of every list.
pub(super) type Things<K> = BTreeMap<String, Arc<K>>;

/// Names of those in which somebody is named.
type Named = BTreeMap<Arc<Subject>, Arc<BTreeSet<String>>>;

/// A kind that an index is kept of.
pub(super) trait Indexed: Custom {
    /// Everybody who is named in this one.
    fn members(&self) -> BTreeSet<Subject> {
        BTreeSet::new()
    }
}

impl Indexed for Tenant {
    fn members(&self) -> BTreeSet<Subject> {
        member::members(self.spec.access_control.as_ref())
    }
}

impl Indexed for Quota {}

/// Resources of one kind at one moment.
///
/// Invariant: `named` tells exactly of who is named in `things`.
#[derive(Clone)]
pub(super) struct State<K> {
    things: Things<K>,
    /// Apart, since most changes are of a status and leave it as it is.
    named: Arc<Named>,
}

impl<K: Indexed> State<K> {
    /// The state that a list tells of.
    pub(super) fn of(things: Things<K>) -> Self {
        let mut named = Named::new();
        for (name, thing) in &things {
            add(&mut named, name, thing.members());
        }
        Self {
            things,
            named: Arc::new(named),
        }
    }

    /// Puts `thing` in the place of the one of that name; none only takes that one away.
    pub(super) fn set(&mut self, name: &str, thing: Option<Arc<K>>) {
        let after = thing.as_ref().map(|thing| thing.members());
        let before = match thing {
            Some(thing) => self.things.insert(name.to_owned(), thing),
            None => self.things.remove(name),
        };
        let before = before.map(|thing| thing.members()).unwrap_or_default();
        let after = after.unwrap_or_default();
        if before == after {
            return;
        }
        // Copies pointers only, and only while somebody still reads the state before.
        let named = Arc::make_mut(&mut self.named);
        take(named, name, before.difference(&after));
        add(named, name, after.difference(&before).cloned());
    }
}

impl<K> State<K> {
    /// All, by name.
    pub(super) fn things(&self) -> &Things<K> {
        &self.things
    }

    /// Those in which `caller` or a group of his is named. Whether he may see them, only the cluster knows.
    pub(super) fn naming(&self, caller: &Caller) -> Things<K> {
        let user = Subject {
            is_group: false,
            name: caller.username.clone(),
        };
        let groups = caller.groups.iter().map(|group| Subject {
            is_group: true,
            name: group.clone(),
        });
        iter::once(user)
            .chain(groups)
            .filter_map(|subject| self.named.get(&subject))
            .flat_map(|names| names.iter())
            .filter_map(|name| self.things.get_key_value(name))
            .map(|(name, thing)| (name.clone(), thing.clone()))
            .collect()
    }
}

fn add(named: &mut Named, name: &str, members: impl IntoIterator<Item = Subject>) {
    for member in members {
        let names = named.entry(Arc::new(member)).or_default();
        Arc::make_mut(names).insert(name.to_owned());
    }
}

fn take<'a>(named: &mut Named, name: &str, members: impl IntoIterator<Item = &'a Subject>) {
    for member in members {
        let Some(names) = named.get_mut(member) else {
            continue;
        };
        Arc::make_mut(names).remove(name);
        if names.is_empty() {
            named.remove(member);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry_k8s::{
        TenantSpec,
        tenant::{AccessControl, Members},
    };

    /// A tenant with these owners and these groups of viewers.
    fn tenant(owners: &[&str], groups: &[&str]) -> Arc<Tenant> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let access = AccessControl {
            owners: Some(Members {
                users: owned(owners),
                groups: Vec::new(),
            }),
            editors: None,
            viewers: Some(Members {
                users: Vec::new(),
                groups: owned(groups),
            }),
        };
        let spec = TenantSpec {
            access_control: Some(access),
            ..TenantSpec::default()
        };
        Arc::new(Tenant::new("any", spec))
    }

    fn state(tenants: &[(&str, Arc<Tenant>)]) -> State<Tenant> {
        let named = |(name, tenant): &(&str, Arc<Tenant>)| ((*name).to_owned(), tenant.clone());
        State::of(tenants.iter().map(named).collect())
    }

    fn naming(state: &State<Tenant>, username: &str, groups: &[&str]) -> Vec<String> {
        let caller = Caller {
            username: username.into(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            uid: String::new(),
        };
        state.naming(&caller).into_keys().collect()
    }

    #[test]
    fn a_caller_is_found_by_his_name_and_by_each_of_his_groups() {
        let state = state(&[
            ("a", tenant(&["bear"], &[])),
            ("b", tenant(&["owl"], &["foresters", "bear"])),
            ("c", tenant(&["owl", "bear"], &["foresters"])),
            ("d", tenant(&["foresters"], &["millers"])),
        ]);
        assert_eq!(naming(&state, "bear", &[]), ["a", "c"]);
        assert_eq!(naming(&state, "bear", &["foresters"]), ["a", "b", "c"]);
        assert_eq!(
            naming(&state, "fox", &["millers", "foresters"]),
            ["b", "c", "d"]
        );
        assert!(naming(&state, "fox", &["owl"]).is_empty());
    }

    #[test]
    fn change_by_change_it_is_what_a_list_would_make_of_it() {
        let mut state = state(&[
            ("a", tenant(&["bear"], &["foresters"])),
            ("b", tenant(&["bear"], &[])),
        ]);
        let changes = [
            ("a", Some(tenant(&["owl"], &["foresters", "millers"]))),
            ("c", Some(tenant(&["bear", "bear"], &[]))),
            ("b", None),
            ("absent", None),
            ("a", Some(tenant(&[], &[]))),
            ("b", Some(tenant(&["owl"], &[]))),
            ("c", None),
        ];
        for (name, thing) in changes {
            state.set(name, thing);
            assert_eq!(state.named, State::of(state.things.clone()).named, "{name}");
        }
        assert!(naming(&state, "bear", &["foresters", "millers"]).is_empty());
        assert_eq!(naming(&state, "owl", &[]), ["b"]);
    }

    #[test]
    fn who_reads_a_state_has_it_as_it_was() {
        let before = state(&[("a", tenant(&["bear"], &[])), ("b", tenant(&["bear"], &[]))]);
        let mut after = before.clone();
        after.set("a", Some(tenant(&["owl"], &[])));
        assert_eq!(naming(&before, "bear", &[]), ["a", "b"]);
        assert_eq!(naming(&after, "bear", &[]), ["b"]);
        assert!(naming(&before, "owl", &[]).is_empty());
    }

    #[test]
    fn a_change_without_members_copies_none() {
        let before = state(&[("a", tenant(&["bear"], &[]))]);
        let mut after = before.clone();
        after.set("a", Some(tenant(&["bear"], &[])));
        assert!(Arc::ptr_eq(&before.named, &after.named));
    }
}
