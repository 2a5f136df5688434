//! A school that nobody attends: people, cards, families and courses from a seed.
//!
//! The roster's form is the gateway's own; what it does not know (courses, families as a whole, card numbers) stays here.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Time;
use rand::{Rng as _, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schoolgate::readers::card_key::CardKey;
use schoolgate_core::{
    credential::{CredentialId, CredentialStatus},
    id::{GuardianId, GuardianToken, StudentId},
    policy::Policy,
    roster::{
        Authorisation, CredentialLine, Document, GuardianLine, Holder, Restriction, SchoolLevel, StudentLine, Validity,
    },
    text::Bilingual,
    time::Hours,
};

use crate::{names, virtual_reader::CardNumber};

/// Most students that a school is made for; a campus of this size does not exist.
pub const MAX_STUDENTS: usize = 20_000;
/// Usual size of a class.
const CLASS_SIZE: usize = 40;
const GRADES: u8 = 6;
/// How many cards turn up that the school has not given out.
const STRANGE_CARDS: usize = 4;
/// How the reader type is called when card numbers are hashed.
const CARD_KIND: &str = "rdm6300";
/// When children with their family's permission may walk home.
const WALKS_HOME: (&str, &str) = ("15:00", "20:30");

/// A generated school.
#[derive(Clone, Debug)]
pub struct School {
    /// What it was made from.
    pub seed: u64,
    /// Everybody on the roll; a student's number is their index here.
    pub students: Vec<Student>,
    /// The families; every student has one.
    pub families: Vec<Family>,
    /// The courses of after-school service.
    pub courses: Vec<Course>,
    /// The secret that card numbers are hashed under.
    pub card_key: [u8; 32],
    /// Cards that the school has not given out.
    pub strange_cards: Vec<CardNumber>,
}

/// A student on the roll.
#[derive(Clone, Debug)]
pub struct Student {
    /// Their id.
    pub id: StudentId,
    /// What people call them.
    pub name: String,
    /// Their class.
    pub class: Bilingual,
    /// Their card.
    pub card: CardNumber,
    /// Whether the card may be used.
    pub card_status: CredentialStatus,
    /// The course that they are in, by its index.
    pub course: usize,
}

/// Children who are fetched together, and those who may fetch them.
#[derive(Clone, Debug)]
pub struct Family {
    /// The children, by their index in [`School::students`].
    pub students: Vec<usize>,
    /// The guardians, one to three.
    pub guardians: Vec<Guardian>,
    /// When the children may leave alone, if at all.
    pub walks_home: Option<Hours>,
}

/// A guardian of every child of a family.
#[derive(Clone, Debug)]
pub struct Guardian {
    /// Their id.
    pub id: GuardianId,
    /// What people call them.
    pub name: String,
    /// Under which their messages are published.
    pub token: GuardianToken,
    /// What the children call them.
    pub relation: Bilingual,
    /// Their card.
    pub card: CardNumber,
    /// Whether the card may be used.
    pub card_status: CredentialStatus,
    /// Whether a court's order keeps them from the children.
    pub restricted: bool,
}

/// A course of after-school service; today's session of it is what the afternoon's times come from.
#[derive(Clone, Debug)]
pub struct Course {
    /// What it is called.
    pub name: Bilingual,
    /// Who gives it.
    pub provider: Provider,
    /// When today's session ends.
    pub ends: Time,
}

/// Who gives a course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The school's own teachers.
    School,
    /// An outside institution that was admitted.
    Institution(Bilingual),
}

impl School {
    /// The school of this seed, with this many students (1 to [`MAX_STUDENTS`]; figures beyond are brought to that edge).
    pub fn generate(seed: u64, students: usize) -> Self {
        Maker::new(seed).school(students.clamp(1, MAX_STUDENTS))
    }

    /// The roster that the gateway is given. The same school always gives the same document.
    pub fn document(&self) -> Document {
        let key = CardKey::new(&self.card_key);
        let mut document = Document { v: 1, version: format!("sim-{}", self.seed), ..Document::default() };
        document.policy = Policy::default();
        for family in &self.families {
            self.add_family(family, &key, &mut document);
        }
        document
    }

    /// The credential that the gateway makes of a card.
    pub fn credential(&self, card: CardNumber) -> CredentialId {
        CardKey::new(&self.card_key).credential(CARD_KIND, &card)
    }

    /// Every student by id.
    pub fn students_by_id(&self) -> HashMap<&StudentId, &Student> {
        self.students.iter().map(|student| (&student.id, student)).collect()
    }

    /// Those of each course, by the course's index.
    pub fn participants(&self) -> BTreeMap<usize, Vec<&Student>> {
        let mut participants: BTreeMap<usize, Vec<&Student>> = BTreeMap::new();
        for student in &self.students {
            participants.entry(student.course).or_default().push(student);
        }
        participants
    }

    fn add_family(&self, family: &Family, key: &CardKey, document: &mut Document) {
        let children = || family.students.iter().filter_map(|&n| self.students.get(n));
        let credential = |card: CardNumber| key.credential(CARD_KIND, &card);
        for Student { id, name, class, card, card_status, .. } in children() {
            let (id, name, class) = (id.clone(), name.clone(), class.zh.clone());
            let holder = Holder::Student(id.clone());
            document.credentials.push(CredentialLine { id: credential(*card), holder, status: *card_status });
            document.students.push(StudentLine {
                id,
                name,
                class,
                walks_home: family.walks_home,
                level: SchoolLevel::Primary,
                home_school: None,
            });
        }
        for Guardian { id, name, token, relation, card, card_status, restricted } in &family.guardians {
            let holder = Holder::Guardian(id.clone());
            document.credentials.push(CredentialLine { id: credential(*card), holder, status: *card_status });
            document.guardians.push(GuardianLine { id: id.clone(), name: name.clone(), token: token.clone() });
            for child in children() {
                let (student, guardian, valid) = (child.id.clone(), id.clone(), Validity::ALWAYS);
                if *restricted {
                    document.restrictions.push(Restriction {
                        student: student.clone(),
                        guardian: guardian.clone(),
                        valid,
                    });
                }
                document.authorisations.push(Authorisation { student, guardian, relation: relation.clone(), valid });
            }
        }
    }
}

struct Maker {
    seed: u64,
    rng: ChaCha8Rng,
    cards: HashSet<CardNumber>,
    guardians: usize,
}

impl Maker {
    fn new(seed: u64) -> Self {
        Self { seed, rng: ChaCha8Rng::seed_from_u64(seed), cards: HashSet::new(), guardians: 0 }
    }

    fn school(mut self, count: usize) -> School {
        let mut card_key = [0; 32];
        self.rng.fill_bytes(&mut card_key);
        let mut school = School {
            seed: self.seed,
            students: Vec::with_capacity(count),
            families: Vec::new(),
            courses: courses(count),
            card_key,
            strange_cards: Vec::new(),
        };
        while school.students.len() < count {
            let left = count - school.students.len();
            let family = self.family(&mut school, left);
            school.families.push(family);
        }
        school.strange_cards = (0..STRANGE_CARDS).map(|_| self.card()).collect();
        school
    }

    /// A family of one child, sometimes two or three; at most `left`.
    fn family(&mut self, school: &mut School, left: usize) -> Family {
        let surname = names::surname(&mut self.rng);
        let children = match self.rng.random_range(0..100) {
            0..84 => 1,
            84..97 => 2,
            _ => 3,
        };
        let students: Vec<usize> = (0..children.min(left))
            .map(|_| {
                let student = self.student(surname, school.students.len(), school.courses.len());
                school.students.push(student);
                school.students.len() - 1
            })
            .collect();
        let hours = Hours { from: made(WALKS_HOME.0.parse()), until: made(WALKS_HOME.1.parse()) };
        let walks_home = self.rng.random_bool(0.12).then_some(hours);
        Family { students, guardians: self.guardians(surname), walks_home }
    }

    fn student(&mut self, surname: &str, n: usize, courses: usize) -> Student {
        let grade = self.rng.random_range(1..=GRADES);
        let class = names::class(grade, self.rng.random_range(1..=4));
        Student {
            id: made(StudentId::try_new(&format!("S{:05}", n + 1))),
            name: names::child(&mut self.rng, surname),
            class,
            card: self.card(),
            card_status: self.card_status(0.01),
            course: self.rng.random_range(0..courses),
        }
    }

    /// The first guardian's card always works, so that there is somebody who can fetch the children.
    fn guardians(&mut self, surname: &str) -> Vec<Guardian> {
        let count = self.rng.random_range(1..=3);
        let relations = names::relations(&mut self.rng, count);
        let restricted = count > 1 && self.rng.random_bool(0.03);
        let guardian = |(n, relation): (usize, Bilingual)| Guardian {
            id: self.next_guardian(),
            name: self.elder(surname, n),
            token: self.token(),
            relation,
            card: self.card(),
            card_status: if n == 0 { CredentialStatus::Active } else { self.card_status(0.03) },
            restricted: restricted && n + 1 == count,
        };
        relations.into_iter().enumerate().map(guardian).collect()
    }

    fn next_guardian(&mut self) -> GuardianId {
        self.guardians += 1;
        made(GuardianId::try_new(&format!("G{:05}", self.guardians)))
    }

    fn elder(&mut self, surname: &str, n: usize) -> String {
        let own = names::surname(&mut self.rng);
        names::elder(&mut self.rng, if n.is_multiple_of(2) { surname } else { own })
    }

    /// 128 bits that nobody guesses, in hex.
    fn token(&mut self) -> GuardianToken {
        let bits: u128 = self.rng.random();
        made(GuardianToken::try_new(&format!("{bits:032x}")))
    }

    fn card(&mut self) -> CardNumber {
        loop {
            let mut card = CardNumber::default();
            self.rng.fill_bytes(&mut card);
            // 2^40 numbers for at most some 100,000 cards: the second attempt succeeds.
            if self.cards.insert(card) {
                return card;
            }
        }
    }

    fn card_status(&mut self, share_unusable: f64) -> CredentialStatus {
        if !self.rng.random_bool(share_unusable) {
            return CredentialStatus::Active;
        }
        if self.rng.random_bool(0.5) { CredentialStatus::Lost } else { CredentialStatus::Blocked }
    }
}

/// About one course for each class's worth of students; sessions end at 17:30, 17:45 or 18:00.
fn courses(students: usize) -> Vec<Course> {
    let (own, institutions) = (names::COURSES, names::INSTITUTIONS);
    let course = |n: usize| {
        let outside = own.get(n % own.len()).zip(institutions.get(n / 3 % institutions.len())).filter(|_| n % 3 == 2);
        Course {
            name: own.get(n % own.len()).copied().map(names::bilingual).unwrap_or_default(),
            provider: outside.map_or(Provider::School, |(_, &name)| Provider::Institution(names::bilingual(name))),
            ends: made(["17:30", "17:45", "18:00"].get(n % 3).unwrap_or(&"18:00").parse()),
        }
    };
    (0..(students / CLASS_SIZE).clamp(3, 60)).map(course).collect()
}

/// What is made here is made of letters, digits and sound times, so making it can't fail.
#[expect(clippy::expect_used, reason = "a failure is a mistake in this file, not in what came from outside")]
pub(crate) fn made<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.expect("made of letters and digits, or a time of day")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schoolgate_core::roster::Roster;

    use super::*;

    fn roster(school: &School) -> Roster {
        Roster::try_new(school.document()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_seed_and_size_gives_a_valid_roster(seed: u64, students in 1_usize..1_500) {
            let school = School::generate(seed, students);
            prop_assert_eq!(roster(&school).student_count(), students);
        }

        #[test]
        fn the_same_seed_gives_the_same_school(seed: u64, students in 1_usize..300) {
            let json = || serde_json::to_string(&School::generate(seed, students).document()).unwrap();
            prop_assert_eq!(json(), json());
        }
    }

    #[test]
    fn another_seed_gives_another_school() {
        let json = |seed| serde_json::to_string(&School::generate(seed, 50).document()).unwrap();
        assert_ne!(json(1), json(2));
    }

    #[test]
    fn a_school_of_5000_has_what_an_afternoon_needs() {
        let school = School::generate(7, 5_000);
        assert_eq!(roster(&school).student_count(), 5_000);
        assert!(school.families.iter().any(|family| family.students.len() > 1), "siblings");
        assert!(school.families.iter().any(|family| family.walks_home.is_some()), "children who walk home");
        assert!(school.families.iter().any(|family| family.guardians.iter().any(|g| g.restricted)), "restrictions");
        assert!(school.students.iter().any(|s| s.card_status != CredentialStatus::Active), "lost and blocked cards");
        assert!(school.courses.iter().any(|c| c.provider != Provider::School), "institutions");
        assert_eq!(school.participants().values().map(Vec::len).sum::<usize>(), 5_000);
    }
}
