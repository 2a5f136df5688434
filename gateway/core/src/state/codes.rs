//! The wrong pickup codes that were tried: whoever guesses must not start anew because the box did.

use alloc::collections::VecDeque;

use crate::{
    entry::{Entry, PassFault, Reason, What},
    id::PlaceId,
    state::State,
    time::Stamp,
};

/// So many wrong tries are remembered for each place: the most that policy can allow (GB 50396-2007 §5.1.5).
const KEPT: usize = 5;

impl State {
    pub(super) fn fold_codes(&mut self, entry: &Entry) {
        if let What::Refused { tap, reason: Reason::Pass(PassFault::WrongCode), .. } = &entry.what {
            let tries: &mut VecDeque<Stamp> = self.wrong_codes.entry(tap.place.clone()).or_default();
            if tries.len() == KEPT {
                tries.pop_front();
            }
            tries.push_back(entry.at);
        }
    }

    /// When wrong pickup codes were tried at this place, oldest first, the last five at most.
    pub fn wrong_codes(&self, place: &PlaceId) -> impl DoubleEndedIterator<Item = &Stamp> {
        self.wrong_codes.get(place).into_iter().flatten()
    }
}
