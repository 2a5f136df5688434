//! Whatever happens, folding the ledger into an empty core gives the same state, and the invariants hold.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use proptest::prelude::*;
use schoolgate_core::{
    entry::{Consumer, Entry, Seq, What},
    promise::LedgerPace,
    school::{Input, School},
    state::{Custodian, State, Whereabouts},
    time::Stamp,
};

use crate::support::{Day, card, reader, site, student, turn::Turn};

const HOLDERS: [&str; 11] =
    ["ming", "hong", "lei", "grandmother", "mother", "uncle", "aunt", "lost", "blocked", "nobody", "somebody"];
const READERS: [&str; 4] = ["east-gate", "west-gate", "desk", "room-1"];

#[derive(Clone, Debug)]
enum Step {
    Tap(usize, usize),
    Reader(usize, bool),
    Ledger(bool),
    Delivered(bool, u64),
    Turn(Turn),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..HOLDERS.len(), 0..READERS.len()).prop_map(|(holder, at)| Step::Tap(holder, at)),
        2 => (0..READERS.len(), any::<bool>()).prop_map(|(at, up)| Step::Reader(at, up)),
        1 => any::<bool>().prop_map(Step::Ledger),
        2 => (any::<bool>(), 0..50u64).prop_map(|(notify, back)| Step::Delivered(notify, back)),
        8 => prop_oneof![0..4_000u64, 0..700_000u64, 0..90_000_000u64].prop_map(Turn::Wait).prop_map(Step::Turn),
        1 => Just(Step::Turn(Turn::Reboot)),
        1 => (0..3u8).prop_map(Turn::Clock).prop_map(Step::Turn),
    ]
}

struct World {
    day: Day,
    now: Stamp,
}

impl World {
    fn take(&mut self, step: &Step) {
        let input = match *step {
            Step::Tap(holder, at) => {
                Input::Tap { reader: reader(READERS[at]), credential: card(HOLDERS[holder]), proof: Default::default() }
            }
            Step::Reader(at, true) => Input::ReaderUp { reader: reader(READERS[at]) },
            Step::Reader(at, false) => Input::ReaderDown { reader: reader(READERS[at]), reason: "gone".into() },
            Step::Ledger(true) => Input::Ledger(LedgerPace::Slow),
            Step::Ledger(false) => Input::Ledger(LedgerPace::CaughtUp),
            Step::Delivered(notify, back) => {
                let consumer = if notify { Consumer::Notify } else { Consumer::Sync };
                Input::Delivered { consumer, through: Seq(self.day.school.state().last().0.saturating_sub(back)) }
            }
            Step::Turn(ref turn) => turn.take(&mut self.now),
        };
        let outcome = self.day.give_at(self.now, input);
        assert!(outcome.promises_are_kept(), "{outcome:?}");
        self.invariants(&outcome.entries);
    }

    fn invariants(&self, new: &[What]) {
        let state = self.day.school.state();
        let mut here = 0;
        for who in ["ming", "hong", "lei"] {
            let Some(presence) = state.presence(&student(who)) else { continue };
            let on_campus = presence.whereabouts != Whereabouts::OffCampus;
            here += usize::from(on_campus);
            let in_care = presence.whereabouts == Whereabouts::OnCampus(Custodian::GateDuty);
            assert!(in_care || presence.calls.is_empty() && presence.waiting.is_none(), "{presence:?}");
            assert!(presence.calls.iter().all(|call| state.calls().contains_key(call)), "{presence:?}");
        }
        assert_eq!(state.on_campus(), here);
        assert!(state.calls().values().all(|call| !call.students.is_empty()));
        for what in new {
            if let What::Left { released, .. } = what {
                let release = &self.day.entries[usize::try_from(released.0).unwrap() - 1];
                assert!(matches!(release.what, What::Released { .. }), "nobody leaves without a release");
            }
        }
        if let Some(timeout) = self.day.school.poll_timeout() {
            assert!(timeout.at > self.now.mono, "what is due has been dealt with: {timeout:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn folding_the_ledger_gives_the_same_state(steps in proptest::collection::vec(step(), 1..200)) {
        let day = Day::new();
        let now = crate::support::at("07:00");
        let mut world = World { day, now };
        for step in &steps {
            world.take(step);
        }
        prop_assert_eq!(world.day.replayed(), world.day.school.state().clone());
        let raised = |kind: &str| world.day.entries.iter().filter(|e| e.what.kind() == kind).count();
        prop_assert_eq!(raised("alarm_raised"), raised("alarm_ended") + world.day.school.state().alarms().len());
    }

    #[test]
    fn a_state_that_was_written_down_and_read_goes_on_as_if_nothing_had_been(
        steps in proptest::collection::vec(step(), 1..120),
        cut in 0.0..1.0f64,
    ) {
        let mut world = World { day: Day::new(), now: crate::support::at("07:00") };
        for step in &steps {
            world.take(step);
        }
        let entries = &world.day.entries;
        let (before, behind) = entries.split_at((entries.len() as f64 * cut) as usize);
        let mut state = State::default();
        before.iter().for_each(|entry| state.apply(entry).unwrap());

        let written = postcard::to_allocvec(&state).unwrap();
        let read: State = postcard::from_bytes(&written).unwrap();
        prop_assert_eq!(&read, &state);

        let mut school = School::new(site());
        school.resume(read);
        behind.iter().for_each(|entry| school.replay(entry).unwrap());
        prop_assert_eq!(school.state(), world.day.school.state());
    }

    #[test]
    fn bytes_that_are_no_state_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = postcard::from_bytes::<State>(&bytes);
    }

    #[test]
    fn bytes_from_outside_never_break_the_entry_parser(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Entry::decode(&bytes);
    }
}

#[test]
fn an_entry_out_of_order_is_refused_and_changes_nothing() {
    let day = Day::new();
    let mut school = School::new(site());
    assert!(school.replay(&day.entries[1]).is_err());
    assert_eq!(school.state(), School::new(site()).state());
    school.replay(&day.entries[0]).unwrap();
    assert!(school.replay(&day.entries[0]).is_err());
}
