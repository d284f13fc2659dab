//! Who is asked for, and where: a tenant's members, its namespaces, and places that are none of theirs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::ResourceExt as _;
use tenantry_k8s::{
    Tenant, keys,
    member::{Role, Subject, grantees, members},
};

use crate::{Error, matrix::Column, report::Asked};

/// Nobody's name: what he may, everybody may.
const OUTSIDER: &str = "tenantry-conformance-outsider";

/// Which members are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Chosen {
    /// The first user of each level, or its first group where it has no user.
    #[default]
    First,
    /// Every user and group.
    All,
    /// Those of these names.
    Named(Vec<String>),
}

/// What to check, as far as the Tenant leaves a choice.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Which members.
    pub members: Chosen,
    /// Which of the tenant's namespaces; none means the first that is no sandbox.
    pub namespace: Option<String>,
    /// Whose namespace is the foreign one; none means any tenant's that the member has no part in.
    pub other: Option<String>,
}

/// A place, and what the matrix says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Namespace; none is the cluster.
    pub namespace: Option<String>,
    /// Where the matrix looks.
    pub column: Column,
    /// Whether the level has the roles there that the matrix knows.
    pub is_standard: bool,
    title: &'static str,
}

impl Place {
    fn of(title: &'static str, namespace: impl Into<Option<String>>, column: Column) -> Self {
        Self {
            namespace: namespace.into(),
            column,
            is_standard: true,
            title,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}{namespace}", self.title),
            None => f.write_str(self.title),
        }
    }
}

/// Somebody who is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Levels he has in the tenant; none for the outsider.
    pub roles: BTreeSet<Role>,
    /// Who.
    pub subject: Subject,
    /// Where he tries.
    pub places: Vec<Place>,
}

impl Asker {
    /// Rows of the matrix that speak of him.
    pub fn who(&self) -> Vec<Option<Role>> {
        if self.roles.is_empty() {
            return vec![None];
        }
        self.roles.iter().copied().map(Some).collect()
    }

    /// For the report.
    pub fn asked(&self) -> Asked {
        Asked {
            roles: self
                .roles
                .iter()
                .map(|role| role.as_str().to_owned())
                .collect(),
            name: self.subject.name.clone(),
            is_group: self.subject.is_group,
        }
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<&str> = self.roles.iter().map(|role| role.as_str()).collect();
        let group = if self.subject.is_group { "group " } else { "" };
        match roles.as_slice() {
            [] => f.write_str("outsider"),
            roles => write!(f, "{} {group}{}", roles.join("+"), self.subject.name),
        }
    }
}

/// A tenant, who is asked for, and where.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The tenant.
    pub tenant: Tenant,
    /// Its namespace that is looked at.
    pub namespace: String,
    /// Members, and the outsider.
    pub askers: Vec<Asker>,
    /// What is left out, and why.
    pub notes: Vec<String>,
}

impl Scene {
    /// Errors: `Unfit` where the tenant has no namespace yet, or a wish names what it does not have.
    pub fn of(tenant: Tenant, others: &[Tenant], wish: &Wish) -> Result<Self, Error> {
        let namespace = namespace(&tenant, wish)?;
        let levels = levels(&tenant);
        let chosen = choose(&levels, &wish.members)?;
        let mut scene = Self {
            tenant,
            namespace,
            askers: Vec::new(),
            notes: left_out(&levels, &chosen).into_iter().collect(),
        };
        for subject in chosen {
            let roles = levels.get(&subject).cloned().unwrap_or_default();
            scene.add(subject, roles, others, wish)?;
        }
        let outsider = Subject {
            is_group: false,
            name: OUTSIDER.to_owned(),
        };
        scene.add(outsider, BTreeSet::new(), others, wish)?;
        Ok(scene)
    }

    /// Whose attempts are tried: an owner's.
    pub fn owner(&self) -> Option<usize> {
        let is_owner = |asker: &Asker| asker.roles.contains(&Role::Owner);
        self.askers.iter().position(is_owner)
    }

    fn add(
        &mut self,
        subject: Subject,
        roles: BTreeSet<Role>,
        others: &[Tenant],
        wish: &Wish,
    ) -> Result<(), Error> {
        let own = Place::of("namespace ", self.namespace.clone(), Column::Own);
        let mut places = vec![own];
        if !roles.is_empty() {
            places.extend(sandboxes(&self.tenant, &subject));
        }
        match foreign(others, &subject, wish)? {
            Some(namespace) => {
                places.push(Place::of("foreign namespace ", namespace, Column::Foreign));
            }
            None => self.notes.push(format!(
                "{} was not asked for in another tenant's namespace: there is no other tenant that he has no part in",
                subject.name
            )),
        }
        places.push(Place::of("", "kube-system".to_owned(), Column::System));
        places.push(Place::of("the cluster", None, Column::Cluster));
        self.askers.push(Asker {
            roles,
            subject,
            places,
        });
        Ok(())
    }

    /// Takes note of levels that the platform gave other roles than the matrix knows, by the bindings of `namespace`.
    pub fn heed(&mut self, namespace: &str, bindings: &[RoleBinding]) {
        let found = bound(bindings);
        for role in Role::ALL {
            let Some(names) = found.get(&role).filter(|names| **names != standard(role)) else {
                continue;
            };
            let askers = self
                .askers
                .iter_mut()
                .filter(|asker| asker.roles.contains(&role));
            for place in askers.flat_map(|asker| &mut asker.places) {
                let is_here = place.namespace.as_deref() == Some(namespace);
                place.is_standard &= !(is_here && place.column == Column::Own);
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.notes.push(format!(
                "{}s have {} in {namespace}, as the IntegrationConfig says, so their rights in it were not compared",
                role.as_str(),
                names.join(", ")
            ));
        }
    }
}

fn namespace(tenant: &Tenant, wish: &Wish) -> Result<String, Error> {
    let status = tenant.status.clone().unwrap_or_default();
    let sandboxes: BTreeSet<&String> = status.deployed_sandboxes.values().collect();
    let is_wanted = |name: &&String| match &wish.namespace {
        Some(wanted) => *name == wanted,
        None => !sandboxes.contains(name),
    };
    let found = status.managed_namespaces.iter().find(is_wanted);
    // A tenant may have sandboxes only.
    let found = found.or_else(|| {
        status
            .managed_namespaces
            .first()
            .filter(|_| wish.namespace.is_none())
    });
    found.cloned().ok_or_else(|| {
        let name = tenant.name_any();
        Error::Unfit(match &wish.namespace {
            Some(wanted) => format!("{wanted} is no namespace of tenant {name}"),
            None => format!("tenant {name} has no namespace yet; see `tenantry tenant get {name}`"),
        })
    })
}

/// Everybody whom the tenant names, with his levels.
fn levels(tenant: &Tenant) -> BTreeMap<Subject, BTreeSet<Role>> {
    let mut levels: BTreeMap<Subject, BTreeSet<Role>> = BTreeMap::new();
    let access = tenant.spec.access_control.clone().unwrap_or_default();
    for (role, subjects) in grantees(&access) {
        for subject in subjects {
            levels.entry(subject).or_default().insert(role);
        }
    }
    levels
}

fn choose(
    levels: &BTreeMap<Subject, BTreeSet<Role>>,
    chosen: &Chosen,
) -> Result<BTreeSet<Subject>, Error> {
    match chosen {
        Chosen::All => Ok(levels.keys().cloned().collect()),
        Chosen::First => {
            // Users sort before groups.
            let first = |role| levels.iter().find(|(_, roles)| roles.contains(role));
            let first = Role::ALL.iter().filter_map(first);
            Ok(first.map(|(subject, _)| subject.clone()).collect())
        }
        Chosen::Named(names) => {
            let named = |name: &String| {
                let found = levels.keys().find(|subject| subject.name == *name).cloned();
                found.ok_or_else(|| Error::Unfit(format!("{name} is no member of the tenant")))
            };
            names.iter().map(named).collect()
        }
    }
}

fn left_out(
    levels: &BTreeMap<Subject, BTreeSet<Role>>,
    chosen: &BTreeSet<Subject>,
) -> Option<String> {
    let count = levels.len() - chosen.len();
    (count > 0)
        .then(|| format!("{count} more members were not asked for; --all-members asks for each"))
}

fn sandboxes(tenant: &Tenant, subject: &Subject) -> Vec<Place> {
    let status = tenant.status.clone().unwrap_or_default();
    let is_his = |user: &String| !subject.is_group && *user == subject.name;
    let (own, others): (Vec<_>, Vec<_>) = status
        .deployed_sandboxes
        .into_iter()
        .partition(|(user, _)| is_his(user));
    let namespaces = tenant.spec.namespaces.as_ref();
    let sandboxes = namespaces.and_then(|namespaces| namespaces.sandboxes.as_ref());
    let is_private = sandboxes.is_some_and(|sandboxes| sandboxes.private == Some(true));
    let of_others = if is_private {
        Column::Foreign
    } else {
        Column::Own
    };
    let own = own
        .into_iter()
        .take(1)
        .map(|(_, name)| Place::of("own sandbox ", name, Column::Own));
    let others = others.into_iter().take(1);
    own.chain(others.map(|(_, name)| Place::of("another's sandbox ", name, of_others)))
        .collect()
}

fn foreign(others: &[Tenant], subject: &Subject, wish: &Wish) -> Result<Option<String>, Error> {
    let first = |tenant: &Tenant| {
        let status = tenant.status.as_ref()?;
        status.managed_namespaces.first().cloned()
    };
    if let Some(wanted) = &wish.other {
        let found = others.iter().find(|other| other.name_any() == *wanted);
        let found = found.and_then(first);
        return found
            .map(Some)
            .ok_or_else(|| Error::Unfit(format!("there is no tenant {wanted} with a namespace")));
    }
    let has_no_part =
        |other: &&Tenant| !members(other.spec.access_control.as_ref()).contains(subject);
    Ok(others.iter().filter(has_no_part).find_map(first))
}

/// ClusterRoles that the tenant service bound, by level.
fn bound(bindings: &[RoleBinding]) -> BTreeMap<Role, BTreeSet<String>> {
    let mut found: BTreeMap<Role, BTreeSet<String>> = BTreeMap::new();
    for binding in bindings {
        let name = binding.name_any();
        let is_ours = binding.labels().contains_key(keys::TENANT);
        let level = name
            .strip_prefix("tenant-")
            .and_then(|rest| rest.split_once('-'));
        if let Some(role) = level
            .and_then(|(word, _)| Role::parse(word))
            .filter(|_| is_ours)
        {
            found
                .entry(role)
                .or_default()
                .insert(binding.role_ref.name.clone());
        }
    }
    found
}

/// ClusterRoles that the matrix was made with.
fn standard(role: Role) -> BTreeSet<String> {
    let names: &[&str] = match role {
        Role::Owner => &["admin", "tenantry-own-namespace"],
        Role::Editor => &["edit"],
        Role::Viewer => &["view"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tenant(name: &str, spec: serde_json::Value, status: serde_json::Value) -> Tenant {
        serde_json::from_value(json!({
            "apiVersion": "tenantoperator.stakater.com/v1beta3", "kind": "Tenant",
            "metadata": {"name": name}, "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn ours(is_private: bool) -> Tenant {
        let spec = json!({"quota": "small",
            "namespaces": {"sandboxes": {"enabled": true, "private": is_private}},
            "accessControl": {"owners": {"users": ["anna"], "groups": ["chiefs"]}, "editors": {"users": ["anna", "bob"]}}});
        let status = json!({"managedNamespaces": ["a-anna-sandbox", "a-bob-sandbox", "a-dev"],
            "deployedSandboxes": {"anna": "a-anna-sandbox", "bob": "a-bob-sandbox"}});
        tenant("a", spec, status)
    }

    fn other(name: &str, owner: &str) -> Tenant {
        let spec = json!({"quota": "small", "accessControl": {"owners": {"users": [owner]}}});
        tenant(
            name,
            spec,
            json!({"managedNamespaces": [format!("{name}-dev")]}),
        )
    }

    fn places(scene: &Scene, asker: usize) -> Vec<String> {
        let places = scene.askers[asker].places.iter();
        places
            .map(|place| format!("{place} {:?}", place.column))
            .collect()
    }

    #[test]
    fn the_first_of_each_level_is_asked_for_with_every_level_he_has() {
        let scene = Scene::of(ours(true), &[other("b", "zoe")], &Wish::default()).unwrap();
        let askers: Vec<String> = scene.askers.iter().map(ToString::to_string).collect();
        assert_eq!(askers, ["owner+editor anna", "outsider"]);
        assert_eq!(
            scene.notes,
            ["2 more members were not asked for; --all-members asks for each"]
        );
        let everybody = Wish {
            members: Chosen::All,
            ..Wish::default()
        };
        let scene = Scene::of(ours(true), &[other("b", "zoe")], &everybody).unwrap();
        let askers: Vec<String> = scene.askers.iter().map(ToString::to_string).collect();
        assert_eq!(
            askers,
            [
                "owner+editor anna",
                "editor bob",
                "owner group chiefs",
                "outsider"
            ]
        );
    }

    #[test]
    fn another_ones_sandbox_is_foreign_only_where_it_is_private() {
        let others = [other("b", "zoe")];
        let expected = |column: &str| {
            [
                "namespace a-dev Own".to_owned(),
                "own sandbox a-anna-sandbox Own".to_owned(),
                format!("another's sandbox a-bob-sandbox {column}"),
                "foreign namespace b-dev Foreign".to_owned(),
                "kube-system System".to_owned(),
                "the cluster Cluster".to_owned(),
            ]
        };
        let scene = Scene::of(ours(true), &others, &Wish::default()).unwrap();
        assert_eq!(places(&scene, 0), expected("Foreign"));
        let scene = Scene::of(ours(false), &others, &Wish::default()).unwrap();
        assert_eq!(places(&scene, 0), expected("Own"));
    }

    #[test]
    fn a_tenant_that_the_member_has_a_part_in_is_not_foreign() {
        let others = [other("b", "anna"), other("c", "zoe")];
        let scene = Scene::of(ours(true), &others, &Wish::default()).unwrap();
        assert!(places(&scene, 0).contains(&"foreign namespace c-dev Foreign".to_owned()));
        let scene = Scene::of(ours(true), &others[..1], &Wish::default()).unwrap();
        assert!(
            scene
                .notes
                .iter()
                .any(|note| note.starts_with("anna was not asked for"))
        );
    }

    #[test]
    fn roles_of_the_platforms_own_are_not_compared() {
        let mut scene = Scene::of(ours(true), &[other("b", "zoe")], &Wish::default()).unwrap();
        let binding = |level: &str, role: &str| -> RoleBinding {
            serde_json::from_value(json!({
                "metadata": {"name": format!("tenant-{level}-{role}"), "labels": {"stakater.com/tenant": "a"}},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            }))
            .unwrap()
        };
        let standard = [
            binding("owner", "admin"),
            binding("owner", "tenantry-own-namespace"),
        ];
        scene.heed("a-dev", &standard);
        assert!(scene.askers[0].places.iter().all(|place| place.is_standard));
        scene.heed("a-dev", &[binding("owner", "chief")]);
        let found: Vec<bool> = scene.askers[0]
            .places
            .iter()
            .map(|place| place.is_standard)
            .collect();
        assert_eq!(found, [false, true, true, true, true, true]);
    }

    #[test]
    fn what_the_tenant_does_not_have_is_refused() {
        let check = |wish: Wish, words: &str| {
            let error = Scene::of(ours(true), &[], &wish).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        let members = Chosen::Named(vec!["eve".to_owned()]);
        check(
            Wish {
                members,
                ..Wish::default()
            },
            "eve is no member",
        );
        let namespace = Some("b-dev".to_owned());
        check(
            Wish {
                namespace,
                ..Wish::default()
            },
            "b-dev is no namespace",
        );
        let other = Some("b".to_owned());
        check(
            Wish {
                other,
                ..Wish::default()
            },
            "no tenant b",
        );
    }
}
