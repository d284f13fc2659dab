//! Tenants as rows.

use jiff::Timestamp;
use tenantry_proto::tenant::v1::{Condition, Members, Tenant};

use crate::{
    moment,
    view::{Column, View},
};

pub(crate) fn view(tenants: &[Tenant], now: Timestamp) -> View {
    View {
        columns: vec![
            Column::text("NAME"),
            Column::text("READY"),
            Column::text("QUOTA"),
            Column::number("NAMESPACES"),
            Column::text("AGE"),
            Column::text("OWNERS").wide(),
            Column::text("DEPLOYED").wide(),
        ],
        rows: tenants.iter().map(|tenant| row(tenant, now)).collect(),
        names: tenants.iter().map(|tenant| format!("tenant/{}", tenant.name)).collect(),
        empty: "No tenants that you may see. Make one: tenantry tenant create NAME --quota QUOTA --owner USER".to_owned(),
    }
}

fn row(tenant: &Tenant, now: Timestamp) -> Vec<String> {
    let spec = tenant.spec.clone().unwrap_or_default();
    let status = tenant.status.clone().unwrap_or_default();
    let namespaces = status
        .deployed_namespaces
        .len()
        .max(status.managed_namespaces.len());
    vec![
        tenant.name.clone(),
        ready(tenant),
        spec.quota,
        namespaces.to_string(),
        moment::age(tenant.create_time.as_ref(), now),
        owners(spec.access_control.and_then(|access| access.owners)),
        status.deployed_namespaces.join(","),
    ]
}

/// `True`, or the condition's status with its reason, or that it is being deleted.
pub(crate) fn ready(tenant: &Tenant) -> String {
    if tenant.delete_time.is_some() {
        return "Deleting".to_owned();
    }
    let conditions = tenant.status.iter().flat_map(|status| &status.conditions);
    match conditions
        .into_iter()
        .find(|condition| condition.r#type == "Ready")
    {
        None => "Unknown".to_owned(),
        Some(Condition { status, .. }) if status == "True" => status.clone(),
        Some(Condition { status, reason, .. }) => format!("{status} ({reason})"),
    }
}

/// What a person should know about a tenant that is not as it should be.
pub(crate) fn troubles(tenant: &Tenant) -> Vec<String> {
    let conditions = tenant.status.iter().flat_map(|status| &status.conditions);
    conditions
        .filter(|condition| is_trouble(condition))
        .map(|condition| {
            format!(
                "{}={} {}: {}",
                condition.r#type, condition.status, condition.reason, condition.message
            )
        })
        .collect()
}

/// Ready is good when true; Reconciling and Stalled are good when false; other kinds only inform.
fn is_trouble(condition: &Condition) -> bool {
    match condition.r#type.as_str() {
        "Ready" => condition.status != "True",
        "Reconciling" | "Stalled" => condition.status == "True",
        _ => condition.status == "False",
    }
}

fn owners(members: Option<Members>) -> String {
    let Members { users, groups } = members.unwrap_or_default();
    let groups = groups.into_iter().map(|group| format!("group:{group}"));
    users
        .into_iter()
        .chain(groups)
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use tenantry_proto::tenant::v1::TenantStatus;

    use super::*;

    fn tenant(status: &str, reason: &str) -> Tenant {
        let ready = Condition {
            r#type: "Ready".to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: "quota small does not exist".to_owned(),
            ..Default::default()
        };
        let status = TenantStatus {
            conditions: vec![ready],
            ..Default::default()
        };
        Tenant {
            name: "logistics".to_owned(),
            status: Some(status),
            ..Default::default()
        }
    }

    #[test]
    fn an_unready_tenant_shows_its_reason() {
        assert_eq!(ready(&tenant("True", "Applied")), "True");
        assert_eq!(
            ready(&tenant("False", "QuotaNotFound")),
            "False (QuotaNotFound)"
        );
        assert_eq!(ready(&Tenant::default()), "Unknown");
    }

    #[test]
    fn only_troubles_are_told() {
        assert!(troubles(&tenant("True", "Applied")).is_empty());
        assert_eq!(
            troubles(&tenant("False", "QuotaNotFound")),
            ["Ready=False QuotaNotFound: quota small does not exist"]
        );
    }
}
