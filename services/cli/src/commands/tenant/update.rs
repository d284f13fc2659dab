//! What changes about a tenant: members and namespaces added or taken, texts replaced.

use clap::Args;
use tenantry_proto::tenant::v1::{Members, Tenant, TenantSpec};

use super::spec::Wish;
use crate::{error::Error, manifest};

/// Change a tenant: flags add members and namespaces to those it has, a manifest replaces its spec.
#[derive(Debug, Args)]
pub struct Update {
    /// Name of the tenant; with -f the manifest has it.
    #[arg(required_unless_present = "file")]
    name: Option<String>,
    #[command(flatten)]
    wish: Wish,
    /// User or group that loses every role; repeat it, or separate by commas.
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "file"
    )]
    remove_member: Vec<String>,
    /// Namespace, as the tenant lists it, that is deleted with everything in it.
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "file"
    )]
    remove_namespace: Vec<String>,
    /// The tenant's name again, instead of being asked for it when namespaces go or members lose roles.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

impl Update {
    pub(crate) fn is_dry_run(&self) -> bool {
        self.wish.dry_run
    }

    /// Name of the tenant to change by flags.
    pub(crate) fn name(&self) -> String {
        self.name.clone().unwrap_or_default()
    }

    /// The tenant of the manifest, if one was given: its spec replaces the whole.
    pub(crate) fn manifest(&self) -> Result<Option<Tenant>, Error> {
        let path = self.wish.file.as_deref();
        path.map(|path| manifest::tenant(&manifest::read(path)?))
            .transpose()
    }

    /// What was given by `--confirm`.
    pub(crate) fn confirmed(&self) -> Option<String> {
        self.confirm.clone()
    }

    /// `there` with the changes asked for, and the paths they are at. The etag stays: what somebody else changed meanwhile is not undone.
    ///
    /// Errors: usage, where nothing was asked for or what is to be removed is not there.
    pub(crate) fn change(self, there: Tenant) -> Result<(Tenant, Vec<String>), Error> {
        let mut before = there.spec.unwrap_or_default();
        // An absent list and an empty one are the same wish, and not a change.
        before.access_control.get_or_insert_default();
        before.namespaces.get_or_insert_default();
        let mut spec = grown(self.wish, before.clone());
        for member in &self.remove_member {
            remove_member(&mut spec, member)?;
        }
        for namespace in &self.remove_namespace {
            remove_namespace(&mut spec, namespace)?;
        }
        let paths = changed(&before, &spec);
        if paths.is_empty() {
            return Err(Error::Usage(
                "nothing to change: it is as asked for; --help shows what can be changed"
                    .to_owned(),
            ));
        }
        Ok((
            Tenant {
                name: there.name,
                etag: there.etag,
                spec: Some(spec),
                ..Default::default()
            },
            paths,
        ))
    }
}

fn changed(before: &TenantSpec, after: &TenantSpec) -> Vec<String> {
    [
        (before.quota != after.quota, "spec.quota"),
        (before.description != after.description, "spec.description"),
        (
            before.access_control != after.access_control,
            "spec.access_control",
        ),
        (before.namespaces != after.namespaces, "spec.namespaces"),
    ]
    .into_iter()
    .filter(|(is_changed, _)| *is_changed)
    .map(|(_, path)| path.to_owned())
    .collect()
}

fn remove_member(spec: &mut TenantSpec, name: &str) -> Result<(), Error> {
    let access = spec.access_control.get_or_insert_default();
    let mut is_found = false;
    for members in [&mut access.owners, &mut access.editors, &mut access.viewers]
        .into_iter()
        .flatten()
    {
        for names in [&mut members.users, &mut members.groups] {
            is_found |= names.iter().any(|listed| listed == name);
            names.retain(|listed| listed != name);
        }
    }
    found(is_found, "a member", name)
}

fn remove_namespace(spec: &mut TenantSpec, name: &str) -> Result<(), Error> {
    let namespaces = spec.namespaces.get_or_insert_default();
    let mut is_found = false;
    for names in [
        &mut namespaces.with_tenant_prefix,
        &mut namespaces.without_tenant_prefix,
    ] {
        is_found |= names.iter().any(|listed| listed == name);
        names.retain(|listed| listed != name);
    }
    found(is_found, "a namespace in the tenant's lists", name)
}

/// A typo must not look like a removal.
fn found(is_found: bool, what: &str, name: &str) -> Result<(), Error> {
    if is_found {
        Ok(())
    } else {
        Err(Error::Usage(format!(
            "{name:?} is not {what}; nothing was changed"
        )))
    }
}

/// `spec` with what was asked for: texts replaced, lists grown.
fn grown(wish: Wish, mut spec: TenantSpec) -> TenantSpec {
    let purge = wish.purge_namespaces;
    let wanted = wish.tenant(String::new()).spec.unwrap_or_default();
    if !wanted.quota.is_empty() {
        spec.quota = wanted.quota;
    }
    if !wanted.description.is_empty() {
        spec.description = wanted.description;
    }
    let (access, more) = (
        spec.access_control.get_or_insert_default(),
        wanted.access_control.unwrap_or_default(),
    );
    grow_members(&mut access.owners, more.owners);
    grow_members(&mut access.editors, more.editors);
    grow_members(&mut access.viewers, more.viewers);
    let (namespaces, more) = (
        spec.namespaces.get_or_insert_default(),
        wanted.namespaces.unwrap_or_default(),
    );
    grow(&mut namespaces.with_tenant_prefix, more.with_tenant_prefix);
    grow(
        &mut namespaces.without_tenant_prefix,
        more.without_tenant_prefix,
    );
    namespaces.on_delete_purge_namespaces = purge.unwrap_or(namespaces.on_delete_purge_namespaces);
    spec
}

fn grow_members(there: &mut Option<Members>, more: Option<Members>) {
    if let Some(more) = more {
        let members = there.get_or_insert_default();
        grow(&mut members.users, more.users);
        grow(&mut members.groups, more.groups);
    }
}

fn grow(there: &mut Vec<String>, more: Vec<String>) {
    for name in more {
        if !there.contains(&name) {
            there.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::commands::tenant::spec::Create;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        update: Update,
    }

    fn logistics() -> Tenant {
        let create = "create logistics --quota small --owner falcon --owner-group pilots --namespace dev,build";
        let mut spec = Made::try_parse_from(create.split_whitespace())
            .unwrap()
            .create
            .into_tenant()
            .unwrap();
        spec.etag = "7".to_owned();
        spec
    }

    #[derive(Parser)]
    struct Made {
        #[command(flatten)]
        create: Create,
    }

    fn update(line: &str) -> Result<(Tenant, Vec<String>), Error> {
        let line = format!("update logistics {line}");
        Line::try_parse_from(line.split_whitespace())
            .unwrap()
            .update
            .change(logistics())
    }

    #[test]
    fn lists_grow_and_nothing_else_changes() {
        let (tenant, paths) = update("--owner falcon,bear --namespace test").unwrap();
        assert_eq!(paths, ["spec.access_control", "spec.namespaces"]);
        assert_eq!(tenant.etag, "7");
        let spec = tenant.spec.unwrap();
        let owners = spec.access_control.unwrap().owners.unwrap();
        assert_eq!(
            (owners.users, owners.groups),
            (
                vec!["falcon".to_owned(), "bear".to_owned()],
                vec!["pilots".to_owned()]
            )
        );
        assert_eq!(
            spec.namespaces.unwrap().with_tenant_prefix,
            ["dev", "build", "test"]
        );
        assert_eq!(spec.quota, "small");
    }

    #[test]
    fn a_removed_member_loses_every_role() {
        let (tenant, paths) = update("--remove-member pilots").unwrap();
        assert_eq!(paths, ["spec.access_control"]);
        assert!(
            tenant
                .spec
                .unwrap()
                .access_control
                .unwrap()
                .owners
                .unwrap()
                .groups
                .is_empty()
        );
    }

    #[test]
    fn a_typo_removes_nothing() {
        assert!(matches!(
            update("--remove-member pilot"),
            Err(Error::Usage(_))
        ));
        assert!(matches!(
            update("--remove-namespace logistics-dev"),
            Err(Error::Usage(_))
        ));
    }

    #[test]
    fn an_update_that_changes_nothing_is_refused() {
        assert!(matches!(update("--owner falcon"), Err(Error::Usage(_))));
        assert!(matches!(update(""), Err(Error::Usage(_))));
    }

    #[test]
    fn a_manifest_and_flags_do_not_mix() {
        assert!(Line::try_parse_from(["update", "-f", "tenant.yaml", "--quota", "small"]).is_err());
    }
}
