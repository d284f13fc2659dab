use pbjson_types::Timestamp;
use tenantry_proto::showback::v1::{self as proto, CostReport, CostRow, GroupBy};
use tenantry_runtime::status;
use tonic::Status;

use crate::{
    cost::{Amount, Grouping, Report, Row, Span},
    price::{Price, PriceBook},
};

/// What quantities rest on until usage is metered.
const USAGE_BASIS: &str = "request_only";

/// What the rows asked for are cut by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dimensions {
    is_by_tenant: bool,
    is_by_namespace: bool,
    is_by_day: bool,
}

impl Dimensions {
    pub(super) fn parse(group_by: &[i32]) -> Result<Self, Status> {
        let mut dimensions = Self {
            is_by_tenant: group_by.is_empty(),
            ..Self::default()
        };
        for (index, dimension) in group_by.iter().enumerate() {
            match GroupBy::try_from(*dimension) {
                Ok(GroupBy::Tenant) => dimensions.is_by_tenant = true,
                Ok(GroupBy::Namespace) => dimensions.is_by_namespace = true,
                Ok(GroupBy::Day) => dimensions.is_by_day = true,
                Ok(GroupBy::Unspecified) | Err(_) => {
                    let field = format!("group_by[{index}]");
                    let rule = "is not a dimension; use GROUP_BY_TENANT, GROUP_BY_NAMESPACE or GROUP_BY_DAY";
                    return Err(status::invalid_field(field, rule));
                }
            }
        }
        Ok(dimensions)
    }

    pub(super) fn grouping(self) -> Grouping {
        Grouping {
            is_by_namespace: self.is_by_namespace,
            is_by_day: self.is_by_day,
        }
    }

    /// A namespace's row names its owner, too: the same name may have had two.
    pub(super) fn is_by_owner(self) -> bool {
        self.is_by_tenant || self.is_by_namespace
    }
}

pub(super) fn report(report: Report, window: Span, as_of_s: i64, book: &PriceBook) -> CostReport {
    CostReport {
        start_time: time(window.start_s()),
        end_time: time(window.end_s()),
        currency: book.currency.clone(),
        rows: report.rows.into_iter().map(row).collect(),
        total_cost: report.total.to_string(),
        node_cost: report.node_cost.to_string(),
        price_book: book.label.clone(),
        usage_basis: USAGE_BASIS.to_owned(),
        as_of: time(as_of_s),
        price_notes: report.notes,
    }
}

fn row(row: Row) -> CostRow {
    CostRow {
        tenant: row.key.owner.to_string(),
        namespace: row.key.namespace.unwrap_or_default(),
        day: row.key.day.map(|day| day.to_string()).unwrap_or_default(),
        cpu_cost: row.cost.cpu.to_string(),
        memory_cost: row.cost.memory.to_string(),
        gpu_cost: row.cost.gpu.to_string(),
        cpu_core_hours: row.hours.cpu.to_string(),
        memory_gib_hours: row.hours.memory.to_string(),
        gpu_hours: row.hours.gpu.to_string(),
        total_cost: row.total.to_string(),
    }
}

pub(super) fn price(price: &Price) -> proto::Price {
    proto::Price {
        instance_type: price.key.instance_type.clone(),
        region: price.key.region.clone(),
        purchase_option: price.key.purchase_option.as_str().to_owned(),
        price_per_hour: Amount::rounded(&price.per_hour).to_string(),
        valid_from: time(price.valid_from_s),
        valid_to: price.valid_to_s.and_then(time),
    }
}

fn time(second: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: second,
        nanos: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_by_tenant_unless_said_otherwise() {
        let parse = |dimensions: &[GroupBy]| {
            let numbers: Vec<i32> = dimensions.iter().map(|it| i32::from(*it)).collect();
            Dimensions::parse(&numbers)
        };
        assert!(parse(&[]).unwrap().is_by_owner());
        assert!(parse(&[GroupBy::Namespace]).unwrap().is_by_owner());
        assert!(!parse(&[GroupBy::Day]).unwrap().is_by_owner());
        assert!(parse(&[GroupBy::Day]).unwrap().grouping().is_by_day);
        let refused = parse(&[GroupBy::Day, GroupBy::Unspecified]).unwrap_err();
        assert!(
            refused.message().starts_with("group_by[1] "),
            "{}",
            refused.message()
        );
    }
}
