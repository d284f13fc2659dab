//! update_mask: which parts of a spec a request means.

use pbjson_types::FieldMask;
use tenantry_proto::tenant::v1::{AccessControl, QuotaSpec, TenantSpec};
use tenantry_runtime::status;
use tonic::Status;

/// Paths of `mask`; none means every populated field.
fn paths(mask: Option<&FieldMask>) -> Option<&[String]> {
    mask.map(|mask| mask.paths.as_slice())
        .filter(|paths| !paths.is_empty())
}

/// `there` with the parts of `given` that `mask` names.
pub(super) fn tenant(
    there: TenantSpec,
    given: &TenantSpec,
    mask: Option<&FieldMask>,
) -> Result<TenantSpec, Status> {
    let Some(paths) = paths(mask) else {
        return Ok(populated_tenant(there, given));
    };
    let mut spec = there;
    for path in paths {
        match path.as_str() {
            "*" | "spec" => spec = given.clone(),
            "spec.quota" => spec.quota.clone_from(&given.quota),
            "spec.description" => spec.description.clone_from(&given.description),
            "spec.access_control" => spec.access_control.clone_from(&given.access_control),
            "spec.namespaces" => spec.namespaces.clone_from(&given.namespaces),
            "spec.extra" => spec.extra.clone_from(&given.extra),
            _ => level(&mut spec, given, path)?,
        }
    }
    Ok(spec)
}

fn level(spec: &mut TenantSpec, given: &TenantSpec, path: &str) -> Result<(), Status> {
    let into = spec
        .access_control
        .get_or_insert_with(AccessControl::default);
    let from = given.access_control.clone().unwrap_or_default();
    match path {
        "spec.access_control.owners" => into.owners = from.owners,
        "spec.access_control.editors" => into.editors = from.editors,
        "spec.access_control.viewers" => into.viewers = from.viewers,
        _ => return Err(unknown(path)),
    }
    Ok(())
}

fn populated_tenant(there: TenantSpec, given: &TenantSpec) -> TenantSpec {
    let text = |given: &String, there: String| {
        if given.is_empty() {
            there
        } else {
            given.clone()
        }
    };
    TenantSpec {
        quota: text(&given.quota, there.quota),
        description: text(&given.description, there.description),
        access_control: given.access_control.clone().or(there.access_control),
        namespaces: given.namespaces.clone().or(there.namespaces),
        extra: given.extra.clone().or(there.extra),
    }
}

/// The same for a quota.
pub(super) fn quota(
    there: QuotaSpec,
    given: &QuotaSpec,
    mask: Option<&FieldMask>,
) -> Result<QuotaSpec, Status> {
    let Some(paths) = paths(mask) else {
        let hard = if given.hard.is_empty() {
            there.hard
        } else {
            given.hard.clone()
        };
        return Ok(QuotaSpec {
            hard,
            limitrange: given.limitrange.clone().or(there.limitrange),
        });
    };
    let mut spec = there;
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
        format!("names {path:?}, which is no field that can be changed"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(quota: &str, description: &str) -> TenantSpec {
        TenantSpec {
            quota: quota.into(),
            description: description.into(),
            ..TenantSpec::default()
        }
    }

    #[test]
    fn a_mask_says_what_changes() {
        let check = |paths: &[&str], expected: TenantSpec| {
            let mask = FieldMask {
                paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            };
            let found = tenant(spec("small", "old"), &spec("large", ""), Some(&mask)).unwrap();
            assert_eq!(found, expected, "{paths:?}");
        };
        check(&[], spec("large", "old"));
        check(&["*"], spec("large", ""));
        check(&["spec.description"], spec("small", ""));
        check(&["spec.quota"], spec("large", "old"));
    }

    #[test]
    fn an_unknown_path_is_refused() {
        let mask = FieldMask {
            paths: vec!["spec.colour".into()],
        };
        let refused = tenant(spec("a", ""), &spec("b", ""), Some(&mask)).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}
