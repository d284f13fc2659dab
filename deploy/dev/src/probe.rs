//! Is it ready? Asked again with growing pauses until a deadline; the last answer is in the error.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::exec::Spec;
use crate::tool;

/// One question that a ready part answers.
pub(crate) enum Probe {
    /// The port accepts connections.
    Tcp(u16),
    /// The path answers 200 on plain HTTP.
    Http(u16, &'static str),
    /// The gRPC server says that it serves.
    Grpc(u16),
    /// The command ends with success.
    Command(Spec),
}

impl Probe {
    /// Asks once.
    pub(crate) fn ask(&self) -> Result<()> {
        match self {
            Self::Tcp(port) => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
                TcpStream::connect_timeout(&address, Duration::from_secs(1))
                    .with_context(|| format!("connecting to {address}"))?;
            }
            Self::Http(port, path) => {
                http()
                    .get(format!("http://127.0.0.1:{port}{path}"))
                    .call()
                    .with_context(|| format!("asking {path}"))?;
            }
            Self::Grpc(port) => {
                let answer = health(*port).run(Duration::from_secs(10))?;
                ensure!(
                    !answer.contains("NOT_SERVING"),
                    "it says that it doesn't serve"
                );
            }
            Self::Command(spec) => {
                spec.run(Duration::from_secs(10))?;
            }
        }
        Ok(())
    }
}

/// Asks until `question` is answered, `is_alive` is false or the deadline is over.
pub(crate) fn wait(
    deadline: Duration,
    is_alive: impl Fn() -> bool,
    question: impl Fn() -> Result<()>,
) -> Result<()> {
    let until = Instant::now() + deadline;
    let mut pause = Duration::from_millis(10);
    loop {
        let Err(error) = question() else {
            return Ok(());
        };
        if !is_alive() {
            bail!("it ended before it was ready");
        }
        if Instant::now() > until {
            return Err(error.context(anyhow!("not ready within {} s", deadline.as_secs())));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// A client for plain HTTP on loopback.
pub(crate) fn http() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .proxy(None)
        .build()
        .into()
}

/// The standard question of every gRPC server.
fn health(port: u16) -> Spec {
    let address = format!("127.0.0.1:{port}");
    Spec::new(tool::grpcurl()).args([
        "-plaintext",
        "-max-time",
        "5",
        &address,
        "grpc.health.v1.Health/Check",
    ])
}
