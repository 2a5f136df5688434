//! The sessions that are going on: who teaches and who is there.

use alloc::{collections::BTreeMap, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Entry, Seq, What},
    id::{CourseId, PlaceId, SessionId, StaffId, StudentId},
    state::State,
    time::Stamp,
};

/// So many times a student is kept as out in between during one session; one who goes oftener was out from the last of
/// these on.
pub const MAX_BREAKS: usize = 32;

/// A session that was taken up or entered and is not closed yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// Of which course, once it was taken up.
    pub course: Option<CourseId>,
    /// Where its first tap was.
    pub place: Option<PlaceId>,
    /// Who took it up, in the order in which they answer for it.
    pub staff: Vec<Charge>,
    /// Who came.
    pub students: BTreeMap<StudentId, Stay>,
}

/// A member of staff in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Who.
    pub staff: StaffId,
    /// Whom they stand in for.
    pub instead_of: Option<StaffId>,
    /// Since when.
    pub from: Stamp,
    /// By which entry.
    pub by: Seq,
    /// Until when; still there, if none.
    pub until: Option<Stamp>,
}

/// A student in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Since when.
    pub from: Stamp,
    /// The entry by which they last came in.
    pub by: Seq,
    /// Minutes late beyond the grace.
    pub late_min: u16,
    /// When they were out in between, in order: from when to when. No more than [`MAX_BREAKS`].
    pub breaks: Vec<(Stamp, Stamp)>,
    /// Until when; still there, if none.
    pub until: Option<Stamp>,
}

impl Lesson {
    /// Who leads it: the first who took it up, or whoever took over from them, and is still there.
    pub fn lead(&self) -> Option<&Charge> {
        self.staff.iter().find(|charge| charge.until.is_none())
    }

    /// Whether this member of staff is in it.
    pub fn has(&self, staff: &StaffId) -> bool {
        self.staff.iter().any(|charge| charge.staff == *staff && charge.until.is_none())
    }
}

impl Stay {
    /// How long the student was there, without the time that they were out in between. `between` measures what counts of
    /// the time from one moment to another, or to the end of all if there is none.
    pub(crate) fn lasted(&self, between: impl Fn(&Stamp, Option<&Stamp>) -> i64) -> i64 {
        let out: i64 = self.breaks.iter().map(|(went, came)| between(went, Some(came))).sum();
        between(&self.from, self.until.as_ref()).saturating_sub(out)
    }

    /// Who went and came back was there from the first time, and out in between.
    fn resume(&mut self, entry: &Entry) {
        self.by = entry.seq;
        let Some(out) = self.until.take() else { return };
        if self.breaks.len() < MAX_BREAKS {
            self.breaks.push((out, entry.at));
        } else if let Some((_, back)) = self.breaks.last_mut() {
            *back = entry.at;
        }
    }
}

impl State {
    pub(super) fn fold_lesson(&mut self, entry: &Entry) {
        match &entry.what {
            What::SessionTaken { session, course, staff, instead_of, tap } => {
                let lesson = self.lessons.entry(session.clone()).or_default();
                lesson.course = Some(course.clone());
                lesson.place.get_or_insert_with(|| tap.place.clone());
                lesson.staff.push(Charge::new(staff, instead_of.clone(), entry));
            }
            What::SessionLeft { session, staff, .. } => {
                let charges = self.lessons.get_mut(session).into_iter().flat_map(|lesson| &mut lesson.staff);
                charges.filter(|c| c.staff == *staff).for_each(|charge| charge.end(entry.at));
            }
            What::CheckedIn { student, session, late_min, tap, .. } => {
                let lesson = self.lessons.entry(session.clone()).or_default();
                if let Some(tap) = tap {
                    lesson.place.get_or_insert_with(|| tap.place.clone());
                }
                let new =
                    || Stay { from: entry.at, by: entry.seq, late_min: *late_min, breaks: Vec::new(), until: None };
                lesson.students.entry(student.clone()).and_modify(|stay| stay.resume(entry)).or_insert_with(new);
            }
            What::CheckedOut { student, session, .. } => self.end_stay(student, session, entry.at),
            What::HandedOver { from, to, sessions, .. } => {
                for session in sessions {
                    if let Some(lesson) = self.lessons.get_mut(session) {
                        lesson.hand_over(from, to, entry);
                    }
                }
            }
            What::SessionClosed { session, .. } => {
                self.lessons.remove(session);
            }
            _ => {}
        }
    }

    pub(super) fn end_stay(&mut self, student: &StudentId, session: &SessionId, at: Stamp) {
        let stay = self.lessons.get_mut(session).and_then(|lesson| lesson.students.get_mut(student));
        if let Some(stay) = stay {
            stay.until.get_or_insert(at);
        }
    }

    /// The sessions that were taken up or entered and are not closed.
    pub fn lessons(&self) -> &BTreeMap<SessionId, Lesson> {
        &self.lessons
    }
}

impl Lesson {
    /// Whoever takes over stands where the other stood: the lead's successor leads, others or not.
    fn hand_over(&mut self, from: &StaffId, to: &StaffId, entry: &Entry) {
        let Some(place) = self.staff.iter().position(|c| c.staff == *from && c.until.is_none()) else { return };
        if let Some(charge) = self.staff.get_mut(place) {
            charge.end(entry.at);
        }
        let there = self.staff.iter().position(|c| c.staff == *to && c.until.is_none());
        let successor = match there {
            Some(there) if there < place => return, // they lead already
            Some(there) => self.staff.remove(there),
            None => Charge::new(to, Some(from.clone()), entry),
        };
        self.staff.insert(place, successor);
    }
}

impl Charge {
    fn new(staff: &StaffId, instead_of: Option<StaffId>, entry: &Entry) -> Self {
        Self { staff: staff.clone(), instead_of, from: entry.at, by: entry.seq, until: None }
    }

    fn end(&mut self, at: Stamp) {
        self.until.get_or_insert(at);
    }
}
