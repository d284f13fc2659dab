//! `tenantry access`: who had access to a namespace, and when.

use clap::Args;
use tenantry_proto::tenant::v1::{ListAccessRequest, ListAccessResponse, MemberAccess};

use crate::{
    commands::{audit, page, tenant::past},
    error::Error,
    moment::{self, Moment},
    session::Session,
    view::{Column, View},
};

/// Who had access to a namespace at a point in time, and by whom it was granted.
#[derive(Debug, Args)]
pub struct Command {
    /// Name of the namespace, also of one that is gone.
    namespace: String,
    /// Point in time: 2026-11-24, 2026-11-24T08:00:00Z, or back from now such as 2h; unset means now.
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        let tenants = session.tenant().await?;
        // Every page is of the same moment.
        let at = self.at.map(|at| at.resolve(session.now));
        let access = page::all(async |page_token| {
            let request = ListAccessRequest {
                namespace: self.namespace.clone(),
                read_time: at,
                page_size: page::SIZE,
                page_token,
            };
            let reply = tenants
                .call(request, async |mut client, request| {
                    client.list_access(request).await
                })
                .await?;
            Ok((reply.access, reply.next_page_token))
        });
        let reply = ListAccessResponse {
            access: access.await?,
            next_page_token: String::new(),
        };
        session
            .out
            .show(&reply, &view(&self.namespace, &reply.access))
    }
}

fn view(namespace: &str, access: &[MemberAccess]) -> View {
    View {
        columns: vec![
            Column::text("SUBJECT"),
            Column::text("ROLE"),
            Column::text("CLUSTER ROLES"),
            Column::text("SINCE"),
            Column::text("UNTIL"),
            Column::text("GRANTED BY"),
            Column::text("TENANT"),
            Column::number("REVISION").wide(),
            Column::text("REQUESTED").wide(),
        ],
        rows: access.iter().map(row).collect(),
        names: access
            .iter()
            .map(|access| past::subject(access.is_group, &access.subject))
            .collect(),
        empty: format!("Nobody had access to {namespace} through a tenant."),
    }
}

fn row(access: &MemberAccess) -> Vec<String> {
    let since = match &access.start_time {
        None => "requested, never seen bound".to_owned(),
        since => moment::utc(since.as_ref()),
    };
    vec![
        past::subject(access.is_group, &access.subject),
        past::role(access.role()).to_owned(),
        access.cluster_roles.join(","),
        since,
        moment::utc(access.end_time.as_ref()),
        audit::actor(access.actor.as_ref()),
        access.tenant.clone(),
        access.generation.to_string(),
        moment::utc(access.request_time.as_ref()),
    ]
}

#[cfg(test)]
mod tests {
    use tenantry_proto::tenant::v1::Role;

    use super::*;

    #[test]
    fn a_grant_that_nobody_saw_bound_says_so() {
        let access = MemberAccess {
            tenant: "a".to_owned(),
            role: Role::Viewer.into(),
            subject: "owl".to_owned(),
            cluster_roles: vec!["view".to_owned()],
            ..Default::default()
        };
        assert_eq!(
            view("a-dev", &[access]).table(false, false),
            "owl   viewer   view   requested, never seen bound           a\n"
        );
    }
}
