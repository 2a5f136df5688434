//! Keeps what must not be shown yet: an action that promises something waits here until its entry is on disk.
//!
//! A green light means that it is on disk. If the disk does not answer within [`PROMISE_WAIT`], people pass all the same
//! (safety first), the light turns amber, and the book says that the ledger is slow until it has caught up.

use core::time::Duration;

use alloc::collections::VecDeque;

use crate::{
    action::{Act, Action},
    entry::Seq,
    picture::Picture,
    time::Mono,
};

/// How long people wait for the disk.
pub const PROMISE_WAIT: Duration = Duration::from_millis(150);
/// At most this many actions wait; beyond, the oldest is let go as if its time were up.
pub const MAX_HELD: usize = 4_096;

/// Whether the ledger keeps up with the taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerPace {
    /// A promise had to be let go before its entry was on disk.
    Slow,
    /// Everything that was let go is on disk now.
    CaughtUp,
}

/// Actions that wait for their entries. Time is the process's own (milliseconds that never go backwards).
#[derive(Debug, Default)]
pub struct PromiseBook {
    held: VecDeque<Held>,
    durable: Seq,
    /// The last entry whose promise was let go before it was on disk.
    broken: Option<Seq>,
    turned: VecDeque<LedgerPace>,
}

#[derive(Debug)]
struct Held {
    until: Mono,
    after: Seq,
    act: Act,
}

impl PromiseBook {
    /// Takes an action; it comes back from [`poll_act`](Self::poll_act) when it may be done.
    pub fn hold(&mut self, now: Mono, action: Action) {
        let after = action.after.unwrap_or_default();
        let until = if after <= self.durable { now } else { now.plus(PROMISE_WAIT) };
        self.held.push_back(Held { until, after, act: action.act });
    }

    /// Everything up to this entry is on disk.
    pub fn handle_durable(&mut self, through: Seq) {
        self.durable = self.durable.max(through);
        if self.broken.is_some_and(|seq| seq <= self.durable) {
            self.broken = None;
            self.turned.push_back(LedgerPace::CaughtUp);
        }
    }

    /// The next act that may be done now.
    pub fn poll_act(&mut self, now: Mono) -> Option<Act> {
        let overfull = self.held.len() > MAX_HELD;
        let ready = |held: &Held| held.after <= self.durable;
        let due = |held: &Held| ready(held) || held.until <= now;
        // Acts without a promise overtake: a red light does not wait for the disk.
        let n = if overfull { 0 } else { self.held.iter().position(due)? };
        let held = self.held.remove(n)?;
        if held.after <= self.durable {
            return Some(held.act);
        }
        if self.broken.is_none() {
            self.turned.push_back(LedgerPace::Slow);
        }
        self.broken = self.broken.max(Some(held.after));
        Some(held.act.degraded())
    }

    /// Whether the ledger has turned slow or has caught up since last asked.
    pub fn poll_pace(&mut self) -> Option<LedgerPace> {
        self.turned.pop_front()
    }

    /// When [`poll_act`](Self::poll_act) must be called again, though nothing else happens.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.held.front().map(|held| held.until)
    }
}

impl Act {
    /// The same act, honest about an entry that is not on disk yet.
    fn degraded(self) -> Self {
        match self {
            Self::Show { place, reader, .. } => Self::Show { place, reader, picture: Picture::Degraded },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{PlaceId, ReaderId};

    fn show(picture: Picture) -> Act {
        Act::Show { place: PlaceId::try_new("gate").unwrap(), reader: ReaderId::try_new("in").unwrap(), picture }
    }

    fn promise(after: u64) -> Action {
        Action { after: Some(Seq(after)), act: show(Picture::Welcome) }
    }

    #[test]
    fn green_waits_for_the_disk() {
        let mut book = PromiseBook::default();
        book.hold(Mono(0), promise(7));
        book.handle_durable(Seq(6));
        assert_eq!(book.poll_act(Mono(149)), None);
        book.handle_durable(Seq(7));
        assert_eq!(book.poll_act(Mono(149)), Some(show(Picture::Welcome)));
        assert_eq!(book.poll_pace(), None);
    }

    #[test]
    fn after_150_ms_people_pass_with_amber_and_it_is_told_once() {
        let mut book = PromiseBook::default();
        book.hold(Mono(0), promise(7));
        book.hold(Mono(1), promise(8));
        assert_eq!(book.poll_timeout(), Some(Mono(150)));
        assert_eq!(book.poll_act(Mono(151)), Some(show(Picture::Degraded)));
        assert_eq!(book.poll_act(Mono(151)), Some(show(Picture::Degraded)));
        assert_eq!(book.poll_pace(), Some(LedgerPace::Slow));
        assert_eq!(book.poll_pace(), None);
        book.handle_durable(Seq(7));
        assert_eq!(book.poll_pace(), None, "8 is still only in memory");
        book.handle_durable(Seq(8));
        assert_eq!(book.poll_pace(), Some(LedgerPace::CaughtUp));
    }

    #[test]
    fn red_does_not_wait_behind_green() {
        let mut book = PromiseBook::default();
        book.hold(Mono(0), promise(7));
        book.hold(Mono(0), Action { after: None, act: show(Picture::SeeTeacher) });
        assert_eq!(book.poll_act(Mono(0)), Some(show(Picture::SeeTeacher)));
        assert_eq!(book.poll_act(Mono(0)), None);
    }

    #[test]
    fn the_book_is_bounded_and_lets_the_oldest_go() {
        let mut book = PromiseBook::default();
        for seq in 1..=MAX_HELD as u64 + 1 {
            book.hold(Mono(0), promise(seq));
        }
        assert_eq!(book.poll_act(Mono(0)), Some(show(Picture::Degraded)));
        assert_eq!(book.poll_act(Mono(0)), None);
        assert_eq!(book.poll_pace(), Some(LedgerPace::Slow));
    }
}
