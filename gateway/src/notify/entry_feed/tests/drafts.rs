//! What is made ready while the disk is busy: told when the disk has it, and as it would be told without.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::RangeInclusive,
};

use proptest::prelude::*;

use super::*;

/// A desk whose disk takes its time: it has what it is told to have.
struct Gate {
    desk: Desk,
    fresh: FreshEntries,
    on_its_way: VecDeque<Entry>,
}

impl Gate {
    fn open() -> Self {
        let (mut desk, fresh) = (Desk::open(), FreshEntries::default());
        desk.feed = desk.feed.with_fresh_entries(fresh.clone());
        Self { desk, fresh, on_its_way: VecDeque::new() }
    }

    /// Ming has come, and that was told: up to that entry.
    fn with_ming() -> (Self, u64) {
        let mut gate = Self::open();
        gate.tap(0, 1);
        let last = gate.durable(true);
        assert_eq!(gate.desk.letters(0).last().unwrap().0, last);
        (gate, last)
    }

    /// A card is presented in the evening, so many milliseconds after it began.
    fn tap(&mut self, ms: u64, of: u8) {
        let (reader, at) = (ReaderId::try_new("in").unwrap(), stamp("17:50", 36_600_000 + ms));
        self.desk.clock.set(at);
        self.desk.school.handle(at, Input::Tap { reader, credential: card(of), proof: Default::default() });
        while let Some(entry) = self.desk.school.poll_entry() {
            self.leave(entry);
        }
    }

    fn leave(&mut self, entry: Entry) {
        self.fresh.leave(entry.clone());
        self.on_its_way.push_back(entry);
    }

    /// The feed is called to what was left, and looks at it if it may.
    fn draft(&mut self) {
        self.fresh.call();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.desk.feed.changed() => {}
                () = std::future::ready(()) => {}
            }
        });
    }

    /// More is on disk: everything, or one entry. Says what is.
    fn durable(&mut self, all: bool) -> u64 {
        let ready = if all { self.on_its_way.len() } else { self.on_its_way.len().min(1) };
        let through = self.last() - (self.on_its_way.len() - ready) as u64;
        self.reach_disk(through);
        through
    }

    fn reach_disk(&mut self, through: u64) {
        while let Some(entry) = self.on_its_way.pop_front_if(|entry| entry.seq.0 <= through) {
            self.desk.ledger.append(entry.seq.0, entry.encode().unwrap().into()).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.desk.ledger.durable().wait_for(|durable| durable.through >= through)).unwrap();
    }

    fn last(&self) -> u64 {
        self.desk.school.state().last().0
    }

    fn drafted(&self) -> usize {
        self.desk.feed.drafts.durable(u64::MAX)
    }

    /// What a guardian may see of Ming after each of these entries.
    fn seen(&self, after: RangeInclusive<u64>) -> Vec<Value> {
        let (roster, mut state, mut seen) = (roster(), State::default(), Vec::new());
        for record in self.desk.ledger.reader().read(1, usize::MAX, usize::MAX).unwrap() {
            let entry = Entry::decode(&record.body).unwrap();
            state.apply(&entry).unwrap();
            if after.contains(&record.seq) {
                let children = notice::statuses(&GuardianId::try_new("g1").unwrap(), &state, &roster, &entry.at);
                seen.push(serde_json::to_value(&children[0]).unwrap()["state"].clone());
            }
        }
        seen
    }
}

#[test]
fn a_draft_is_told_when_it_is_on_disk_and_says_what_would_be_said_without_it() {
    let told = |drafts: bool| {
        let (mut gate, mut after) = Gate::with_ming();
        let mut all = Vec::new();
        for (ms, of) in [(600_000, 1), (600_100, 2), (700_000, 1)] {
            gate.tap(ms, of);
            if drafts {
                gate.draft();
                assert_eq!(gate.drafted() as u64, gate.last() - after);
                assert!(gate.desk.letters(after).is_empty(), "not on disk");
            }
            gate.durable(true);
            let letters = gate.desk.letters(after);
            assert_eq!(gate.drafted(), 0);
            after = letters.last().unwrap().0;
            all.extend(letters);
        }
        all
    };
    let with_drafts = told(true);
    assert!(sent(&with_drafts, "/event").any(|event| event["event"] == "released"));
    assert!(sent(&with_drafts, "/status").count() > 2 && sent(&with_drafts, "east-gate/event").count() > 2);
    // Read together, the earlier entry's status is left to the later one; made one after the other, each has its own.
    let but_status = |letters: Vec<(u64, Vec<(String, Value)>)>| -> Vec<_> {
        let events = |(seq, messages): (u64, Vec<(String, Value)>)| {
            (seq, messages.into_iter().filter(|(topic, _)| !topic.ends_with("/status")).collect::<Vec<_>>())
        };
        letters.into_iter().map(events).collect()
    };
    let without = told(false);
    assert_eq!(sent(&with_drafts, "/status").last(), sent(&without, "/status").last());
    assert_eq!(but_status(with_drafts), but_status(without));
}

#[test]
fn after_a_lost_connection_nothing_is_told_by_a_state_that_is_ahead_of_the_disk() {
    let (mut gate, told) = Gate::with_ming();
    gate.tap(600_000, 2);
    gate.tap(600_100, 1); // fetched: not on disk
    gate.draft();
    assert!(gate.drafted() > 0);

    assert!(gate.desk.letters(0).is_empty(), "a status would say that he is gone");
    gate.tap(1_200_000, 1);
    gate.draft();
    assert!(gate.desk.letters(0).is_empty());
    while gate.durable(false) < gate.desk.feed.state.last().0 {
        assert!(gate.desk.letters(0).is_empty());
    }
    let letters = gate.desk.letters(0);
    assert!(
        letters.last().unwrap().0 > told
            && sent(&letters, "/status").all(|s| s["children"][0]["state"] == "off_campus")
    );
    assert_eq!(gate.desk.feed.state.last().0, letters.last().unwrap().0);
    gate.durable(true);
    assert_eq!(gate.desk.letters(letters.last().unwrap().0).last().unwrap().0, gate.last(), "and it goes on");
}

#[test]
fn what_was_drafted_by_an_older_roster_is_told_by_the_new_one() {
    let (mut gate, told) = Gate::with_ming();
    gate.tap(600_000, 2);
    gate.tap(600_100, 1);
    gate.draft();
    assert!(gate.drafted() > 0);
    let mut document = document();
    document.guardians[0].token = GuardianToken::try_new("another-token-0123456789").unwrap();
    gate.desk._roster.send_replace(Arc::new(Roster::try_new(document).unwrap()));
    gate.durable(true);
    let letters = gate.desk.letters(told);
    assert!(sent(&letters, "another-token-0123456789/event").count() > 0);
    assert_eq!(sent(&letters, "token-g1-0123456789/event").count(), 0);
}

#[test]
fn a_draft_that_the_disk_kept_waiting_is_told_by_what_is_so_then() {
    for (waited_ms, told_events) in [(900, 2), (11 * 60_000, 0)] {
        let (mut gate, told) = Gate::with_ming();
        let at = stamp("17:55", 36_900_000);
        gate.desk.clock.set(at);
        let what = What::Waiting { student: ming(), tap: at_gate(1) };
        gate.leave(Entry { v: ENTRY_VERSION, seq: Seq(told + 1), at, what });
        gate.draft();
        assert_eq!(gate.drafted(), 1);
        gate.desk.clock.set(Stamp { mono: Mono(at.mono.0 + waited_ms), ..at });
        gate.reach_disk(told + 1);
        let letters = gate.desk.letters(told);
        let waits = sent(&letters, "/event").filter(|event| event["event"] == "ready_for_pickup");
        assert_eq!(waits.count(), told_events, "after {waited_ms} ms");
    }
}

#[test]
fn who_waits_for_the_disk_sleeps_until_it_has_more() {
    let mut gate = Gate::open();
    gate.tap(0, 1);
    let told = gate.durable(true);
    while gate.desk.feed.letters_after(0, 100).unwrap().last().is_none_or(|letter| letter.seq < told) {}
    gate.tap(600_000, 2);
    gate.tap(600_100, 1);
    gate.draft();
    for _ in 0..2 {
        assert!(gate.desk.feed.letters_after(told, 100).unwrap().is_empty());
        assert!(!gate.desk.feed.may_have_more());
        assert!(gate.desk.feed.letters_after(0, 100).unwrap().is_empty(), "the connection was lost");
        assert!(!gate.desk.feed.may_have_more());
        gate.durable(false);
    }
}

#[test]
fn who_drafts_goes_on_with_the_state_that_the_shell_has_left() {
    let (mut gate, _) = Gate::with_ming();
    let same = SameState::default();
    gate.desk.feed = gate.desk.feed.with_same_state(same.clone());
    same.leave(gate.desk.school.state().clone());
    gate.tap(600_000, 4); // a guardian who is turned away: nothing changes for the child
    gate.draft();
    assert!(gate.drafted() > 0);
    let [shells, feeds] =
        [gate.desk.school.state(), &gate.desk.feed.state].map(|state| state.presence(&ming()).unwrap());
    assert!(std::ptr::eq(shells, feeds), "what is known of a child is held once");
}

#[test]
fn no_more_are_drafted_than_are_told_at_once_and_the_rest_is_read() {
    let (mut gate, mut after) = Gate::with_ming();
    let at = stamp("17:55", 36_900_000);
    for n in 1..=60 {
        let what = What::Waiting { student: ming(), tap: at_gate(1) };
        gate.leave(Entry { v: ENTRY_VERSION, seq: Seq(after + n), at, what });
    }
    gate.desk.clock.set(at);
    gate.draft();
    assert_eq!(gate.drafted(), AT_ONCE);
    let last = after + 60;
    gate.reach_disk(last);
    for letter in gate.desk.letters(after) {
        assert_eq!(letter.0, after + 1);
        after = letter.0;
    }
    assert_eq!(after, last);
}

#[derive(Clone, Debug)]
enum Step {
    Tap { of: u8, soon: bool },
    Draft,
    Durable { all: bool },
    Read { at_once: usize },
    LoseConnection { back: u64 },
    WaitASecond,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..=4_u8, any::<bool>()).prop_map(|(of, soon)| Step::Tap { of, soon }),
        4 => Just(Step::Draft),
        3 => any::<bool>().prop_map(|all| Step::Durable { all }),
        4 => (1..5_usize).prop_map(|at_once| Step::Read { at_once }),
        1 => (0..6_u64).prop_map(|back| Step::LoseConnection { back }),
        1 => Just(Step::WaitASecond),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_comes_between_every_entry_is_told_in_its_turn_and_none_before_it_is_on_disk(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let (mut gate, from) = Gate::with_ming();
        let (mut ms, mut after) = (0, from);
        let mut told: Vec<(u64, Vec<(String, Value)>)> = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let last = [Step::Durable { all: true }, Step::Read { at_once: 3 }];
        for step in steps.into_iter().chain(last) {
            match step {
                Step::Tap { of, soon } => {
                    ms += if soon { 100 } else { 60_000 };
                    gate.tap(ms, of);
                }
                Step::Draft => gate.draft(),
                Step::Durable { all } => { gate.durable(all); }
                Step::Read { at_once } => {
                    let _inside = runtime.enter();
                    let through = gate.desk.ledger.durable().borrow().through;
                    for (seq, messages) in gate.desk.letters_by(after, at_once) {
                        prop_assert_eq!(seq, after + 1);
                        prop_assert!(seq <= through);
                        for (topic, status) in messages.iter().filter(|(topic, _)| topic.ends_with("/status")) {
                            let seen = gate.seen(seq..=through);
                            let shown = &status["children"][0]["state"];
                            prop_assert!(seen.contains(shown), "{topic}: {status}, not of {seen:?}");
                        }
                        after = seq;
                        told.push((seq, messages));
                    }
                }
                Step::LoseConnection { back } => after = from.max(after.saturating_sub(back)),
                Step::WaitASecond => {
                    ms += 1_000;
                    gate.desk.clock.set(stamp("17:50", 36_600_000 + ms));
                }
            }
        }
        prop_assert_eq!(after, gate.last());
        // Told again now, some of it is over; whatever is still told was told before.
        let names = |letters: &[(u64, Vec<(String, Value)>)]| -> BTreeSet<(String, String)> {
            let name = |(topic, message): &(String, Value)| (topic.clone(), message["id"].to_string());
            let all = letters.iter().flat_map(|(_, messages)| messages);
            all.filter(|(topic, _)| !topic.ends_with("/status")).map(name).collect()
        };
        let again = { let _inside = runtime.enter(); gate.desk.letters_by(from, 100) };
        prop_assert!(names(&told).is_superset(&names(&again)), "{told:?}, but {again:?}");

        gate.tap(ms + 7_200_000, 4);
        gate.draft();
        prop_assert!(gate.drafted() > 0, "it goes on");
    }
}
