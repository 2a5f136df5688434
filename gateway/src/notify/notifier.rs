//! The publisher: what stays from one connection to the next.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::PubAckReason;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use tracing::{info, warn};

use super::{
    Feed, Message, NotifySettings, NotifyStatus, Progress, SettingsError, Trouble,
    message::topic_class,
    session::{self, Ended},
    standing::Standing,
    window::{Passed, Position, Window},
};
use crate::backoff::Backoff;

/// The shortest pause before the broker is called again.
pub const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// The longest pause before the broker is called again.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// How long to wait before the ledger is asked again after it could not be read.
pub const FEED_PAUSE: Duration = Duration::from_secs(1);

/// A message from the broker on one of the subscriptions.
#[derive(Clone)]
pub struct Received {
    /// Where it was published; may hold a guardian's token.
    pub topic: String,
    /// What it says; from outside, so not to be trusted.
    pub payload: Bytes,
    /// Whether it is the retained one, published at some time before.
    pub retain: bool,
}

/// Publishes the ledger's messages. See the [module](super).
pub struct Notifier<F, P> {
    pub(super) settings: NotifySettings,
    pub(super) feed: F,
    pub(super) reading: Reading,
    pub(super) window: Window<Message>,
    /// Until these are through, one message at a time: one of them made the broker end the connection.
    pub(super) suspects_until: Option<Position>,
    pub(super) inbox: Option<mpsc::Sender<Received>>,
    pub(super) standing: Standing,
    pub(super) hold: Backoff,
    reconnect: Backoff,
    progress: P,
    random: Box<dyn FnMut() -> u32 + Send>,
    status: watch::Sender<NotifyStatus>,
}

/// Whether the ledger may have something to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The last look found something.
    MayHaveMore,
    /// The last look found nothing: wait for a change.
    Waiting,
    /// The last look failed: wait until then.
    Failed(Instant),
}

impl<F: Feed, P: Progress> Notifier<F, P> {
    /// A publisher that goes on after the entry `confirmed_through`, and where to watch it. `random` gives the jitter
    /// of the pauses between connections.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when the settings would not work.
    pub fn new(
        settings: NotifySettings,
        feed: F,
        progress: P,
        confirmed_through: u64,
        random: impl FnMut() -> u32 + Send + 'static,
    ) -> Result<(Self, watch::Receiver<NotifyStatus>), SettingsError> {
        settings.check()?;
        let (status, watched) = watch::channel(NotifyStatus::new(confirmed_through));
        let notifier = Self {
            feed,
            reading: Reading::MayHaveMore,
            window: Window::new(confirmed_through, settings.window.into()),
            suspects_until: None,
            inbox: None,
            standing: Standing::default(),
            hold: Backoff::new(BACKOFF_MIN, BACKOFF_MAX),
            reconnect: Backoff::new(BACKOFF_MIN, BACKOFF_MAX),
            settings,
            progress,
            random: Box::new(random),
            status,
        };
        Ok((notifier, watched))
    }

    /// Hands messages of the subscriptions to `inbox`. When it is full they are dropped and counted: a slow receiver
    /// must not hold up notifications.
    #[must_use]
    pub fn with_inbox(mut self, inbox: mpsc::Sender<Received>) -> Self {
        self.inbox = Some(inbox);
        self
    }

    /// Publishes the latest message beside those of the entries, again on every connection. Messages in between may be
    /// left out.
    #[must_use]
    pub fn with_standing(mut self, latest: watch::Receiver<Option<Message>>) -> Self {
        self.standing = Standing::of(latest);
        self
    }

    /// Publishes until `stop` resolves. Then what is under way is finished, the gateway says that it is offline and
    /// leaves the broker in order; this takes [`STOP_PATIENCE`](super::STOP_PATIENCE) at most.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        loop {
            let begun = Instant::now();
            let trouble = match session::run(&mut self, stop.as_mut()).await {
                Ended::Stopped => break,
                Ended::Lost(why) => Trouble::Connection(why),
            };
            self.window.rewind();
            if begun.elapsed() > BACKOFF_MAX {
                self.reconnect.reset();
            }
            let pause = self.reconnect.next_wait((self.random)());
            warn!(pause_ms = pause.as_millis(), "{trouble}");
            self.tell(|status| status.last_error = Some(trouble));
            self.tell_connected(false);
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.as_mut() => break,
            }
        }
        self.tell_connected(false);
        info!(confirmed_through = self.window.confirmed(), "notification stopped");
    }
}

impl<F, P: Progress> Notifier<F, P> {
    pub(super) fn pass(&mut self, position: Position, how: Passed) {
        let is_oldest_through = self.window.pass(position, how);
        if is_oldest_through && how == Passed::Delivered {
            self.reconnect.reset();
            self.hold.reset();
        }
        self.report_progress();
    }

    /// Passes over a message that can never succeed, so that it does not dam up all others.
    pub(super) fn refuse(&mut self, position: Position, why: &dyn std::fmt::Display) {
        if let Some((seq, message)) = self.window.entry_of(position) {
            warn!(seq, class = topic_class(&message.topic), "message refused and passed over: {why}");
        }
        self.tell(|status| status.refused += 1);
        self.pass(position, Passed::Dropped);
    }

    /// Passes over a message whose time is over.
    pub(super) fn expire(&mut self, position: Position) {
        if let Some((seq, message)) = self.window.entry_of(position) {
            info!(seq, class = topic_class(&message.topic), "message expired before it could be sent");
        }
        self.tell(|status| status.expired += 1);
        self.pass(position, Passed::Dropped);
    }

    /// The broker does not take a message now. Gives the pause until it is to be tried again.
    pub(super) fn hold_back(&mut self, position: Position, reason: PubAckReason) -> Duration {
        let pause = self.hold.next_wait((self.random)());
        if let Some((seq, message)) = self.window.entry_of(position) {
            let trouble = Trouble::HeldBack { seq, class: topic_class(&message.topic), reason };
            warn!(pause_ms = pause.as_millis(), "{trouble}");
            self.tell(|status| status.last_error = Some(trouble));
        }
        pause
    }

    /// Tells the cursor, if it moved.
    pub(super) fn report_progress(&mut self) {
        let through = self.window.confirmed();
        if through == self.status.borrow().confirmed_through {
            return;
        }
        self.progress.confirmed(through);
        let in_flight = self.window.in_flight();
        self.tell(|status| {
            status.confirmed_through = through;
            status.in_flight = in_flight;
            status.last_error = None;
        });
    }

    pub(super) fn tell(&self, change: impl FnOnce(&mut NotifyStatus)) {
        self.status.send_modify(change);
    }

    pub(super) fn tell_feed_works(&self) {
        self.status.send_if_modified(|status| {
            let failed = matches!(status.last_error, Some(Trouble::Feed(_)));
            if failed {
                status.last_error = None;
            }
            failed
        });
    }

    pub(super) fn tell_connected(&self, connected: bool) {
        let in_flight = self.window.in_flight();
        self.tell(|status| {
            if status.connected != connected {
                status.connected = connected;
                status.since = Instant::now();
            }
            status.in_flight = in_flight;
            if connected && matches!(status.last_error, Some(Trouble::Connection(_))) {
                status.last_error = None;
            }
        });
    }
}
