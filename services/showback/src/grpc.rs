//! Proto in, report out, proto out.

mod convert;
mod window;

use std::sync::Arc;

use jiff::Timestamp;
use tenantry_domain::TenantName;
use tenantry_proto::{
    common::v1::Reason,
    showback::v1::{
        GetCostReportRequest, GetCostReportResponse, ListPricesRequest, ListPricesResponse,
        showback_service_server::ShowbackService,
    },
};
use tenantry_runtime::{
    Chain,
    auth::{Access, Auth, Authority},
    status,
};
use tokio::sync::{Semaphore, watch};
use tonic::{Code, Request, Response, Status};

use crate::{
    cost::{IdleSharing, Report, tally},
    meter::Hearing,
    price::{PriceBook, PriceMissing},
    store::{self, Store},
};
use convert::Dimensions;

/// Full name of the service, for health.
pub const NAME: &str = "tenantry.showback.v1.ShowbackService";

/// Reports added up at once: each keeps a core busy and the rows of its window in memory. Others wait for their turn.
pub const REPORTS_MAX: usize = 2;

/// Answers what tenants cost.
pub struct Showback {
    /// Intervals and owners.
    pub store: Store,
    /// Who is asking, and may they.
    pub auth: Auth,
    /// Prices in force.
    pub book: Arc<PriceBook>,
    /// Up to when the cluster was heard.
    pub hearing: watch::Receiver<Hearing>,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// Turns of reports: [`REPORTS_MAX`] at once.
    pub turns: Arc<Semaphore>,
}

#[tonic::async_trait]
impl ShowbackService for Showback {
    async fn get_cost_report(
        &self,
        request: Request<GetCostReportRequest>,
    ) -> Result<Response<GetCostReportResponse>, Status> {
        let reader = self
            .auth
            .require(&request, right(&request.get_ref().tenant))
            .await?;
        let report = self.report(&reader, request.into_inner()).await?;
        Ok(Response::new(report))
    }

    async fn list_prices(
        &self,
        request: Request<ListPricesRequest>,
    ) -> Result<Response<ListPricesResponse>, Status> {
        let reader = self
            .auth
            .require(&request, Access::own("get", "pricebooks"))
            .await?;
        Ok(Response::new(self.prices(&reader)))
    }
}

fn right(tenant: &str) -> Access {
    if tenant.is_empty() {
        return Access::tenancy("list", "tenants").subresource("cost");
    }
    Access::tenancy("get", "tenants")
        .subresource("cost")
        .named(tenant)
}

impl Showback {
    fn prices(&self, _reader: &Authority) -> ListPricesResponse {
        ListPricesResponse {
            prices: self.book.prices.iter().map(convert::price).collect(),
            currency: self.book.currency.clone(),
            price_book: self.book.label.clone(),
        }
    }

    async fn report(
        &self,
        _reader: &Authority,
        request: GetCostReportRequest,
    ) -> Result<GetCostReportResponse, Status> {
        let tenant = only(&request.tenant)?;
        let dimensions = Dimensions::parse(&request.group_by)?;
        let (from_s, to_s) = window::bounds(&request)?;
        let now_s = (self.clock)().as_second();
        let as_of_s = self.hearing.borrow().as_of(now_s).ok_or_else(unlisted)?;
        let first_s = match from_s {
            Some(_) => None,
            None => self.store.first_second().await.map_err(unavailable)?,
        };
        let window = window::window(from_s, first_s, to_s, as_of_s)?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .expect("nobody closes the semaphore");
        let observed = self.store.observed(window).await.map_err(unavailable)?;
        let book = Arc::clone(&self.book);
        let grouping = dimensions.grouping();
        // Sums over a year keep a core busy for a while; other calls go on meanwhile.
        let tallied = tokio::task::spawn_blocking(move || {
            // A caller that leaves does not stop this work, and so does not free its turn either.
            let _turn = turn;
            tally(&observed, &book, window, grouping, IdleSharing::Separate)
        });
        let tallied = tallied
            .await
            .map_err(|panic| fault(&panic))?
            .map_err(|it| unpriced(&it))?;
        let report = Report::of(tallied, tenant.as_ref());
        let report = if dimensions.is_by_owner() {
            report
        } else {
            report.of_everybody()
        };
        let report = convert::report(report, window, as_of_s, &self.book);
        Ok(GetCostReportResponse {
            report: Some(report),
        })
    }
}

fn only(tenant: &str) -> Result<Option<TenantName>, Status> {
    if tenant.is_empty() {
        return Ok(None);
    }
    let name = TenantName::parse(tenant);
    name.map(Some)
        .map_err(|broken| status::invalid_field("tenant", broken.to_string()))
}

fn unpriced(missing: &PriceMissing) -> Status {
    let message =
        format!("{missing}; add a row or a fallback to the price book and restart showback");
    let metadata = [
        ("instance_type", missing.key.instance_type.clone()),
        ("region", missing.key.region.clone()),
        (
            "purchase_option",
            missing.key.purchase_option.as_str().to_owned(),
        ),
        ("price_book", missing.book.clone()),
    ];
    status::with_reason(
        Code::FailedPrecondition,
        Reason::PriceMissing,
        message,
        metadata,
    )
}

fn unlisted() -> Status {
    let message = "pods and nodes have not been listed yet; try again in a moment";
    status::with_reason(Code::Unavailable, Reason::ClusterUnavailable, message, [])
}

fn unavailable(failure: store::Error) -> Status {
    tracing::warn!(error = %Chain(&failure), "Intervals not read.");
    let message = "the intervals cannot be read now; try again in a moment";
    status::with_reason(Code::Unavailable, Reason::HistoryUnavailable, message, [])
}

fn fault(panic: &tokio::task::JoinError) -> Status {
    tracing::error!(error = %Chain(panic), "Report failed.");
    let message = "the report failed by a fault of ours; the log has the request id";
    status::with_reason(Code::Internal, Reason::Internal, message, [])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::{PriceKey, PurchaseOption};
    use tonic_types::StatusExt as _;

    fn check(status: &Status, code: Code, reason: &str) {
        let details = status.get_error_details();
        let found = details.error_info().map(|info| info.reason.as_str());
        assert_eq!((status.code(), found), (code, Some(reason)));
    }

    #[tokio::test]
    async fn each_failure_has_its_code_and_reason() {
        let missing = PriceMissing {
            book: "list 1".to_owned(),
            key: PriceKey {
                instance_type: "m5.large".to_owned(),
                region: "eu-north-1".to_owned(),
                purchase_option: PurchaseOption::OnDemand,
            },
        };
        check(
            &unpriced(&missing),
            Code::FailedPrecondition,
            "PRICE_MISSING",
        );
        check(&unlisted(), Code::Unavailable, "CLUSTER_UNAVAILABLE");
        let away = store::Error::Sql {
            doing: "reading",
            source: sqlx::Error::PoolTimedOut,
        };
        check(&unavailable(away), Code::Unavailable, "HISTORY_UNAVAILABLE");
        let panicked = tokio::task::spawn_blocking(|| panic!("on purpose"));
        let panicked = panicked.await.unwrap_err();
        check(&fault(&panicked), Code::Internal, "INTERNAL");
    }
}
