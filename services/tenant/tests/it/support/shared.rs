use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

/// Something that the first test that wants it makes, and that goes when nobody holds it any more.
pub(super) struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::const_new(Weak::new()))
    }

    /// The one that somebody holds, or a new one.
    pub(super) async fn get(&self, make: impl AsyncFnOnce() -> T) -> Arc<T> {
        let mut held = self.0.lock().await;
        if let Some(held) = held.upgrade() {
            return held;
        }
        let made = Arc::new(make().await);
        *held = Arc::downgrade(&made);
        made
    }

    /// The one that somebody holds.
    pub(super) async fn find(&self) -> Option<Arc<T>> {
        self.0.lock().await.upgrade()
    }
}
