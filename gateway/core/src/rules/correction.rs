//! What was wrong is put right by a new entry that names the old one.

use alloc::string::String;

use crate::{
    entry::{AttendanceStatus, Correction, Entry, OrderFault, Seq, What},
    id::{SessionId, StaffId, StudentId},
    rules::closing,
    school::School,
};

/// Longest reason for a correction, in characters.
const MAX_WHY_CHARS: usize = 500;
const MINUTES_OF_A_DAY: u16 = 24 * 60;

/// Staff said that an earlier entry is wrong.
pub(crate) fn correct(
    school: &mut School,
    staff: StaffId,
    entry: &Entry,
    to: Correction,
    why: String,
) -> Result<(), OrderFault> {
    if entry.seq == Seq(0) || entry.seq > school.state.last() {
        return Err(OrderFault::NoSuch);
    }
    let has_reason = !why.trim().is_empty() && why.chars().count() <= MAX_WHY_CHARS;
    if !has_reason || !fits(&entry.what, &to) {
        return Err(OrderFault::Senseless);
    }
    let students = entry.what.students().to_vec();
    school.record(What::Corrected { entry: entry.seq, students, to, by: staff, why });
    Ok(())
}

/// Whether that can be right of such an entry. A correction is never corrected itself: the entry that it names is, again.
fn fits(what: &What, to: &Correction) -> bool {
    match (what, to) {
        (What::Attendance { .. }, Correction::Attendance { status, minutes }) => can_be(*status, *minutes),
        (What::Attendance { .. } | What::Consumption { .. }, Correction::Consumption { .. }) => true,
        (What::StaffHours { .. }, Correction::StaffHours { minutes }) => *minutes <= MINUTES_OF_A_DAY,
        (What::Corrected { .. } | What::OrderRefused { .. } | What::AlarmAcknowledged { .. }, _) => false,
        (what, Correction::NotSo) => {
            !what.students().is_empty() || what.guardian().is_some() || what.staff().is_some() || what.tap().is_some()
        }
        _ => false,
    }
}

/// Who was not there was there for no minute.
fn can_be(status: AttendanceStatus, minutes: u16) -> bool {
    minutes <= MINUTES_OF_A_DAY && (closing::took_part(status) || minutes == 0)
}

/// Staff said how a student took part in a session that the box did not watch: once, after that it is a correction.
pub(crate) fn report(
    school: &mut School,
    staff: StaffId,
    (student, session): (StudentId, SessionId),
    status: AttendanceStatus,
    minutes: u16,
) -> Result<(), OrderFault> {
    if school.roster.student(&student).is_none() {
        return Err(OrderFault::UnknownPerson);
    }
    let unwatched = school.state.unwatched().get(&session).ok_or(OrderFault::NoSuch)?;
    if unwatched.known.contains(&student) {
        return Err(OrderFault::NoSuch);
    }
    if !can_be(status, minutes) || minutes > unwatched.hours.minutes() {
        return Err(OrderFault::Senseless);
    }
    // As it was closed: the roster may have moved it since.
    let (course, day, hours) = (unwatched.course.clone(), unwatched.day, unwatched.hours);
    let institution = unwatched.institution.clone();
    let closed = closing::Closed { session, course, institution, day, hours };
    closing::attend(school, &closed, student, (status, minutes), Some(staff));
    Ok(())
}
