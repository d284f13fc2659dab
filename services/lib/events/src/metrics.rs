//! What whoever is on call should know of the log and the stream.

use jiff::Timestamp;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use tenantry_domain::Refusal;

const WAITING: &str = "tenantry_events_waiting";
const AGE: &str = "tenantry_events_waiting_age_seconds";
const DEAD_LETTERS: &str = "tenantry_dead_letters_total";
const REFUSALS: &str = "tenantry_refusals_total";

pub(crate) fn describe_relay() {
    describe_gauge!(
        WAITING,
        "Events in the log that the stream has not taken yet; 0 where another replica relays."
    );
    describe_gauge!(AGE, "Age of the oldest of them.");
    waiting(0, None);
}

pub(crate) fn describe_consumer(consumer: &str) {
    describe_counter!(
        DEAD_LETTERS,
        "Events that can never be applied, kept in events.dead_letter."
    );
    counter!(DEAD_LETTERS, "consumer" => consumer.to_owned()).increment(0);
}

pub(crate) fn describe_refusals() {
    describe_counter!(
        REFUSALS,
        "Calls and admissions refused, by method and reason; the history has who and what."
    );
}

/// Tells how many events wait, and since when the `oldest` of them.
pub(crate) fn waiting(events: i64, oldest: Option<Timestamp>) {
    gauge!(WAITING).set(u32::try_from(events).unwrap_or(u32::MAX));
    let age = oldest.map(|oldest| Timestamp::now().duration_since(oldest));
    gauge!(AGE).set(age.unwrap_or_default().unsigned_abs());
}

pub(crate) fn dead_letter(consumer: &str) {
    counter!(DEAD_LETTERS, "consumer" => consumer.to_owned()).increment(1);
}

pub(crate) fn refused(refusal: &Refusal) {
    let (method, reason) = (refusal.method.clone(), refusal.reason.clone());
    counter!(REFUSALS, "method" => method, "reason" => reason).increment(1);
}
