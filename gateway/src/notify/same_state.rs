//! One memory for what two have folded alike: the shell, which is ahead of the disk, and the feed, which tells only what is
//! on it.
//!
//! Copies of a state share what they know of each student until one of them learns something new. So whenever the shell
//! has nothing that is not on disk, it leaves a copy here, and the feed, once it has folded the same entries, goes on with
//! that one in place of its own.

use std::sync::{Arc, Mutex, PoisonError};

use schoolgate_core::state::State;

/// Where a copy is left and found. Clones are the same place.
#[derive(Clone, Default)]
pub struct SameState(Arc<Mutex<Option<State>>>);

impl SameState {
    /// Leaves a copy, in place of one that was not taken.
    pub fn leave(&self, state: State) {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(state);
        drop(before);
    }

    /// Takes the copy if it is of the same last entry as `state`, which it then replaces.
    pub fn take_over(&self, state: &mut State) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = left.take_if(|left| left.last() == state.last()) {
            drop(left);
            *state = same;
        }
    }
}

#[cfg(test)]
mod tests {
    use schoolgate_core::entry::Seq;

    use super::*;

    fn through(seq: u64) -> State {
        let mut state = State::default();
        state.skip_lost(Seq(seq));
        state
    }

    #[test]
    fn only_a_copy_of_the_same_entry_is_taken_and_once() {
        let same = SameState::default();
        let mut state = through(7);
        same.leave(through(8));
        same.take_over(&mut state);
        assert_eq!(state, through(7));
        state = through(8);
        same.take_over(&mut state);
        assert!(same.0.lock().unwrap().is_none());
        same.leave(through(3));
        same.leave(through(9));
        same.take_over(&mut state);
        assert_eq!(state, through(8));
    }
}
