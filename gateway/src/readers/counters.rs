//! What went over a reader's line, counted.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use super::{DownReason, Fault, FaultCounts, FaultKind, Trouble};

/// Totals of one reader since the process started, for metrics and health: written by the reader's task, read by anyone.
#[derive(Debug, Default)]
pub struct ReaderCounters {
    frames: AtomicU64,
    presentations: AtomicU64,
    faults: [AtomicU64; FaultKind::ALL.len()],
    openings: AtomicU64,
    queue_full: AtomicU64,
    dropped: AtomicU64,
    condition: Mutex<Condition>,
}

/// How a reader is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// When it was last heard: anything sound for one that only talks, any answer for one that is asked.
    pub heard: Option<Instant>,
    /// Why it can't be heard, if it can't.
    pub down: Option<DownReason>,
    /// What is wrong with it though it is heard.
    pub troubles: Vec<Trouble>,
}

impl ReaderCounters {
    /// Sound frames, repeats included.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Cards, passes and codes presented.
    pub fn presentations(&self) -> u64 {
        self.presentations.load(Ordering::Relaxed)
    }

    /// Faults by kind.
    pub fn faults(&self) -> FaultCounts {
        FaultKind::ALL
            .into_iter()
            .zip(&self.faults)
            .map(|(kind, count)| (kind, count.load(Ordering::Relaxed)))
            .collect()
    }

    /// Times the port was opened again after the first.
    pub fn reopenings(&self) -> u64 {
        self.openings.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// Times an event had to wait because the shell's queue was full.
    pub fn queue_full(&self) -> u64 {
        self.queue_full.load(Ordering::Relaxed)
    }

    /// Presentations dropped because the reader made more of them than people could.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How it is.
    pub fn condition(&self) -> Condition {
        self.lock().clone()
    }

    pub(super) fn note_heard(&self, now: Instant) {
        self.lock().heard = Some(now);
    }

    pub(super) fn note_down(&self, why: Option<DownReason>) {
        self.lock().down = why;
    }

    pub(super) fn note_trouble(&self, trouble: Trouble, on: bool) {
        let mut condition = self.lock();
        condition.troubles.retain(|known| *known != trouble);
        if on {
            condition.troubles.push(trouble);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Condition> {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_frame(&self) {
        self.frames.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_presentation(&self) {
        self.presentations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_opening(&self) {
        self.openings.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_queue_full(&self) {
        self.queue_full.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_fault(&self, fault: Fault) {
        if let Some(counter) = self.faults.get(fault.kind as usize) {
            counter.fetch_add(fault.count.into(), Ordering::Relaxed);
        }
    }
}
