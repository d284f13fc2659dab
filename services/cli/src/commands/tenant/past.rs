//! What was of a tenant: its revisions and what was put back.

use clap::Args;
use tenantry_proto::tenant::v1::{
    GetTenantRevisionRequest, GetTenantRevisionResponse, ListDriftRequest, ListDriftResponse,
    ListTenantRevisionsRequest, ListTenantRevisionsResponse, RevertTenantRequest, RevertedDrift,
    Role, Tenant, TenantRevision,
};

use super::losses;
use crate::{
    commands::{apply::DryRun, audit, diff, page},
    error::Error,
    moment::{self, Moment},
    session::Session,
    view::{Column, View},
};

/// Write an earlier spec again.
#[derive(Debug, Args)]
pub struct Revert {
    /// Name of the tenant.
    name: String,
    /// Revision to go back to; `tenantry tenant history` lists them.
    #[arg(long, value_name = "REVISION")]
    to: i64,
    /// Check everything at the service, show what would change, and change nothing.
    #[arg(long, value_name = "WHERE", value_enum, num_args = 0..=1, default_missing_value = "server", require_equals = true)]
    dry_run: Option<DryRun>,
    /// The tenant's name again, instead of being asked for it when namespaces go or members lose roles.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// Every revision of a tenant's spec.
pub(super) async fn history(session: &Session, tenant: String) -> Result<(), Error> {
    let tenants = session.tenant().await?;
    let revisions = page::all(async |page_token| {
        let request = ListTenantRevisionsRequest {
            tenant: tenant.clone(),
            uid: String::new(),
            page_size: page::SIZE,
            page_token,
        };
        let reply = tenants
            .call(request, async |mut client, request| {
                client.list_tenant_revisions(request).await
            })
            .await?;
        Ok((reply.revisions, reply.next_page_token))
    });
    let reply = ListTenantRevisionsResponse {
        revisions: revisions.await?,
        next_page_token: String::new(),
    };
    session
        .out
        .show(&reply, &revisions_view(&reply.revisions))?;
    session.out.talk(format!(
        "Next: tenantry tenant revert {tenant} --to REVISION --dry-run=server"
    ));
    Ok(())
}

/// The spec that a tenant had at a point in time.
pub(super) async fn get_at(session: &Session, tenant: String, at: Moment) -> Result<(), Error> {
    let request = GetTenantRevisionRequest {
        tenant,
        read_time: Some(at.resolve(session.now)),
        ..Default::default()
    };
    let reply = fetch(session, request).await?;
    session
        .out
        .show(&reply, &revisions_view(reply.revision.as_slice()))?;
    session
        .out
        .talk("-o yaml shows the spec and what was in place for it.");
    Ok(())
}

async fn fetch(
    session: &Session,
    request: GetTenantRevisionRequest,
) -> Result<GetTenantRevisionResponse, Error> {
    session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.get_tenant_revision(request).await
        })
        .await
}

pub(super) async fn revert(session: &Session, command: Revert) -> Result<(), Error> {
    let Revert {
        name,
        to,
        dry_run,
        confirm,
    } = command;
    let then = earlier(session, &name, to).await?;
    if dry_run.is_some() {
        return foresee(session, then).await;
    }
    losses::confirm(session, &then, confirm.as_deref()).await?;
    let request = RevertTenantRequest {
        name: name.clone(),
        generation: to,
        ..Default::default()
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.revert_tenant(request).await
        })
        .await?;
    let done = format!("reverted to revision {to}");
    session.out.wrote(&reply, &format!("tenant/{name}"), done)?;
    session
        .out
        .talk(format!("Next: tenantry tenant watch {name}"));
    Ok(())
}

/// The tenant as it was.
async fn earlier(session: &Session, name: &str, generation: i64) -> Result<Tenant, Error> {
    let request = GetTenantRevisionRequest {
        tenant: name.to_owned(),
        generation,
        ..Default::default()
    };
    let revision = fetch(session, request).await?.revision.unwrap_or_default();
    Ok(Tenant {
        name: name.to_owned(),
        spec: revision.spec,
        ..Default::default()
    })
}

/// The plan of an earlier spec.
async fn foresee(session: &Session, tenant: Tenant) -> Result<(), Error> {
    if !diff::show_tenant(session, tenant).await? {
        session.out.talk("Nothing would change.");
    }
    Ok(())
}

/// Changes by others that were put back.
pub(super) async fn drift(session: &Session, tenant: String) -> Result<(), Error> {
    let tenants = session.tenant().await?;
    let drifts = page::all(async |page_token| {
        let request = ListDriftRequest {
            tenant: tenant.clone(),
            page_size: page::SIZE,
            page_token,
        };
        let reply = tenants
            .call(request, async |mut client, request| {
                client.list_drift(request).await
            })
            .await?;
        Ok((reply.drifts, reply.next_page_token))
    });
    let reply = ListDriftResponse {
        drifts: drifts.await?,
        next_page_token: String::new(),
    };
    session
        .out
        .show(&reply, &drifts_view(&tenant, &reply.drifts))
}

fn revisions_view(revisions: &[TenantRevision]) -> View {
    View {
        columns: vec![
            Column::number("REVISION"),
            Column::text("RECORDED"),
            Column::text("APPLIED"),
            Column::text("ACTOR"),
            Column::text("QUOTA"),
            Column::text("TENANT DELETED").wide(),
            Column::text("UID").wide(),
        ],
        rows: revisions.iter().map(revision_row).collect(),
        names: revisions
            .iter()
            .map(|revision| format!("revision/{}", revision.generation))
            .collect(),
        empty: "No history that you may see.".to_owned(),
    }
}

fn revision_row(revision: &TenantRevision) -> Vec<String> {
    let applied = match &revision.apply_time {
        None => "never".to_owned(),
        applied => moment::utc(applied.as_ref()),
    };
    vec![
        revision.generation.to_string(),
        moment::utc(revision.record_time.as_ref()),
        applied,
        audit::actor(revision.actor.as_ref()),
        revision
            .spec
            .as_ref()
            .map(|spec| spec.quota.clone())
            .unwrap_or_default(),
        moment::utc(revision.tenant_delete_time.as_ref()),
        revision.uid.clone(),
    ]
}

fn drifts_view(tenant: &str, drifts: &[RevertedDrift]) -> View {
    View {
        columns: vec![
            Column::text("PUT BACK"),
            Column::text("OBJECT"),
            Column::text("NAMESPACE"),
            Column::text("BY"),
            Column::text("WHAT"),
            Column::text("ID").wide(),
        ],
        rows: drifts.iter().map(drift_row).collect(),
        names: drifts
            .iter()
            .map(|drift| format!("event/{}", drift.id))
            .collect(),
        empty: format!("Nobody changed what is tenant {tenant}'s."),
    }
}

fn drift_row(reverted: &RevertedDrift) -> Vec<String> {
    let drift = reverted.drift.clone().unwrap_or_default();
    let by = if drift.field_manager.is_empty() {
        "not known".to_owned()
    } else {
        drift.field_manager
    };
    vec![
        moment::utc(reverted.revert_time.as_ref()),
        format!("{}/{}", drift.kind.to_lowercase(), drift.name),
        drift.namespace,
        by,
        drift.difference,
        reverted.id.clone(),
    ]
}

/// A user, or a group that says so.
pub(crate) fn subject(is_group: bool, name: &str) -> String {
    if is_group {
        format!("group:{name}")
    } else {
        name.to_owned()
    }
}

/// The level in a word.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Editor => "editor",
        Role::Viewer => "viewer",
        Role::Unspecified => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use tenantry_proto::tenant::v1::Drift;

    use super::*;

    #[test]
    fn drift_tells_who_or_that_nobody_knows() {
        let reverted = |manager: &str| RevertedDrift {
            drift: Some(Drift {
                kind: "RoleBinding".to_owned(),
                namespace: "a-dev".to_owned(),
                name: "tenant-owner-admin".to_owned(),
                field_manager: manager.to_owned(),
                difference: "subjects".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let rows = [
            drift_row(&reverted("kubectl-edit")),
            drift_row(&reverted("")),
        ];
        assert_eq!(
            rows[0][1..5],
            [
                "rolebinding/tenant-owner-admin",
                "a-dev",
                "kubectl-edit",
                "subjects"
            ]
        );
        assert_eq!(rows[1][3], "not known");
    }

    #[test]
    fn a_revision_that_never_was_in_place_says_so() {
        let revision = TenantRevision {
            generation: 7,
            ..Default::default()
        };
        assert_eq!(revision_row(&revision)[..3], ["7", "", "never"]);
    }
}
