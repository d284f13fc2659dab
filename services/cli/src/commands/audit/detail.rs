//! What an entry says beyond its kind and name, from the state that it carries.

use serde_json::Value;
use tenantry_proto::audit::v1::AuditEntry;

/// Cells of a row; empty where the entry has nothing to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Detail {
    pub(super) namespace: String,
    pub(super) role: String,
    pub(super) more: String,
}

impl Detail {
    pub(super) fn of(entry: &AuditEntry) -> Self {
        let data = serde_json::to_value(&entry.data).unwrap_or_default();
        match entry.noun.as_str() {
            "grant" => of_grant(&data["grant"]),
            "namespace" => Self {
                namespace: text(&data["namespace"]["namespace"]),
                more: fate(&data["fate"]).to_owned(),
                ..Self::default()
            },
            "drift" => of_drift(&data["drift"]),
            "refusal" => of_refusal(&data["refusal"]),
            "identity_mapping" => Self {
                role: list(&data["mapping"]["groups"]),
                more: text(&data["mapping"]["username"]),
                ..Self::default()
            },
            _ => Self::default(),
        }
    }
}

fn of_grant(grant: &Value) -> Detail {
    let role = text(&grant["role"]);
    Detail {
        namespace: text(&grant["namespace"]),
        role: role.trim_start_matches("ROLE_").to_lowercase(),
        more: list(&grant["clusterRoles"]),
    }
}

fn fate(fate: &Value) -> &'static str {
    match fate.as_str() {
        Some("FATE_DELETED") => "deleted",
        Some("FATE_KEPT") => "kept",
        _ => "",
    }
}

fn of_drift(drift: &Value) -> Detail {
    let (kind, difference) = (text(&drift["kind"]), text(&drift["difference"]));
    Detail {
        namespace: text(&drift["namespace"]),
        role: String::new(),
        more: first_line(&format!("{kind}: {difference}")),
    }
}

fn of_refusal(refusal: &Value) -> Detail {
    let method = text(&refusal["method"]);
    let method = method.rsplit('/').next().unwrap_or_default();
    let count = text(&refusal["count"]);
    Detail {
        more: format!("{method}: {} ({count}×)", text(&refusal["reason"])),
        ..Detail::default()
    }
}

/// One line of a table.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> String {
    let items = value.as_array().into_iter().flatten();
    let items: Vec<&str> = items.filter_map(Value::as_str).collect();
    items.join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(noun: &str, data: Value, expected: [&str; 3]) {
        let entry = AuditEntry {
            noun: noun.to_owned(),
            data: serde_json::from_value(data).unwrap(),
            ..Default::default()
        };
        let [namespace, role, more] = expected.map(str::to_owned);
        assert_eq!(
            Detail::of(&entry),
            Detail {
                namespace,
                role,
                more
            }
        );
    }

    #[test]
    fn each_noun_says_what_a_reader_wants_to_know() {
        check(
            "grant",
            json!({"grant": {"namespace": "a-dev", "role": "ROLE_OWNER", "clusterRoles": ["admin", "own"]}}),
            ["a-dev", "owner", "admin,own"],
        );
        let namespace = json!({"namespace": "a-dev"});
        check(
            "namespace",
            json!({"namespace": namespace, "fate": "FATE_KEPT"}),
            ["a-dev", "", "kept"],
        );
        check(
            "namespace",
            json!({"namespace": namespace}),
            ["a-dev", "", ""],
        );
        check(
            "drift",
            json!({"drift": {"namespace": "a-dev", "kind": "RoleBinding", "difference": "deleted\nmore"}}),
            ["a-dev", "", "RoleBinding: deleted"],
        );
        check(
            "refusal",
            json!({"refusal": {"method": "p.S/GetX", "reason": "PERMISSION_DENIED", "count": "3"}}),
            ["", "", "GetX: PERMISSION_DENIED (3×)"],
        );
        check("quota", json!({}), ["", "", ""]);
    }
}
