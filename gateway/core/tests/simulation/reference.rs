//! A second opinion on two questions, by another way and without the core's state: who answers for each student, and who
//! took which lesson. Custody is read backwards from the ledger, as a court would; attendance is judged from the cards that
//! were seen at the room's door and from the timetable on paper.

use std::collections::{HashMap, HashSet};

use schoolgate_core::{
    credential::{CredentialId, CredentialStatus},
    entry::{AttendanceStatus, Entry, Recipient, Seq, What},
    id::{PlaceId, ReaderId, SessionId, StaffId, StudentId},
    policy::Policy,
    roster::{Document, Holder, SessionLine},
    state::Custodian,
    time::{Day, TimeOfDay},
};

use crate::{
    clock::Clock,
    world::{DAYS, World},
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Who answers for this student after these entries; nobody if they are not on campus.
pub fn custodian(ledger: &[Entry], student: &StudentId) -> Option<Custodian> {
    let mut in_a_room = None;
    for (n, entry) in ledger.iter().enumerate().rev() {
        match &entry.what {
            What::Left { student: who, .. } | What::LeftUnseen { student: who, .. } if who == student => {
                return in_a_room;
            }
            What::Arrived { student: who, .. } if who == student => return Some(Custodian::GateDuty),
            What::ExtendedCare { student: who } if who == student => return Some(Custodian::ExtendedCare),
            What::Released { student: who, to, .. } if who == student => return Some(recipient(to)),
            What::HandedOver { to, students, .. } if students.contains(student) => {
                return Some(Custodian::Staff(to.clone()));
            }
            What::CheckedIn { student: who, session, .. } if who == student => match lead(&ledger[..n], session) {
                Some(lead) => return Some(Custodian::Staff(lead)),
                // Nobody teaches yet: whoever had them has them, and at least the gate duty.
                None => in_a_room = Some(Custodian::GateDuty),
            },
            What::SessionTaken { session, staff, .. }
                if is_in(&ledger[..n], student, session) && lead(&ledger[..n], session).is_none() =>
            {
                return Some(Custodian::Staff(staff.clone()));
            }
            _ => {}
        }
    }
    in_a_room
}

fn recipient(to: &Recipient) -> Custodian {
    match to {
        Recipient::Guardian(guardian) => Custodian::Guardian(guardian.clone()),
        Recipient::Delegate(pass) => Custodian::Delegate(pass.clone().into()),
        Recipient::Alone => Custodian::Alone,
    }
}

/// Who leads a session after these entries: of those who took it up and did not leave or hand it over, the first; whoever
/// takes over stands where the other stood.
fn lead(ledger: &[Entry], session: &SessionId) -> Option<StaffId> {
    let mut there: Vec<&StaffId> = Vec::new();
    for entry in ledger {
        match &entry.what {
            What::SessionTaken { session: which, staff, .. } if which == session => there.push(staff),
            What::SessionLeft { session: which, staff, .. } if which == session => there.retain(|who| *who != staff),
            What::HandedOver { from, to, sessions, .. } if sessions.contains(session) => {
                let Some(at) = there.iter().position(|who| *who == from) else { continue };
                there[at] = to;
                let mut seen = HashSet::new();
                there.retain(|who| seen.insert(*who));
            }
            What::SessionClosed { session: which, .. } if which == session => there.clear(),
            _ => {}
        }
    }
    there.first().copied().cloned()
}

/// Whether the last that is told of a student is that they are in this session.
fn is_in(ledger: &[Entry], student: &StudentId, session: &SessionId) -> bool {
    for entry in ledger.iter().rev() {
        match &entry.what {
            What::CheckedIn { student: who, session: which, .. } if who == student => return which == session,
            What::CheckedOut { student: who, .. }
            | What::Left { student: who, .. }
            | What::LeftUnseen { student: who, .. }
            | What::Arrived { student: who, .. }
            | What::ExtendedCare { student: who }
            | What::Released { student: who, .. }
                if who == student =>
            {
                return false;
            }
            What::SessionClosed { session: which, .. } if which == session => return false,
            _ => {}
        }
    }
    false
}

/// What the papers and the cards at the doors say of attendance.
pub struct Reference {
    sessions: HashMap<SessionId, SessionLine>,
    takes: HashSet<(StudentId, SessionId)>,
    doors: HashMap<ReaderId, PlaceId>,
    policy: Policy,
    /// When each card was last seen at each door.
    sightings: HashMap<(CredentialId, PlaceId), i64>,
    /// Since when each student is in their family's care.
    released: HashMap<StudentId, i64>,
    /// When each release was made.
    releases: HashMap<Seq, i64>,
    /// When each student was first seen at the door of a session of theirs while its room was open.
    came: HashMap<(StudentId, SessionId), i64>,
    /// Of whom the cards at the door can't tell: staff said so, or two sessions are in one room.
    unsure: HashSet<(StudentId, SessionId)>,
    /// When the box's clock was last wrong, or it lost what it had seen.
    shaky: i64,
    /// Minutes there, minutes due and whether they took part, of the attendances of one closing.
    closing: HashMap<Seq, (u16, u16, bool)>,
    pub judgements: u64,
}

impl Reference {
    pub fn new(world: &World) -> Self {
        let document = &world.document;
        let sessions: HashMap<SessionId, SessionLine> =
            document.sessions.iter().map(|line| (line.id.clone(), line.clone())).collect();
        let mut takes = HashSet::new();
        for line in &document.enrolments {
            let of_course = sessions.values().filter(|session| session.course == line.course);
            for session in of_course.filter(|session| line.valid.covers_day(session.day.number())) {
                takes.insert((line.student.clone(), session.id.clone()));
            }
        }
        Self {
            takes,
            sessions,
            doors: world.site.readers.clone().into_iter().collect(),
            policy: document.policy.clone(),
            sightings: HashMap::new(),
            released: HashMap::new(),
            releases: HashMap::new(),
            came: HashMap::new(),
            unsure: HashSet::new(),
            shaky: i64::MIN,
            closing: HashMap::new(),
            judgements: 0,
        }
    }

    /// A card was seen at a reader.
    pub fn tap(&mut self, now: i64, reader: &ReaderId, card: CredentialId, document: &Document) {
        let place = self.doors[reader].clone();
        let last = self.sightings.insert((card, place.clone()), now);
        if last.is_some_and(|last| now - last < 3_000) {
            return; // the same tap
        }
        let known = document.credentials.iter().find(|line| line.id == card && line.status == CredentialStatus::Active);
        let Some(Holder::Student(student)) = known.map(|line| &line.holder) else { return };
        let holds = i64::from(self.policy.release_holds_s) * 1_000;
        if self.released.get(student).is_some_and(|since| now - since < holds) {
            return; // in their family's care, though still here
        }
        let open: Vec<&SessionLine> = self
            .sessions
            .values()
            .filter(|session| {
                let (start, end) = span(session);
                session.place == place && start - 15 * MINUTE <= now && now <= end
            })
            .filter(|session| self.takes.contains(&(student.clone(), session.id.clone())))
            .collect();
        for session in &open {
            let key = (student.clone(), session.id.clone());
            if open.len() > 1 || now == span(session).1 {
                self.unsure.insert(key); // one lesson ends while the next begins in the same room
            } else {
                self.came.entry(key).or_insert(now);
            }
        }
    }

    /// What came of it.
    pub fn follow(&mut self, now: i64, clock: &Clock, entries: &[Entry]) {
        if !clock.is_right() {
            self.shaky = now;
        }
        for entry in entries {
            match &entry.what {
                What::Released { student, .. } => {
                    self.released.insert(student.clone(), now);
                    self.releases.insert(entry.seq, now);
                }
                What::Left { student, .. } | What::LeftUnseen { student, .. } | What::Arrived { student, .. } => {
                    self.released.remove(student);
                }
                What::CheckedIn { student, session, by: Some(_), .. } => {
                    self.unsure.insert((student.clone(), session.clone()));
                }
                What::Attendance { student, session, status, minutes, .. } => {
                    let took_part = !matches!(status, AttendanceStatus::Absent | AttendanceStatus::Excused);
                    let due = self.sessions[session].hours.minutes();
                    self.closing.insert(entry.seq, (*minutes, due, took_part));
                    self.judge(now, entry, (student, session), *status, *minutes);
                }
                What::Consumption { attendance, .. } => {
                    let (minutes, due, took_part) = self.closing.remove(attendance).expect("an attendance before it");
                    assert!(took_part && self.is_enough(minutes, due), "no lesson by the paper: {entry:?}");
                }
                _ => {}
            }
        }
        for (seq, (minutes, due, took_part)) in self.closing.drain().collect::<Vec<_>>() {
            assert!(!took_part || !self.is_enough(minutes, due), "a lesson that was taken does not count: {seq}");
        }
    }

    fn is_enough(&self, minutes: u16, due: u16) -> bool {
        u32::from(minutes) * 100 >= u32::from(self.policy.consumption_share_pct) * u32::from(due)
    }

    fn judge(
        &mut self,
        now: i64,
        entry: &Entry,
        (student, id): (&StudentId, &SessionId),
        status: AttendanceStatus,
        minutes: u16,
    ) {
        let key = (student.clone(), id.clone());
        let (start, end) = span(&self.sessions[id]);
        if self.unsure.contains(&key) || self.shaky > start - 30 * MINUTE || now > end + DAY / 2 {
            return;
        }
        self.judgements += 1;
        let came = self.came.get(&key).copied();
        let was_there = !matches!(status, AttendanceStatus::Absent | AttendanceStatus::Excused);
        assert_eq!(came.is_some(), was_there, "the card was seen {came:?}: {entry:?}");
        let Some(came) = came else { return };
        let is_late = came > start + i64::from(self.policy.late_grace_s) * 1_000;
        match status {
            AttendanceStatus::Present => assert!(!is_late, "the card was seen {came}: {entry:?}"),
            AttendanceStatus::Late => assert!(is_late, "the card was seen {came}: {entry:?}"),
            _ => {}
        }
        let most = (end - came.max(start)) / MINUTE + 1;
        assert!(i64::from(minutes) <= most, "the card was seen {came}: {entry:?}");
    }

    /// The box may have lost what it saw last: this is what is left.
    pub fn shaken(&mut self, now: i64, ledger: &[Entry]) {
        self.shaky = now;
        let mut released = HashMap::new();
        for entry in ledger {
            match custody_of(&entry.what) {
                Some(student) if matches!(entry.what, What::Released { .. }) => {
                    released.insert(student.clone(), self.releases[&entry.seq]);
                }
                Some(student) => drop(released.remove(student)),
                None => {}
            }
        }
        self.released = released;
    }
}

/// Whose custody over the campus's border, or out of the school's care, this entry is about.
fn custody_of(what: &What) -> Option<&StudentId> {
    match what {
        What::Released { student, .. }
        | What::Left { student, .. }
        | What::LeftUnseen { student, .. }
        | What::Arrived { student, .. } => Some(student),
        _ => None,
    }
}

/// When a session is, in milliseconds since the first midnight.
fn span(session: &SessionLine) -> (i64, i64) {
    let first: Day = DAYS[0].parse().unwrap();
    let midnight = (session.day.number() - first.number()) * DAY;
    let at = |time: TimeOfDay| midnight + i64::from(time.minute()) * MINUTE;
    (at(session.hours.from), at(session.hours.until))
}
