//! What lies between the service and the apiserver, and does as networks and busy servers do.

use std::{
    net,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse as _, Response},
};
use kube::{
    Client, Config,
    client::Body as KubeBody,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use tenantry_testkit::timed_create;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::support::{World, tenant};

/// What the apiserver waits for our webhook on creates in a tenant's namespace.
const ROOM: Duration = Duration::from_secs(1);

/// Which connections carry bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Carried {
    All,
    /// Those that were made later than this one.
    After(usize),
    None,
}

/// A wire that can lose every byte without closing a connection.
pub(crate) struct Wire {
    port: u16,
    carried: watch::Sender<Carried>,
    made: watch::Receiver<usize>,
    _pumps: JoinSet<()>,
}

impl Wire {
    /// One to the apiserver of `world`.
    pub(crate) async fn to(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let upstream = world.apiserver_address();
        let (carried, is_carried) = watch::channel(Carried::All);
        let (made, making) = watch::channel(0);
        let mut pumps = JoinSet::new();
        pumps.spawn(accept(listener, upstream, is_carried, made));
        Self {
            port,
            carried,
            made: making,
            _pumps: pumps,
        }
    }

    /// How the service is to reach the apiserver.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Lets every connection that there is go silent; later ones carry bytes.
    pub(crate) fn lose_the_old(&self) {
        let last = *self.made.borrow();
        self.carried.send_replace(Carried::After(last));
    }

    /// Lets every connection go silent, those to come too.
    pub(crate) fn lose_all(&self) {
        self.carried.send_replace(Carried::None);
    }

    /// Lets new connections carry bytes again; those that went silent stay so.
    pub(crate) fn heal(&self) {
        self.lose_the_old();
    }
}

async fn accept(
    listener: TcpListener,
    upstream: String,
    carried: watch::Receiver<Carried>,
    made: watch::Sender<usize>,
) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let number = *made.borrow() + 1;
        made.send_replace(number);
        connections.spawn(pump(client, upstream.clone(), number, carried.clone()));
    }
}

async fn pump(
    mut client: TcpStream,
    upstream: String,
    number: usize,
    mut carried: watch::Receiver<Carried>,
) {
    let is_lost = |carried: &Carried| match carried {
        Carried::All => false,
        Carried::After(last) => number <= *last,
        Carried::None => true,
    };
    let Ok(mut server) = TcpStream::connect(&upstream).await else {
        return;
    };
    tokio::select! {
        biased;
        _ = carried.wait_for(is_lost) => {}
        _ = copy_bidirectional(&mut client, &mut server) => return,
    }
    // Both ends stay open, and neither hears of the other any more.
    std::future::pending().await
}

/// What becomes of one request.
pub(crate) enum Verdict {
    Pass,
    /// It does not pass; this is answered.
    Answer(StatusCode),
    /// The same, with the time to wait in seconds.
    Later(StatusCode, u32),
}

type Decide = Box<dyn Fn(&str) -> Verdict + Send + Sync>;

/// A server in front of the apiserver that may turn requests away.
pub(crate) struct Front {
    port: u16,
    turned_away: Arc<Mutex<Vec<(Instant, String)>>>,
    _serving: JoinSet<()>,
}

struct Behind {
    client: Client,
    decide: Decide,
    turned_away: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Front {
    /// One before the apiserver of `world`; `decide` is asked about each `METHOD path?query`.
    pub(crate) async fn of(
        world: &World,
        decide: impl Fn(&str) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let turned_away = Arc::default();
        let behind = Behind {
            client: nobody(world).await,
            decide: Box::new(decide),
            turned_away: Arc::clone(&turned_away),
        };
        let routes = Router::new().fallback(pass).with_state(Arc::new(behind));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            port,
            turned_away,
            _serving: serving,
        }
    }

    /// How the service is to reach the apiserver.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// When requests about the object at `path` were turned away.
    pub(crate) fn turned_away(&self, path: &str) -> Vec<Instant> {
        let turned_away = self
            .turned_away
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let of_path = turned_away.iter().filter(|(_, line)| line.contains(path));
        of_path.map(|(at, _)| *at).collect()
    }
}

/// A client that says of nobody who he is, for the request does, and that repeats nothing.
async fn nobody(world: &World) -> Client {
    let kubeconfig = Kubeconfig::read_from(world.admin_kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    config.auth_info = AuthInfo::default();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

async fn pass(State(behind): State<Arc<Behind>>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let verdict = (behind.decide)(&line);
    if !matches!(verdict, Verdict::Pass) {
        let turned_away = behind.turned_away.lock();
        let mut turned_away = turned_away.unwrap_or_else(PoisonError::into_inner);
        turned_away.push((Instant::now(), line));
    }
    match verdict {
        Verdict::Pass => forward(&behind.client, request).await,
        Verdict::Answer(status) => (status, "not now").into_response(),
        Verdict::Later(status, seconds) => {
            (status, [(RETRY_AFTER, seconds.to_string())], "not now").into_response()
        }
    }
}

async fn forward(client: &Client, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let request = Request::from_parts(parts, KubeBody::from(bytes));
    match client.send(request).await {
        Ok(answer) => answer.map(Body::new),
        Err(failure) => (StatusCode::BAD_GATEWAY, failure.to_string()).into_response(),
    }
}

/// In the place of the service for whoever calls its webhooks: takes every connection and never says a word.
///
/// The kernel takes connections for a listener that accepts none.
fn hang(world: &World) -> net::TcpListener {
    world.kill();
    net::TcpListener::bind(world.webhook_address()).expect("the webhooks' port, which is free now")
}

/// How long a create takes that must be taken.
async fn create(client: &Client, namespace: &str, name: &str) -> Duration {
    let created = timed_create(client, namespace, name.to_owned()).await;
    created.unwrap_or_else(|failure| panic!("{name} in {namespace}: {failure:?}"))
}

#[tokio::test]
async fn while_the_webhooks_hang_nobody_waits_outside_tenancy_and_members_wait_a_second() {
    let world = World::start().await;
    world.apply(&tenant("mute", "owl@nordmart.com", ""));
    world.wait_for("mute", "Ready", "True").await;
    world.kubectl("create namespace outside").unwrap();
    let client = world.acting_as(None).await;
    let hung = hang(&world);
    // The controls: whoever asks a webhook waits for it, and what may not go unasked is refused.
    let edited = tenant("mute", "crow@nordmart.com", "");
    let began = Instant::now();
    let refused = world.kubectl_with("apply -f -", &edited).unwrap_err();
    let words = r#"failed calling webhook "actor.tenantry.dev""#;
    assert!(refused.contains(words), "{refused}");
    assert!(began.elapsed() > ROOM, "{:?}", began.elapsed());
    let inside = create(&client, "mute-dev", "inside").await;
    assert!(inside >= ROOM && inside < 5 * ROOM, "{inside:?}");
    // Every one of them would take a second if one webhook was asked; one may be slow for reasons of its own.
    let mut outside = Vec::new();
    for number in 0..5 {
        outside.push(create(&client, "outside", &format!("s{number}")).await);
    }
    let fastest = outside.iter().min();
    assert!(
        fastest.is_some_and(|fastest| *fastest < ROOM),
        "{outside:?}"
    );
    drop(hung);
}
