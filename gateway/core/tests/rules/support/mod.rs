//! A small school whose day can be told in sentences: given, at 16:31, then.

#![allow(unreachable_pub, reason = "its own room in the test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a fixture that does not hold should stop the test")]

pub mod passes;
pub mod service;
pub mod term;
pub mod turn;

use std::{sync::Arc, time::Duration};

use schoolgate_core::{
    action::{Act, Action},
    credential::{CredentialId, CredentialStatus},
    entry::{ENTRY_VERSION, Entry, Seq, What},
    id::{GuardianId, PlaceId, ReaderId, SchoolId, StudentId},
    pass::PassSecret,
    picture::{Light, Picture},
    policy::Policy,
    roster::{
        Authorisation, CredentialLine, Document, GuardianLine, Holder, Restriction, Roster, SchoolLevel, StudentLine,
        Validity,
    },
    school::{Input, School},
    site::{Direction, Place, PlaceRole, Site},
    state::State,
    text::Bilingual,
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};

pub fn student(id: &str) -> StudentId {
    StudentId::try_new(id).unwrap()
}

pub fn guardian(id: &str) -> GuardianId {
    GuardianId::try_new(id).unwrap()
}

pub fn place(id: &str) -> PlaceId {
    PlaceId::try_new(id).unwrap()
}

pub fn reader(id: &str) -> ReaderId {
    ReaderId::try_new(id).unwrap()
}

/// The card of a person is made from the name of its holder.
pub fn card(holder: &str) -> CredentialId {
    let mut id = [0; 16];
    id.iter_mut().zip(holder.bytes()).for_each(|(to, from)| *to = from);
    CredentialId(id)
}

/// The secret of the codes of the small school's pickup passes.
pub const PASS_SECRET: PassSecret = PassSecret::new([7; 32]);

pub fn school_id() -> SchoolId {
    SchoolId::try_new("small-school").unwrap()
}

/// East and west gate, a desk between them and a classroom, a reader at each named after it; at the east gate, two more
/// that lead one way only.
pub fn site() -> Site {
    let roles = [
        ("east-gate", PlaceRole::Gate),
        ("west-gate", PlaceRole::Gate),
        ("desk", PlaceRole::HandoverDesk),
        ("room-1", PlaceRole::Classroom),
        ("room-2", PlaceRole::Classroom),
        ("canteen", PlaceRole::Canteen),
        ("stairs", PlaceRole::PatrolPoint),
        ("boiler-room", PlaceRole::PatrolPoint),
        ("playground", PlaceRole::AssemblyPoint),
    ];
    let mut site = Site { school: Some(school_id()), pass_secret: Some(PASS_SECRET), ..Site::default() };
    for (id, role) in roles {
        let name = Bilingual { zh: id.into(), en: id.into() };
        site.places.insert(place(id), Place { role, name });
        site.readers.insert(reader(id), place(id));
    }
    for (id, direction) in [("east-in", Direction::In), ("east-out", Direction::Out)] {
        site.readers.insert(reader(id), place("east-gate"));
        site.directions.insert(reader(id), direction);
    }
    site
}

/// Ming and Hong are siblings whom their grandmother and mother fetch; their uncle is restricted from Ming. Lei walks
/// home from 17:30 to 18:00. Aunt may fetch Lei on one day only.
pub fn document() -> Document {
    let mut document = Document { v: 1, version: "test-1".into(), ..Document::default() };
    for (id, walks_home) in [("ming", None), ("hong", None), ("lei", Some(("17:30", "18:00")))] {
        let walks_home = walks_home.map(|(from, until)| schoolgate_core::time::Hours {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
        });
        document.students.push(StudentLine {
            id: student(id),
            name: id.into(),
            class: "3-2".into(),
            walks_home,
            level: SchoolLevel::Primary,
            home_school: None,
        });
    }
    for id in ["grandmother", "mother", "uncle", "aunt"] {
        let token = format!("token-of-{id}-0123456789").parse_token();
        document.guardians.push(GuardianLine { id: guardian(id), name: id.into(), token });
    }
    let one_day = Validity { from: Some("2026-09-01".parse().unwrap()), until: Some("2026-09-01".parse().unwrap()) };
    let fetches = [
        ("ming", "grandmother", Validity::ALWAYS),
        ("hong", "grandmother", Validity::ALWAYS),
        ("ming", "mother", Validity::ALWAYS),
        ("ming", "uncle", Validity::ALWAYS),
        ("lei", "aunt", one_day),
    ];
    for (child, who, valid) in fetches {
        let relation = Bilingual { zh: who.into(), en: who.into() };
        document.authorisations.push(Authorisation {
            student: student(child),
            guardian: guardian(who),
            relation,
            valid,
        });
    }
    document.restrictions.push(Restriction {
        student: student("ming"),
        guardian: guardian("uncle"),
        valid: Validity::ALWAYS,
    });
    for id in ["ming", "hong", "lei"] {
        document.credentials.push(active(id, Holder::Student(student(id))));
    }
    for id in ["grandmother", "mother", "uncle", "aunt"] {
        document.credentials.push(active(id, Holder::Guardian(guardian(id))));
    }
    for (id, status) in [
        ("lost", CredentialStatus::Lost),
        ("blocked", CredentialStatus::Blocked),
        ("expired", CredentialStatus::Expired),
    ] {
        let holder = Holder::Student(student("ming"));
        document.credentials.push(CredentialLine { id: card(id), holder, status });
    }
    document
}

fn active(id: &str, holder: Holder) -> CredentialLine {
    CredentialLine { id: card(id), holder, status: CredentialStatus::Active }
}

trait ParseToken {
    fn parse_token(&self) -> schoolgate_core::id::GuardianToken;
}

impl ParseToken for String {
    fn parse_token(&self) -> schoolgate_core::id::GuardianToken {
        schoolgate_core::id::GuardianToken::try_new(self).unwrap()
    }
}

/// A moment of 1 September 2026 on the school's wall, or of the day named.
pub fn at(time: &str) -> Stamp {
    let (day, time) = time.split_once(' ').unwrap_or(("2026-09-01", time));
    let seconds = if time.len() == 5 { ":00" } else { "" };
    let wall: Wall = format!("{day}T{time}{seconds}+08:00").parse().unwrap();
    let booted: Wall = "2026-09-01T06:00:00+08:00".parse().unwrap();
    let mono = u64::try_from(wall.unix_ms() - booted.unix_ms()).expect("the test's day begins at 06:00");
    Stamp { wall, boot: BootId(1), mono: Mono(mono), clock: ClockQuality::Synchronised }
}

/// The school and everything that has come out of it.
pub struct Day {
    pub school: School,
    pub entries: Vec<Entry>,
    pub clock: ClockQuality,
}

/// What one tap led to.
#[derive(Debug)]
pub struct Outcome {
    pub entries: Vec<What>,
    pub actions: Vec<Action>,
}

impl Day {
    pub fn new() -> Self {
        Self::with(Policy::default())
    }

    pub fn with(policy: Policy) -> Self {
        Self::of(Document { policy, ..document() })
    }

    /// A day under this roster.
    pub fn of(document: Document) -> Self {
        let mut day = Self { school: School::new(site()), entries: Vec::new(), clock: ClockQuality::Synchronised };
        day.give("06:00", Input::Started { version: "test".into() });
        day.adopt("06:00", document);
        day
    }

    /// A day of the after-school service.
    pub fn in_service() -> Self {
        Self::of(service::document())
    }

    /// A member of staff orders something.
    pub fn order(&mut self, time: &str, staff: &str, order: schoolgate_core::school::Order) -> Outcome {
        self.give(time, Input::Order { staff: service::staff(staff), order })
    }

    /// A roster comes into force.
    pub fn adopt(&mut self, time: &str, document: Document) -> Outcome {
        let digest = format!("{document:?}");
        let roster = Arc::new(Roster::try_new(document).unwrap());
        self.give(time, Input::Roster { roster, digest })
    }

    pub fn give(&mut self, time: &str, input: Input) -> Outcome {
        self.until(time); // what comes by the clock before is no outcome of this
        let stamp = Stamp { clock: self.clock, ..at(time) };
        self.give_at(stamp, input)
    }

    pub fn give_at(&mut self, stamp: Stamp, input: Input) -> Outcome {
        self.school.handle(stamp, input);
        let mut outcome = Outcome { entries: Vec::new(), actions: Vec::new() };
        while let Some(entry) = self.school.poll_entry() {
            outcome.entries.push(entry.what.clone());
            self.entries.push(entry);
        }
        while let Some(action) = self.school.poll_action() {
            outcome.actions.push(action);
        }
        outcome
    }

    pub fn tap(&mut self, time: &str, holder: &str, at: &str) -> Outcome {
        self.give(time, Input::Tap { reader: reader(at), credential: card(holder), proof: Default::default() })
    }

    /// The ledger gets this entry, by whatever rule.
    pub fn write(&mut self, time: &str, what: What) -> Seq {
        let seq = self.school.state().last().next();
        let stamp = Stamp { clock: self.clock, ..at(time) };
        let entry = Entry { v: ENTRY_VERSION, seq, at: stamp, what };
        self.school.replay(&entry).unwrap();
        self.entries.push(entry);
        seq
    }

    /// The gateway starts again, and knows what the ledger tells.
    pub fn restart(&mut self, time: &str, document: Document) -> Vec<What> {
        self.school = School::new(self.school.site().clone());
        self.entries.iter().for_each(|entry| self.school.replay(entry).unwrap());
        // Nothing is due before the first input: until then the school does not know what time it is.
        let stamp = Stamp { clock: self.clock, ..at(time) };
        let mut happened = self.give_at(stamp, Input::Started { version: "test".into() }).entries;
        happened.extend(self.adopt(time, document).entries);
        happened
    }

    /// Lets time pass up to that moment, timer by timer.
    pub fn until(&mut self, time: &str) -> Vec<What> {
        let end = at(time);
        let mut happened = Vec::new();
        while let Some(timeout) = self.school.poll_timeout().filter(|t| t.at <= end.mono) {
            let early = Duration::from_millis(end.mono.0 - timeout.at.0);
            let wall = Wall::new(end.wall.unix_ms() - early.as_millis() as i64, 480);
            let stamp = Stamp { wall, mono: timeout.at, clock: self.clock, ..end };
            happened.extend(self.give_at(stamp, Input::Timeout).entries);
        }
        happened
    }

    /// The state that the ledger alone gives.
    pub fn replayed(&self) -> State {
        let mut school = School::new(site());
        self.entries.iter().for_each(|entry| {
            let read_back = Entry::decode(&entry.encode().unwrap()).unwrap();
            school.replay(&read_back).unwrap();
        });
        school.state().clone()
    }
}

impl Outcome {
    /// The kinds of the entries, in order.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.entries.iter().map(What::kind).collect()
    }

    /// What the person at the reader was shown.
    pub fn shown(&self) -> Option<Picture> {
        self.actions.iter().find_map(|action| match &action.act {
            Act::Show { picture, .. } => Some(picture.clone()),
            _ => None,
        })
    }

    /// What the person at the reader was shown in the end.
    pub fn shown_last(&self) -> Option<Picture> {
        self.actions.iter().rev().find_map(|action| match &action.act {
            Act::Show { picture, .. } => Some(picture.clone()),
            _ => None,
        })
    }

    /// Whether the gate let somebody through.
    pub fn opened(&self) -> bool {
        self.actions.iter().any(|action| matches!(action.act, Act::Release { .. }))
    }

    /// Whether every green light and every opened gate names the entry that must be durable first, and no red one does.
    pub fn promises_are_kept(&self) -> bool {
        self.actions.iter().all(|action| match &action.act {
            Act::Show { picture, .. } => match picture.light() {
                Light::Green => action.after.is_some(),
                Light::Amber => true,
                Light::Red => action.after.is_none(),
            },
            Act::Release { .. } => action.after.is_some(),
            // An emergency waits for no disk, and neither does a gate that is to be shut.
            Act::Free { .. } | Act::EndRelease { .. } | Act::Stand { .. } => true,
        })
    }
}
