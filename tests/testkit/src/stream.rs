use async_nats::jetstream;
use tenantry_events::{Bus, NatsConfig, StreamSpec};

use crate::{place::stack, unique};

/// A stream of one's own on the stack's NATS, gone on drop.
pub struct TestStream {
    /// Its name and prefix.
    pub spec: StreamSpec,
    /// Where NATS is, as administrator.
    pub config: NatsConfig,
    /// For looking at what arrived.
    pub context: jetstream::Context,
}

impl TestStream {
    /// A stream as declared, under a name and prefix of the test's own.
    pub async fn create() -> Self {
        let spec = StreamSpec {
            name: unique("TEST_"),
            prefix: unique("t"),
        };
        let config = NatsConfig {
            nats_url: stack().nats_admin_url().into(),
            nats_nkey_file: None,
        };
        let client = config.connect().await.expect("connecting to NATS");
        let context = jetstream::new(client);
        tenantry_events::apply_stream(&context, spec.declared())
            .await
            .expect("creating the test's stream");
        Self {
            spec,
            config,
            context,
        }
    }

    /// The stream as a service sees it.
    pub fn bus(&self) -> Bus {
        Bus::with_stream(&self.config, self.spec.clone())
    }

    /// Loses the stream with all it holds and declares it again.
    pub async fn make_anew(&self) {
        self.context
            .delete_stream(&self.spec.name)
            .await
            .expect("deleting the test's stream");
        tenantry_events::apply_stream(&self.context, self.spec.declared())
            .await
            .expect("creating the test's stream");
    }

    /// How many messages it holds.
    pub async fn messages(&self) -> u64 {
        let mut stream = self
            .context
            .get_stream(&self.spec.name)
            .await
            .expect("reading the test's stream");
        stream
            .info()
            .await
            .expect("reading the test's stream")
            .state
            .messages
    }
}

impl Drop for TestStream {
    fn drop(&mut self) {
        let (config, name) = (self.config.clone(), self.spec.name.clone());
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                jetstream::new(config.connect().await?)
                    .delete_stream(name)
                    .await?;
                anyhow::Ok(())
            })
        });
        if !matches!(dropper.join(), Ok(Ok(()))) {
            eprintln!("stream {} is left behind", self.spec.name);
        }
    }
}
