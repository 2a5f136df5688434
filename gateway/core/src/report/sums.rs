//! What comes out of a report. Whole numbers and fractions of them: nothing is rounded before it is shown.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::entry::AttendanceStatus;

/// How students took part in sessions, and what was delivered to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attended {
    /// Times that a student was expected: the sum of the five below.
    pub expected: u64,
    /// In time, to the end.
    pub present: u64,
    /// After the grace.
    pub late: u64,
    /// Went before the end.
    pub left_early: u64,
    /// Not there, without leave.
    pub absent: u64,
    /// Not there, with leave.
    pub excused: u64,
    /// Minutes of sessions that students were there.
    pub minutes: u64,
    /// Lessons delivered (消课): once for each student and session. The basis of settlement.
    pub lessons: u64,
}

impl Attended {
    pub(super) fn add(&mut self, status: AttendanceStatus, minutes: u16) {
        self.expected += 1;
        self.minutes += u64::from(minutes);
        *match status {
            AttendanceStatus::Present => &mut self.present,
            AttendanceStatus::Late => &mut self.late,
            AttendanceStatus::LeftEarly => &mut self.left_early,
            AttendanceStatus::Absent => &mut self.absent,
            AttendanceStatus::Excused => &mut self.excused,
        } += 1;
    }

    /// Times that a student was there, for all of a session or a part.
    pub fn there(&self) -> u64 {
        self.present + self.late + self.left_early
    }
}

/// Of one student.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudentSums {
    /// In sessions.
    #[serde(flatten)]
    pub attended: Attended,
    /// Dinners.
    pub dinners: u64,
}

/// Of one course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonSums {
    /// Sessions that were closed.
    pub sessions: u64,
    /// Those of them that somebody came to.
    pub held: u64,
    /// Students who were there at least once.
    pub students: u64,
    /// By all students together.
    #[serde(flatten)]
    pub attended: Attended,
}

/// Of one institution, or of the school's own courses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstitutionSums {
    /// Its courses.
    pub courses: u64,
    /// All of them together.
    #[serde(flatten)]
    pub lessons: LessonSums,
}

/// Of one member of staff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffSums {
    /// Sessions that they taught, or helped to.
    pub sessions: u64,
    /// Minutes within these sessions' hours.
    pub minutes: u64,
    /// Those sessions in which they stood in for somebody.
    pub substitute_sessions: u64,
    /// The minutes of these.
    pub substitute_minutes: u64,
}

/// So many out of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// So many.
    pub part: u64,
    /// Out of so many; 0 if that is not known or there are none.
    pub whole: u64,
}

impl Rate {
    /// In hundredths of a per cent, rounded half up; nothing without a whole.
    pub fn per_myriad(self) -> Option<u64> {
        let whole = u128::from(self.whole);
        let rounded = (u128::from(self.part) * 10_000 + whole / 2).checked_div(whole)?;
        u64::try_from(rounded).ok()
    }
}

/// `97.54%`, or `-` without a whole.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per_myriad() {
            Some(rate) => write!(f, "{}.{:02}%", rate / 100, rate % 100),
            None => f.write_str("-"),
        }
    }
}
