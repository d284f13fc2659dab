use crate::program::{NOBODY, Program};

#[test]
fn data_is_on_stdout_and_talk_on_stderr() {
    let output = Program::new().run(&format!("audit --identity-url {NOBODY}"));
    assert!(output.stdout.is_empty());
    assert!(!output.stderr.is_empty());
}

#[test]
fn version_is_data() {
    let output = Program::new().run("version -o json");
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_shell_gets_its_completion() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Program::new().run(&format!("completion {shell}"));
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("identity"),
            "{shell}"
        );
    }
}
