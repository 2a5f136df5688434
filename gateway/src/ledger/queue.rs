//! What waits to be written: bounded, in order, handed over without waiting.

use super::format::{HEADER_LEN, MAX_BODY_LEN, RECORD_HEADER_LEN, record_len};
use super::lock;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Most entries that are held in memory until they are on disk.
pub const QUEUE_MAX_ENTRIES: usize = 16_384;
/// Most bytes of entries that are held in memory until they are on disk.
pub const QUEUE_MAX_BYTES: usize = 4 << 20;

/// Why an entry was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A gap or a repeat in the numbering.
    #[error("entry {got} does not follow: {expected} is next")]
    OutOfOrder {
        /// The number that is next.
        expected: u64,
        /// The number given.
        got: u64,
    },
    /// The body does not fit in a record.
    #[error("the entry has {len} bytes; at most {limit} fit")]
    TooLarge {
        /// Length of the body in bytes.
        len: usize,
        /// Longest body in bytes.
        limit: usize,
    },
    /// The disk does not keep up, or not at all, and the memory set aside for that is used up.
    #[error("{entries} entries ({bytes} bytes) wait for the disk; no more are taken until it answers")]
    Full {
        /// Entries that wait.
        entries: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// The ledger is closed, or its writer stopped.
    #[error("the ledger is closed")]
    Closed,
}

/// An entry that waits.
pub(super) struct Waiting {
    pub seq: u64,
    pub body: Bytes,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    next_seq: u64,
    /// Entries not on disk, those that the writer has in hand included.
    held_entries: usize,
    held_bytes: usize,
    closed: bool,
}

/// The queue between the ledger's caller and its writer.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    max_body_len: usize,
}

impl Queue {
    pub(super) fn new(next_seq: u64, segment_bytes: u64) -> Self {
        let fits = usize::try_from(segment_bytes).unwrap_or(usize::MAX) - HEADER_LEN - RECORD_HEADER_LEN;
        let state = Mutex::new(State { next_seq, ..State::default() });
        Self { state, changed: Condvar::new(), max_body_len: MAX_BODY_LEN.min(fits) }
    }

    pub(super) fn append(&self, seq: u64, body: Bytes) -> Result<(), AppendError> {
        let (len, limit) = (body.len(), self.max_body_len);
        if len > limit {
            return Err(AppendError::TooLarge { len, limit });
        }
        let mut state = lock(&self.state);
        if state.closed {
            return Err(AppendError::Closed);
        }
        if seq != state.next_seq {
            return Err(AppendError::OutOfOrder { expected: state.next_seq, got: seq });
        }
        let (entries, bytes) = (state.held_entries, state.held_bytes);
        if entries >= QUEUE_MAX_ENTRIES || bytes + record_len(len) > QUEUE_MAX_BYTES {
            return Err(AppendError::Full { entries, bytes });
        }
        state.held_entries += 1;
        state.held_bytes += record_len(len);
        state.next_seq += 1;
        let first = state.waiting.is_empty();
        state.waiting.push_back(Waiting { seq, body });
        drop(state);
        if first {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Waits for entries; none once the queue is closed and empty.
    pub(super) fn take(&self) -> Option<VecDeque<Waiting>> {
        let state = lock(&self.state);
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let mut state = self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        (!state.waiting.is_empty()).then(|| std::mem::take(&mut state.waiting))
    }

    /// Counts entries that are on disk as no longer held.
    pub(super) fn release(&self, entries: usize, bytes: usize) {
        let mut state = lock(&self.state);
        state.held_entries = state.held_entries.saturating_sub(entries);
        state.held_bytes = state.held_bytes.saturating_sub(bytes);
    }

    /// Waits, but not for long once the queue is closed; says whether it is open.
    pub(super) fn pause(&self, duration: Duration) -> bool {
        let state = lock(&self.state);
        let open = |state: &mut State| !state.closed;
        let (state, _) = self.changed.wait_timeout_while(state, duration, open).unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    pub(super) fn held_entries(&self) -> usize {
        lock(&self.state).held_entries
    }
}
