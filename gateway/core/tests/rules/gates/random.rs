//! Edges, taps, orders, clocks and restarts in any order, at gates of every kind. A [`Witness`] holds what comes of it
//! against what must be so.

use std::sync::Arc;

use proptest::prelude::*;
use schoolgate_core::{
    alarm::Alarm,
    gate::{Beam, Gate, Mode, Phase},
    input::Tampered,
    policy::Dismissal,
    proof::Proof,
    roster::{Document, Roster},
    school::{Input, Order, School},
    site::Site,
    state::State,
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};

use crate::gates::{fixture::*, witness::Witness};

const GATES: [&str; 5] = ["east-gate", "west-gate", "outer", "inner", "drive"];
const PEOPLE: [&str; 9] = ["ming", "hong", "lei", "grandmother", "mother", "li", "wang", "chen", "electrician"];
const STAFF: [&str; 3] = ["zhao", "chen", "li"];

#[derive(Clone, Debug)]
enum Step {
    Tap(usize, usize),
    Door(usize, bool),
    Beam(usize, bool, bool),
    Body(usize, bool),
    Turned,
    Exit(usize),
    Limit(bool),
    Safety(bool),
    Actuator(usize, bool),
    Tamper(usize, bool),
    Release(usize, usize),
    Set(usize, usize, Option<Mode>),
    Serve(usize, usize, bool),
    Fire(bool),
    Panic(usize),
    EndMuster,
    Wait(u64),
    Sleep(u64),
    Restart(bool),
    Clock(bool),
    ClockJumps(i64),
    Roster,
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..GATES.len();
    let mode = prop_oneof![Just(None), Just(Some(Mode::Free)), Just(Some(Mode::Locked)), Just(Some(Mode::Controlled))];
    prop_oneof![
        14 => (0..PEOPLE.len(), at.clone()).prop_map(|(who, at)| Step::Tap(who, at)),
        9 => (at.clone(), any::<bool>()).prop_map(|(at, open)| Step::Door(at, open)),
        5 => (at.clone(), any::<bool>(), any::<bool>()).prop_map(|(at, a, broken)| Step::Beam(at, a, broken)),
        5 => (at.clone(), any::<bool>()).prop_map(|(at, inwards)| Step::Body(at, inwards)),
        4 => Just(Step::Turned),
        4 => at.clone().prop_map(Step::Exit),
        2 => any::<bool>().prop_map(Step::Limit),
        2 => any::<bool>().prop_map(Step::Safety),
        1 => (at.clone(), any::<bool>()).prop_map(|(at, works)| Step::Actuator(at, works)),
        1 => (at.clone(), any::<bool>()).prop_map(|(at, on)| Step::Tamper(at, on)),
        3 => (0..STAFF.len(), at.clone()).prop_map(|(who, at)| Step::Release(who, at)),
        2 => (0..STAFF.len(), at.clone(), mode).prop_map(|(who, at, mode)| Step::Set(who, at, mode)),
        1 => (0..STAFF.len(), at.clone(), any::<bool>()).prop_map(|(who, at, on)| Step::Serve(who, at, on)),
        1 => any::<bool>().prop_map(Step::Fire),
        1 => at.prop_map(Step::Panic),
        2 => Just(Step::EndMuster),
        14 => prop_oneof![0..700_u64, 0..4_000_u64, 0..40_000_u64, 0..400_000_u64].prop_map(Step::Wait),
        2 => (0..40_000_u64).prop_map(Step::Sleep),
        1 => any::<bool>().prop_map(Step::Restart),
        1 => any::<bool>().prop_map(Step::Clock),
        1 => (-900_000..900_000_i64).prop_map(Step::ClockJumps),
        1 => Just(Step::Roster),
    ]
}

fn gates() -> Vec<(&'static str, Gate)> {
    let [(outer, outer_gate), (inner, inner_gate)] = airlock();
    let east = scheduled(&["mon-fri 16:05-16:15 free", "daily 16:20-16:30 locked", "school_day 16:40-16:50 free"]);
    vec![
        ("east-gate", east),
        ("west-gate", Gate { exit_button_releases: true, ..turnstile() }),
        (outer, outer_gate),
        (inner, Gate { exit_button_releases: true, ..inner_gate }),
        ("drive", Gate { exit_button_releases: true, ..motor() }),
    ]
}

fn roster() -> Document {
    let mut document = service::document();
    for student in &mut document.students {
        student.walks_home = Some(service::hours("06:00", "20:00"));
    }
    let from = "16:25".parse().unwrap();
    document.policy.dismissal.push(Dismissal { class: "3-2".into(), place: None, from, weekdays: Vec::new() });
    document
}

struct World {
    school: School,
    site: Site,
    now: Stamp,
    witness: Witness,
    entries: Vec<schoolgate_core::entry::Entry>,
    /// The levels that the lines have, whatever the school knows of them.
    open: [bool; GATES.len()],
    was_set_back: bool,
}

impl World {
    fn new() -> Self {
        let site = site_with(&gates());
        let school = School::new(site.clone());
        let now = at("16:00");
        let mut world = Self {
            school,
            site,
            now,
            witness: Witness::default(),
            entries: Vec::new(),
            open: [false; GATES.len()],
            was_set_back: false,
        };
        world.begins();
        world
    }

    fn begins(&mut self) {
        self.give(Input::Started { version: "test".into() });
        for (n, gate) in GATES.iter().enumerate() {
            self.give(Input::Door { place: place(gate), open: self.open[n] });
        }
        self.give(Input::Roster { roster: Arc::new(Roster::try_new(roster()).unwrap()), digest: "same".into() });
    }

    fn give(&mut self, input: Input) {
        let now = self.now.mono.0;
        self.witness.sees_input(now, &input);
        self.school.handle(self.now, input);
        // As the shell does: entries first, then actions. Both in the order in which they were made.
        while let Some(entry) = self.school.poll_entry() {
            self.witness.sees_entry(now, &entry, &self.site);
            self.entries.push(entry);
        }
        while let Some(action) = self.school.poll_action() {
            self.witness.sees_action(now, &action, &self.site);
        }
    }

    fn goes_on(&mut self, ms: u64) {
        self.now.mono = Mono(self.now.mono.0 + ms);
        self.now.wall = Wall::new(self.now.wall.unix_ms() + i64::try_from(ms).unwrap(), 480);
    }

    /// Every deadline is kept on the way.
    fn waits(&mut self, ms: u64) {
        let until = self.now.mono.0 + ms;
        while let Some(due) = self.school.poll_timeout().filter(|timeout| timeout.at.0 <= until) {
            self.goes_on(due.at.0.saturating_sub(self.now.mono.0));
            self.give(Input::Timeout);
            self.stands();
        }
        self.goes_on(until - self.now.mono.0);
        self.give(Input::Timeout);
    }

    fn order(&mut self, who: usize, order: Order) {
        self.give(Input::Order { staff: service::staff(STAFF[who]), order });
    }

    fn take(&mut self, step: Step) {
        let gate = |at: usize| place(GATES[at]);
        match step {
            Step::Tap(who, at) => {
                self.give(Input::Tap {
                    reader: reader(GATES[at]),
                    credential: card(PEOPLE[who]),
                    proof: Proof::Number,
                });
            }
            Step::Door(at, open) => {
                self.open[at] = open;
                self.give(Input::Door { place: gate(at), open });
            }
            // The turnstile counts by its arms.
            Step::Beam(1, ..) | Step::Body(1, _) => {}
            Step::Beam(at, a, broken) => {
                let beam = if a { Beam::A } else { Beam::B };
                self.give(Input::Beam { place: gate(at), beam, broken });
            }
            Step::Body(at, inwards) => {
                let (near, far) = if inwards { (Beam::A, Beam::B) } else { (Beam::B, Beam::A) };
                for (beam, broken) in [(near, true), (far, true), (near, false), (far, false)] {
                    self.give(Input::Beam { place: gate(at), beam, broken });
                    self.goes_on(120);
                    self.give(Input::Timeout);
                }
            }
            Step::Turned => {
                if !self.open[1] {
                    self.give(Input::Turned { place: gate(1) });
                }
            }
            Step::Exit(at) => self.give(Input::ExitRequest { place: gate(at) }),
            Step::Limit(open) => self.give(Input::FullyOpen { place: gate(4), open: open && self.open[4] }),
            Step::Safety(broken) => self.give(Input::SafetyBeam { place: gate(4), broken }),
            Step::Actuator(at, works) => self.give(Input::Actuator { place: gate(at), works }),
            Step::Tamper(at, on) => self.give(Input::Tamper { at: Tampered::Place(gate(at)), on }),
            Step::Release(who, at) => self.order(who, Order::ReleaseGate { place: gate(at) }),
            Step::Set(who, at, mode) => self.order(who, Order::SetGate { place: gate(at), mode }),
            Step::Serve(who, at, in_service) => self.order(who, Order::ServeGate { place: gate(at), in_service }),
            Step::Fire(on) => self.give(Input::FireAlarm { on }),
            Step::Panic(at) => self.give(Input::Panic { place: gate(at) }),
            Step::EndMuster => self.order(0, Order::EndMuster),
            Step::Wait(ms) => self.waits(ms),
            Step::Sleep(ms) => {
                self.goes_on(ms);
                self.give(Input::Timeout);
            }
            Step::Restart(reboots) => self.restarts(reboots),
            Step::Clock(set) => {
                self.now.clock = if set { ClockQuality::Synchronised } else { ClockQuality::Unset };
                self.give(Input::Timeout);
            }
            Step::ClockJumps(ms) => {
                self.now.wall = Wall::new(self.now.wall.unix_ms() + ms, 480);
                self.was_set_back |= ms < 0;
                self.give(Input::Timeout);
            }
            Step::Roster => {
                self.give(Input::Roster { roster: Arc::new(Roster::try_new(roster()).unwrap()), digest: "new".into() });
            }
        }
    }

    fn restarts(&mut self, reboots: bool) {
        self.goes_on(1_500);
        if reboots {
            self.goes_on(40_000);
            self.now.boot = BootId(self.now.boot.0 + 1);
            self.witness.deceived = self.was_set_back;
        }
        self.school = School::new(self.site.clone());
        self.entries.iter().for_each(|entry| self.school.replay(entry).unwrap());
        self.begins();
    }

    fn stands(&self) {
        self.witness.stands(self.now.mono.0, &self.site);
        let state = self.school.state();
        let emergency = state.muster().is_some() || state.alarms().contains_key(&Alarm::Fire {});
        for gate in GATES {
            let phase = self.school.gate_phase(&place(gate)).unwrap();
            assert_eq!(phase == Phase::Free, emergency || self.stands_free(gate), "{gate} is {phase:?}");
            let is_open = state.doors().contains_key(&place(gate));
            assert!(is_open || !matches!(phase, Phase::Forced | Phase::Held), "{gate} is {phase:?} and closed");
        }
        if let Some(timeout) = self.school.poll_timeout() {
            assert!(timeout.at > self.now.mono, "what is due has been dealt with: {timeout:?}");
        }
    }

    fn stands_free(&self, gate: &str) -> bool {
        let run = self.school.state().gates().get(&place(gate));
        run.is_some_and(|run| run.mode == Mode::Free && run.out.is_none())
    }

    fn replayed(&self) -> State {
        let mut school = School::new(self.site.clone());
        self.entries.iter().for_each(|entry| school.replay(entry).unwrap());
        school.state().clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_at_the_gates_no_rule_of_theirs_is_broken(steps in proptest::collection::vec(step(), 1..160)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.stands();
        }
        prop_assert_eq!(world.replayed(), world.school.state().clone());
    }
}

#[test]
fn the_random_gates_are_opened_and_released_often_enough_to_prove_something() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut opened, mut released) = (0, 0);
    for _ in 0..20 {
        let steps = proptest::collection::vec(step(), 160).new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        (opened, released) = (opened + world.witness.opened, released + world.witness.released);
    }
    assert!(opened > 100 && released > 200, "{opened} openings, {released} releases");
}
