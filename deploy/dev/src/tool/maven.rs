//! Keycloak, through Maven, with its configuration built once so that starting is short.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{BUILD, directory, find, once};
use crate::exec::Spec;

const VERSION: &str = "26.4.7";
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack";

/// The unpacked distribution.
pub(super) fn distribution() -> PathBuf {
    directory("keycloak", VERSION).join(format!("keycloak-{VERSION}"))
}

/// Fetches, unpacks and builds it, unless it is there.
pub(super) fn install() -> Result<()> {
    let directory = directory("keycloak", VERSION);
    once(&directory, || {
        let maven = find("mvn").context("no `mvn`: apt-get install -y maven")?;
        Spec::new(maven)
            .inherit()
            .args(["--quiet", "--batch-mode", UNPACK])
            .arg(format!(
                "-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
            ))
            .arg(format!("-DoutputDirectory={}", directory.display()))
            .directory(&directory)
            .run(BUILD)?;
        java(&distribution())
            .args(["build", "--db=dev-file", "--health-enabled=true"])
            .run(BUILD)
            .map(drop)
    })
}

/// What kc.sh runs, without the shell around it: its pid is Keycloak's.
pub(crate) fn java(home: &Path) -> Spec {
    let home = home.display();
    Spec::new("java")
        // The first tier of the compiler only: a server that lives for an hour starts in half the time.
        .args(["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(["java.util", "java.util.concurrent", "java.security"].map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")))
        .args(["-Djava.util.logging.manager=org.jboss.logmanager.LogManager", "-Dpicocli.disable.closures=true"])
        .arg("-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory")
        .args(["-Duser.language=en", "-Dfile.encoding=UTF-8"])
        .args([format!("-Dkc.home.dir={home}"), format!("-Djboss.server.config.dir={home}/conf")])
        .args(["-cp", &distribution().join("lib/quarkus-run.jar").display().to_string()])
        .arg("io.quarkus.bootstrap.runner.QuarkusEntryPoint")
}
