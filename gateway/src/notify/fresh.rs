//! Entries on their way to the feed: what the shell has just had in its hands need not be read out of JSON again.
//!
//! The shell leaves each entry here when it hands it to the ledger, and calls the feed when the ledger has it; the feed
//! takes it from here if it is here. What is on disk, and so may be told, is the ledger's word alone.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use schoolgate_core::{entry::Entry, time::Stamp};
use tokio::sync::Notify;

/// So many are kept, which take 1.2 MB: several times what becomes durable with one sync. While the feed is further
/// behind, it reads.
const MAX_ENTRIES: usize = 4_096;
/// Room that is kept for those of usual days.
const KEPT_ROOM: usize = 64;

/// Where entries are left and found. Clones are the same place.
#[derive(Clone, Default)]
pub struct FreshEntries(Arc<Place>);

#[derive(Default)]
struct Place {
    entries: Mutex<VecDeque<Entry>>,
    called: Notify,
}

impl FreshEntries {
    /// Leaves an entry for the feed. Entries come in their order.
    pub fn leave(&self, entry: Entry) {
        let mut entries = self.entries();
        // Those that were left first are the first to be looked for.
        if entries.len() < MAX_ENTRIES {
            entries.push_back(entry);
        }
    }

    /// Calls the feed to what was left. After the ledger was called, which then has its turn first: the disk is not to wait
    /// for the feed.
    pub fn call(&self) {
        self.0.called.notify_one();
    }

    /// Waits for a call, perhaps one from before.
    pub(super) async fn called(&self) {
        self.0.called.notified().await;
    }

    /// When that entry was made, if it is here.
    pub(super) fn moment_of(&self, seq: u64) -> Option<Stamp> {
        self.entries().front().filter(|first| first.seq.0 == seq).map(|first| first.at)
    }

    /// Takes that entry if it is here; those before it are not looked for any more.
    pub(super) fn take(&self, seq: u64) -> Option<Entry> {
        let mut entries = self.entries();
        while entries.front().is_some_and(|first| first.seq.0 < seq) {
            entries.pop_front();
        }
        let found = if entries.front()?.seq.0 == seq { entries.pop_front() } else { None };
        if entries.is_empty() {
            entries.shrink_to(KEPT_ROOM);
        }
        found
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use schoolgate_core::{
        entry::{ENTRY_VERSION, Seq, What},
        time::Stamp,
    };

    use super::*;

    fn entry(seq: u64) -> Entry {
        Entry { v: ENTRY_VERSION, seq: Seq(seq), at: Stamp::default(), what: What::Stopped {} }
    }

    #[test]
    fn each_entry_is_taken_once_and_none_before_it_afterwards() {
        let fresh = FreshEntries::default();
        (1..=4).for_each(|seq| fresh.leave(entry(seq)));
        assert_eq!(fresh.take(1), Some(entry(1)));
        assert_eq!(fresh.take(1), None, "read again after a lost connection");
        assert_eq!(fresh.take(3), Some(entry(3)));
        assert_eq!(fresh.take(2), None);
        assert_eq!(fresh.take(4), Some(entry(4)));
        assert_eq!(fresh.take(5), None);
    }

    #[test]
    fn no_more_are_kept_than_so_many_and_those_after_a_gap_are_found() {
        let fresh = FreshEntries::default();
        (1..=5_000).for_each(|seq| fresh.leave(entry(seq)));
        assert_eq!(fresh.entries().len(), MAX_ENTRIES);
        (1..=10).for_each(|seq| assert!(fresh.take(seq).is_some()));
        fresh.leave(entry(5_001));
        assert!((11..=4_096).all(|seq| fresh.take(seq).is_some()));
        assert!((4_097..=5_000).all(|seq| fresh.take(seq).is_none()));
        assert_eq!(fresh.take(5_001), Some(entry(5_001)));
        assert!(fresh.entries().capacity() <= KEPT_ROOM, "no room is kept for what came only once");
    }
}
