//! The report as people read it: a table of all checks, then what did not hold and what to do.

use std::fmt::Write as _;

use tenantry_conformance::{Check, Finding, Kind, Report, Right, Verdict};

use crate::{
    args::{Format, Settings},
    view::{Column, View},
};

/// Rights of one finding that are shown; `-o json` has all.
const RIGHTS_MAX: usize = 8;

/// The table, and below it what needs somebody's attention.
pub(super) fn report(report: &Report, settings: &Settings) -> String {
    let is_wide = settings.output == Format::Wide;
    let mut text = view(report).table(is_wide, !settings.no_headers);
    let not_held: Vec<&Check> = report.with(Verdict::NotHeld).collect();
    section(&mut text, "Did not hold", &not_held, |text, check| {
        for finding in &check.findings {
            describe(text, check, finding);
        }
    });
    let unknown: Vec<&Check> = report.with(Verdict::Inconclusive).collect();
    section(&mut text, "Could not be told", &unknown, |text, check| {
        let _ = writeln!(text, "  {}: {}", name(check), check.doubt);
    });
    let is_less = |check: &&Check| !check.lacking.is_empty();
    let less: Vec<&Check> = report.checks.iter().filter(is_less).collect();
    section(
        &mut text,
        "Less than the role usually gives, which harms nobody",
        &less,
        |text, check| {
            let _ = writeln!(text, "  {}: {}", name(check), rights(&check.lacking));
        },
    );
    let _ = writeln!(text, "\n{}", summary(report));
    text
}

/// `bind cluster-admin: owner anna in namespace a-dev`.
pub(super) fn name(check: &Check) -> String {
    match check.kind {
        Kind::Policy => check.what.clone(),
        Kind::Rights | Kind::Attempt => {
            format!("{}: {} in {}", check.what, check.who, check.place)
        }
    }
}

fn section(text: &mut String, title: &str, checks: &[&Check], each: impl Fn(&mut String, &Check)) {
    if checks.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}:");
    for check in checks {
        each(text, check);
    }
}

fn describe(text: &mut String, check: &Check, finding: &Finding) {
    let _ = writeln!(text, "  {}", name(check));
    let _ = writeln!(text, "    what:    {}", rights(&finding.rights));
    let _ = writeln!(text, "    because: {}", finding.because);
    let _ = writeln!(text, "    fix:     {}", finding.fix);
}

fn rights(rights: &[Right]) -> String {
    let shown = rights.iter().take(RIGHTS_MAX).map(|right| {
        let verbs = right.verbs.join(" ");
        match verbs.is_empty() {
            true => right.resource.clone(),
            false => format!("{verbs} {}", right.resource),
        }
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match rights.len().saturating_sub(RIGHTS_MAX) {
        0 => shown,
        more => format!("{shown}, and {more} more resources (-o json has all)"),
    }
}

fn summary(report: &Report) -> String {
    let count = |verdict| report.with(verdict).count();
    let calls: usize = report.checks.iter().map(|check| check.calls).sum();
    format!(
        "{} checks of tenant {}, {calls} calls: {} held, {} did not hold, {} could not be told.",
        report.checks.len(),
        report.tenant,
        count(Verdict::Held),
        count(Verdict::NotHeld),
        count(Verdict::Inconclusive),
    )
}

fn view(report: &Report) -> View {
    View {
        columns: vec![
            Column::text("CHECK"),
            Column::text("WHO"),
            Column::text("PLACE"),
            Column::number("CALLS").wide(),
            Column::text("RESULT"),
        ],
        rows: report.checks.iter().map(row).collect(),
        names: Vec::new(),
        empty: String::new(),
    }
}

fn row(check: &Check) -> Vec<String> {
    let verdict = match check.verdict {
        Verdict::Held => "held",
        Verdict::NotHeld => "NOT HELD",
        Verdict::Inconclusive => "inconclusive",
    };
    vec![
        check.what.clone(),
        check.who.clone(),
        check.place.clone(),
        check.calls.to_string(),
        verdict.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verdict: Verdict) -> Check {
        let right = |number: usize| Right {
            resource: format!("r{number}"),
            verbs: vec!["get".to_owned()],
        };
        let finding = Finding {
            rights: (0..10).map(right).collect(),
            because: "RBAC: allowed by ClusterRoleBinding \"oops\"".to_owned(),
            fix: "take it away".to_owned(),
        };
        Check {
            kind: Kind::Rights,
            what: "rights".to_owned(),
            who: "owner anna".to_owned(),
            place: "kube-system".to_owned(),
            calls: 3,
            verdict,
            doubt: if verdict == Verdict::Inconclusive {
                "late"
            } else {
                ""
            }
            .to_owned(),
            findings: (verdict == Verdict::NotHeld)
                .then_some(finding)
                .into_iter()
                .collect(),
            lacking: Vec::new(),
        }
    }

    fn settings() -> Settings {
        use clap::Parser as _;
        crate::args::Cli::parse_from(["tenantry", "whoami"]).settings
    }

    #[test]
    fn what_did_not_hold_is_told_with_why_and_what_to_do() {
        let verdicts = [Verdict::Held, Verdict::NotHeld, Verdict::Inconclusive];
        let found = Report {
            tenant: "a".to_owned(),
            asked: Vec::new(),
            checks: verdicts.map(check).into(),
            notes: Vec::new(),
        };
        assert_eq!(
            report(&found, &settings()),
            "CHECK    WHO          PLACE         RESULT\n\
             rights   owner anna   kube-system   held\n\
             rights   owner anna   kube-system   NOT HELD\n\
             rights   owner anna   kube-system   inconclusive\n\
             \nDid not hold:\n\
             \x20 rights: owner anna in kube-system\n\
             \x20   what:    get r0, get r1, get r2, get r3, get r4, get r5, get r6, get r7, and 2 more resources (-o json has all)\n\
             \x20   because: RBAC: allowed by ClusterRoleBinding \"oops\"\n\
             \x20   fix:     take it away\n\
             \nCould not be told:\n\
             \x20 rights: owner anna in kube-system: late\n\
             \n3 checks of tenant a, 9 calls: 1 held, 1 did not hold, 1 could not be told.\n"
        );
    }
}
