//! The program as a shell sees it.

use std::process::Command;

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Command::new(env!("CARGO_BIN_EXE_tenantry-dev"))
        .args(["--stack", "never-made", "down"])
        .stdout(writer)
        .status()
        .unwrap();
    assert!(ended.success(), "{ended}");
}
