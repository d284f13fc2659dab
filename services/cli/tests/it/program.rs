//! Runs the program with a kubeconfig of its own.

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// A port that nothing listens on: reserved, and refused at once on loopback.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";

/// The program, with a user who has a token, and no service configured.
pub(crate) struct Program {
    folder: TempDir,
}

impl Program {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let config = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
             contexts: [{name: c, context: {cluster: c, user: u}}, {name: certificate, context: {cluster: c, user: v}}]\n\
             users: [{name: u, user: {token: abc}}, {name: v, user: {client-certificate-data: YQ==, client-key-data: YQ==}}]\n";
        fs::write(folder.path().join("config"), config).expect("writing the kubeconfig");
        Self { folder }
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        self.run_with(line, &[])
    }

    /// Runs it with variables in its environment.
    pub(crate) fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tenantry"))
            .args(line.split_whitespace())
            .env_clear()
            .envs(variables.iter().copied())
            .env("KUBECONFIG", self.folder.path().join("config"))
            .stdin(Stdio::null())
            .output()
            .expect("the program was built for this test")
    }

    /// Checks the exit code and that stderr has `said`.
    pub(crate) fn check(&self, line: &str, code: i32, said: &str) {
        let output = self.run(line);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}: {stderr}");
        assert!(stderr.contains(said), "{line}: {stderr}");
    }
}
