//! Reports about one tenant each, as one about all of them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use tenantry_proto::showback::v1::{CostReport, CostRow};

use super::decimal;

/// Reports of one window and one price book as one: what they tell apart stays apart, everything else adds up.
pub(super) fn of(reports: Vec<CostReport>) -> CostReport {
    let total: Decimal = reports.iter().map(|it| decimal(&it.total_cost)).sum();
    let mut rows: BTreeMap<(String, String, String), CostRow> = BTreeMap::new();
    let mut whole = CostReport::default();
    for report in reports {
        for row in report.rows.clone() {
            let key = (row.tenant.clone(), row.namespace.clone(), row.day.clone());
            let sum = rows.remove(&key);
            rows.insert(key, sum.map_or_else(|| row.clone(), |sum| add(sum, &row)));
        }
        whole = report;
    }
    let mut rows: Vec<CostRow> = rows.into_values().collect();
    // Dearest first, as the service has it.
    rows.sort_by_key(|row| std::cmp::Reverse(decimal(&row.total_cost)));
    CostReport {
        rows,
        total_cost: total.to_string(),
        ..whole
    }
}

fn add(a: CostRow, b: &CostRow) -> CostRow {
    let sum = |a: &str, b: &str| (decimal(a) + decimal(b)).to_string();
    CostRow {
        cpu_cost: sum(&a.cpu_cost, &b.cpu_cost),
        memory_cost: sum(&a.memory_cost, &b.memory_cost),
        gpu_cost: sum(&a.gpu_cost, &b.gpu_cost),
        total_cost: sum(&a.total_cost, &b.total_cost),
        cpu_core_hours: sum(&a.cpu_core_hours, &b.cpu_core_hours),
        memory_gib_hours: sum(&a.memory_gib_hours, &b.memory_gib_hours),
        gpu_hours: sum(&a.gpu_hours, &b.gpu_hours),
        ..a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(tenant: &str, day: &str, total: &str) -> CostReport {
        let row = CostRow {
            tenant: tenant.to_owned(),
            day: day.to_owned(),
            total_cost: total.to_owned(),
            cpu_cost: total.to_owned(),
            ..Default::default()
        };
        CostReport {
            rows: vec![row],
            total_cost: total.to_owned(),
            node_cost: "9".to_owned(),
            ..Default::default()
        }
    }

    fn check(reports: [CostReport; 2], expected: &[(&str, &str, &str)]) {
        let whole = of(reports.into());
        let rows: Vec<(&str, &str, &str)> = whole
            .rows
            .iter()
            .map(|row| {
                (
                    row.tenant.as_str(),
                    row.day.as_str(),
                    row.total_cost.as_str(),
                )
            })
            .collect();
        assert_eq!(rows, expected);
        assert_eq!(
            (whole.total_cost.as_str(), whole.node_cost.as_str()),
            ("3.50", "9")
        );
    }

    #[test]
    fn tenants_stay_apart_and_days_add_up() {
        let tenants = [report("a", "", "1.00"), report("b", "", "2.50")];
        check(tenants, &[("b", "", "2.50"), ("a", "", "1.00")]);
        let days = [
            report("", "2026-11-24", "1.00"),
            report("", "2026-11-24", "2.50"),
        ];
        check(days, &[("", "2026-11-24", "3.50")]);
    }
}
