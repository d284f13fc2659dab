//! Applies the streams of `deploy/nats` with an administrator's credentials. The services themselves never do.
use std::path::PathBuf;

use anyhow::Context as _;
use async_nats::jetstream::{self, stream};
use clap::Parser;
use secrecy::{ExposeSecret as _, SecretString};

/// Creates the declared streams that are absent; a stream that differs is an error, never altered.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// URL of NATS with an administrator's user and password.
    #[arg(long, env = "TENANTRY_NATS_URL", hide_env_values = true)]
    nats_url: SecretString,
    /// Files with stream configurations, as in deploy/nats.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tenantry_runtime::install_tls_provider();
    let args = Args::parse();
    let client = async_nats::connect(args.nats_url.expose_secret())
        .await
        .context("connecting to NATS")?;
    let context = jetstream::new(client);
    for file in &args.files {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let declared: stream::Config =
            serde_json::from_str(&text).with_context(|| format!("parsing {}", file.display()))?;
        let name = declared.name.clone();
        tenantry_events::apply_stream(&context, declared).await?;
        println!("stream {name} is as declared");
    }
    Ok(())
}
