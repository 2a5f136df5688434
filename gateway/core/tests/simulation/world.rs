//! A school from a seed: who is who, who may fetch whom, what is held when and where.

use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use schoolgate_core::{
    credential::{CredentialId, CredentialStatus},
    id::{
        CourseId, GuardianId, GuardianToken, InstitutionId, PatrolId, PlaceId, ReaderId, SessionId, StaffId, StudentId,
        VisitorId,
    },
    policy::{AntiPassback, Policy},
    roster::{
        Authorisation, CourseLine, CredentialLine, DinnerLine, Document, EnrolmentLine, GuardianLine, Holder,
        InstitutionLine, LeaveLine, PatrolLine, Post, Restriction, RotaLine, SchoolLevel, SessionLine, StaffLine,
        StaffRole, StudentLine, Validity, VisitorLine,
    },
    site::{Direction, Place, PlaceRole, Site},
    text::Bilingual,
    time::{Day, Hours},
};

/// The days that are played: Tuesday, 1 September 2026 and what follows.
pub const DAYS: [&str; 3] = ["2026-09-01", "2026-09-02", "2026-09-03"];

/// A school and its campus.
pub struct World {
    pub document: Document,
    pub site: Site,
    pub families: Vec<Family>,
    pub rooms: usize,
}

/// Children who are fetched together.
pub struct Family {
    pub students: Vec<StudentId>,
    pub guardians: Vec<GuardianId>,
}

pub fn card(holder: &str) -> CredentialId {
    let mut id = [0; 16];
    id.iter_mut().zip(holder.bytes()).for_each(|(to, from)| *to = from);
    CredentialId(id)
}

pub fn reader(id: &str) -> ReaderId {
    ReaderId::try_new(id).unwrap()
}

pub fn place(id: &str) -> PlaceId {
    PlaceId::try_new(id).unwrap()
}

pub fn student(id: &str) -> StudentId {
    StudentId::try_new(id).unwrap()
}

pub fn guardian(id: &str) -> GuardianId {
    GuardianId::try_new(id).unwrap()
}

pub fn staff(id: &str) -> StaffId {
    StaffId::try_new(id).unwrap()
}

pub fn hours(from: &str, until: &str) -> Hours {
    Hours { from: from.parse().unwrap(), until: until.parse().unwrap() }
}

fn day(n: usize) -> Day {
    DAYS[n].parse().unwrap()
}

fn bilingual(text: &str) -> Bilingual {
    Bilingual { zh: text.into(), en: text.into() }
}

impl World {
    pub fn new(rng: &mut ChaCha8Rng) -> Self {
        let rooms = rng.random_range(2..6);
        let mut world = Self {
            document: Document { v: 1, version: "day-1".into(), policy: policy(rng), ..Document::default() },
            site: site(rng, rooms),
            families: Vec::new(),
            rooms,
        };
        let size = rng.random_range(20..160);
        while world.document.students.len() < size {
            world.add_family(rng);
        }
        world.add_staff();
        world.add_courses(rng);
        world.add_duties();
        world
    }

    /// The same school under another roster: cards lost, restrictions ordered, leaves approved, somebody off the roll.
    pub fn changed(&self, rng: &mut ChaCha8Rng, version: usize) -> Document {
        let mut document = self.document.clone();
        document.version = format!("day-1.{version}");
        for line in &mut document.credentials {
            if rng.random_ratio(1, 60) {
                line.status = [CredentialStatus::Lost, CredentialStatus::Blocked, CredentialStatus::Active]
                    [rng.random_range(0..3)];
            }
        }
        let ordered: Vec<_> = document.authorisations.iter().filter(|_| rng.random_ratio(1, 40)).cloned().collect();
        for Authorisation { student, guardian, .. } in ordered {
            if !document.restrictions.iter().any(|r| r.student == student && r.guardian == guardian) {
                document.restrictions.push(Restriction { student, guardian, valid: Validity::ALWAYS });
            }
        }
        document.authorisations.retain(|_| !rng.random_ratio(1, 80));
        document
    }

    fn add_family(&mut self, rng: &mut ChaCha8Rng) {
        let number = self.families.len();
        let mut family = Family { students: Vec::new(), guardians: Vec::new() };
        let walks_home = rng.random_ratio(1, 5).then(|| hours("16:40", "18:30"));
        for _ in 0..*[1, 1, 1, 2, 3].choose(rng).unwrap() {
            let id = student(&format!("s{:03}", self.document.students.len()));
            self.document.students.push(StudentLine {
                id: id.clone(),
                name: id.as_str().into(),
                class: "3-2".into(),
                walks_home,
                level: SchoolLevel::Primary,
                home_school: None,
            });
            self.give_card(rng, Holder::Student(id.clone()), id.as_str());
            family.students.push(id);
        }
        for n in 0..rng.random_range(1..4) {
            let id = guardian(&format!("g{number:03}-{n}"));
            let token = GuardianToken::try_new(&format!("token-of-{id}-0123456789")).unwrap();
            self.document.guardians.push(GuardianLine { id: id.clone(), name: id.as_str().into(), token });
            self.give_card(rng, Holder::Guardian(id.clone()), id.as_str());
            for child in &family.students {
                self.authorise(rng, child, &id, n);
            }
            family.guardians.push(id);
        }
        self.families.push(family);
    }

    fn authorise(&mut self, rng: &mut ChaCha8Rng, child: &StudentId, who: &GuardianId, n: usize) {
        let first_day = Validity { from: Some(day(0)), until: Some(day(0)) };
        let valid = if n > 0 && rng.random_ratio(1, 6) { first_day } else { Validity::ALWAYS };
        self.document.authorisations.push(Authorisation {
            student: child.clone(),
            guardian: who.clone(),
            relation: bilingual(["mother", "father", "grandmother"][n]),
            valid,
        });
        if n > 0 && rng.random_ratio(1, 8) {
            let valid = if rng.random() { Validity::ALWAYS } else { first_day };
            self.document.restrictions.push(Restriction { student: child.clone(), guardian: who.clone(), valid });
        }
    }

    fn give_card(&mut self, rng: &mut ChaCha8Rng, holder: Holder, name: &str) {
        let status = match rng.random_range(0..60) {
            0 => CredentialStatus::Lost,
            1 => CredentialStatus::Blocked,
            _ => CredentialStatus::Active,
        };
        self.document.credentials.push(CredentialLine { id: card(name), holder, status });
    }

    fn add_staff(&mut self) {
        let institution = |id: &str| InstitutionId::try_new(id).unwrap();
        let august = Validity { from: None, until: Some("2026-08-31".parse().unwrap()) };
        for (id, admitted) in [("club", Validity::ALWAYS), ("old-club", august)] {
            self.document.institutions.push(InstitutionLine { id: institution(id), name: id.into(), admitted });
        }
        let mut add = |id: String, role, employer: Option<&str>| {
            self.document.staff.push(StaffLine {
                id: staff(&id),
                name: id.clone(),
                roles: vec![role],
                institution: employer.map(institution),
                home_school: None,
                valid: Validity::ALWAYS,
            });
            let holder = Holder::Staff(staff(&id));
            self.document.credentials.push(CredentialLine { id: card(&id), holder, status: CredentialStatus::Active });
        };
        for n in 0..self.rooms + 3 {
            add(format!("t{n}"), StaffRole::Teacher, None);
        }
        for n in 0..2 {
            add(format!("i{n}"), StaffRole::Instructor, Some("club"));
        }
        add("i9".into(), StaffRole::Instructor, Some("old-club"));
        add("leader".into(), StaffRole::DutyLeader, None);
        add("guard".into(), StaffRole::Security, None);
        add("inspector".into(), StaffRole::Inspector, None);
        add("head".into(), StaffRole::Principal, None);
        let id = VisitorId::try_new("v0").unwrap();
        let valid = Validity { from: Some(day(0)), until: Some(day(1)) };
        let holder = Holder::Visitor(id.clone());
        self.document.credentials.push(CredentialLine { id: card("v0"), holder, status: CredentialStatus::Active });
        let line = VisitorLine { id, purpose: "repair".into(), valid, hours: Some(hours("08:00", "19:00")) };
        self.document.visitors.push(line);
    }

    /// Two rounds of courses in the afternoon, one course a room; everybody takes at most one a round.
    fn add_courses(&mut self, rng: &mut ChaCha8Rng) {
        let rounds = [hours("16:30", "17:30"), hours("17:40", "18:40")];
        for (round, at) in rounds.into_iter().enumerate() {
            for room in 0..self.rooms {
                let id = CourseId::try_new(&format!("c{round}{room}")).unwrap();
                let outside = round == 1 && room < 2;
                let institution = outside.then(|| InstitutionId::try_new("club").unwrap());
                self.document.courses.push(CourseLine { id: id.clone(), name: id.as_str().into(), institution });
                let who = if outside { format!("i{room}") } else { format!("t{room}") };
                for (n, text) in DAYS.iter().enumerate() {
                    if rng.random_ratio(1, 10) {
                        continue; // cancelled
                    }
                    self.document.sessions.push(SessionLine {
                        id: SessionId::try_new(&format!("{id}-{}", &text[8..])).unwrap(),
                        course: id.clone(),
                        day: day(n),
                        hours: at,
                        place: place(&format!("room-{room}")),
                        staff: vec![staff(&who)],
                    });
                }
            }
        }
        for n in 0..self.document.students.len() {
            self.enrol(rng, n);
        }
    }

    fn enrol(&mut self, rng: &mut ChaCha8Rng, n: usize) {
        let who = self.document.students[n].id.clone();
        for round in 0..2 {
            if rng.random_ratio(1, 4) {
                continue;
            }
            let course = CourseId::try_new(&format!("c{round}{}", rng.random_range(0..self.rooms))).unwrap();
            let valid = match rng.random_range(0..10) {
                0 => Validity { from: Some(day(1)), until: None },
                1 => Validity { from: None, until: Some(day(0)) },
                _ => Validity::ALWAYS,
            };
            self.document.enrolments.push(EnrolmentLine { student: who.clone(), course, valid });
        }
        if rng.random_ratio(1, 12) {
            let at = rng.random::<bool>().then(|| hours("16:00", "18:00"));
            let valid = Validity { from: Some(day(0)), until: Some(day(rng.random_range(0..DAYS.len()))) };
            self.document.leaves.push(LeaveLine { student: who.clone(), valid, hours: at, alone: rng.random() });
        }
        if rng.random_ratio(1, 3) {
            self.document.dinners.push(DinnerLine { student: who, valid: Validity::ALWAYS, weekdays: Vec::new() });
        }
    }

    fn add_duties(&mut self) {
        let posts = [
            (Post::Gate, "t2", "06:30", "20:30"),
            (Post::ExtendedCare, "t3", "17:00", "20:30"),
            (Post::Leader, "leader", "07:00", "20:30"),
        ];
        for (n, _) in DAYS.iter().enumerate() {
            for (post, who, from, until) in posts {
                let line =
                    RotaLine { post, day: day(n), hours: hours(from, until), staff: staff(who), instead_of: None };
                self.document.rota.push(line);
            }
        }
        self.document.patrols.push(PatrolLine {
            id: PatrolId::try_new("evening").unwrap(),
            hours: hours("17:00", "17:45"),
            points: vec![place("stairs"), place("boiler")],
        });
    }
}

fn policy(rng: &mut ChaCha8Rng) -> Policy {
    Policy {
        release_hours: rng.random::<bool>().then(|| hours("16:30", "20:30")),
        dinner_hours: rng.random::<bool>().then(|| hours("17:00", "19:00")),
        anti_passback: if rng.random_ratio(1, 4) { AntiPassback::Refuse } else { AntiPassback::LetThrough },
        release_window_s: *[300, 600, 900].choose(rng).unwrap(),
        consumption_share_pct: *[50, 75].choose(rng).unwrap(),
        ..Policy::default()
    }
}

fn site(rng: &mut ChaCha8Rng, rooms: usize) -> Site {
    let mut site = Site::default();
    let mut add = |id: String, role| {
        site.places.insert(place(&id), Place { role, name: bilingual(&id) });
        site.readers.insert(reader(&id), place(&id));
    };
    add("gate-0".into(), PlaceRole::Gate);
    add("gate-1".into(), PlaceRole::Gate);
    add("desk".into(), PlaceRole::HandoverDesk);
    add("canteen".into(), PlaceRole::Canteen);
    add("stairs".into(), PlaceRole::PatrolPoint);
    add("boiler".into(), PlaceRole::PatrolPoint);
    add("yard".into(), PlaceRole::AssemblyPoint);
    (0..rooms).for_each(|n| add(format!("room-{n}"), PlaceRole::Classroom));
    // The second gate may have a lane for each way.
    if rng.random() {
        site.directions.insert(reader("gate-1"), Direction::In);
        site.readers.insert(reader("gate-1-out"), place("gate-1"));
        site.directions.insert(reader("gate-1-out"), Direction::Out);
    }
    site
}
