//! A ledger in memory, and eyes on what the publisher does with it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use schoolgate::notify::{Feed, FeedError, Letter, Message, Notifier, NotifySettings, NotifyStatus, Progress};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const SCHOOL: &str = "s1";
pub(crate) const GATEWAY: &str = "g1";
pub(crate) const AVAILABILITY: &str = "schoolgate/s1/gateway/g1/availability";

/// Letters in memory; clones share them.
#[derive(Clone)]
pub(crate) struct Ledger {
    letters: Arc<Mutex<Vec<Letter>>>,
    length: watch::Sender<usize>,
    seen: watch::Receiver<usize>,
    fails: Arc<Mutex<u32>>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let (length, seen) = watch::channel(0);
        Self { letters: Arc::default(), length, seen, fails: Arc::default() }
    }

    /// An entry with these messages.
    pub(crate) fn write(&self, messages: Vec<Message>) {
        let mut letters = self.letters.lock().unwrap();
        let seq = letters.len() as u64 + 1;
        letters.push(Letter { seq, messages });
        self.length.send_replace(letters.len());
    }

    /// An entry with one message.
    pub(crate) fn tell(&self, topic: &str, payload: &str) {
        let id = format!("id-{}", self.letters.lock().unwrap().len() + 1);
        self.write(vec![message(topic, payload, &id)]);
    }

    /// The next so many looks fail.
    pub(crate) fn fail(&self, times: u32) {
        *self.fails.lock().unwrap() = times;
    }
}

pub(crate) fn message(topic: &str, payload: &str, id: &str) -> Message {
    Message {
        topic: topic.to_owned(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        retain: false,
        expires_at: None,
        late_at: None,
        id: Bytes::copy_from_slice(id.as_bytes()),
    }
}

impl Feed for Ledger {
    fn letters_after(&mut self, after: u64, max_letters: usize) -> Result<Vec<Letter>, FeedError> {
        let mut fails = self.fails.lock().unwrap();
        if *fails > 0 {
            *fails -= 1;
            return Err(FeedError("disk on fire".into()));
        }
        self.seen.mark_unchanged();
        let letters = self.letters.lock().unwrap();
        Ok(letters.iter().skip(after as usize).take(max_letters).cloned().collect())
    }

    async fn changed(&mut self) {
        let _ = self.seen.changed().await;
    }
}

/// Every call, in order.
#[derive(Clone, Default)]
pub(crate) struct Cursor(pub(crate) Arc<Mutex<Vec<u64>>>);

impl Progress for Cursor {
    fn confirmed(&mut self, through: u64) {
        self.0.lock().unwrap().push(through);
    }
}

/// A publisher at work.
pub(crate) struct Running {
    pub(crate) status: watch::Receiver<NotifyStatus>,
    pub(crate) cursor: Cursor,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

pub(crate) fn settings(port: u16) -> NotifySettings {
    NotifySettings::new("127.0.0.1", port, SCHOOL, GATEWAY)
}

pub(crate) fn start(settings: NotifySettings, ledger: &Ledger) -> Running {
    start_with(settings, ledger, |notifier| notifier)
}

pub(crate) fn start_with(
    settings: NotifySettings,
    ledger: &Ledger,
    change: impl FnOnce(Notifier<Ledger, Cursor>) -> Notifier<Ledger, Cursor>,
) -> Running {
    let cursor = Cursor::default();
    let (notifier, status) = Notifier::new(settings, ledger.clone(), cursor.clone(), 0, || 0).unwrap();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(change(notifier).run(async {
        let _ = stopped.await;
    }));
    Running { status, cursor, stop, task }
}

impl Running {
    /// Waits until the status is so.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl FnMut(&NotifyStatus) -> bool) -> NotifyStatus {
        let found = timeout(PATIENCE, self.status.wait_for(is_so)).await.map(|status| status.unwrap().clone());
        found.unwrap_or_else(|_| panic!("never {what}: {:?}", *self.status.borrow()))
    }

    pub(crate) async fn until_confirmed(&mut self, through: u64) -> NotifyStatus {
        self.until("confirmed", |status| status.confirmed_through >= through).await
    }

    /// Stops it gracefully.
    pub(crate) async fn stop(self) -> Cursor {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
        self.cursor
    }
}
