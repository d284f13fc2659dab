//! `tenantry cost`.

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;
use tenantry_proto::showback::v1::{
    CostReport, CostRow, GetCostReportRequest, GetCostReportResponse, GroupBy,
};

use crate::{
    commands::own,
    error::Error,
    moment::{self, Moment},
    session::Session,
    view::{Column, View},
};

mod share;
mod sum;

/// What was used and what it cost.
#[derive(Debug, Args)]
pub struct Command {
    /// One row for each; repeat it, or separate by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "tenant")]
    by: Vec<By>,
    /// Only this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Start, inclusive: 2026-11-24, 2026-11-24T08:00:00Z, or back from now such as 7d. Unset means the first second known.
    #[arg(long)]
    start: Option<Moment>,
    /// End, exclusive, written as --start is. Unset means now.
    #[arg(long)]
    end: Option<Moment>,
}

/// A dimension of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Tenant that owned the namespace at that second.
    Tenant,
    /// Namespace.
    Namespace,
    /// Day, UTC.
    Day,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        let request = GetCostReportRequest {
            start_time: self.start.map(|moment| moment.resolve(session.now)),
            end_time: self.end.map(|moment| moment.resolve(session.now)),
            group_by: self.by.iter().map(|by| by.group().into()).collect(),
            tenant: self.tenant.clone().unwrap_or_default(),
        };
        let report = match fetch(session, request.clone()).await {
            Err(refusal) if self.tenant.is_none() && own::is_denied(&refusal) => {
                narrowed(session, request, refusal).await?
            }
            answer => answer?,
        };
        let reply = GetCostReportResponse {
            report: Some(report.clone()),
        };
        session.out.show(&reply, &view(&report, &shown(self.by)))?;
        for note in notes(&report) {
            session.out.talk(note);
        }
        match &self.tenant {
            Some(tenant) if report.rows.is_empty() => own::require(session, tenant).await,
            _ => Ok(()),
        }
    }
}

async fn fetch(session: &Session, request: GetCostReportRequest) -> Result<CostReport, Error> {
    let reply = session
        .showback()
        .await?
        .call(request, async |mut client, request| {
            client.get_cost_report(request).await
        })
        .await?;
    Ok(reply.report.unwrap_or_default())
}

/// The report of the caller's own tenants; `refusal` where he has none.
async fn narrowed(
    session: &Session,
    request: GetCostReportRequest,
    refusal: Error,
) -> Result<CostReport, Error> {
    let tenants = own::tenants(session).await;
    if tenants.is_empty() {
        return Err(refusal);
    }
    let mut request = request;
    let mut reports = Vec::new();
    for tenant in &tenants {
        request.tenant.clone_from(tenant);
        let report = fetch(session, request.clone()).await?;
        // One window for all, though the clock runs on between the calls.
        request.start_time = report.start_time;
        request.end_time = report.end_time;
        reports.push(report);
    }
    own::note(session, "the cost", &tenants);
    Ok(sum::of(reports))
}

impl By {
    fn group(self) -> GroupBy {
        match self {
            Self::Tenant => GroupBy::Tenant,
            Self::Namespace => GroupBy::Namespace,
            Self::Day => GroupBy::Day,
        }
    }

    fn column(self) -> Column {
        Column::text(match self {
            Self::Tenant => "TENANT",
            Self::Namespace => "NAMESPACE",
            Self::Day => "DAY",
        })
    }

    fn cell(self, row: &CostRow) -> String {
        match self {
            Self::Tenant => row.tenant.clone(),
            Self::Namespace => row.namespace.clone(),
            Self::Day => row.day.clone(),
        }
    }
}

/// A namespace is shown with its owner: the same name may have had two, and idle capacity is in none.
fn shown(mut by: Vec<By>) -> Vec<By> {
    if by.contains(&By::Namespace) && !by.contains(&By::Tenant) {
        by.insert(0, By::Tenant);
    }
    by
}

fn view(report: &CostReport, by: &[By]) -> View {
    let shares = share::percent(
        &report
            .rows
            .iter()
            .map(|row| decimal(&row.total_cost))
            .collect::<Vec<_>>(),
    );
    let mut columns: Vec<Column> = by.iter().map(|by| by.column()).collect();
    columns.extend([
        Column::number("CORE-H").wide(),
        Column::number("GIB-H").wide(),
        Column::number("GPU-H").wide(),
        Column::number("CPU COST"),
        Column::number("MEMORY COST"),
        Column::number("GPU COST").wide(),
        Column::number("TOTAL"),
        Column::number("% OF TOTAL"),
    ]);
    let mut rows: Vec<Vec<String>> = report
        .rows
        .iter()
        .zip(shares)
        .map(|(row, share)| cells(row, by, share))
        .collect();
    if !rows.is_empty() {
        rows.push(total(report, by));
    }
    View {
        columns,
        rows,
        names: report.rows.iter().map(|row| by.iter().map(|by| by.cell(row)).collect::<Vec<_>>().join("/")).collect(),
        empty: "Nothing was used in this window, or nothing was seen yet: the first cost shows up seconds after the first pod runs.".to_owned(),
    }
}

fn cells(row: &CostRow, by: &[By], share: String) -> Vec<String> {
    let row = row.clone();
    let mut cells: Vec<String> = by.iter().map(|by| by.cell(&row)).collect();
    cells.extend([row.cpu_core_hours, row.memory_gib_hours, row.gpu_hours]);
    cells.extend([
        row.cpu_cost,
        row.memory_cost,
        row.gpu_cost,
        row.total_cost,
        share,
    ]);
    cells
}

fn total(report: &CostReport, by: &[By]) -> Vec<String> {
    let sum = |field: fn(&CostRow) -> &str| {
        report
            .rows
            .iter()
            .map(|row| decimal(field(row)))
            .sum::<Decimal>()
            .to_string()
    };
    let mut cells = vec!["TOTAL".to_owned()];
    cells.resize(by.len(), String::new());
    cells.extend([
        sum(|row| &row.cpu_core_hours),
        sum(|row| &row.memory_gib_hours),
        sum(|row| &row.gpu_hours),
        sum(|row| &row.cpu_cost),
        sum(|row| &row.memory_cost),
        sum(|row| &row.gpu_cost),
        report.total_cost.clone(),
        "100.00".to_owned(),
    ]);
    cells
}

/// What the numbers rest on, and whether they add up.
fn notes(report: &CostReport) -> Vec<String> {
    let CostReport {
        currency,
        total_cost,
        node_cost,
        price_book,
        usage_basis,
        ..
    } = report;
    let parts: Decimal = report.rows.iter().map(|row| decimal(&row.total_cost)).sum();
    let sum = if parts != decimal(total_cost) {
        format!(
            "warning: the parts add up to {parts} {currency}, not to the total of {total_cost} {currency}"
        )
    } else if decimal(total_cost) == decimal(node_cost) {
        format!("The parts add up to what the nodes cost: {node_cost} {currency}.")
    } else {
        format!("Of what the nodes cost ({node_cost} {currency}), this is {total_cost} {currency}.")
    };
    let from = moment::utc(report.start_time.as_ref());
    let to = moment::utc(report.end_time.as_ref());
    let basis = format!("{from} to {to}, prices of {price_book}, usage by {usage_basis}.");
    [sum, basis]
        .into_iter()
        .chain(report.price_notes.clone())
        .collect()
}

/// A decimal of the API; what is not one counts as nothing and shows up in the check of the sum.
fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tenant: &str, cpu: &str, memory: &str, total: &str) -> CostRow {
        CostRow {
            tenant: tenant.to_owned(),
            cpu_cost: cpu.to_owned(),
            memory_cost: memory.to_owned(),
            total_cost: total.to_owned(),
            ..Default::default()
        }
    }

    fn report() -> CostReport {
        CostReport {
            currency: "USD".to_owned(),
            rows: vec![
                row("__idle__", "10.5000000000", "0.2500000000", "10.7500000000"),
                row("logistics", "0.0000000002", "0.0000000001", "0.0000000003"),
            ],
            total_cost: "10.7500000003".to_owned(),
            node_cost: "10.7500000003".to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn decimals_line_up_and_the_total_is_the_last_row() {
        assert_eq!(
            view(&report(), &[By::Tenant]).table(false, true),
            "TENANT           CPU COST    MEMORY COST           TOTAL   % OF TOTAL\n\
             __idle__    10.5000000000   0.2500000000   10.7500000000       100.00\n\
             logistics    0.0000000002   0.0000000001    0.0000000003         0.00\n\
             TOTAL       10.5000000002   0.2500000001   10.7500000003       100.00\n"
        );
    }

    #[test]
    fn a_namespace_is_shown_with_its_owner() {
        assert_eq!(shown(vec![By::Namespace]), [By::Tenant, By::Namespace]);
        assert_eq!(
            shown(vec![By::Namespace, By::Tenant]),
            [By::Namespace, By::Tenant]
        );
        assert_eq!(shown(vec![By::Day]), [By::Day]);
    }

    #[test]
    fn it_says_whether_the_parts_are_the_whole() {
        assert!(notes(&report())[0].contains("add up to what the nodes cost: 10.7500000003 USD"));
        let wrong = CostReport {
            total_cost: "11.0000000000".to_owned(),
            ..report()
        };
        assert!(notes(&wrong)[0].starts_with("warning:"));
        let part = CostReport {
            node_cost: "20.0000000000".to_owned(),
            ..report()
        };
        assert!(notes(&part)[0].starts_with("Of what the nodes cost (20.0000000000 USD)"));
    }
}
