//! The sessions that are going on: who teaches and who is there.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    entry::{Entry, Seq, What},
    id::{CourseId, SessionId, StaffId, StudentId},
    state::State,
    time::Stamp,
};

/// A session that was taken up or entered and is not closed yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lesson {
    /// Of which course, once it was taken up.
    pub course: Option<CourseId>,
    /// Who took it up, in that order.
    pub staff: Vec<Charge>,
    /// Who came.
    pub students: BTreeMap<StudentId, Stay>,
}

/// A member of staff in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Since when.
    pub from: Stamp,
    /// By which entry.
    pub by: Seq,
    /// Minutes late beyond the grace.
    pub late_min: u16,
    /// Until when; still there, if none.
    pub until: Option<Stamp>,
}

impl Lesson {
    /// Who leads it: the first who took it up and is still there.
    pub fn lead(&self) -> Option<&Charge> {
        self.staff.iter().find(|charge| charge.until.is_none())
    }

    /// Whether this member of staff is in it.
    pub fn has(&self, staff: &StaffId) -> bool {
        self.staff.iter().any(|charge| charge.staff == *staff && charge.until.is_none())
    }
}

impl State {
    pub(super) fn fold_lesson(&mut self, entry: &Entry) {
        match &entry.what {
            What::SessionTaken { session, course, staff, instead_of, .. } => {
                let lesson = self.lessons.entry(session.clone()).or_default();
                lesson.course = Some(course.clone());
                lesson.staff.push(Charge {
                    staff: staff.clone(),
                    instead_of: instead_of.clone(),
                    from: entry.at,
                    by: entry.seq,
                    until: None,
                });
            }
            What::SessionLeft { session, staff, .. } => {
                let charges = self.lessons.get_mut(session).into_iter().flat_map(|lesson| &mut lesson.staff);
                charges.filter(|c| c.staff == *staff).for_each(|charge| charge.end(entry.at));
            }
            What::CheckedIn { student, session, late_min, .. } => {
                let stay = Stay { from: entry.at, by: entry.seq, late_min: *late_min, until: None };
                let lesson = self.lessons.entry(session.clone()).or_default();
                // Who went and came back was there from the first time; what they missed is not told by two taps.
                lesson.students.entry(student.clone()).and_modify(|stay| stay.until = None).or_insert(stay);
            }
            What::CheckedOut { student, session, .. } => self.end_stay(student, session, entry.at),
            What::HandedOver { from, to, .. } => {
                for lesson in self.lessons.values_mut() {
                    lesson.hand_over(from, to, entry);
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
    fn hand_over(&mut self, from: &StaffId, to: &StaffId, entry: &Entry) {
        let Some(charge) = self.staff.iter_mut().find(|c| c.staff == *from && c.until.is_none()) else { return };
        charge.end(entry.at);
        if !self.has(to) {
            let charge = Charge {
                staff: to.clone(),
                instead_of: Some(from.clone()),
                from: entry.at,
                by: entry.seq,
                until: None,
            };
            self.staff.push(charge);
        }
    }
}

impl Charge {
    fn end(&mut self, at: Stamp) {
        self.until.get_or_insert(at);
    }
}
