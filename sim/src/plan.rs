//! Who does what on an afternoon, family by family.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    time::Duration,
};

use jiff::civil::Time;
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use schoolgate_core::{credential::CredentialStatus, entry::Reason, id::StudentId, site::PlaceRole};

use crate::{
    afternoon::{Act, BEGINS, Deed, Fate, Outcome, SAME_READER_AGAIN, STEP, Who},
    campus::Campus,
    school::{Family, Guardian, School, Student, made},
    virtual_reader::CardNumber,
};

use PlaceRole::{Gate, HandoverDesk};

/// How long the release window must at least be for the plans to hold: the core's default.
const RELEASE_WINDOW: Duration = Duration::from_secs(600);
/// A card that is forgotten on the reader lies there for so long.
const FORGOTTEN: Duration = Duration::from_secs(15);

/// Plans one afternoon.
pub(crate) struct Planner<'a> {
    school: &'a School,
    campus: &'a Campus,
    rng: ChaCha8Rng,
    acts: Vec<Act>,
    fates: BTreeMap<StudentId, Fate>,
    /// When and at which reader each card was presented.
    used: HashMap<CardNumber, Vec<(Duration, usize)>>,
    closed: Vec<Closed>,
}

/// A reader that nobody uses for a while.
struct Closed {
    reader: usize,
    times: Range<Duration>,
}

/// A way in which children are fetched.
#[derive(Clone, Copy)]
enum Way {
    GuardianFirst(PlaceRole),
    ChildFirst(PlaceRole),
    WrongPlaceFirst,
    CallExpires,
    CallRepeated,
    Early,
    Late,
    Never,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(school: &'a School, campus: &'a Campus, seed: u64) -> Self {
        Self {
            school,
            campus,
            rng: ChaCha8Rng::seed_from_u64(seed),
            acts: Vec::new(),
            fates: BTreeMap::new(),
            used: HashMap::new(),
            closed: Vec::new(),
        }
    }

    /// The acts in order of time, and what must become of everybody.
    pub(crate) fn plan(mut self) -> (Vec<Act>, BTreeMap<StudentId, Fate>) {
        self.unplug_a_reader();
        self.leave_a_card_lying();
        for family in &self.school.families {
            self.family(family);
        }
        self.strangers();
        self.acts.sort_by_key(|act| act.at);
        (self.acts, self.fates)
    }

    /// While everybody is in class, the gate's last lane loses its cable for some minutes; people keep away from it
    /// until well after.
    fn unplug_a_reader(&mut self) {
        let Some(reader) = self.campus.lanes(Gate).last() else { return };
        let (out, back) = (clock("16:45"), clock("16:52"));
        self.closed.push(Closed { reader, times: clock("16:40")..clock("17:25") });
        self.act(out, Who::Nobody, Deed::Unplug { reader });
        self.act(back, Who::Nobody, Deed::Plug { reader });
    }

    /// Somebody forgets their card on the gate's first lane; until they notice, others take the other lanes.
    fn leave_a_card_lying(&mut self) {
        let Some(reader) = self.campus.lanes(Gate).next() else { return };
        let at = clock("16:20");
        self.closed.push(Closed { reader, times: at..at + FORGOTTEN + STEP });
        let works = |student: &&Student| student.card_status == CredentialStatus::Active;
        let Some(student) = self.school.students.iter().find(works) else { return };
        let (card, outcome) = (student.card, Outcome::Arrives);
        self.fates.insert(student.id.clone(), Fate::StillHere);
        self.used.entry(card).or_default().push((at, reader));
        self.act(at, Who::Student(student.id.clone()), Deed::Tap { reader, card, rests: FORGOTTEN, outcome });
    }

    fn strangers(&mut self) {
        for &card in &self.school.strange_cards {
            for _ in 0..self.rng.random_range(1..=3) {
                let at = self.between("16:05", "18:05");
                let used = self.used.get(&card).map(Vec::as_slice).unwrap_or_default();
                if used.iter().all(|(then, _)| then.abs_diff(at) >= STEP) {
                    // sooner, at whichever lane, it would be the same tap
                    self.tap(at, Who::Stranger, Gate, card, Outcome::Refused(Reason::Unknown));
                }
            }
        }
    }

    fn family(&mut self, family: &Family) {
        let present: Vec<&Student> =
            family.students.iter().filter_map(|&n| self.school.students.get(n)).filter(|s| self.comes_in(s)).collect();
        self.unwelcome(family);
        if present.is_empty() {
            if self.rng.random_bool(0.3) {
                let at = self.between("17:20", "18:00");
                if let Some(guardian) = self.fetcher(family) {
                    self.guardian(at, guardian, Gate, Outcome::Refused(Reason::NobodyToFetch));
                }
            }
        } else if family.walks_home.is_some() {
            self.walk_home(&present);
        } else {
            self.fetch(&present, family);
        }
    }

    /// Arrives with the rush, or is away today, or has a card that does not work.
    fn comes_in(&mut self, student: &Student) -> bool {
        if self.fates.contains_key(&student.id) {
            return true; // planned before: the one who forgets the card
        }
        self.fates.insert(student.id.clone(), Fate::NeverIn);
        if self.rng.random_bool(0.04) {
            return false;
        }
        // The mean of two evenly spread times: a rush with its crest in the middle.
        let at = (self.between("16:02", "16:34") + self.between("16:02", "16:34")) / 2;
        if let Some(reason) = unusable(student.card_status) {
            self.student(at, student, Gate, Outcome::Refused(reason));
            return false;
        }
        let reader = self.student(at, student, Gate, Outcome::Arrives);
        self.fates.insert(student.id.clone(), Fate::StillHere);
        match self.rng.random_range(0..100) {
            0..5 => self.same_tap(at, student, reader),
            5..8 => {
                let before = at.saturating_sub(Duration::from_millis(1_500));
                self.act(before, Who::Student(student.id.clone()), Deed::Garble { reader, card: student.card });
            }
            _ => {}
        }
        true
    }

    /// Was the first tap taken? They tap once more, to be sure.
    fn same_tap(&mut self, at: Duration, student: &Student, reader: usize) {
        let again = at + Duration::from_millis(self.rng.random_range(900..1_800));
        let (card, rests, outcome) = (student.card, Duration::ZERO, Outcome::SameTap);
        self.act(again, Who::Student(student.id.clone()), Deed::Tap { reader, card, rests, outcome });
    }

    /// Those who may not fetch the children, and some try.
    fn unwelcome(&mut self, family: &Family) {
        for guardian in &family.guardians {
            let reason = match unusable(guardian.card_status) {
                Some(reason) => reason,
                None if guardian.restricted => Reason::Restricted,
                None => continue,
            };
            if self.rng.random_bool(0.6) {
                let at = self.between("17:00", "17:25");
                let place = if self.rng.random_bool(0.5) { Gate } else { HandoverDesk };
                self.guardian(at, guardian, place, Outcome::Refused(reason));
            }
        }
    }

    fn walk_home(&mut self, students: &[&Student]) {
        for student in students {
            let at = self.end_of(student) + self.seconds(60..600);
            self.student(at, student, Gate, Outcome::ReleasesAndLeave(vec![student.id.clone()]));
            self.fates.insert(student.id.clone(), Fate::WentAlone);
        }
    }

    fn fetch(&mut self, students: &[&Student], family: &Family) {
        // The school sees to it that every family has one: the first guardian's card works, and no order is against them.
        let Some(guardian) = self.fetcher(family) else { return };
        let end = students.iter().map(|student| self.end_of(student)).max().unwrap_or_default();
        let usual = end.saturating_sub(Duration::from_secs(120)) + self.seconds(0..840);
        let way = self.way();
        match way {
            Way::Never => return,
            Way::GuardianFirst(place) => self.guardian_first(usual, students, guardian, place),
            Way::ChildFirst(place) => {
                let at = end + self.seconds(60..600);
                self.child_first(at, students, guardian, place);
            }
            Way::WrongPlaceFirst => self.wrong_place_first(usual, students, guardian),
            Way::CallExpires => {
                self.call(usual, students, guardian, Gate);
                let again = usual + RELEASE_WINDOW + self.seconds(100..240);
                self.guardian_first(again, students, guardian, Gate);
            }
            Way::CallRepeated => {
                self.call(usual, students, guardian, Gate);
                let again = usual + self.seconds(120..240);
                self.guardian_first(again, students, guardian, Gate);
            }
            Way::Early => {
                let at = self.between("16:50", "17:10");
                self.guardian_first(at, students, guardian, HandoverDesk);
            }
            Way::Late => {
                let at = end + self.seconds(900..1_500);
                self.guardian_first(at, students, guardian, HandoverDesk);
            }
        }
        for student in students {
            self.fates.insert(student.id.clone(), Fate::Fetched(guardian.id.clone()));
        }
    }

    fn way(&mut self) -> Way {
        match self.rng.random_range(0..100) {
            0..36 => Way::GuardianFirst(Gate),
            36..56 => Way::GuardianFirst(HandoverDesk),
            56..68 => Way::ChildFirst(Gate),
            68..80 => Way::ChildFirst(HandoverDesk),
            80..84 => Way::WrongPlaceFirst,
            84..87 => Way::CallExpires,
            87..90 => Way::CallRepeated,
            90..95 => Way::Early,
            95..99 => Way::Late,
            _ => Way::Never,
        }
    }

    /// The guardian calls, the children come within the window.
    fn guardian_first(&mut self, at: Duration, students: &[&Student], guardian: &Guardian, place: PlaceRole) {
        self.call(at, students, guardian, place);
        for student in students {
            let comes = at + STEP + self.seconds(0..360);
            let only = vec![student.id.clone()];
            if place == Gate {
                self.student(comes, student, Gate, Outcome::ReleasesAndLeave(only));
            } else {
                self.student(comes, student, HandoverDesk, Outcome::Releases(only));
                self.go_out(comes, student);
            }
        }
    }

    /// The children come first, and at the gate that is an attempt to leave; the guardian comes within the window.
    fn child_first(&mut self, at: Duration, students: &[&Student], guardian: &Guardian, place: PlaceRole) {
        for student in students {
            let comes = at + self.seconds(0..60);
            let at_gate = Outcome::Refused(Reason::NotReleased);
            self.student(comes, student, place, if place == Gate { at_gate } else { Outcome::Waits });
        }
        let fetched = at + Duration::from_secs(60) + STEP + self.seconds(0..360);
        let all = ids(students);
        if place == Gate {
            self.guardian(fetched, guardian, Gate, Outcome::ReleasesAndLeave(all));
        } else {
            self.guardian(fetched, guardian, HandoverDesk, Outcome::Releases(all));
            for student in students {
                self.go_out(fetched, student);
            }
        }
    }

    /// The guardian calls at the desk, the child goes to the gate and is sent to the desk.
    fn wrong_place_first(&mut self, at: Duration, students: &[&Student], guardian: &Guardian) {
        self.call(at, students, guardian, HandoverDesk);
        let desk = self.campus.place(HandoverDesk).cloned();
        for student in students {
            let wrong = at + STEP + self.seconds(0..120);
            if let Some(desk) = desk.clone() {
                self.student(wrong, student, Gate, Outcome::Refused(Reason::CalledElsewhere(desk)));
            }
            let right = wrong + STEP + self.seconds(0..180);
            self.student(right, student, HandoverDesk, Outcome::Releases(vec![student.id.clone()]));
            self.go_out(right, student);
        }
    }

    fn call(&mut self, at: Duration, students: &[&Student], guardian: &Guardian, place: PlaceRole) {
        self.guardian(at, guardian, place, Outcome::Calls(ids(students)));
    }

    fn go_out(&mut self, released: Duration, student: &Student) {
        let at = released + STEP + self.seconds(0..90);
        self.student(at, student, Gate, Outcome::Leaves);
    }

    fn fetcher<'f>(&mut self, family: &'f Family) -> Option<&'f Guardian> {
        let able = |g: &&Guardian| g.card_status == CredentialStatus::Active && !g.restricted;
        let able: Vec<&Guardian> = family.guardians.iter().filter(able).collect();
        able.choose(&mut self.rng).copied()
    }

    fn student(&mut self, at: Duration, student: &Student, place: PlaceRole, outcome: Outcome) -> usize {
        self.tap(at, Who::Student(student.id.clone()), place, student.card, outcome)
    }

    fn guardian(&mut self, at: Duration, guardian: &Guardian, place: PlaceRole, outcome: Outcome) {
        self.tap(at, Who::Guardian(guardian.id.clone()), place, guardian.card, outcome);
    }

    /// Presents a card at one of the place's lanes, and says which.
    fn tap(&mut self, at: Duration, who: Who, place: PlaceRole, card: CardNumber, outcome: Outcome) -> usize {
        let reader = self.lane(at, place, card);
        self.used.entry(card).or_default().push((at, reader));
        self.act(at, who, Deed::Tap { reader, card, rests: Duration::ZERO, outcome });
        reader
    }

    /// A lane that is open then, and that the card was not at shortly before or after.
    fn lane(&mut self, at: Duration, place: PlaceRole, card: CardNumber) -> usize {
        let open = |&lane: &usize| !self.closed.iter().any(|c| c.reader == lane && c.times.contains(&at));
        let used = self.used.get(&card).map(Vec::as_slice).unwrap_or_default();
        let fresh = |lane: &usize| !used.iter().any(|(then, n)| n == lane && then.abs_diff(at) < SAME_READER_AGAIN);
        let open: Vec<usize> = self.campus.lanes(place).filter(open).collect();
        let fresh: Vec<usize> = open.iter().copied().filter(fresh).collect();
        let lanes = if fresh.is_empty() { open } else { fresh };
        lanes.choose(&mut self.rng).copied().unwrap_or_default()
    }

    fn act(&mut self, at: Duration, who: Who, what: Deed) {
        self.acts.push(Act { at, who, what });
    }

    fn end_of(&self, student: &Student) -> Duration {
        self.school.courses.get(student.course).map_or(Duration::ZERO, |course| since_start(course.ends))
    }

    fn seconds(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(range.start * 1_000..range.end * 1_000))
    }

    fn between(&mut self, from: &str, until: &str) -> Duration {
        let (from, until) = (clock(from), clock(until));
        self.rng.random_range(from..until)
    }
}

fn clock(time: &str) -> Duration {
    since_start(made(time.parse()))
}

fn since_start(time: Time) -> Duration {
    BEGINS.duration_until(time).try_into().unwrap_or_default()
}

fn unusable(status: CredentialStatus) -> Option<Reason> {
    match status {
        CredentialStatus::Active => None,
        CredentialStatus::Lost => Some(Reason::Lost),
        CredentialStatus::Blocked => Some(Reason::Blocked),
        CredentialStatus::Expired => Some(Reason::Expired),
    }
}

fn ids(students: &[&Student]) -> Vec<StudentId> {
    students.iter().map(|student| student.id.clone()).collect()
}
