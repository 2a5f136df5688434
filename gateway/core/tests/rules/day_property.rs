//! Whatever the clock and the power do: no deadline is met twice on one day, every alarm is raised once and ended once, the
//! ledger alone gives the same state, and the next quiet day is watched from its start to its end.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use schoolgate_core::{
    alarm::Alarm,
    entry::{Consumer, Entry, Seq, Tap, What},
    roster::{CalendarLine, DayKind, Document, RotaLine, SessionLine},
    school::{Input, School},
    site::Site,
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};

use crate::support::{
    Day, card, place, reader,
    service::{self, session},
    site, student,
};

const HOUR_MS: i64 = 3_600_000;
const HOLDERS: [&str; 6] = ["ming", "hong", "lei", "grandmother", "mother", "chen"];
const READERS: [&str; 5] = ["east-gate", "desk", "room-1", "stairs", "boiler-room"];

#[derive(Clone, Debug)]
enum Step {
    Tap(usize, usize),
    CheckIn(usize, bool),
    Wait(u64),
    /// The clock moves by so many minutes, as it does on a good day or on a bad one.
    Jump(i64),
    /// The process ends, orderly or not, and is there again so many seconds later.
    Restart(bool, u64),
    /// The machine does.
    Reboot(u64),
    Clock(u8),
    Roster(bool),
    Platform(bool),
    Delivered,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0..HOLDERS.len(), 0..READERS.len()).prop_map(|(holder, at)| Step::Tap(holder, at)),
        4 => (0..3usize, any::<bool>()).prop_map(|(who, chess)| Step::CheckIn(who, chess)),
        10 => prop_oneof![0..600_000u64, 0..7_200_000u64, 0..90_000_000u64].prop_map(Step::Wait),
        3 => prop_oneof![-3..3i64, -300..300i64, -4_000..4_000i64, -900_000..900_000i64].prop_map(Step::Jump),
        2 => (any::<bool>(), prop_oneof![0..60u64, 0..20_000u64, 0..200_000u64]).prop_map(|(good, s)| Step::Restart(good, s)),
        2 => prop_oneof![20..90u64, 0..20_000u64, 0..200_000u64].prop_map(Step::Reboot),
        2 => (0..3u8).prop_map(Step::Clock),
        1 => any::<bool>().prop_map(Step::Roster),
        1 => any::<bool>().prop_map(Step::Platform),
        1 => Just(Step::Delivered),
    ]
}

fn fresh() -> School {
    School::new(Site { has_platform: true, ..site() })
}

/// Every day of a month has the sessions and the rota of 1 September.
fn documents() -> [Document; 2] {
    let mut document = service::document();
    let (sessions, rota) = (document.sessions.clone(), document.rota.clone());
    for n in 2..=30 {
        let on = service::day(&format!("2026-09-{n:02}"));
        for line in &sessions {
            let id = session(&format!("{}-{n}", line.course));
            document.sessions.push(SessionLine { id, day: on, ..line.clone() });
        }
        document.rota.extend(rota.iter().map(|line| RotaLine { day: on, ..line.clone() }));
    }
    let every_day = (1..=30).map(|n| service::day(&format!("2026-09-{n:02}")));
    document.calendar = every_day.map(|day| CalendarLine { day, kind: DayKind::SchoolDay }).collect();
    let mut other = document.clone();
    other.sessions.retain(|line| line.course.as_str() != "chess");
    [document, other]
}

struct World {
    day: Day,
    now: Stamp,
    documents: [Document; 2],
    in_force: usize,
}

impl World {
    fn new() -> Self {
        let day = Day { school: fresh(), entries: Vec::new(), clock: ClockQuality::Synchronised };
        let mut world = Self { day, now: crate::support::at("06:00"), documents: documents(), in_force: 0 };
        world.start();
        world
    }

    fn give(&mut self, input: Input) {
        let outcome = self.day.give_at(self.now, input);
        assert!(outcome.promises_are_kept(), "{outcome:?}");
        if let Some(timeout) = self.day.school.poll_timeout() {
            assert!(timeout.at > self.now.mono, "what is due has been dealt with: {timeout:?}");
        }
    }

    fn start(&mut self) {
        self.day.school = fresh();
        self.day.entries.iter().for_each(|entry| self.day.school.replay(entry).unwrap());
        self.give(Input::Started { version: "test".into() });
        self.adopt();
    }

    fn adopt(&mut self) {
        let document = self.documents[self.in_force].clone();
        let digest = self.in_force.to_string();
        let roster = schoolgate_core::roster::Roster::try_new(document).unwrap();
        self.give(Input::Roster { roster: roster.into(), digest });
    }

    fn pass(&mut self, ms: u64) {
        self.now.mono = Mono(self.now.mono.0 + ms);
        self.shift(i64::try_from(ms).unwrap());
    }

    fn shift(&mut self, ms: i64) {
        self.now.wall = Wall::new(self.now.wall.unix_ms() + ms, 480);
    }

    /// Time passes, timer by timer.
    fn wait(&mut self, ms: u64) {
        let end = self.now.mono.plus(Duration::from_millis(ms));
        while let Some(next) = self.day.school.poll_timeout().filter(|timeout| timeout.at <= end) {
            self.pass(next.at.0 - self.now.mono.0);
            self.give(Input::Timeout);
        }
        self.pass(end.0 - self.now.mono.0);
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Tap(holder, at) => {
                self.give(Input::Tap {
                    reader: reader(READERS[at]),
                    credential: card(HOLDERS[holder]),
                    proof: Default::default(),
                });
            }
            Step::CheckIn(who, chess) => {
                self.check_in(HOLDERS[who], if chess { "chess-0901" } else { "homework-0901" });
            }
            Step::Wait(ms) => self.wait(ms),
            Step::Jump(minutes) => {
                self.shift(minutes * 60_000);
                self.give(Input::Timeout);
            }
            Step::Restart(orderly, seconds) => {
                if orderly {
                    self.give(Input::Stopping);
                }
                self.pass(seconds * 1_000);
                self.start();
            }
            Step::Reboot(seconds) => {
                self.now.boot = BootId(self.now.boot.0 + 1);
                self.now.mono = Mono(0);
                self.pass(seconds * 1_000);
                self.start();
            }
            Step::Clock(n) => {
                let qualities =
                    [ClockQuality::Synchronised, ClockQuality::Holdover { error_ms: 900 }, ClockQuality::Unset];
                self.now.clock = qualities[usize::from(n)];
                self.give(Input::Timeout);
            }
            Step::Roster(other) => {
                self.in_force = usize::from(other);
                self.adopt();
            }
            Step::Platform(true) => self.give(Input::PlatformReached),
            Step::Platform(false) => self.give(Input::RosterConfirmed),
            Step::Delivered => {
                let through = Seq(self.day.school.state().last().0);
                self.give(Input::Delivered { consumer: Consumer::Sync, through });
            }
        }
    }

    fn check_in(&mut self, who: &str, of: &str) {
        let tap = Some(Tap {
            place: place("room-1"),
            reader: reader("room-1"),
            credential: card(who),
            proof: Default::default(),
        });
        let what = What::CheckedIn { student: student(who), session: session(of), late_min: 0, tap, by: None };
        let entry = Entry { v: 1, seq: self.day.school.state().last().next(), at: self.now, what };
        self.day.school.replay(&entry).unwrap();
        self.day.entries.push(entry);
    }

    /// A day on which nothing goes wrong, later than any that was.
    fn quiet_day(&mut self) -> usize {
        self.in_force = 0;
        self.now.clock = ClockQuality::Synchronised;
        let begun = self.day.entries.iter().filter_map(|entry| match entry.what {
            What::DayBegan { day, .. } => Some(day.number()),
            _ => None,
        });
        let latest = begun.max().unwrap_or_default().max(self.now.wall.day());
        let next = latest.max(service::day("2026-09-01").number()) + 1;
        let day = schoolgate_core::time::Day::from_number(next).unwrap();
        let document = &mut self.documents[0];
        document.sessions.retain(|line| line.day != day);
        for (n, line) in document.sessions.iter_mut().take(2).enumerate() {
            (line.id, line.day) = (session(&format!("quiet-{n}")), day);
        }
        document.calendar.retain(|line| line.day != day);
        document.calendar.push(CalendarLine { day, kind: DayKind::SchoolDay });
        self.in_force = 0;
        self.now.boot = BootId(self.now.boot.0 + 1);
        self.now.mono = Mono(60_000);
        self.now.wall = Wall::new(Wall::on(next, "06:00".parse().unwrap(), 480).unix_ms(), 480);
        let from = self.day.entries.len();
        self.day.school = fresh();
        self.day.entries.iter().for_each(|entry| self.day.school.replay(entry).unwrap());
        self.give(Input::Started { version: "test".into() });
        let roster = schoolgate_core::roster::Roster::try_new(self.documents[0].clone()).unwrap();
        self.give(Input::Roster { roster: roster.into(), digest: "quiet".into() });
        self.wait(u64::try_from(17 * HOUR_MS).unwrap());
        from
    }
}

/// Each deadline at most once a day, each session closed at most once, each alarm raised and ended in turn. A day is the same
/// as long as it is remembered, however often the clock comes back to it.
fn look_through(entries: &[Entry]) -> Result<(), TestCaseError> {
    let mut school = fresh();
    let mut met: BTreeMap<String, Seq> = BTreeMap::new();
    let mut on: BTreeMap<Alarm, Seq> = BTreeMap::new();
    for entry in entries {
        school.replay(entry).unwrap();
        let today = school.state().today().began;
        match &entry.what {
            What::Checked { check, .. } => {
                let twice = met.insert(format!("{today} {check:?}"), entry.seq);
                prop_assert!(twice.is_none(), "{today} {check:?} at {} and {}", twice.unwrap(), entry.seq);
            }
            What::SessionClosed { session, .. } => {
                let twice = met.insert(format!("{today} closed {session}"), entry.seq);
                prop_assert!(twice.is_none(), "{session} at {} and {}", twice.unwrap(), entry.seq);
            }
            What::AlarmRaised { alarm, .. } => {
                prop_assert!(on.insert(alarm.clone(), entry.seq).is_none(), "{alarm:?} is raised twice");
            }
            What::AlarmEnded { alarm, raised } => {
                prop_assert_eq!(on.remove(alarm), Some(*raised), "{:?} ends once, and names what raised it", alarm);
            }
            _ => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_met_twice_and_nothing_is_lost(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        prop_assert_eq!(world.day.replayed(), world.day.school.state().clone());
        let from = world.quiet_day();
        look_through(&world.day.entries)?;
        let quiet = &world.day.entries[from..];
        for n in 0..2 {
            let id = session(&format!("quiet-{n}"));
            let closed = |what: &What| matches!(what, What::SessionClosed { session, watched: true, .. } if *session == id);
            prop_assert_eq!(quiet.iter().filter(|entry| closed(&entry.what)).count(), 1);
        }
        prop_assert_eq!(world.day.replayed(), world.day.school.state().clone());
    }
}
