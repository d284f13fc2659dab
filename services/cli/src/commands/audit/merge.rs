//! Several histories in one order.

use std::collections::VecDeque;

use tenantry_proto::audit::v1::AuditEntry;

/// Merges histories by time of recording, without ever changing the order within one.
///
/// A plain sort would: within a service the order of history is the log's, and a slow transaction is logged after a faster one
/// that began later.
pub(super) fn by_time(histories: Vec<Vec<AuditEntry>>) -> Vec<AuditEntry> {
    let mut queues: Vec<VecDeque<AuditEntry>> = histories.into_iter().map(VecDeque::from).collect();
    let mut merged = Vec::with_capacity(queues.iter().map(VecDeque::len).sum());
    while let Some(next) = queues
        .iter_mut()
        .filter(|queue| !queue.is_empty())
        .min_by_key(|queue| queue.front().map(time))
        .and_then(VecDeque::pop_front)
    {
        merged.push(next);
    }
    merged
}

fn time(entry: &AuditEntry) -> (i64, i32) {
    entry
        .record_time
        .as_ref()
        .map(|time| (time.seconds, time.nanos))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, seconds: i64) -> AuditEntry {
        let record_time = Some(pbjson_types::Timestamp { seconds, nanos: 0 });
        AuditEntry {
            id: id.to_owned(),
            record_time,
            ..Default::default()
        }
    }

    #[test]
    fn services_interleave_by_time_and_keep_their_own_order() {
        let identity = vec![entry("i1", 10), entry("i2", 9), entry("i3", 30)];
        let tenant = vec![entry("t1", 5), entry("t2", 20)];
        let merged = by_time(vec![identity, tenant, vec![]]);
        assert_eq!(
            merged
                .iter()
                .map(|entry| entry.id.as_str())
                .collect::<Vec<_>>(),
            ["t1", "i1", "i2", "t2", "i3"]
        );
    }
}
