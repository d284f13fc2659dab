//! `tenantry audit`: the history of all three services as one.

use clap::Args;
use tenantry_proto::audit::v1::{
    Actor, AuditEntry, ListAuditEntriesRequest, ListAuditEntriesResponse, actor::Kind,
};

use crate::{
    commands::{own, page},
    error::Error,
    moment::{self, Moment},
    session::{SERVICES, Session},
    view::{Column, View},
};

mod detail;
mod merge;

use detail::Detail;

/// Kinds of things that the services record.
const NOUNS: [&str; 14] = [
    "access_key",
    "cost",
    "drift",
    "grant",
    "group",
    "identity_mapping",
    "membership",
    "namespace",
    "pricebook",
    "quota",
    "refusal",
    "tenant",
    "user",
    "user_policy",
];

/// Who changed what, in all three services, in order.
#[derive(Debug, Args)]
pub struct Command {
    /// Only what concerns this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Only what this actor caused.
    #[arg(long)]
    actor: Option<String>,
    /// Only things of this kind.
    #[arg(long, value_parser = NOUNS)]
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
        let all = SERVICES.map(|service| (service, request.clone()));
        let mut found = histories(session, all.into()).await;
        if self.tenant.is_none() {
            self.narrow(session, &request, &mut found).await;
        }
        let Histories { known, failures } = found;
        let is_empty = known.iter().all(Vec::is_empty);
        // With nothing to show, the failures alone are the answer.
        if !known.is_empty() {
            self.show(session, merge::by_time(known))?;
        }
        if !failures.is_empty() {
            let failures = failures.into_iter().map(|(_, failure)| failure).collect();
            return Err(Error::Incomplete { failures });
        }
        match &self.tenant {
            Some(tenant) if is_empty => own::require(session, tenant).await,
            _ => Ok(()),
        }
    }

    /// Asks the services that refused everybody's history for that of the caller's own tenants.
    async fn narrow(
        &self,
        session: &Session,
        request: &ListAuditEntriesRequest,
        found: &mut Histories,
    ) {
        let is_denied = |(_, failure): &(_, Error)| own::is_denied(failure);
        if !found.failures.iter().any(is_denied) {
            return;
        }
        let tenants = own::tenants(session).await;
        if tenants.is_empty() {
            return;
        }
        let denied = found.failures.extract_if(.., |failure| is_denied(failure));
        let services: Vec<&'static str> = denied.map(|(service, _)| service).collect();
        let of = |tenant: &String| ListAuditEntriesRequest {
            tenant: tenant.clone(),
            ..request.clone()
        };
        let asked = services
            .iter()
            .flat_map(|service| tenants.iter().map(|tenant| (*service, of(tenant))));
        let more = histories(session, asked.collect()).await;
        found.known.extend(more.known);
        found.failures.extend(more.failures);
        own::note(session, "the history", &tenants);
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

/// What the services answered.
#[derive(Default)]
struct Histories {
    known: Vec<Vec<AuditEntry>>,
    failures: Vec<(&'static str, Error)>,
}

async fn histories(
    session: &Session,
    asked: Vec<(&'static str, ListAuditEntriesRequest)>,
) -> Histories {
    let services: Vec<&'static str> = asked.iter().map(|(service, _)| *service).collect();
    let asked = asked
        .into_iter()
        .map(|(service, request)| history(session, service, request));
    let mut found = Histories::default();
    let answers = futures::future::join_all(asked).await;
    for (service, answer) in services.into_iter().zip(answers) {
        match answer {
            Ok(entries) => found.known.push(entries),
            Err(failure) => found.failures.push((service, failure)),
        }
    }
    found
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
            Column::text("NAMESPACE"),
            Column::text("ROLE"),
            Column::text("DETAIL"),
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
    let detail = Detail::of(entry);
    let entry = entry.clone();
    vec![
        moment::utc(entry.record_time.as_ref()),
        entry.source,
        entry.r#type,
        entry.name,
        actor(entry.actor.as_ref()),
        entry.revision.to_string(),
        entry.tenant,
        detail.namespace,
        detail.role,
        detail.more,
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
