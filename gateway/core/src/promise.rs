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
    /// Those that promise something, in the order of their entries: in a rush there are hundreds, so only the first is ever
    /// looked at.
    promises: VecDeque<Promise>,
    /// Those that may be done at once. They overtake: a red light does not wait for the disk.
    free: VecDeque<Held>,
    /// So many were held.
    count: u64,
    durable: Seq,
    /// The last entry whose promise was let go before it was on disk.
    broken: Option<Seq>,
    turned: VecDeque<LedgerPace>,
}

#[derive(Debug)]
struct Promise {
    until: Mono,
    after: Seq,
    held: Held,
}

#[derive(Debug)]
struct Held {
    /// Which it was, of all.
    number: u64,
    act: Act,
}

impl PromiseBook {
    /// Takes an action; it comes back from [`poll_act`](Self::poll_act) when it may be done.
    pub fn hold(&mut self, now: Mono, action: Action) {
        self.count += 1;
        let held = Held { number: self.count, act: action.act };
        let after = action.after.unwrap_or_default();
        if after <= self.durable {
            return self.free.push_back(held);
        }
        // One that promises less than the one before it waits for that one's entry: they become durable together.
        let after = self.promises.back().map_or(after, |last| last.after.max(after));
        self.promises.push_back(Promise { until: now.plus(PROMISE_WAIT), after, held });
    }

    /// Everything up to this entry is on disk.
    pub fn handle_durable(&mut self, through: Seq) {
        self.durable = self.durable.max(through);
        if self.broken.is_some_and(|seq| seq <= self.durable) {
            self.broken = None;
            self.turned.push_back(LedgerPace::CaughtUp);
        }
    }

    /// The next act that may be done now: of those that may, the one that was held first.
    pub fn poll_act(&mut self, now: Mono) -> Option<Act> {
        let overfull = self.promises.len() > MAX_HELD;
        let is_due = |first: &Promise| first.after <= self.durable || first.until <= now || overfull;
        let due = self.promises.front().filter(|first| is_due(first)).map(|first| first.held.number);
        let free = self.free.front().map(|first| first.number);
        if due.is_none_or(|due| free.is_some_and(|free| free < due)) {
            return Some(self.free.pop_front()?.act);
        }
        let Promise { after, held, .. } = self.promises.pop_front()?;
        if after <= self.durable {
            return Some(held.act);
        }
        if self.broken.is_none() {
            self.turned.push_back(LedgerPace::Slow);
        }
        self.broken = self.broken.max(Some(after));
        Some(held.act.degraded())
    }

    /// Whether the ledger has turned slow or has caught up since last asked.
    pub fn poll_pace(&mut self) -> Option<LedgerPace> {
        self.turned.pop_front()
    }

    /// When [`poll_act`](Self::poll_act) must be called again, though nothing else happens.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.promises.front().map(|first| first.until)
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
    use alloc::format;

    use proptest::prelude::*;

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
    fn what_may_be_done_is_done_in_the_order_in_which_it_was_held() {
        let mut book = PromiseBook::default();
        book.hold(Mono(0), promise(7));
        book.handle_durable(Seq(7));
        book.hold(Mono(0), Action { after: None, act: show(Picture::SeeTeacher) });
        assert_eq!(book.poll_act(Mono(0)), Some(show(Picture::Welcome)));
        assert_eq!(book.poll_act(Mono(0)), Some(show(Picture::SeeTeacher)));
    }

    proptest! {
        #[test]
        fn promises_are_kept_or_let_go_in_their_order(steps in prop::collection::vec((0..4_u8, 0..20_u64), 1..200)) {
            let (mut book, mut now, mut durable, mut given) = (PromiseBook::default(), 0, 0, 0_u64);
            let (mut waiting, mut is_slow) = (VecDeque::new(), false);
            for (what, n) in steps {
                match what {
                    0 | 1 => {
                        given += 1;
                        // The place tells the acts apart.
                        book.hold(Mono(now), Action { after: Some(Seq(n)), act: Act::Show {
                            place: PlaceId::try_new(&format!("gate-{given}")).unwrap(),
                            reader: ReaderId::try_new("in").unwrap(),
                            picture: Picture::Welcome,
                        }});
                        waiting.push_back((given, n, now));
                    }
                    2 => {
                        durable = durable.max(n);
                        book.handle_durable(Seq(durable));
                    }
                    _ => now += n * 5,
                }
                let mut last_promise = 0;
                while let Some(act) = book.poll_act(Mono(now)) {
                    let Act::Show { place, picture, .. } = act else { panic!("{act:?}") };
                    let at = waiting.iter().position(|(given, ..)| format!("gate-{given}") == place.as_str()).unwrap();
                    let (number, after, since) = waiting.remove(at).unwrap();
                    if after > durable {
                        prop_assert_eq!(&picture, &Picture::Degraded);
                        prop_assert!(now >= since + 150);
                        is_slow = true;
                    }
                    prop_assert!(number > last_promise, "what may be done now is done in order");
                    last_promise = number;
                }
                prop_assert!(waiting.iter().all(|(.., since)| now < since + 150), "nobody waits longer");
                prop_assert_eq!(book.poll_timeout(), waiting.front().map(|(.., since)| Mono(since + 150)));
                while let Some(pace) = book.poll_pace() {
                    prop_assert!(is_slow || pace == LedgerPace::CaughtUp);
                }
            }
            book.handle_durable(Seq(20));
            prop_assert_eq!(core::iter::from_fn(|| book.poll_act(Mono(now))).count(), waiting.len());
        }
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
