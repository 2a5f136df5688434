//! How far each card's counter has come: a message with no higher one was seen before.

use crate::{credential::CredentialId, entry::Entry, state::State};

impl State {
    /// Every entry of a tap that told a counter moves it on, whatever came of the tap. It never goes back.
    ///
    /// The map grows only by cards whose message was good, so by those that were made with the school's keys.
    pub(super) fn fold_counters(&mut self, entry: &Entry) {
        if let Some(tap) = entry.what.tap()
            && let Some(counter) = tap.proof.counter()
        {
            let seen = self.counters.entry(tap.credential).or_insert(counter);
            *seen = counter.max(*seen);
        }
    }

    /// The highest counter that this card has shown here; nothing if it has shown none.
    pub fn counter(&self, credential: CredentialId) -> Option<u32> {
        self.counters.get(&credential).copied()
    }
}
