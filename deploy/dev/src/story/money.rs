use serde_json::Value;

use super::step::{Expect, Step};

/// What the pods that just ran cost.
pub(crate) fn steps() -> Vec<Step> {
    vec![
        Step::new("What each tenant cost", "tenantry cost --by tenant"),
        Step::new(
            "…and the parts are the nodes' cost, exactly",
            "tenantry cost --by tenant -o json",
        )
        .expect(Expect::Json(parts_are_the_whole))
        // A metered second is in the report when it is over.
        .within(15),
    ]
}

fn parts_are_the_whole(reply: &Value) -> Result<(), String> {
    let report = reply.get("report").ok_or("it has no report")?;
    let rows = report
        .get("rows")
        .and_then(Value::as_array)
        .ok_or("it has no rows")?;
    for tenant in ["logistics", "retail"] {
        let row = rows
            .iter()
            .find(|row| row.get("tenant").and_then(Value::as_str) == Some(tenant));
        let row = row.ok_or_else(|| format!("{tenant} has no row"))?;
        if units(row, "totalCost")? <= 0 {
            return Err(format!("{tenant} cost nothing"));
        }
    }
    let sum = rows
        .iter()
        .map(|row| units(row, "totalCost"))
        .sum::<Result<i128, String>>()?;
    let nodes = units(report, "nodeCost")?;
    if sum == nodes {
        Ok(())
    } else {
        Err(format!(
            "the rows add up to {sum}, the nodes to {nodes} (10^-10 of a unit)"
        ))
    }
}

/// A plain decimal of at most 10 places, in units of 10^-10.
fn units(value: &Value, field: &str) -> Result<i128, String> {
    let text = value.get(field).and_then(Value::as_str).unwrap_or("0");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parse = |digits: &str| {
        digits
            .parse::<i128>()
            .map_err(|error| format!("{field} is {text}: {error}"))
    };
    if fraction.len() > 10 || whole.starts_with('-') {
        return Err(format!("{field} is {text}"));
    }
    Ok(parse(whole)? * 10_i128.pow(10) + parse(&format!("{fraction:0<10}"))?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lost_unit_is_seen() {
        let report = |idle: &str| {
            json!({ "report": { "nodeCost": "1.0000000000", "rows": [
                { "tenant": "logistics", "totalCost": "0.25" },
                { "tenant": "retail", "totalCost": "0.2500000000" },
                { "tenant": "__idle__", "totalCost": idle },
            ]}})
        };
        assert_eq!(parts_are_the_whole(&report("0.5")), Ok(()));
        assert!(parts_are_the_whole(&report("0.4999999999")).is_err());
    }
}
