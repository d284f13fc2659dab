//! `tenantry audit`: the history of all three services as one.

use clap::Args;
use tenantry_proto::audit::v1::{
    Actor, AuditEntry, ListAuditEntriesRequest, ListAuditEntriesResponse, actor::Kind,
};

use crate::{
    commands::page,
    error::Error,
    moment::{self, Moment},
    session::{SERVICES, Session},
    view::{Column, View},
};

mod merge;

/// Who changed what, in all three services, in order.
#[derive(Debug, Args)]
pub struct Command {
    /// Only what concerns this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Only what this actor caused.
    #[arg(long)]
    actor: Option<String>,
    /// Only things of this kind, such as group, tenant or namespace.
    #[arg(long)]
    noun: Option<String>,
    /// From here on: 2026-11-24, 2026-11-24T08:00:00Z, or back from now such as 2h.
    #[arg(long)]
    since: Option<Moment>,
    /// Up to here, written as --since is.
    #[arg(long)]
    until: Option<Moment>,
    /// The newest so many; 0 means all.
    #[arg(long, default_value_t = 200)]
    limit: usize,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        let request = self.request(session);
        let [identity, tenant, showback] =
            SERVICES.map(|service| history(session, service, request.clone()));
        let histories = futures::join!(identity, tenant, showback);
        let mut failures = Vec::new();
        let mut known = Vec::new();
        for history in [histories.0, histories.1, histories.2] {
            match history {
                Ok(entries) => known.push(entries),
                Err(failure) => failures.push(failure),
            }
        }
        // With nothing to show, the failures alone are the answer.
        if !known.is_empty() {
            self.show(session, merge::by_time(known))?;
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(Error::Incomplete { failures })
        }
    }

    fn request(&self, session: &Session) -> ListAuditEntriesRequest {
        ListAuditEntriesRequest {
            tenant: self.tenant.clone().unwrap_or_default(),
            actor: self.actor.clone().unwrap_or_default(),
            noun: self.noun.clone().unwrap_or_default(),
            start_time: self.since.map(|moment| moment.resolve(session.now)),
            end_time: self.until.map(|moment| moment.resolve(session.now)),
            page_size: page::SIZE,
            page_token: String::new(),
        }
    }

    fn show(&self, session: &Session, entries: Vec<AuditEntry>) -> Result<(), Error> {
        let found = entries.len();
        let hidden = if self.limit == 0 {
            0
        } else {
            found.saturating_sub(self.limit)
        };
        let reply = ListAuditEntriesResponse {
            entries: entries.into_iter().skip(hidden).collect(),
            next_page_token: String::new(),
        };
        session.out.show(&reply, &view(&reply.entries))?;
        if hidden > 0 {
            session.out.talk(format!(
                "The newest {} of {found}; --limit 0 shows all.",
                found - hidden
            ));
        }
        Ok(())
    }
}

async fn history(
    session: &Session,
    service: &'static str,
    request: ListAuditEntriesRequest,
) -> Result<Vec<AuditEntry>, Error> {
    let audit = session.audit(service).await?;
    page::all(async |page_token| {
        let request = ListAuditEntriesRequest {
            page_token,
            ..request.clone()
        };
        let reply = audit
            .call(request, async |mut client, request| {
                client.list_audit_entries(request).await
            })
            .await?;
        Ok((reply.entries, reply.next_page_token))
    })
    .await
}

fn view(entries: &[AuditEntry]) -> View {
    View {
        columns: vec![
            Column::text("TIME"),
            Column::text("SERVICE"),
            Column::text("WHAT"),
            Column::text("NAME"),
            Column::text("ACTOR"),
            Column::number("REVISION"),
            Column::text("TENANT"),
            Column::number("SEQUENCE").wide(),
            Column::text("ID").wide(),
            Column::text("CORRELATION").wide(),
        ],
        rows: entries.iter().map(row).collect(),
        names: entries
            .iter()
            .map(|entry| format!("event/{}", entry.id))
            .collect(),
        empty: "No history that matches, or none that you may see.".to_owned(),
    }
}

fn row(entry: &AuditEntry) -> Vec<String> {
    let entry = entry.clone();
    vec![
        moment::utc(entry.record_time.as_ref()),
        entry.source,
        entry.r#type,
        entry.name,
        actor(entry.actor.as_ref()),
        entry.revision.to_string(),
        entry.tenant,
        if entry.log_seq == 0 {
            String::new()
        } else {
            entry.log_seq.to_string()
        },
        entry.id,
        entry.correlation_id,
    ]
}

/// Who it was; what is not a person says so.
pub(crate) fn actor(actor: Option<&Actor>) -> String {
    let Some(known) = actor else {
        return String::new();
    };
    match known.kind() {
        Kind::FieldManager => format!("{} (field manager)", known.name),
        Kind::System => format!("{} (system)", known.name),
        Kind::Unspecified | Kind::User => known.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_as_a_sentence() {
        let entry = AuditEntry {
            source: "tenant".to_owned(),
            r#type: "TenantCreated".to_owned(),
            name: "logistics".to_owned(),
            revision: 1,
            actor: Some(Actor {
                kind: Kind::FieldManager.into(),
                name: "kubectl-client-side-apply".to_owned(),
            }),
            record_time: Some(pbjson_types::Timestamp {
                seconds: 1_000_000_000,
                nanos: 5,
            }),
            tenant: "logistics".to_owned(),
            ..Default::default()
        };
        assert_eq!(
            view(&[entry]).table(false, false),
            "2001-09-09T01:46:40Z   tenant   TenantCreated   logistics   kubectl-client-side-apply (field manager)   1   logistics\n"
        );
    }
}
