//! What was: revisions, access and drift, read from the tenant database.

use std::fmt::Display;

use jiff::Timestamp;
use tenantry_domain::{NamespaceName, TenantName};
use tenantry_proto::tenant::v1::{
    GetTenantRevisionRequest, GetTenantRevisionResponse, ListAccessRequest, ListAccessResponse,
    ListDriftRequest, ListDriftResponse, ListTenantRevisionsRequest, ListTenantRevisionsResponse,
};
use tenantry_runtime::{
    auth::{Access, Authority},
    page, status,
};
use tonic::{Request, Status};
use uuid::Uuid;

use super::{Service, refuse};
use crate::{
    convert::{access_message, application_message, drift_message, revision_message},
    store::{AccessQuery, DriftQuery, Position, RevisionQuery, Store},
};

/// The right to read the history of the tenant of that name; an empty name is every tenant.
fn right(tenant: &str) -> Access {
    Access::tenancy("get", "tenants")
        .subresource("audit")
        .named(tenant)
}

/// Tenants of one name that the caller may know of.
struct Known {
    name: TenantName,
    /// Only the one that lives now: a right by name says nothing about another tenant that had it before.
    living_only: bool,
}

async fn known<T: Sync>(
    service: &Service,
    request: &Request<T>,
    tenant: &str,
) -> Result<Known, Status> {
    let authority: Authority = service.auth.require(request, right(tenant)).await?;
    let may_all = service.auth.may(authority.caller(), &right("")).await?;
    Ok(Known {
        name: refuse::name("tenant", tenant)?,
        living_only: !may_all,
    })
}

impl Known {
    /// The uid to look for; none for every tenant that had the name.
    async fn uid(&self, store: &Store, asked: &str) -> Result<Option<Uuid>, Status> {
        let asked = (!asked.is_empty())
            .then(|| asked.parse::<Uuid>())
            .transpose()
            .map_err(|fault| status::invalid_field("uid", format!("is no uid: {fault}")))?;
        if !self.living_only {
            return Ok(asked);
        }
        let living = store.living(self.name.as_str()).await;
        let living = living.map_err(|failure| refuse::history(&failure))?;
        // None has the nil uid.
        let living = living.unwrap_or_default();
        Ok(Some(match asked {
            Some(asked) if asked != living => Uuid::nil(),
            _ => living,
        }))
    }
}

/// The page of a list in an order of its own.
struct Page {
    size: usize,
    cursor: Option<String>,
    query: String,
}

impl Page {
    fn parse(size: i32, token: &str, query: String) -> Result<Self, Status> {
        Ok(Self {
            size: page::size(size)?,
            cursor: page::cursor(token, &query)?,
            query,
        })
    }

    /// One more than fits: whether there is a next page.
    fn limit(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX - 1) + 1
    }

    /// What fits of `rows`, and the token of the rest.
    fn cut<T>(&self, mut rows: Vec<T>, cursor: impl Fn(&T) -> String) -> (Vec<T>, String) {
        let has_more = rows.len() > self.size;
        rows.truncate(self.size);
        let last = rows.last().filter(|_| has_more);
        let token = last.map(|last| page::token(&cursor(last), &self.query));
        (rows, token.unwrap_or_default())
    }

    /// The number in the cursor.
    fn number(&self) -> Option<i64> {
        self.cursor.as_ref().and_then(|cursor| cursor.parse().ok())
    }
}

pub(super) async fn revisions(
    service: &Service,
    request: Request<ListTenantRevisionsRequest>,
) -> Result<ListTenantRevisionsResponse, Status> {
    let known = known(service, &request, &request.get_ref().tenant).await?;
    let asked = request.into_inner();
    let query = format!("revisions of {} {}", known.name, asked.uid);
    let page = Page::parse(asked.page_size, &asked.page_token, query)?;
    let query = RevisionQuery {
        tenant: known.name.as_str(),
        uid: known.uid(&service.store, &asked.uid).await?,
        before: page.cursor.as_deref().and_then(position),
        limit: page.limit(),
        ..RevisionQuery::default()
    };
    let rows = service.store.revisions(&query).await;
    let rows = rows.map_err(|failure| refuse::history(&failure))?;
    if rows.is_empty() && page.cursor.is_none() {
        return Err(refuse::not_found(&thing(&known.name)));
    }
    let (rows, next_page_token) =
        page.cut(rows, |row| format!("{} {}", row.recorded, row.generation));
    Ok(ListTenantRevisionsResponse {
        revisions: rows.iter().map(revision_message).collect(),
        next_page_token,
    })
}

fn thing(name: impl Display) -> String {
    format!("a revision of tenant {name}")
}

fn position(cursor: &str) -> Option<Position> {
    let (recorded, generation) = cursor.split_once(' ')?;
    Some(Position {
        recorded: recorded.parse().ok()?,
        generation: generation.parse().ok()?,
    })
}

pub(super) async fn revision(
    service: &Service,
    request: Request<GetTenantRevisionRequest>,
) -> Result<GetTenantRevisionResponse, Status> {
    let known = known(service, &request, &request.get_ref().tenant).await?;
    let asked = request.into_inner();
    let query = RevisionQuery {
        tenant: known.name.as_str(),
        uid: known.uid(&service.store, &asked.uid).await?,
        generation: (asked.generation != 0).then_some(asked.generation),
        at: moment(asked.read_time)?,
        before: None,
        limit: 1,
    };
    let found = service.store.revisions(&query).await;
    let found = found.map_err(|failure| refuse::history(&failure))?;
    let revision = found
        .first()
        .ok_or_else(|| refuse::not_found(&thing(&known.name)))?;
    let applications = service
        .store
        .applications(revision.uid, revision.generation)
        .await;
    let applications = applications.map_err(|failure| refuse::history(&failure))?;
    Ok(GetTenantRevisionResponse {
        revision: Some(revision_message(revision)),
        applications: applications.iter().map(application_message).collect(),
    })
}

fn moment(time: Option<pbjson_types::Timestamp>) -> Result<Option<Timestamp>, Status> {
    let parsed = time.map(|time| Timestamp::new(time.seconds, time.nanos));
    parsed
        .transpose()
        .map_err(|fault| status::invalid_field("read_time", format!("is no time: {fault}")))
}

pub(super) async fn access(
    service: &Service,
    request: Request<ListAccessRequest>,
) -> Result<ListAccessResponse, Status> {
    let caller = service.auth.caller(&request).await?;
    let may_all = service.auth.may(&caller, &right("")).await?;
    let asked = request.get_ref();
    let at = moment(asked.read_time)?;
    let tenants = if may_all {
        None
    } else {
        let own = own_tenants(service, &request, at).await?;
        if own.is_empty() {
            // The refusal, with the right that would do.
            service.auth.require(&request, right("")).await?;
        }
        Some(own)
    };
    let namespace: NamespaceName = refuse::name("namespace", &asked.namespace)?;
    let query = format!("access to {namespace} at {:?}", asked.read_time);
    let page = Page::parse(asked.page_size, &asked.page_token, query)?;
    let query = AccessQuery {
        namespace: namespace.as_str(),
        at,
        tenants: tenants.as_deref(),
        after: page.number().unwrap_or_default(),
        limit: page.limit(),
    };
    let rows = service.store.access(&query).await;
    let rows = rows.map_err(|failure| refuse::history(&failure))?;
    let (rows, next_page_token) = page.cut(rows, |row| row.id.to_string());
    Ok(ListAccessResponse {
        access: rows.iter().map(access_message).collect(),
        next_page_token,
    })
}

/// Tenants that had the namespace and whose history the caller may read by their name, as they live now.
async fn own_tenants(
    service: &Service,
    request: &Request<ListAccessRequest>,
    at: Option<Timestamp>,
) -> Result<Vec<Uuid>, Status> {
    let caller = service.auth.caller(request).await?;
    let namespace = &request.get_ref().namespace;
    let all = service.store.tenants_of(namespace, at).await;
    let mut own = Vec::new();
    for (uid, name) in all.map_err(|failure| refuse::history(&failure))? {
        let living = service.store.living(&name).await;
        let is_living = living.map_err(|failure| refuse::history(&failure))? == Some(uid);
        if is_living && service.auth.may(&caller, &right(&name)).await? {
            own.push(uid);
        }
    }
    Ok(own)
}

pub(super) async fn drift(
    service: &Service,
    request: Request<ListDriftRequest>,
) -> Result<ListDriftResponse, Status> {
    let known = known(service, &request, &request.get_ref().tenant).await?;
    let asked = request.into_inner();
    let query = format!("drift of {}", known.name);
    let page = Page::parse(asked.page_size, &asked.page_token, query)?;
    let query = DriftQuery {
        tenant: known.name.as_str(),
        uid: known.uid(&service.store, "").await?,
        before: page.number(),
        limit: page.limit(),
    };
    let rows = service.store.drift(&query).await;
    let rows = rows.map_err(|failure| refuse::history(&failure))?;
    let (rows, next_page_token) = page.cut(rows, |row| row.row_id.to_string());
    Ok(ListDriftResponse {
        drifts: rows.iter().map(drift_message).collect(),
        next_page_token,
    })
}
