//! update_mask: which parts of a spec a request means.

use pbjson_types::FieldMask;
use tenantry_proto::tenant::v1::{AccessControl, Members, NamespacesSpec, QuotaSpec, TenantSpec};
use tenantry_runtime::status;
use tonic::Status;

use super::refuse;

/// Paths of `mask`; none means every populated field.
fn paths(mask: Option<&FieldMask>) -> Option<&[String]> {
    mask.map(|mask| mask.paths.as_slice())
        .filter(|paths| !paths.is_empty())
}

/// The spec of a request, at `field`. It may be left out where the mask empties single fields, never to empty the whole.
pub(super) fn given<T: Default>(
    spec: Option<T>,
    mask: Option<&FieldMask>,
    field: &'static str,
) -> Result<T, Status> {
    let is_whole = |path: &String| path == "*" || path == "spec";
    let is_narrow = paths(mask).is_some_and(|paths| !paths.iter().any(is_whole));
    match spec {
        None if is_narrow => Ok(T::default()),
        spec => spec.ok_or_else(|| refuse::missing(field)),
    }
}

/// `there` with the parts of `given` that `mask` names.
pub(super) fn tenant(
    there: TenantSpec,
    given: &TenantSpec,
    mask: Option<&FieldMask>,
) -> Result<TenantSpec, Status> {
    let mut spec = there;
    match paths(mask) {
        None => populate_tenant(&mut spec, given),
        Some(paths) => paths
            .iter()
            .try_for_each(|path| set(&mut spec, given, path))?,
    }
    Ok(spec)
}

fn set(spec: &mut TenantSpec, given: &TenantSpec, path: &str) -> Result<(), Status> {
    match path {
        "*" | "spec" => spec.clone_from(given),
        "spec.quota" => spec.quota.clone_from(&given.quota),
        "spec.description" => spec.description.clone_from(&given.description),
        "spec.access_control" => spec.access_control.clone_from(&given.access_control),
        "spec.namespaces" => spec.namespaces.clone_from(&given.namespaces),
        "spec.extra" => spec.extra.clone_from(&given.extra),
        _ => return set_inside(spec, given, path),
    }
    Ok(())
}

fn set_inside(spec: &mut TenantSpec, given: &TenantSpec, path: &str) -> Result<(), Status> {
    if let Some(inner) = path.strip_prefix("spec.access_control.") {
        let from = given.access_control.clone().unwrap_or_default();
        set_members(spec.access_control.get_or_insert_default(), from, inner)
    } else if let Some(inner) = path.strip_prefix("spec.namespaces.") {
        let from = given.namespaces.clone().unwrap_or_default();
        set_namespaces(spec.namespaces.get_or_insert_default(), from, inner)
    } else {
        None
    }
    .ok_or_else(|| unknown(path))
}

/// Sets `owners`, `owners.users` and so on; none if there is no such field.
fn set_members(into: &mut AccessControl, from: AccessControl, path: &str) -> Option<()> {
    let (level, list) = path.split_once('.').unwrap_or((path, ""));
    let (into, from) = match level {
        "owners" => (&mut into.owners, from.owners),
        "editors" => (&mut into.editors, from.editors),
        "viewers" => (&mut into.viewers, from.viewers),
        _ => return None,
    };
    match list {
        "" if !path.contains('.') => *into = from,
        "users" => into.get_or_insert_default().users = from.unwrap_or_default().users,
        "groups" => into.get_or_insert_default().groups = from.unwrap_or_default().groups,
        _ => return None,
    }
    Some(())
}

fn set_namespaces(into: &mut NamespacesSpec, from: NamespacesSpec, path: &str) -> Option<()> {
    match path {
        "with_tenant_prefix" => into.with_tenant_prefix = from.with_tenant_prefix,
        "without_tenant_prefix" => into.without_tenant_prefix = from.without_tenant_prefix,
        "on_delete_purge_namespaces" => {
            into.on_delete_purge_namespaces = from.on_delete_purge_namespaces;
        }
        _ => return None,
    }
    Some(())
}

/// Takes every field of `given` that says something, down to the single list: what is not mentioned stays.
fn populate_tenant(spec: &mut TenantSpec, given: &TenantSpec) {
    populate(&mut spec.quota, &given.quota);
    populate(&mut spec.description, &given.description);
    if let Some(from) = &given.access_control {
        let into = spec.access_control.get_or_insert_default();
        populate_members(&mut into.owners, from.owners.as_ref());
        populate_members(&mut into.editors, from.editors.as_ref());
        populate_members(&mut into.viewers, from.viewers.as_ref());
    }
    if let Some(from) = &given.namespaces {
        let into = spec.namespaces.get_or_insert_default();
        populate(&mut into.with_tenant_prefix, &from.with_tenant_prefix);
        populate(&mut into.without_tenant_prefix, &from.without_tenant_prefix);
        populate(
            &mut into.on_delete_purge_namespaces,
            &from.on_delete_purge_namespaces,
        );
    }
    populate(&mut spec.extra, &given.extra);
}

fn populate_members(into: &mut Option<Members>, from: Option<&Members>) {
    if let Some(from) = from {
        let into = into.get_or_insert_default();
        populate(&mut into.users, &from.users);
        populate(&mut into.groups, &from.groups);
    }
}

/// A field at its default says nothing, as everywhere in proto3.
fn populate<T: Clone + Default + PartialEq>(into: &mut T, from: &T) {
    if *from != T::default() {
        into.clone_from(from);
    }
}

/// The same for a quota.
pub(super) fn quota(
    there: QuotaSpec,
    given: &QuotaSpec,
    mask: Option<&FieldMask>,
) -> Result<QuotaSpec, Status> {
    let mut spec = there;
    let Some(paths) = paths(mask) else {
        populate(&mut spec.hard, &given.hard);
        populate(&mut spec.limitrange, &given.limitrange);
        return Ok(spec);
    };
    for path in paths {
        match path.as_str() {
            "*" | "spec" => spec = given.clone(),
            "spec.hard" | "spec.resourcequota" => spec.hard.clone_from(&given.hard),
            "spec.limitrange" => spec.limitrange.clone_from(&given.limitrange),
            _ => return Err(unknown(path)),
        }
    }
    Ok(spec)
}

fn unknown(path: &str) -> Status {
    status::invalid_field(
        "update_mask",
        format!(
            "names {path:?}, which is no field of the spec; write it like spec.quota, or * for the whole spec"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(users: &[&str], groups: &[&str]) -> Option<Members> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Some(Members {
            users: owned(users),
            groups: owned(groups),
        })
    }

    fn spec(quota: &str, description: &str, owners: Option<Members>) -> TenantSpec {
        let access_control = AccessControl {
            owners,
            editors: members(&["eve"], &[]),
            viewers: None,
        };
        TenantSpec {
            quota: quota.into(),
            description: description.into(),
            access_control: Some(access_control),
            ..TenantSpec::default()
        }
    }

    fn given() -> TenantSpec {
        TenantSpec {
            access_control: Some(AccessControl {
                owners: members(&["falcon"], &[]),
                ..AccessControl::default()
            }),
            ..spec("large", "", None)
        }
    }

    fn masked(paths: &[&str]) -> Result<TenantSpec, Status> {
        let mask = FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        };
        let there = spec("small", "old", members(&["owl"], &["night"]));
        tenant(there, &given(), Some(&mask))
    }

    #[test]
    fn a_mask_says_what_changes() {
        let check = |paths: &[&str], expected: TenantSpec| {
            assert_eq!(masked(paths).unwrap(), expected, "{paths:?}");
        };
        let owl = || members(&["owl"], &["night"]);
        check(&["*"], given());
        check(&["spec.description"], spec("small", "", owl()));
        check(&["spec.quota"], spec("large", "old", owl()));
        let owners = members(&["falcon"], &["night"]);
        check(
            &["spec.access_control.owners.users"],
            spec("small", "old", owners),
        );
        let owners = members(&["falcon"], &[]);
        check(
            &["spec.access_control.owners"],
            spec("small", "old", owners),
        );
        let emptied = spec("small", "old", members(&["owl"], &[]));
        check(&["spec.access_control.owners.groups"], emptied);
    }

    #[test]
    fn without_a_mask_nobody_who_is_not_mentioned_loses_a_place() {
        let owners = members(&["falcon"], &["night"]);
        assert_eq!(masked(&[]).unwrap(), spec("large", "old", owners));
    }

    #[test]
    fn a_spec_left_out_empties_single_fields_only() {
        let check = |paths: &[&str], is_taken: bool| {
            let paths = paths.iter().map(|path| (*path).to_owned()).collect();
            let given = super::given::<QuotaSpec>(None, Some(&FieldMask { paths }), "quota.spec");
            assert_eq!(given.is_ok(), is_taken);
        };
        check(&["spec.limitrange"], true);
        check(&["spec.limitrange", "*"], false);
        check(&[], false);
    }

    #[test]
    fn an_unknown_path_is_refused() {
        for path in [
            "spec.colour",
            "quota",
            "",
            "spec.access_control.",
            "spec.access_control.owners.",
            "spec.access_control.kings",
            "spec.access_control.owners.pets",
            "spec.namespaces.all",
        ] {
            let refused = masked(&[path]).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{path}");
            assert!(refused.message().contains(&format!("{path:?}")), "{path}");
        }
    }
}
