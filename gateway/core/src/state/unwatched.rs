//! The closed sessions that the box did not watch: how students took part in them is told by staff.

use alloc::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Entry, Seq, What},
    id::{CourseId, InstitutionId, SessionId, StudentId},
    state::State,
    time::{Day, Hours},
};

/// So many are remembered: those of a week in which the box stood still at a large school. The oldest go first.
pub const MAX_UNWATCHED: usize = 500;

/// A closed session that the box did not watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwatched {
    /// The entry that closed it.
    pub by: Seq,
    /// Of which course.
    pub course: CourseId,
    /// Who gives it; none if the school itself does.
    pub institution: Option<InstitutionId>,
    /// On which day.
    pub day: Day,
    /// When it was due.
    pub hours: Hours,
    /// The students of whom it is known how they took part.
    pub known: BTreeSet<StudentId>,
}

impl State {
    pub(super) fn fold_unwatched(&mut self, entry: &Entry) {
        match &entry.what {
            What::SessionClosed { session, course, institution, day, hours, watched: false, .. } => {
                let unwatched = Unwatched {
                    by: entry.seq,
                    course: course.clone(),
                    institution: institution.clone(),
                    day: *day,
                    hours: *hours,
                    known: BTreeSet::new(),
                };
                self.unwatched.insert(session.clone(), unwatched);
                if self.unwatched.len() > MAX_UNWATCHED {
                    forget_the_oldest(&mut self.unwatched);
                }
            }
            What::Attendance { student, session, .. } => {
                if let Some(unwatched) = self.unwatched.get_mut(session) {
                    unwatched.known.insert(student.clone());
                }
            }
            _ => {}
        }
    }

    /// The closed sessions that the box did not watch, and of whom it is known how they took part.
    pub fn unwatched(&self) -> &BTreeMap<SessionId, Unwatched> {
        &self.unwatched
    }
}

fn forget_the_oldest(all: &mut BTreeMap<SessionId, Unwatched>) {
    if let Some(oldest) = all.iter().min_by_key(|(_, one)| one.by).map(|(id, _)| id.clone()) {
        all.remove(&oldest);
    }
}
