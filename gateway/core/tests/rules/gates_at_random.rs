//! Passes, codes, doors, beams, sensors and musters in any order: no panic, no deadline left undealt with, and the ledger
//! alone gives the same state.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use proptest::prelude::*;
use schoolgate_core::{
    action::Act,
    alarm::Alarm,
    entry::{OpenCause, PassId, Recipient, What},
    id::PassKeyId,
    muster,
    pass::Pass,
    roster::Holder,
    school::{Input, Order, School},
    site::Direction,
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};

use crate::support::{Day, PASS_SECRET, card, guardian, passes, place, reader, school_id, service, site, student};

const PLACES: [&str; 5] = ["east-gate", "west-gate", "desk", "room-1", "playground"];
const PEOPLE: [&str; 7] = ["ming", "hong", "lei", "grandmother", "mother", "li", "nobody"];
const STAFF: [&str; 3] = ["zhao", "li", "chen"];
const PASSES: [(&str, &str, u8); 5] = [
    ("ming", "mother", 0),
    ("ming", "mother", 1),
    ("hong", "grandmother", 0),
    ("ming", "uncle", 0),
    ("lei", "aunt", 3),
];

#[derive(Clone, Debug)]
enum Step {
    Tap(usize, usize),
    Pass(usize, usize),
    Text(usize, String),
    Code(usize, usize),
    Digits(usize, String),
    Revoke(usize),
    Door(usize, bool),
    Passage(usize),
    Exit(usize),
    Sensor(usize, bool),
    Fire(bool),
    Panic(usize),
    Start(usize, bool),
    Safe(usize),
    End(usize),
    Wait(u64),
    Restart,
    Reboot,
    Clock(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..PLACES.len();
    prop_oneof![
        8 => (0..PEOPLE.len(), at.clone()).prop_map(|(who, at)| Step::Tap(who, at)),
        6 => (0..PASSES.len(), at.clone()).prop_map(|(pass, at)| Step::Pass(pass, at)),
        1 => (at.clone(), "\\PC{0,40}").prop_map(|(at, text)| Step::Text(at, text)),
        6 => (0..PASSES.len(), at.clone()).prop_map(|(pass, at)| Step::Code(pass, at)),
        2 => (at.clone(), "[0-9]{7,9}").prop_map(|(at, digits)| Step::Digits(at, digits)),
        1 => (0..PASSES.len()).prop_map(Step::Revoke),
        4 => (at.clone(), any::<bool>()).prop_map(|(at, open)| Step::Door(at, open)),
        3 => at.clone().prop_map(Step::Passage),
        1 => at.clone().prop_map(Step::Exit),
        2 => (at.clone(), any::<bool>()).prop_map(|(at, heard)| Step::Sensor(at, heard)),
        1 => any::<bool>().prop_map(Step::Fire),
        1 => at.prop_map(Step::Panic),
        1 => (0..STAFF.len(), any::<bool>()).prop_map(|(who, drill)| Step::Start(who, drill)),
        1 => (0..PEOPLE.len()).prop_map(Step::Safe),
        2 => (0..STAFF.len()).prop_map(Step::End),
        8 => prop_oneof![0..4_000u64, 0..40_000u64, 0..700_000u64].prop_map(Step::Wait),
        1 => Just(Step::Restart),
        1 => Just(Step::Reboot),
        1 => any::<bool>().prop_map(Step::Clock),
    ]
}

fn pass_id(pass: usize) -> PassId {
    let (who, giver, serial) = PASSES[pass];
    PassId { student: student(who), day: service::day(service::TODAY), serial, guardian: guardian(giver) }
}

struct World {
    day: Day,
    now: Stamp,
    texts: Vec<String>,
    /// What the gates were last told.
    free: bool,
}

impl World {
    fn new() -> Self {
        let hours = service::hours("07:00", "18:30");
        let text = |pass| {
            let key = PassKeyId::try_new("k1").unwrap();
            Pass { key, school: school_id(), id: pass_id(pass), hours }.sign(&passes::PLATFORM).unwrap()
        };
        let (day, now) = (Day::of(passes::document()), crate::support::at("16:00"));
        Self { day, now, texts: (0..PASSES.len()).map(text).collect(), free: false }
    }

    fn input(&mut self, step: Step) -> Input {
        let reader_at = |at: usize| reader(PLACES[at]);
        let staff = |who: usize| service::staff(STAFF[who]);
        match step {
            Step::Tap(who, at) => {
                Input::Tap { reader: reader_at(at), credential: card(PEOPLE[who]), proof: Default::default() }
            }
            Step::Pass(pass, at) => Input::Pass { reader: reader_at(at), text: self.texts[pass].clone() },
            Step::Text(at, text) => Input::Pass { reader: reader_at(at), text },
            Step::Code(pass, at) => {
                let digits = PASS_SECRET.code(&school_id(), &pass_id(pass)).expose();
                Input::Code { reader: reader_at(at), digits }
            }
            Step::Digits(at, digits) => Input::Code { reader: reader_at(at), digits },
            Step::Revoke(pass) => Input::Order { staff: staff(0), order: Order::RevokePass { pass: pass_id(pass) } },
            Step::Door(at, open) => Input::Door { place: place(PLACES[at]), open },
            Step::Passage(at) => Input::Passage { place: place(PLACES[at]), direction: Direction::Out },
            Step::Exit(at) => Input::ExitRequest { place: place(PLACES[at]) },
            Step::Sensor(at, heard) => Input::Sensor { place: place(PLACES[at]), line: "beam".into(), heard },
            Step::Fire(on) => Input::FireAlarm { on },
            Step::Panic(at) => Input::Panic { place: place(PLACES[at]) },
            Step::Start(who, drill) => Input::Order { staff: staff(who), order: Order::StartMuster { drill } },
            Step::Safe(who) => {
                let holder = Holder::Student(student(PEOPLE[who]));
                Input::Order { staff: staff(1), order: Order::MarkSafe { holder } }
            }
            Step::End(who) => Input::Order { staff: staff(who), order: Order::EndMuster },
            Step::Wait(ms) => {
                self.now.mono = Mono(self.now.mono.0 + ms);
                self.now.wall = Wall::new(self.now.wall.unix_ms() + i64::try_from(ms).unwrap(), 480);
                Input::Timeout
            }
            Step::Restart => self.restart(),
            Step::Reboot => {
                self.now.boot = BootId(self.now.boot.0 + 1);
                self.now.mono = Mono(9_000);
                self.now.wall = Wall::new(self.now.wall.unix_ms() + 40_000, 480);
                self.restart()
            }
            Step::Clock(set) => {
                self.now.clock = if set { ClockQuality::Synchronised } else { ClockQuality::Unset };
                Input::Timeout
            }
        }
    }

    fn restart(&mut self) -> Input {
        let mut school = School::new(site());
        self.day.entries.iter().for_each(|entry| school.replay(entry).unwrap());
        self.day.school = school;
        self.free = false; // the gates' relays fall back
        let roster = std::sync::Arc::new(schoolgate_core::roster::Roster::try_new(passes::document()).unwrap());
        self.take_input(Input::Roster { roster, digest: "again".into() });
        Input::Started { version: "test".into() }
    }

    fn take_input(&mut self, input: Input) {
        let outcome = self.day.give_at(self.now, input);
        assert!(outcome.promises_are_kept(), "{outcome:?}");
        for action in &outcome.actions {
            if let Act::Free { on } = action.act {
                self.free = on;
            }
        }
        self.new_entries_are_right(&outcome.entries);
    }

    fn new_entries_are_right(&self, new: &[What]) {
        let entry = |seq: u64| &self.day.entries[usize::try_from(seq).unwrap() - 1].what;
        for what in new {
            match what {
                What::Released { student, to: Recipient::Delegate(pass), .. } => {
                    assert_eq!(*student, pass.student);
                    let uses = self.day.entries.iter().filter(|entry| {
                        matches!(&entry.what, What::Released { to: Recipient::Delegate(other), .. } if other == pass)
                    });
                    assert_eq!(uses.count(), 1, "one pass, one use");
                    assert_ne!(pass.guardian, guardian("uncle"), "who may not fetch can't let others do so");
                }
                What::GateOpened { cause: OpenCause::Granted(seq), .. } => {
                    assert!(matches!(entry(seq.0).kind(), "arrived" | "left" | "came" | "went"));
                }
                What::MusterEnded { muster, .. } => assert_eq!(entry(muster.0).kind(), "muster_started"),
                _ => {}
            }
        }
    }

    fn stands_as_it_must(&self) {
        let state = self.day.school.state();
        let emergency = state.muster().is_some() || state.alarms().contains_key(&Alarm::Fire {});
        assert_eq!(self.free, emergency, "the gates stand open in an emergency and only then");
        if let Some(timeout) = self.day.school.poll_timeout() {
            assert!(timeout.at > self.now.mono, "what is due has been dealt with: {timeout:?}");
        }
        let people = state.on_campus() + state.others().len();
        assert!(muster::unaccounted(state).len() <= people);
        for alarm in state.alarms().keys() {
            if let Alarm::GateHeld { place } = alarm {
                assert!(state.doors().contains_key(place), "no door is held open that is closed");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_at_the_gates_the_ledger_tells_it(steps in proptest::collection::vec(step(), 1..150)) {
        let mut world = World::new();
        for step in steps {
            let input = world.input(step);
            world.take_input(input);
            world.stands_as_it_must();
        }
        prop_assert_eq!(world.day.replayed(), world.day.school.state().clone());
    }
}
