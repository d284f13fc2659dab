use serde_json::Value;

use super::step::{Expect, Step};

/// One history of all three services.
pub(crate) fn steps() -> Vec<Step> {
    vec![
        Step::new(
            "Who did what, in order, from all three services",
            "tenantry audit --limit 100",
        ),
        Step::new("…nothing is missing", "tenantry audit --limit 1000 -o json")
            .expect(Expect::Json(is_complete))
            .within(15),
    ]
}

/// What must be in the history, in this order: service, what became true, whose doing.
const STORY: [(&str, &str, &str); 11] = [
    ("identity", "GroupCreated", "platform-admin"),
    ("identity", "UserCreated", "platform-admin"),
    ("identity", "UserPolicyPut", "platform-admin"),
    ("identity", "MembershipAdded", "platform-admin"),
    ("identity", "AccessKeyCreated", "platform-admin"),
    ("identity", "IdentityMappingCreated", "platform-admin"),
    ("tenant", "QuotaCreated", "platform-admin"),
    ("tenant", "TenantCreated", "platform-admin"),
    ("tenant", "NamespaceCreated", ""),
    ("tenant", "MemberGranted", ""),
    ("showback", "CostRecorded", "showback"),
];

fn is_complete(reply: &Value) -> Result<(), String> {
    let entries = reply
        .get("entries")
        .and_then(Value::as_array)
        .ok_or("it has no entries")?;
    // Earlier replays are history too: the story begins at the last group.
    let text = |entry: &Value, pointer: &str| {
        entry
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let begin = entries
        .iter()
        .rposition(|entry| text(entry, "/type") == STORY[0].1)
        .ok_or("no group was created")?;
    let mut rest = entries[begin..].iter();
    for (source, kind, actor) in STORY {
        let found = rest.any(|entry| {
            text(entry, "/source") == source
                && text(entry, "/type") == kind
                && (actor.is_empty() || text(entry, "/actor/name") == actor)
        });
        if !found {
            return Err(format!(
                "{kind} of {source} by {actor:?} is not where the story has it"
            ));
        }
    }
    Ok(())
}
