//! The thread: does what the plan says.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Signals;
use super::pack::{PackError, Packer};
use super::plan::{Answer, BatchLimits, Plan, Sent, Step};
use super::post::Post;
use super::source::{Record, Source, SourceError};
use super::status::{SyncStatus, Trouble};

/// The thread's niceness: it gives way to everything that a tap waits for.
const NICENESS: i32 = 10;

pub(super) struct Worker<S, D> {
    plan: Plan,
    post: Post,
    source: S,
    durable: watch::Receiver<u64>,
    dice: D,
    status: watch::Sender<SyncStatus>,
    signals: Arc<Signals>,
    packer: Packer,
    /// Where the plan's time begins.
    start: Instant,
    /// The ledger is gone: no entry will come.
    closed: bool,
}

impl<S: Source, D: FnMut() -> u64> Worker<S, D> {
    pub(super) fn new(
        plan: Plan,
        post: Post,
        source: S,
        durable: watch::Receiver<u64>,
        dice: D,
        status: watch::Sender<SyncStatus>,
        signals: Arc<Signals>,
    ) -> Self {
        let (packer, start) = (Packer::new(), Instant::now());
        Self { plan, post, source, durable, dice, status, signals, packer, start, closed: false }
    }

    pub(super) fn run(mut self) {
        // On Linux, process 0 is the calling thread. Without the right to do so it runs as it is.
        let _ = rustix::process::setpriority_process(None, NICENESS);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        while !self.signals.stop.load(Ordering::Acquire) {
            if self.signals.retry.swap(false, Ordering::AcqRel) {
                self.plan.retry_now();
            }
            let durable = *self.durable.borrow_and_update();
            match self.plan.next(self.start.elapsed(), durable) {
                Step::Send { from, limits } => self.send(from, limits, durable),
                Step::Wait { until, for_entries } => self.wait(until, for_entries, &waker),
            }
        }
    }

    /// Sleeps until the time, a signal, or (if asked) a new entry; may wake for nothing.
    fn wait(&mut self, until: Option<Duration>, for_entries: bool, waker: &Waker) {
        let mut entry = pin!(self.durable.changed());
        if for_entries
            && !self.closed
            && let Poll::Ready(changed) = entry.as_mut().poll(&mut Context::from_waker(waker))
        {
            self.closed = changed.is_err();
            return;
        }
        match until {
            Some(until) => thread::park_timeout(until.saturating_sub(self.start.elapsed())),
            None => thread::park(),
        }
    }

    fn send(&mut self, from: u64, limits: BatchLimits, durable: u64) {
        let before = self.plan.cursor();
        let mut sent = Sent { from, entries: 0, at: self.start.elapsed() };
        let answer = match self.read(from, limits, durable) {
            Ok(records) => {
                sent.entries = records.len();
                self.post(from, &records)
            }
            Err(trouble) => trouble.into(),
        };
        if self.signals.stop.load(Ordering::Acquire) && !matches!(answer, Answer::Acknowledged(_)) {
            // The request was cut off by the stop; that is no trouble of the platform's.
            return;
        }
        // The ledger may have grown meanwhile; what is durable by now counts.
        let durable = *self.durable.borrow();
        let acknowledged = matches!(answer, Answer::Acknowledged(_));
        self.plan.answered(self.start.elapsed(), durable, sent, answer, (self.dice)());
        if self.plan.cursor() != before {
            self.source.acknowledged(self.plan.cursor());
        }
        self.tell(acknowledged);
    }

    fn read(&mut self, from: u64, limits: BatchLimits, durable: u64) -> Result<Vec<Record>, Trouble> {
        // A batch must not carry what a power cut could still take away.
        let durable_entries = usize::try_from(durable - from + 1).unwrap_or(usize::MAX);
        let max_entries = limits.entries.min(durable_entries);
        let records = self.source.read(from, max_entries, limits.bytes).map_err(|error| match error {
            SourceError::Removed { from, first } => Trouble::Removed { from, first },
            SourceError::Read(cause) => Trouble::Ledger(format!("the ledger cannot be read: {cause}")),
        })?;
        let in_order = records.iter().zip(from..).all(|(record, seq)| record.seq == seq);
        match in_order && (1..=max_entries).contains(&records.len()) {
            true => Ok(records),
            false => Err(Trouble::Ledger(format!("the ledger did not give entry {from} and those after it"))),
        }
    }

    fn post(&mut self, from: u64, records: &[Record]) -> Answer {
        match self.packer.pack(records) {
            Ok(body) => self.post.send(from, body),
            Err(PackError::LineBreak { seq }) => Trouble::Unsendable { seq }.into(),
            Err(PackError::Deflate(error)) => Trouble::Ledger(format!("a batch cannot be compressed: {error}")).into(),
        }
    }

    fn tell(&self, acknowledged: bool) {
        let trouble = self.plan.trouble();
        self.log_change(trouble);
        self.status.send_modify(|status| {
            status.reachable = trouble.is_none_or(Trouble::is_an_answer);
            status.acknowledged = self.plan.cursor();
            status.last_error = trouble.cloned();
            status.failures = self.plan.failures();
            status.next_try = self.plan.next_try().map(|until| self.start + until);
            if acknowledged && trouble.is_none() {
                status.last_success = Some(Instant::now());
            }
        });
    }

    /// One line when trouble begins, changes its kind or ends; not one for each try.
    fn log_change(&self, trouble: Option<&Trouble>) {
        let before = self.status.borrow().last_error.as_ref().map(|trouble| trouble.code().to_owned());
        match trouble {
            Some(trouble) if before.as_deref() != Some(trouble.code()) => {
                tracing::warn!(code = trouble.code(), acknowledged = self.plan.cursor(), "sync: {trouble}");
            }
            None if before.is_some() => {
                tracing::info!(acknowledged = self.plan.cursor(), "sync goes on");
            }
            _ => {}
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
