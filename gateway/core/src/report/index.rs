//! What has to be remembered of a period's entries so that a later correction finds them.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    entry::{AttendanceStatus, Correction, Seq},
    id::{CourseId, InstitutionId, SessionId, StaffId, StudentId},
    time::Day,
};

/// Rows in the order of their entries' numbers, so that each is found by halving.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) students: Names<StudentId>,
    pub(super) staff: Names<StaffId>,
    pub(super) sessions: Names<SessionId>,
    /// By a session's number.
    pub(super) facts: Vec<Facts>,
    pub(super) attendances: Vec<Attendance>,
    pub(super) hours: Vec<Hours>,
    pub(super) dinners: Vec<Dinner>,
    consumptions: Vec<Consumption>,
}

/// Gives each id a small number, in the order of their coming.
#[derive(Clone, Debug)]
pub(super) struct Names<Id>(BTreeMap<Id, u32>);

impl<Id> Default for Names<Id> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Id: Ord + Clone> Names<Id> {
    fn number(&mut self, id: &Id) -> u32 {
        if let Some(number) = self.0.get(id) {
            return *number;
        }
        // No period has four billion people or sessions: its days are bounded.
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.insert(id.clone(), next);
        next
    }

    /// Every id by its number.
    pub(super) fn by_number(&self) -> Vec<&Id> {
        let mut pairs: Vec<_> = self.0.iter().map(|(id, number)| (*number, id)).collect();
        pairs.sort_unstable_by_key(|(number, _)| *number);
        pairs.into_iter().map(|(_, id)| id).collect()
    }
}

/// A session, as an entry names it.
pub(super) struct Lesson<'a> {
    pub(super) session: &'a SessionId,
    pub(super) course: &'a CourseId,
    pub(super) institution: Option<&'a InstitutionId>,
    pub(super) day: Day,
}

#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) course: CourseId,
    pub(super) institution: Option<InstitutionId>,
    pub(super) day: Day,
    /// Whether it was closed: only then it can have been held.
    pub(super) closed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Attendance {
    seq: Seq,
    pub(super) student: u32,
    pub(super) session: u32,
    pub(super) minutes: u16,
    pub(super) status: AttendanceStatus,
    /// Whether it stands: not if it was not so.
    pub(super) stands: bool,
    /// Whether a consumption rests on it.
    consumed: bool,
    /// Whether the lesson counts, by the last who said so.
    said: Option<bool>,
}

impl Attendance {
    /// Whether the student was there.
    pub(super) fn is_there(&self) -> bool {
        self.stands && self.status.is_there()
    }

    /// Whether the lesson counts as delivered to the student.
    pub(super) fn counts(&self) -> bool {
        self.said.unwrap_or(self.consumed && self.is_there())
    }
}

#[derive(Clone, Debug)]
struct Consumption {
    seq: Seq,
    /// Its attendance, by position.
    attendance: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Hours {
    seq: Seq,
    pub(super) staff: u32,
    pub(super) session: u32,
    pub(super) minutes: u16,
    pub(super) substitute: bool,
    pub(super) stands: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Dinner {
    seq: Seq,
    pub(super) student: u32,
    pub(super) stands: bool,
}

const _: () = assert!(size_of::<Attendance>() <= 24 && size_of::<Hours>() <= 24);
const _: () = assert!(size_of::<Consumption>() <= 16 && size_of::<Dinner>() <= 16);

impl Index {
    fn session(&mut self, lesson: &Lesson<'_>) -> u32 {
        let number = self.sessions.number(lesson.session);
        match self.facts.get_mut(number as usize) {
            Some(facts) if facts.institution.is_none() => facts.institution = lesson.institution.cloned(),
            Some(_) => {}
            None => self.facts.push(Facts {
                course: lesson.course.clone(),
                institution: lesson.institution.cloned(),
                day: lesson.day,
                closed: false,
            }),
        }
        number
    }

    pub(super) fn close(&mut self, lesson: &Lesson<'_>) {
        let number = self.session(lesson);
        if let Some(facts) = self.facts.get_mut(number as usize) {
            facts.closed = true;
        }
    }

    pub(super) fn attendance(
        &mut self,
        seq: Seq,
        student: &StudentId,
        lesson: &Lesson<'_>,
        (status, minutes): (AttendanceStatus, u16),
    ) {
        let (student, session) = (self.students.number(student), self.session(lesson));
        let row = Attendance { seq, student, session, minutes, status, stands: true, consumed: false, said: None };
        self.attendances.push(row);
    }

    /// One whose attendance is not known rests on nothing and does not count.
    pub(super) fn consumption(&mut self, seq: Seq, lesson: &Lesson<'_>, attendance: Seq) {
        self.session(lesson);
        let Ok(at) = self.attendances.binary_search_by_key(&attendance, |row| row.seq) else { return };
        if let (Some(row), Ok(attendance)) = (self.attendances.get_mut(at), u32::try_from(at)) {
            row.consumed = true;
            self.consumptions.push(Consumption { seq, attendance });
        }
    }

    pub(super) fn staff_hours(
        &mut self,
        seq: Seq,
        staff: &StaffId,
        lesson: &Lesson<'_>,
        (minutes, substitute): (u16, bool),
    ) {
        let (staff, session) = (self.staff.number(staff), self.session(lesson));
        self.hours.push(Hours { seq, staff, session, minutes, substitute, stands: true });
    }

    pub(super) fn dinner(&mut self, seq: Seq, student: &StudentId) {
        let student = self.students.number(student);
        self.dinners.push(Dinner { seq, student, stands: true });
    }

    /// An entry that is not of this period, or that this kind of correction does not fit, stays as it is.
    pub(super) fn correct(&mut self, wrong: Seq, to: &Correction) {
        if let Some(row) = found(&mut self.attendances, wrong, |row| row.seq) {
            return row.correct(to);
        }
        if let Some(row) = found(&mut self.consumptions, wrong, |row| row.seq) {
            let attendance = row.attendance as usize;
            return self.attendances.get_mut(attendance).into_iter().for_each(|row| row.correct_consumption(to));
        }
        if let Some(row) = found(&mut self.hours, wrong, |row| row.seq) {
            return row.correct(to);
        }
        if let (Some(row), Correction::NotSo) = (found(&mut self.dinners, wrong, |row| row.seq), to) {
            row.stands = false;
        }
    }
}

fn found<Row>(rows: &mut [Row], wrong: Seq, seq: impl Fn(&Row) -> Seq) -> Option<&mut Row> {
    let at = rows.binary_search_by_key(&wrong, seq).ok()?;
    rows.get_mut(at)
}

impl Attendance {
    fn correct(&mut self, to: &Correction) {
        match to {
            Correction::Attendance { status, minutes } => {
                (self.status, self.minutes, self.stands) = (*status, *minutes, true);
            }
            Correction::Consumption { counts } => self.said = Some(*counts),
            Correction::NotSo => (self.stands, self.said) = (false, None),
            Correction::StaffHours { .. } => {}
        }
    }

    fn correct_consumption(&mut self, to: &Correction) {
        match to {
            Correction::Consumption { counts } => self.said = Some(*counts),
            Correction::NotSo => self.said = Some(false),
            Correction::Attendance { .. } | Correction::StaffHours { .. } => {}
        }
    }
}

impl Hours {
    fn correct(&mut self, to: &Correction) {
        match to {
            Correction::StaffHours { minutes } => (self.minutes, self.stands) = (*minutes, true),
            Correction::NotSo => self.stands = false,
            Correction::Attendance { .. } | Correction::Consumption { .. } => {}
        }
    }
}
