//! Applies the streams of `deploy/nats` with an administrator's credentials. The services themselves never do.
use anyhow::Context as _;
use async_nats::jetstream::{self, stream};
use clap::Parser;
use secrecy::SecretString;
use tenantry_events::NatsConfig;

/// The declared streams: the facts of all services, and the console's sessions.
const DECLARED: [&str; 2] = [
    include_str!("../../../../../deploy/nats/stream.json"),
    include_str!("../../../../../deploy/nats/sessions.json"),
];

/// Creates the declared streams that are absent; a stream that differs is an error, never altered.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// URL of NATS with an administrator's user and password.
    #[arg(long, env = "TENANTRY_NATS_URL", hide_env_values = true)]
    nats_url: SecretString,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tenantry_runtime::install_tls_provider();
    let args = Args::parse();
    let config = NatsConfig {
        nats_url: args.nats_url,
        nats_nkey_file: None,
    };
    let client = config.connect().await?;
    let context = jetstream::new(client);
    for text in DECLARED {
        let declared: stream::Config =
            serde_json::from_str(text).context("parsing a declaration of deploy/nats")?;
        let name = declared.name.clone();
        tenantry_events::apply_stream(&context, declared).await?;
        println!("stream {name} is as declared");
    }
    Ok(())
}
