//! When a checkpoint is due.

use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use schoolgate_core::{entry::Seq, school::Input, state::State};

use super::checkpoint::Checkpoint;
use super::key::SigningKey;
use crate::ledger::{Hash, LedgerId};

/// How often checkpoints are made.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// At the latest when so many entries are durable since the last one.
    pub entries: u64,
    /// At the latest so long after news.
    pub after: Duration,
}

impl Default for Pace {
    /// 1,000 entries, 10 minutes: as often as consumers leave marks.
    fn default() -> Self {
        Self { entries: 1_000, after: Duration::from_secs(600) }
    }
}

/// Makes checkpoints of what is durable, and only when there is news to cover.
#[derive(Debug)]
pub struct Checkpointer {
    ledger: LedgerId,
    key: SigningKey,
    pace: Pace,
    /// Since when news waits to be covered.
    since: Option<Instant>,
}

impl Checkpointer {
    /// For this ledger, with this key.
    #[must_use]
    pub fn new(ledger: LedgerId, key: SigningKey, pace: Pace) -> Self {
        Self { ledger, key, pace, since: None }
    }

    /// The checkpoint that is due at this moment, as the core takes it. `tree` is [`Ledger::tree`]'s; the state is of the
    /// same ledger and may be ahead of it.
    ///
    /// [`Ledger::tree`]: crate::ledger::Ledger::tree
    pub fn due(&mut self, now: Instant, tree: (u64, Hash), state: &State) -> Option<Input> {
        if !has_news(tree.0, state) {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let is_full = tree.0 - state.checkpointed().0 >= self.pace.entries;
        let is_time = now.saturating_duration_since(since) >= self.pace.after;
        if is_full || is_time { self.last(tree, state) } else { None }
    }

    /// The checkpoint before the end, however little is new.
    pub fn last(&mut self, (size, root): (u64, Hash), state: &State) -> Option<Input> {
        if !has_news(size, state) {
            return None;
        }
        self.since = None;
        let signed = Checkpoint { ledger: self.ledger, size, root }.sign(&self.key);
        Some(Input::Checkpoint {
            size: Seq(size),
            root: HEXLOWER.encode(&root),
            key: signed.key.to_string(),
            signature: HEXLOWER.encode(&signed.signature),
        })
    }
}

/// Whether any of the first `size` entries is news that no checkpoint covers.
fn has_news(size: u64, state: &State) -> bool {
    state.last_news().0.min(size) > state.checkpointed().0
}

#[cfg(test)]
mod tests {
    use schoolgate_core::{
        entry::{Consumer, ENTRY_VERSION, Entry, What},
        time::Stamp,
    };

    use super::*;

    fn checkpointer() -> Checkpointer {
        let pace = Pace { entries: 10, after: Duration::from_secs(60) };
        Checkpointer::new(LedgerId([1; 16]), SigningKey::from_seed([2; 32]).unwrap(), pace)
    }

    fn write(state: &mut State, what: What) {
        let entry = Entry { v: ENTRY_VERSION, seq: state.last().next(), at: Stamp::default(), what };
        state.apply(&entry).unwrap();
    }

    fn news(state: &mut State) {
        write(state, What::Stopped {});
    }

    fn tree(state: &State) -> (u64, Hash) {
        (state.last().0, [3; 32])
    }

    /// As the core does.
    fn record(state: &mut State, input: Input) {
        let Input::Checkpoint { size, root, key, signature } = input else { panic!("{input:?}") };
        write(state, What::Checkpoint { size, root, key, signature });
    }

    #[test]
    fn it_is_due_some_time_after_news_and_then_not_before_the_next() {
        let (mut maker, mut state, start) = (checkpointer(), State::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(maker.due(at(0), tree(&state), &state).is_none(), "an empty ledger");
        news(&mut state);
        assert!(maker.due(at(100), tree(&state), &state).is_none());
        assert!(maker.due(at(159), tree(&state), &state).is_none());
        let input = maker.due(at(160), tree(&state), &state).unwrap();
        record(&mut state, input);
        write(&mut state, What::Delivered { consumer: Consumer::Sync, through: Seq(1) });
        assert!(maker.due(at(9_999), tree(&state), &state).is_none(), "neither it nor a mark is news");
        assert!(maker.last(tree(&state), &state).is_none());
        news(&mut state);
        assert!(maker.due(at(10_000), tree(&state), &state).is_none(), "time counts from the news");
        assert!(maker.last(tree(&state), &state).is_some(), "and the end does not wait");
    }

    #[test]
    fn many_entries_do_not_wait_for_the_time() {
        let (mut maker, mut state, now) = (checkpointer(), State::default(), Instant::now());
        for _ in 0..9 {
            news(&mut state);
            assert!(maker.due(now, tree(&state), &state).is_none());
        }
        news(&mut state);
        let input = maker.due(now, tree(&state), &state).unwrap();
        assert!(matches!(input, Input::Checkpoint { size: Seq(10), .. }), "{input:?}");
    }

    #[test]
    fn what_is_not_durable_is_not_covered() {
        let (mut maker, mut state) = (checkpointer(), State::default());
        news(&mut state);
        assert!(maker.last((0, [3; 32]), &state).is_none());
        news(&mut state);
        let Some(Input::Checkpoint { size, root, key, signature }) = maker.last((1, [3; 32]), &state) else { panic!() };
        let what = What::Checkpoint { size, root, key, signature };
        let signed = super::super::SignedCheckpoint::of_entry(LedgerId([1; 16]), &what).unwrap().unwrap();
        assert!(signed.is_signed());
        assert_eq!(signed.checkpoint, Checkpoint { ledger: LedgerId([1; 16]), size: 1, root: [3; 32] });
    }
}
