//! What waits to be written: bounded, in order, handed over without waiting.

use super::format::{HEADER_LEN, MAX_BODY_LEN, RECORD_HEADER_LEN, record_len};
use super::lock;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Most entries that are held in memory until they are on disk.
pub const QUEUE_MAX_ENTRIES: usize = 16_384;
/// Most bytes of entries that are held in memory until they are on disk.
pub const QUEUE_MAX_BYTES: usize = 4 << 20;

/// More entries than this are the thread's, which hashes them while the caller goes on.
const EXPRESS_MAX_ENTRIES: usize = 8;

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
    /// Whether there is an express lane, and it writes what comes.
    has_express: bool,
    by_express: bool,
    /// Whether the express lane has entries in hand.
    express_is_busy: bool,
    /// The thread is to come although nothing waits.
    errand: bool,
}

impl State {
    fn take_in(&mut self, seq: u64, body: &Bytes, limit: usize) -> Result<(), AppendError> {
        let len = body.len();
        if len > limit {
            return Err(AppendError::TooLarge { len, limit });
        }
        if self.closed {
            return Err(AppendError::Closed);
        }
        if seq != self.next_seq {
            return Err(AppendError::OutOfOrder { expected: self.next_seq, got: seq });
        }
        let (entries, bytes) = (self.held_entries, self.held_bytes);
        if entries >= QUEUE_MAX_ENTRIES || bytes + record_len(len) > QUEUE_MAX_BYTES {
            return Err(AppendError::Full { entries, bytes });
        }
        self.held_entries += 1;
        self.held_bytes += record_len(len);
        self.next_seq += 1;
        self.waiting.push_back(Waiting { seq, body: body.clone() });
        Ok(())
    }

    fn hand_over(&mut self) {
        (self.by_express, self.express_is_busy, self.errand) = (false, false, true);
    }
}

/// The queue between the ledger's caller and its writer: the thread, or the express lane while it is there and enough.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Calls the thread.
    changed: Condvar,
    /// Calls the express lane.
    called: Notify,
    max_body_len: usize,
}

impl Queue {
    pub(super) fn new(next_seq: u64, segment_bytes: u64) -> Self {
        let fits = usize::try_from(segment_bytes).unwrap_or(usize::MAX) - HEADER_LEN - RECORD_HEADER_LEN;
        let state = Mutex::new(State { next_seq, ..State::default() });
        Self { state, changed: Condvar::new(), called: Notify::new(), max_body_len: MAX_BODY_LEN.min(fits) }
    }

    /// Takes entries from the front of `entries`, all that can be taken, and wakes the writer once: what is handed over
    /// together becomes durable with one sync.
    pub(super) fn append_all(&self, entries: &mut VecDeque<(u64, Bytes)>) -> Result<(), AppendError> {
        let mut state = lock(&self.state);
        let first = state.waiting.is_empty();
        let mut taken = Ok(());
        while let Some((seq, body)) = entries.front() {
            taken = state.take_in(*seq, body, self.max_body_len);
            if taken.is_err() {
                break;
            }
            entries.pop_front();
        }
        let wakes = first && !state.waiting.is_empty();
        // The lane, which runs where the entries come from, might not get to say so itself for a while.
        let are_many = state.by_express && !state.express_is_busy && state.waiting.len() > EXPRESS_MAX_ENTRIES;
        if are_many {
            state.hand_over();
        }
        let by_express = state.by_express;
        drop(state);
        match (wakes, by_express) {
            (true, true) => self.called.notify_one(),
            (true, false) => self.changed.notify_all(),
            (false, _) if are_many => self.changed.notify_all(),
            (false, _) => {}
        }
        taken
    }

    /// The thread waits for entries, or for an errand; none once the queue is closed and empty. When nothing waits, the
    /// express lane takes over.
    pub(super) fn take(&self) -> Option<VecDeque<Waiting>> {
        let mut state = lock(&self.state);
        state.by_express = state.has_express && state.waiting.is_empty() && !state.errand;
        let idle = |state: &mut State| (state.waiting.is_empty() || state.by_express) && !state.errand && !state.closed;
        let mut state = self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        let errand = std::mem::take(&mut state.errand);
        (errand || !state.waiting.is_empty()).then(|| std::mem::take(&mut state.waiting))
    }

    /// From now on there is an express lane, which takes over once the thread has nothing to do.
    pub(super) fn open_express(&self) {
        let mut state = lock(&self.state);
        (state.has_express, state.errand) = (true, true);
        self.changed.notify_all();
    }

    /// From now on there is none. What waits is the thread's.
    pub(super) fn close_express(&self) {
        let mut state = lock(&self.state);
        state.has_express = false;
        state.hand_over();
        self.changed.notify_all();
        self.called.notify_one();
    }

    /// Waits until the express lane has something to do.
    pub(super) async fn called(&self) {
        self.called.notified().await;
    }

    /// Whether the express lane writes what comes, and not the thread.
    pub(super) fn is_by_express(&self) -> bool {
        lock(&self.state).by_express
    }

    /// For the express lane, all that waits if it is few entries and they fit in so many bytes; otherwise they are the
    /// thread's. What is taken must be [`settled`](Self::settled) or [handed over](Self::hand_over).
    pub(super) fn take_few(&self, room: usize) -> Option<VecDeque<Waiting>> {
        let mut state = lock(&self.state);
        if !state.by_express || state.waiting.is_empty() {
            return None;
        }
        let few = state.waiting.iter().take(EXPRESS_MAX_ENTRIES);
        let bytes: usize = few.map(|waiting| record_len(waiting.body.len())).sum();
        if state.waiting.len() > EXPRESS_MAX_ENTRIES || bytes > room {
            state.hand_over();
            self.changed.notify_all();
            return None;
        }
        state.express_is_busy = true;
        Some(std::mem::take(&mut state.waiting))
    }

    /// The express lane has nothing in hand any more.
    pub(super) fn settled(&self) {
        lock(&self.state).express_is_busy = false;
    }

    /// Calls the thread to what the express lane can't do.
    pub(super) fn hand_over(&self) {
        lock(&self.state).hand_over();
        self.changed.notify_all();
    }

    /// Waits for entries for so long; says whether none came, and none will be late for it if the caller turns to
    /// something else for a moment.
    pub(super) fn is_idle_for(&self, duration: Duration) -> bool {
        let state = lock(&self.state);
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let (state, _) = self.changed.wait_timeout_while(state, duration, idle).unwrap_or_else(PoisonError::into_inner);
        state.waiting.is_empty() && !state.closed
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_together_is_taken_together_by_a_writer_that_waits() {
        let queue = Queue::new(1, 1 << 20);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| queue.take().unwrap().len());
            let mut entries = (1..=8).map(|seq| (seq, Bytes::from_static(b"{}"))).collect();
            queue.append_all(&mut entries).unwrap();
            assert!(entries.is_empty());
            assert_eq!(writer.join().unwrap(), 8);
        });
    }

    #[test]
    fn the_thread_is_called_to_many_at_once_unless_the_lane_is_at_work() {
        let queue = Queue::new(1, 1 << 20);
        let mut seq = 0;
        let mut append = |count: u64| {
            let mut entries = (seq + 1..=seq + count).map(|seq| (seq, Bytes::from_static(b"{}"))).collect();
            queue.append_all(&mut entries).unwrap();
            seq += count;
        };
        queue.open_express();
        assert!(queue.take().unwrap().is_empty(), "the errand on which the lane is opened");
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| queue.take().unwrap().len());
            while !queue.is_by_express() {
                std::thread::yield_now();
            }
            append(1);
            assert_eq!(queue.take_few(4096).unwrap().len(), 1);
            append(9);
            assert!(queue.is_by_express(), "the lane has the writer");
            queue.settled();
            append(1);
            assert!(!queue.is_by_express());
            assert!(queue.take_few(4096).is_none());
            assert_eq!(thread.join().unwrap(), 10);
        });
    }

    #[test]
    fn what_does_not_follow_stays_with_whom_it_came_from() {
        let queue = Queue::new(1, 1 << 20);
        let mut entries = VecDeque::from([(1, Bytes::new()), (3, Bytes::new()), (4, Bytes::new())]);
        assert_eq!(queue.append_all(&mut entries), Err(AppendError::OutOfOrder { expected: 2, got: 3 }));
        assert_eq!((entries.len(), queue.held_entries()), (2, 1));
    }
}
