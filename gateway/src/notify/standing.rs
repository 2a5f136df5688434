//! A message that stands until the next one takes its place: of no entry, and the last one is enough.

use tokio::sync::watch;

use super::Message;

/// Where the latest comes from, and whether the broker of this connection was sent it.
#[derive(Debug, Default)]
pub(super) struct Standing {
    latest: Option<watch::Receiver<Option<Message>>>,
    is_due: bool,
}

impl Standing {
    pub(super) fn of(latest: watch::Receiver<Option<Message>>) -> Self {
        Self { latest: Some(latest), is_due: true }
    }

    /// A new connection: the broker may be another one, or have lost it.
    pub(super) fn connected(&mut self) {
        self.is_due = true;
    }

    /// What is to be sent, once.
    pub(super) fn take(&mut self) -> Option<Message> {
        if !std::mem::take(&mut self.is_due) {
            return None;
        }
        self.latest.as_mut()?.borrow_and_update().clone()
    }

    pub(super) fn is_due(&self) -> bool {
        self.is_due
    }

    /// Resolves when there is another one; never, if none will come. Cancel safe.
    pub(super) async fn changed(&mut self) {
        let changed = match &mut self.latest {
            Some(latest) => latest.changed().await.is_ok(),
            None => false,
        };
        if !changed {
            std::future::pending::<()>().await;
        }
        self.is_due = true;
    }
}
