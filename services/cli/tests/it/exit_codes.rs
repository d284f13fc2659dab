use crate::program::{NOBODY, Program};

#[test]
fn an_unknown_command_is_a_usage_error() {
    Program::new().check("tenant lsit", 2, "similar subcommand exists: 'list'");
}

#[test]
fn a_missing_address_is_a_usage_error_with_the_way_out() {
    Program::new().check("tenant list", 2, "TENANTRY_TENANT_URL");
}

#[test]
fn a_severe_deletion_without_a_terminal_needs_the_name() {
    let line = format!("tenant delete logistics --tenant-url {NOBODY}");
    Program::new().check(&line, 2, "--confirm logistics");
}

#[test]
fn a_client_certificate_is_no_token() {
    let line = format!("tenant list --context certificate --tenant-url {NOBODY}");
    Program::new().check(&line, 4, "client certificate");
}

#[test]
fn a_token_does_not_leave_the_machine_in_plain_text() {
    Program::new().check(
        "tenant list --tenant-url http://192.0.2.1:7002",
        4,
        "token was not sent",
    );
}

#[test]
fn an_absent_service_is_unavailable_and_named() {
    let line = format!("tenant list --tenant-url {NOBODY}");
    Program::new().check(&line, 7, "the tenant service cannot be reached");
}

#[test]
fn status_tells_each_service_that_is_down() {
    let line =
        format!("status --identity-url {NOBODY} --tenant-url {NOBODY} --showback-url {NOBODY}");
    Program::new().check(&line, 7, "3 of 3 services failed");
}

#[test]
fn a_diff_that_cannot_be_made_does_not_end_as_a_difference() {
    // 1 means a difference, so an unreadable file is 8 here.
    let line = format!("diff -f /nowhere/tenant.yaml --tenant-url {NOBODY}");
    Program::new().check(&line, 8, "reading /nowhere/tenant.yaml");
    let line = format!("apply -f /nowhere/tenant.yaml --tenant-url {NOBODY}");
    Program::new().check(&line, 1, "reading /nowhere/tenant.yaml");
}

#[test]
fn a_dry_run_happens_at_the_service_only() {
    let line = format!("apply -f - --dry-run=client --tenant-url {NOBODY}");
    Program::new().check(&line, 2, "server");
}

#[test]
fn history_of_an_absent_service_is_unavailable() {
    for command in [
        "tenant history a",
        "tenant drift a",
        "tenant pause a",
        "tenant revert a --to 1",
        "access a-dev --at 2h",
    ] {
        let line = format!("{command} --tenant-url {NOBODY}");
        Program::new().check(&line, 7, "the tenant service cannot be reached");
    }
}

#[test]
fn a_usage_line_asks_for_nothing_that_is_set_already() {
    let variables = [
        ("TENANTRY_TENANT_URL", NOBODY),
        ("TENANTRY_IDENTITY_URL", NOBODY),
    ];
    let output = Program::new().run_with("tenant create", &variables);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("Usage: tenantry tenant create"), "{stderr}");
    assert!(!stderr.contains("-url"), "{stderr}");
    // The control: help says that the address may be set.
    let help = Program::new().run_with("tenant create --help", &variables);
    assert!(String::from_utf8_lossy(&help.stdout).contains("TENANTRY_TENANT_URL"));
}

#[test]
fn an_unknown_noun_is_a_usage_error() {
    Program::new().check("audit --noun foo", 2, "possible values: access_key");
}

#[test]
fn what_could_not_be_tried_does_not_end_as_a_breach() {
    // 1 means that something did not hold.
    Program::new().check(
        "conformance --tenant a --timeout 2s",
        7,
        "reading the tenant",
    );
}
