//! What people do on the days that are played: as they should, and as they are. They forget, come late, twice and at once,
//! swap and lose cards, tailgate and fall ill; cables, power and clocks fail.

use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use schoolgate_core::{
    entry::{Consumer, GuardianReply, Seq},
    id::StudentId,
    promise::LedgerPace,
    roster::{Holder, Post},
    school::{Input, Order},
    site::Direction,
    time::ClockQuality,
};

use crate::world::{DAYS, Family, World, card, hours, place, reader, staff};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    Give(Input),
    /// A consumer's receiver has acknowledged all but so many entries.
    Acknowledge(Consumer, u64),
    /// The process dies and starts again; what the last input led to may not have reached the disk.
    Crash {
        lost: bool,
    },
    /// The power fails for so long; the clock may be unset afterwards.
    PowerCut {
        ms: i64,
        unset: bool,
    },
    Clock {
        error_ms: i64,
        quality: ClockQuality,
    },
    /// Another roster comes into force.
    Roster(usize),
}

/// Everything that happens, in the order of its true time (milliseconds since the first midnight).
pub fn write(world: &World, rng: &mut ChaCha8Rng) -> Vec<(i64, Step)> {
    let mut script = Script { world, rng, steps: Vec::new() };
    for n in 0..DAYS.len() {
        script.day(i64::try_from(n).unwrap() * DAY);
    }
    let mut steps = script.steps;
    steps.sort_by_key(|(at, _)| *at);
    steps
}

struct Script<'a> {
    world: &'a World,
    rng: &'a mut ChaCha8Rng,
    steps: Vec<(i64, Step)>,
}

impl Script<'_> {
    fn day(&mut self, midnight: i64) {
        self.staff(midnight);
        let world = self.world;
        for family in &world.families {
            self.family(midnight, family);
        }
        self.noise(midnight);
        self.trouble(midnight);
    }

    fn staff(&mut self, midnight: i64) {
        let world = self.world;
        for line in &world.document.staff {
            let came = midnight + 6 * HOUR + 40 * MINUTE + self.upto(60 * MINUTE);
            self.tap(came, line.id.as_str(), &["gate-0", "gate-1"]);
            let went = midnight + 18 * HOUR + 30 * MINUTE + self.upto(2 * HOUR);
            self.tap(went, line.id.as_str(), &["gate-0", "gate-1"]);
        }
        for session in &world.document.sessions {
            let start = midnight + i64::from(session.hours.from.minute()) * MINUTE;
            let end = midnight + i64::from(session.hours.until.minute()) * MINUTE;
            let room = session.place.as_str();
            let ill = self.rng.random_ratio(1, 8);
            let who = if ill {
                format!("t{}", self.rng.random_range(0..world.rooms + 3))
            } else {
                session.staff[0].to_string()
            };
            let at = start - 8 * MINUTE + self.upto(14 * MINUTE);
            self.tap(at, &who, &[room]);
            if self.rng.random_ratio(1, 4) {
                let other = format!("t{}", self.rng.random_range(0..world.rooms + 3));
                let at = start + 10 * MINUTE + self.upto(45 * MINUTE);
                self.tap(at, &who, &[room]);
                let later = at + self.upto(80 * SECOND);
                self.tap(later, &other, &[room]);
            }
            if self.rng.random() {
                let at = end + self.upto(5 * MINUTE);
                self.tap(at, &who, &[room]);
            }
        }
        for at in ["stairs", "boiler"] {
            let moment = midnight + 17 * HOUR + self.upto(55 * MINUTE);
            self.tap(moment, "guard", &[at]);
        }
        let moment = midnight + 9 * HOUR + self.upto(HOUR);
        self.tap(moment, "v0", &["gate-0"]);
        let moment = midnight + 16 * HOUR + self.upto(4 * HOUR);
        self.tap(moment, "v0", &["gate-0"]);
    }

    fn family(&mut self, midnight: i64, family: &Family) {
        let world = self.world;
        let fetched = midnight + 16 * HOUR + 30 * MINUTE + self.upto(3 * HOUR);
        let place = *["gate-0", "gate-1", "desk"].choose(self.rng).unwrap();
        for child in &family.students {
            self.childs_day(midnight, child);
            let tap = fetched - 2 * MINUTE + self.upto(4 * MINUTE);
            self.tap(tap, child.as_str(), &[place]);
            if place == "desk" {
                let out = fetched + 3 * MINUTE + self.upto(5 * MINUTE);
                self.tap(out, child.as_str(), &["gate-0", "gate-1"]);
            }
            let line = world.document.students.iter().find(|line| line.id == *child);
            if line.is_some_and(|line| line.walks_home.is_some()) {
                let alone = midnight + 16 * HOUR + 35 * MINUTE + self.upto(2 * HOUR);
                self.tap(alone, child.as_str(), &["gate-0", "gate-1"]);
            }
        }
        let who = family.guardians.choose(self.rng).unwrap().clone();
        self.tap(fetched, who.as_str(), &[place]);
        if self.rng.random_ratio(1, 6) {
            let who = family.guardians.choose(self.rng).unwrap().clone();
            let again = fetched + self.upto(6 * MINUTE);
            self.tap(again, who.as_str(), &[place]);
        }
    }

    fn childs_day(&mut self, midnight: i64, child: &StudentId) {
        let world = self.world;
        let came = midnight + 7 * HOUR + self.upto(70 * MINUTE);
        self.tap(came, child.as_str(), &["gate-0", "gate-1"]);
        for session in &world.document.sessions {
            let takes = |line: &&schoolgate_core::roster::EnrolmentLine| {
                line.student == *child && line.course == session.course
            };
            if !world.document.enrolments.iter().any(|line| takes(&line)) || day_start(session.day) != midnight {
                continue;
            }
            let start = midnight + i64::from(session.hours.from.minute()) * MINUTE;
            let at = start - 10 * MINUTE + self.upto(20 * MINUTE);
            let room = session.place.as_str();
            self.tap(at, child.as_str(), &[room]);
            if self.rng.random_ratio(1, 4) {
                let out = start + 20 * MINUTE + self.upto(50 * MINUTE);
                self.tap(out, child.as_str(), &[room]);
            }
            if self.rng.random_ratio(1, 10) {
                let room = format!("room-{}", self.rng.random_range(0..world.rooms));
                let at = start - 5 * MINUTE + self.upto(30 * MINUTE);
                self.tap(at, child.as_str(), &[&room]);
            }
        }
        let dinner = midnight + 17 * HOUR + 30 * MINUTE + self.upto(40 * MINUTE);
        self.tap(dinner, child.as_str(), &["canteen"]);
    }

    /// A tap as people make them: mostly one, sometimes none, twice, at another lane, or with somebody else's card.
    fn tap(&mut self, at: i64, holder: &str, readers: &[&str]) {
        let mut readers: Vec<&str> = readers.to_vec();
        if readers.contains(&"gate-1") && self.world.site.directions.len() == 2 {
            readers.push("gate-1-out");
        }
        let at = at.max(0);
        let which = reader(readers.choose(self.rng).unwrap());
        let whose = if self.rng.random_ratio(1, 50) { self.anybody() } else { holder.into() };
        let give = |at: i64, whose: &str, which| {
            (at, Step::Give(Input::Tap { reader: which, credential: card(whose), proof: Default::default() }))
        };
        match self.rng.random_range(0..20) {
            0 => {} // forgotten
            1 => {
                self.steps.push(give(at, &whose, which.clone()));
                let again = at + self.upto(6 * SECOND);
                self.steps.push(give(again, &whose, which));
            }
            _ => self.steps.push(give(at, &whose, which)),
        }
    }

    fn anybody(&mut self) -> String {
        let family = self.world.families.choose(self.rng).unwrap();
        match self.rng.random_range(0..4) {
            0 => family.students.choose(self.rng).unwrap().to_string(),
            1 => family.guardians.choose(self.rng).unwrap().to_string(),
            2 => self.world.document.staff.choose(self.rng).unwrap().id.to_string(),
            _ => format!("strange-{}", self.rng.random_range(0..5)),
        }
    }

    /// Anybody's card at any reader at any time.
    fn noise(&mut self, midnight: i64) {
        let readers: Vec<String> = self.world.site.readers.keys().map(ToString::to_string).collect();
        for _ in 0..self.world.document.students.len() * 2 {
            let at = midnight + 6 * HOUR + self.upto(15 * HOUR);
            let (whose, which) = (self.anybody(), readers.choose(self.rng).unwrap().clone());
            self.tap(at, &whose, &[&which]);
        }
    }

    fn trouble(&mut self, midnight: i64) {
        for _ in 0..self.rng.random_range(0..30) {
            let at = midnight + 6 * HOUR + self.upto(16 * HOUR);
            let step = self.mishap(at);
            self.steps.push((at, step));
        }
        for _ in 0..self.rng.random_range(0..12) {
            let at = midnight + 15 * HOUR + self.upto(6 * HOUR);
            let staff = self.world.document.staff.choose(self.rng).unwrap().id.clone();
            let order = self.order();
            self.steps.push((at, Step::Give(Input::Order { staff, order })));
        }
    }

    fn mishap(&mut self, at: i64) -> Step {
        let gate = place(["gate-0", "gate-1"].choose(self.rng).unwrap());
        let which = reader(["gate-0", "room-0", "desk"].choose(self.rng).unwrap());
        match self.rng.random_range(0..22) {
            0 => Step::Crash { lost: self.rng.random() },
            1 => Step::PowerCut { ms: self.upto(40 * MINUTE), unset: self.rng.random() },
            2 => Step::Clock {
                error_ms: self.upto(10 * MINUTE) - 5 * MINUTE,
                quality: ClockQuality::Holdover { error_ms: 900 },
            },
            3 | 4 => Step::Clock { error_ms: 0, quality: ClockQuality::Synchronised },
            5 => Step::Roster(self.rng.random_range(1..5)),
            6 => Step::Give(Input::ReaderDown { reader: which, reason: "gone".into() }),
            7 => Step::Give(Input::ReaderUp { reader: which }),
            8 => Step::Give(Input::Ledger(if self.rng.random() { LedgerPace::Slow } else { LedgerPace::CaughtUp })),
            9 => Step::Acknowledge(
                if self.rng.random() { Consumer::Notify } else { Consumer::Sync },
                self.rng.random_range(0..50),
            ),
            10 | 11 => {
                let shut = at + self.upto(2 * MINUTE);
                self.steps.push((shut, Step::Give(Input::Door { place: gate.clone(), open: false })));
                Step::Give(Input::Door { place: gate, open: true })
            }
            12 | 13 => {
                let direction = if self.rng.random() { Direction::In } else { Direction::Out };
                Step::Give(Input::Passage { place: gate, direction })
            }
            14 => Step::Give(Input::ExitRequest { place: gate }),
            15 => {
                let over = at + self.upto(20 * MINUTE);
                self.steps.push((over, Step::Give(Input::FireAlarm { on: false })));
                let end = Input::Order { staff: staff("head"), order: Order::EndMuster };
                self.steps.push((over + MINUTE, Step::Give(end)));
                Step::Give(Input::FireAlarm { on: true })
            }
            16 => Step::Give(Input::Sensor { place: gate, line: "beam-a".into(), heard: self.rng.random() }),
            17 => Step::Give(Input::PlatformReached),
            18 => Step::Give(Input::Code { reader: which, digits: format!("{:08}", self.upto(100_000_000)) }),
            19 => Step::Give(Input::Pass { reader: which, text: "SGP1:no:pass".into() }),
            20 => {
                let guardian = self.world.families.choose(self.rng).unwrap().guardians[0].clone();
                let entry = Seq(self.rng.random_range(1..500));
                Step::Give(Input::Reply { guardian, reply: GuardianReply::NotMe { entry } })
            }
            _ => Step::Give(Input::RosterConfirmed),
        }
    }

    fn order(&mut self) -> Order {
        let family = self.world.families.choose(self.rng).unwrap();
        let student = family.students.choose(self.rng).unwrap().clone();
        match self.rng.random_range(0..9) {
            0 | 1 => Order::ConfirmRelease { student },
            2 => Order::ApproveLeave { student, hours: hours("15:00", "18:00"), alone: self.rng.random() },
            3 => Order::CheckIn { student, place: place("room-0") },
            4 => Order::HandOver { to: staff("t0"), present: vec![student] },
            5 => Order::TakePost { post: *[Post::Gate, Post::ExtendedCare].choose(self.rng).unwrap() },
            6 => Order::StartMuster { drill: true },
            7 => Order::MarkSafe { holder: Holder::Student(student) },
            _ => Order::EndMuster,
        }
    }

    /// Anything from nothing to just below that.
    fn upto(&mut self, most: i64) -> i64 {
        self.rng.random_range(0..most)
    }
}

fn day_start(day: schoolgate_core::time::Day) -> i64 {
    let first: schoolgate_core::time::Day = DAYS[0].parse().unwrap();
    (day.number() - first.number()) * DAY
}
