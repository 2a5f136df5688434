use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::*;

/// A message is its entry's number and its place there.
type Note = (u64, usize);

fn window(limit: usize, letters: &[(u64, usize)]) -> Window<Note> {
    let mut window = Window::new(0, limit);
    for &(seq, count) in letters {
        assert!(window.take(seq, (0..count).map(|place| (seq, place))));
    }
    window
}

fn submit_all(window: &mut Window<Note>) -> Vec<Note> {
    let mut submitted = Vec::new();
    while let Some(turn) = window.next_turn() {
        let (position, note) = (turn.position, *turn.message);
        window.submitted(Ticket::Message(position));
        submitted.push(note);
    }
    submitted
}

fn deliver(window: &mut Window<Note>, packet_id: u16) {
    let Some(Ticket::Message(position)) = window.acknowledged(packet_id) else { panic!("not under way") };
    window.pass(position, Passed::Delivered);
}

#[test]
fn the_cursor_waits_for_the_oldest_message() {
    let mut window = window(10, &[(1, 1), (2, 2), (3, 0), (4, 1)]);
    assert_eq!(submit_all(&mut window), [(1, 0), (2, 0), (2, 1), (4, 0)]);
    assert!((1..=4).all(|id| window.sent(id)));
    deliver(&mut window, 4);
    deliver(&mut window, 3);
    assert_eq!(window.confirmed(), 0);
    deliver(&mut window, 1);
    assert_eq!(window.confirmed(), 1, "one message of entry 2 is still out");
    deliver(&mut window, 2);
    assert_eq!(window.confirmed(), 4, "and the entry that tells nobody anything is passed with it");
}

#[test]
fn entries_that_tell_nobody_anything_are_confirmed_when_nothing_is_open_before_them() {
    let window = window(10, &[(1, 0), (2, 0)]);
    assert_eq!(window.confirmed(), 2);
}

#[test]
fn after_a_rewind_delivered_messages_follow_again_but_dropped_ones_do_not() {
    let mut window = window(10, &[(1, 1), (2, 1), (3, 1), (4, 1)]);
    submit_all(&mut window);
    assert!((1..=4).all(|id| window.sent(id)));
    deliver(&mut window, 1);
    deliver(&mut window, 4);
    let Some(Ticket::Message(third)) = window.acknowledged(3) else { panic!() };
    window.pass(third, Passed::Dropped);
    window.rewind();
    assert_eq!(submit_all(&mut window), [(2, 0), (4, 0)]);
}

#[test]
fn the_availability_takes_a_place_but_moves_no_cursor() {
    let mut window = window(2, &[(1, 2)]);
    window.submitted(Ticket::Availability);
    assert_eq!(submit_all(&mut window), [(1, 0)]);
    assert!(window.sent(7));
    assert_eq!(window.acknowledged(7), Some(Ticket::Availability));
    assert_eq!(window.acknowledged(7), None);
    assert_eq!(window.confirmed(), 0);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let mut window = window(2, &[(5, 1)]);
    assert!(!window.take(5, [(5, 0)]), "an entry read before");
    assert!(!window.sent(1), "nothing was submitted");
    submit_all(&mut window);
    assert!(window.sent(1));
    window.submitted(Ticket::Availability);
    assert!(!window.sent(1), "the identifier is under way");
    assert_eq!(window.acknowledged(9), None);
    assert_eq!(window.acknowledged(0), None);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Submit,
    Send,
    /// The n-th of those under way is acknowledged.
    Deliver(usize),
    Drop(usize),
    /// The broker answers, but will not have it now: what is under way is sent again.
    HoldBack(usize),
    Disconnect,
    Limit(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Submit),
        4 => Just(Step::Send),
        6 => (0usize..64).prop_map(Step::Deliver),
        1 => (0usize..64).prop_map(Step::Drop),
        1 => (0usize..64).prop_map(Step::HoldBack),
        1 => Just(Step::Disconnect),
        1 => (0usize..12).prop_map(Step::Limit),
    ]
}

/// A window, a broker that remembers, and the check that the one never claims more than the other has.
struct Check {
    window: Window<Note>,
    letters: Vec<usize>,
    read: usize,
    limit: usize,
    under_way: Vec<(u16, Note, Position)>,
    queued: VecDeque<(Note, Position)>,
    next_packet_id: u16,
    done: BTreeSet<Note>,
    first_seen: Vec<Note>,
    confirmed: u64,
}

impl Check {
    fn new(letters: Vec<usize>) -> Self {
        Self {
            window: Window::new(0, 4),
            letters,
            read: 0,
            limit: 4,
            under_way: Vec::new(),
            queued: VecDeque::new(),
            next_packet_id: 1,
            done: BTreeSet::new(),
            first_seen: Vec::new(),
            confirmed: 0,
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Submit => self.submit(),
            Step::Send => self.send(),
            Step::Deliver(nth) => self.answer(nth, Some(Passed::Delivered)),
            Step::Drop(nth) => self.answer(nth, Some(Passed::Dropped)),
            Step::HoldBack(nth) => {
                self.answer(nth, None);
                self.disconnect();
            }
            Step::Disconnect => self.disconnect(),
            Step::Limit(limit) => {
                self.limit = limit.max(1);
                self.window.set_limit(limit);
            }
        }
        self.check();
    }

    fn read(&mut self) {
        let wanted = self.window.letters_wanted().unwrap_or(0);
        for _ in 0..wanted.min(self.letters.len() - self.read) {
            let seq = self.read as u64 + 1;
            assert!(self.window.take(seq, (0..self.letters[self.read]).map(|place| (seq, place))));
            self.read += 1;
        }
    }

    fn submit(&mut self) {
        self.read();
        while let Some(turn) = self.window.next_turn() {
            let (position, note) = (turn.position, *turn.message);
            assert_eq!(turn.is_repeat, self.first_seen.contains(&note));
            self.window.submitted(Ticket::Message(position));
            self.queued.push_back((note, position));
            if !self.first_seen.contains(&note) {
                self.first_seen.push(note);
            }
            assert!(self.window.in_flight() <= self.limit);
        }
    }

    fn send(&mut self) {
        let Some((note, position)) = self.queued.pop_front() else {
            return;
        };
        while self.under_way.iter().any(|(id, ..)| *id == self.next_packet_id) {
            self.next_packet_id = self.next_packet_id % 100 + 1;
        }
        assert!(self.window.sent(self.next_packet_id));
        self.under_way.push((self.next_packet_id, note, position));
    }

    fn answer(&mut self, nth: usize, how: Option<Passed>) {
        if self.under_way.is_empty() {
            return;
        }
        let (id, note, position) = self.under_way.remove(nth % self.under_way.len());
        assert_eq!(self.window.acknowledged(id), Some(Ticket::Message(position)));
        if let Some(how) = how {
            self.window.pass(position, how);
            self.done.insert(note);
        }
    }

    fn disconnect(&mut self) {
        self.window.rewind();
        self.queued.clear();
        self.under_way.clear();
        assert_eq!(self.window.in_flight(), 0);
    }

    fn check(&mut self) {
        let confirmed = self.window.confirmed();
        assert!(confirmed >= self.confirmed, "the cursor went back");
        for seq in self.confirmed + 1..=confirmed {
            for place in 0..self.letters[seq as usize - 1] {
                assert!(self.done.contains(&(seq, place)), "confirmed without an answer: {seq} {place}");
            }
        }
        self.confirmed = confirmed;
        assert_eq!(self.window.in_flight(), self.queued.len() + self.under_way.len());
    }

    /// From here on all goes well.
    fn finish(&mut self) {
        self.run(Step::Disconnect);
        for _ in 0..10_000 {
            self.run(Step::Submit);
            self.run(Step::Send);
            self.run(Step::Deliver(0));
            if self.confirmed == self.letters.len() as u64 {
                return;
            }
        }
        panic!("stuck at {} of {}", self.confirmed, self.letters.len());
    }
}

proptest! {
    #[test]
    fn nothing_is_confirmed_unanswered_nothing_skipped_and_all_is_confirmed_in_the_end(
        letters in vec(0usize..4, 0..60), steps in vec(step(), 0..300),
    ) {
        let mut check = Check::new(letters);
        for step in steps {
            check.run(step);
        }
        check.finish();
        let all: Vec<Note> =
            (1..).zip(&check.letters).flat_map(|(seq, count)| (0..*count).map(move |place| (seq, place))).collect();
        prop_assert_eq!(&check.first_seen, &all, "first sent in the order of the ledger");
    }

    #[test]
    fn any_packet_identifier_is_harmless(ids in vec((any::<u16>(), any::<bool>()), 0..50)) {
        let mut window = window(8, &[(1, 8)]);
        submit_all(&mut window);
        for (id, sent) in ids {
            if sent { let _ = window.sent(id); } else { window.acknowledged(id); }
        }
        prop_assert_eq!(window.confirmed(), 0);
    }
}
