use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use tenantry_identity::iam::{Error, name::KeyId};
use tenantry_runtime::{Chain, Health};
use tenantry_testkit::eventually;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    faults::{self, Fault},
    support::{Place, cause},
};

fn here() -> CancellationToken {
    CancellationToken::new()
}

#[tokio::test]
async fn the_secret_is_in_the_reply_and_nowhere_in_the_database() {
    let place = Place::create().await;
    let user = place.user_name();
    place.user(&user).await;
    let fresh = place.iam.create_key(&cause(), &user, here()).await.unwrap();
    assert_eq!(
        place.key_ids(&user).await,
        std::slice::from_ref(&fresh.key.id)
    );
    let written: Vec<String> = sqlx::query_scalar(
        "SELECT event::text FROM events.event UNION ALL SELECT journal::text FROM access_key_journal AS journal",
    )
    .fetch_all(&place.database.pool)
    .await
    .unwrap();
    let written = written.join("\n");
    assert!(written.contains(&fresh.key.id));
    assert!(!written.contains(fresh.secret.expose_secret()));
    assert_eq!(open_rows(&place).await, 0);
}

#[tokio::test]
async fn a_third_key_is_iam_s_limit() {
    let place = Place::create().await;
    let user = place.user_name();
    place.user(&user).await;
    for _ in 0..2 {
        place.iam.create_key(&cause(), &user, here()).await.unwrap();
    }
    let third = place.iam.create_key(&cause(), &user, here()).await;
    assert!(matches!(third, Err(Error::Limit { .. })));
    let oldest = place.iam.list_keys(&user).await.unwrap().remove(0);
    let id = KeyId::parse(oldest.id.clone()).unwrap();
    for was_there in [true, false] {
        let deleted = place.iam.delete_key(&cause(), &user, &id).await;
        assert_eq!(deleted.unwrap(), was_there);
    }
    assert_eq!(
        place.kinds(&oldest.id).await,
        ["AccessKeyCreated", "AccessKeyDeleted"]
    );
    // The refused request left nothing behind that would hinder the next.
    place.iam.create_key(&cause(), &user, here()).await.unwrap();
}

#[tokio::test]
async fn after_a_lost_reply_one_key_lives_and_it_is_the_one_handed_over() {
    let once = Semaphore::new(1);
    let url = faults::url(move |body| {
        let is_lost = body.contains("Action=CreateAccessKey")
            && once.try_acquire().map(|permit| permit.forget()).is_ok();
        if is_lost {
            Fault::LoseReply
        } else {
            Fault::None
        }
    });
    let place = Place::behind(&url.await).await;
    let user = place.user_name();
    place.user(&user).await;
    let fresh = place.iam.create_key(&cause(), &user, here()).await.unwrap();
    assert_eq!(place.key_ids(&user).await, [fresh.key.id]);
    // The orphan is accounted for, as Tenantry's own doing.
    let actor: String =
        sqlx::query_scalar("SELECT actor_name FROM events.event WHERE kind = 'AccessKeyDeleted'")
            .fetch_one(&place.database.pool)
            .await
            .unwrap();
    assert_eq!(actor, "identity");
    // IAM may show yet another orphan of the lost call later, so the row waits for one more look.
    assert_eq!(open_rows(&place).await, 1);
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "a test supervises its own tasks")]
async fn a_process_that_dies_in_the_call_leaves_no_key() {
    let reached = Arc::new(Semaphore::new(0));
    let seen = reached.clone();
    let url = faults::url(move |body| {
        if body.contains("Action=CreateAccessKey") {
            seen.add_permits(1);
            return Fault::Hang;
        }
        Fault::None
    });
    let place = Place::behind(&url.await).await;
    let user = place.user_name();
    place.user(&user).await;
    let (iam, name) = (place.iam.clone(), user.clone());
    let dying =
        tokio::spawn(async move { iam.create_key(&cause(), &name, here()).await.map(drop) });
    let _reached = reached.acquire().await.unwrap();
    eventually("the key in IAM", || async {
        let ids = place.key_ids(&user).await;
        if ids.len() == 1 { Ok(()) } else { Err(ids) }
    })
    .await;
    dying.abort();

    // Nobody may touch the row while its holder might live.
    let busy = place.iam.create_key(&cause(), &user, here()).await;
    assert!(matches!(busy, Err(Error::KeyInProgress { .. })));
    sqlx::query("UPDATE access_key_journal SET lease_until = clock_timestamp()")
        .execute(&place.database.pool)
        .await
        .unwrap();
    let (stop, pulse) = (
        here(),
        Health::new(&[]).pulse("keys", Duration::from_secs(60)),
    );
    let tending = tokio::spawn(place.iam.clone().tend_keys(pulse, stop.clone()));
    eventually("no key and no open row", || async {
        let left = (place.key_ids(&user).await, open_rows(&place).await);
        if left == (vec![], 0) {
            Ok(())
        } else {
            Err(left)
        }
    })
    .await;
    stop.cancel();
    tending.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_secret_that_reaches_nobody_is_taken_back() {
    let place = Place::create().await;
    let user = place.user_name();
    place.user(&user).await;
    let gone = here();
    gone.cancel();
    assert!(place.iam.create_key(&cause(), &user, gone).await.is_err());
    assert!(place.key_ids(&user).await.is_empty());
}

#[tokio::test]
async fn a_key_needs_a_user() {
    let place = Place::create().await;
    let refused = place
        .iam
        .create_key(&cause(), &place.user_name(), here())
        .await;
    assert!(matches!(refused, Err(Error::NotFound { .. })));
    assert_eq!(open_rows(&place).await, 0);
}

async fn open_rows(place: &Place) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM access_key_journal WHERE end_time IS NULL")
        .fetch_one(&place.database.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_shows_its_secret_to_nobody() {
    const SECRET: &str = "SECRETthatNobodyMaySee";
    let url = faults::url(|body| {
        if body.contains("Action=CreateAccessKey") {
            let key = format!("<SecretAccessKey>{SECRET}");
            Fault::Answer(200, format!("<CreateAccessKeyResponse><AccessKey>{key}"))
        } else {
            Fault::None
        }
    });
    let place = Place::behind(&url.await).await;
    let user = place.user_name();
    place.user(&user).await;
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let answer = place.iam.create_key(&cause(), &user, here()).await;
    let failure = answer.err().unwrap();
    assert!(matches!(failure, Error::Unavailable { .. }), "{failure:?}");
    tracing::warn!(error = %Chain(&failure), "Call not done.");
    let written = format!("{failure:?}\n{}", lines.text());
    // The control: what is wrong is said, and the log was listened to.
    assert!(written.contains("Call not done."), "{written}");
    assert!(written.to_lowercase().contains("xml"), "{written}");
    assert!(!written.contains(SECRET), "{written}");
}

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
