//! Whatever people do at gates, desks and the canteen: the ledger alone gives the same state, nothing that is due is left,
//! and nobody leaves who may not.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use proptest::prelude::*;
use schoolgate_core::{
    credential::CredentialId,
    entry::{ENTRY_VERSION, Entry, PassId, Recipient, Tap, What},
    id::{GuardianId, StudentId},
    policy::{AntiPassback, Policy},
    roster::{Document, Restriction, Validity},
    school::{Input, Order},
    state::Whereabouts,
    time::Stamp,
};

use crate::support::{
    Day, card, guardian, place, reader, service,
    service::{hours, staff},
    student,
    turn::Turn,
};

const STUDENTS: [&str; 3] = ["ming", "hong", "lei"];
const HOLDERS: [&str; 12] =
    ["ming", "hong", "lei", "grandmother", "mother", "uncle", "aunt", "electrician", "expired", "li", "sun", "zhou"];
const READERS: [&str; 9] =
    ["east-gate", "east-in", "east-out", "west-gate", "desk", "canteen", "room-1", "room-2", "playground"];

#[derive(Clone, Debug)]
enum Step {
    Tap(usize, usize),
    Cloned(usize, usize),
    Pass(usize, usize),
    Confirm(usize),
    Leave(usize, u16, u16, bool),
    Roster(bool),
    Turn(Turn),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => (0..HOLDERS.len(), 0..READERS.len()).prop_map(|(holder, at)| Step::Tap(holder, at)),
        1 => (0..HOLDERS.len(), 0..READERS.len()).prop_map(|(holder, at)| Step::Cloned(holder, at)),
        3 => (0..STUDENTS.len(), 0..READERS.len()).prop_map(|(who, at)| Step::Pass(who, at)),
        4 => (0..STUDENTS.len()).prop_map(Step::Confirm),
        2 => (0..STUDENTS.len(), 0..24u16, 0..24u16, any::<bool>())
            .prop_map(|(who, from, until, alone)| Step::Leave(who, from, until, alone)),
        1 => any::<bool>().prop_map(Step::Roster),
        8 => prop_oneof![0..4_000u64, 0..60_000u64, 0..3_000_000u64, 0..90_000_000u64].prop_map(Turn::Wait).prop_map(Step::Turn),
        1 => Just(Step::Turn(Turn::Reboot)),
        1 => (0..3u8).prop_map(Turn::Clock).prop_map(Step::Turn),
    ]
}

fn document(anti_passback: AntiPassback, mother_restricted: bool) -> Document {
    let mut document = service::document();
    let (release, dinner) = (Some(hours("16:30", "20:30")), Some(hours("17:00", "19:00")));
    document.policy = Policy { anti_passback, release_hours: release, dinner_hours: dinner, ..Policy::default() };
    if mother_restricted {
        let (student, guardian) = (student("ming"), guardian("mother"));
        document.restrictions.push(Restriction { student, guardian, valid: Validity::ALWAYS });
    }
    document
}

struct World {
    day: Day,
    now: Stamp,
    anti_passback: AntiPassback,
    mother_restricted: bool,
}

impl World {
    fn take(&mut self, step: &Step) {
        let input = match *step {
            Step::Tap(holder, at) => {
                Input::Tap { reader: reader(READERS[at]), credential: card(HOLDERS[holder]), proof: Default::default() }
            }
            Step::Cloned(holder, at) => {
                Input::Cloned { reader: reader(READERS[at]), credential: card(HOLDERS[holder]) }
            }
            Step::Pass(who, at) => return self.show_pass(STUDENTS[who], READERS[at]),
            Step::Confirm(who) => {
                Input::Order { staff: staff("li"), order: Order::ConfirmRelease { student: student(STUDENTS[who]) } }
            }
            Step::Leave(who, from, until, alone) => {
                let hours = hours(&format!("{from:02}:00"), &format!("{until:02}:00"));
                let order = Order::ApproveLeave { student: student(STUDENTS[who]), hours, alone };
                Input::Order { staff: staff("zhao"), order }
            }
            Step::Roster(restricted) => {
                self.mother_restricted = restricted;
                let document = document(self.anti_passback, restricted);
                let digest = format!("{restricted}");
                let roster = schoolgate_core::roster::Roster::try_new(document).unwrap();
                Input::Roster { roster: roster.into(), digest }
            }
            Step::Turn(ref turn) => turn.take(&mut self.now),
        };
        let outcome = self.day.give_at(self.now, input);
        assert!(outcome.promises_are_kept(), "{outcome:?}");
        if let Some(timeout) = self.day.school.poll_timeout() {
            assert!(timeout.at > self.now.mono, "what is due has been dealt with: {timeout:?}");
        }
        outcome.entries.iter().for_each(|what| self.check(what));
        self.custody_holds();
    }

    /// A pass that was good when it was shown.
    fn show_pass(&mut self, who: &str, at: &str) {
        let state = self.day.school.state();
        if !state.presence(&student(who)).is_some_and(|presence| presence.in_care()) {
            return;
        }
        let (giver, day) = (if who == "lei" { "aunt" } else { "grandmother" }, service::day(service::TODAY));
        let pass = PassId { student: student(who), day, serial: 1, guardian: guardian(giver) };
        let site = crate::support::site();
        let place = site.place_of(&reader(at)).unwrap().0.clone();
        let tap = Tap { place, reader: reader(at), credential: CredentialId([7; 16]), proof: Default::default() };
        let what = What::PassShown { pass, tap };
        let entry = Entry { v: ENTRY_VERSION, seq: state.last().next(), at: self.now, what };
        self.day.school.replay(&entry).unwrap();
        self.day.entries.push(entry);
    }

    fn check(&self, what: &What) {
        match what {
            What::Released { student, to: Recipient::Guardian(guardian), .. } => self.may_fetch(student, guardian),
            What::Released { student, to: Recipient::Delegate(pass), .. } => self.may_fetch(student, &pass.guardian),
            What::Released { student, to: Recipient::Alone, .. } => {
                assert!(self.now.clock.is_set(), "{student} goes alone, and nobody knows at what time");
            }
            What::Left { released, .. } => {
                let release = &self.day.entries[usize::try_from(released.0).unwrap() - 1];
                assert!(matches!(release.what, What::Released { .. }), "nobody leaves without a release");
            }
            What::LeaveApproved { hours, .. } => assert!(hours.from <= hours.until),
            _ => {}
        }
    }

    fn may_fetch(&self, child: &StudentId, who: &GuardianId) {
        assert_ne!(*who, guardian("uncle"), "a restriction beats every authorisation");
        assert!(!(self.mother_restricted && *who == guardian("mother") && *child == student("ming")));
        assert!(self.day.school.roster().link(child, who).is_some());
    }

    fn custody_holds(&self) {
        let state = self.day.school.state();
        let here = STUDENTS.iter().filter_map(|who| state.presence(&student(who)));
        let here = here.filter(|presence| presence.whereabouts != Whereabouts::OffCampus);
        assert_eq!(state.on_campus(), here.clone().count());
        for presence in here {
            assert!(presence.left_by.is_none(), "who is here has not left: {presence:?}");
            assert!(presence.in_care() || presence.calls.is_empty() && presence.waiting.is_none(), "{presence:?}");
        }
        let known = [
            place("east-gate"),
            place("west-gate"),
            place("desk"),
            place("canteen"),
            place("room-1"),
            place("room-2"),
            place("playground"),
        ];
        assert!(state.calls().values().all(|call| known.contains(&call.tap.place) && !call.students.is_empty()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn nobody_leaves_who_may_not_and_the_ledger_alone_gives_the_same_state(
        strict in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let anti_passback = if strict { AntiPassback::Refuse } else { AntiPassback::LetThrough };
        let day = Day::of(document(anti_passback, false));
        let mut world = World { day, now: crate::support::at("15:30"), anti_passback, mother_restricted: false };
        for step in &steps {
            world.take(step);
        }
        prop_assert_eq!(world.day.replayed(), world.day.school.state().clone());
        let raised = |kind: &str| world.day.entries.iter().filter(|e| e.what.kind() == kind).count();
        prop_assert_eq!(raised("alarm_raised"), raised("alarm_ended") + world.day.school.state().alarms().len());
    }
}
