//! A student's tap at a classroom: in their session, late, in the wrong room, or not expected.

use crate::{
    entry::{OrderFault, Reason, Tap, What},
    id::{PlaceId, SessionId, StaffId, StudentId},
    picture::Picture,
    roster::{Holder, Session, Staff, StaffRole},
    rules::{
        refusal, sessions,
        student::{Standing, is_back, show_up, standing},
        tap::{note, show},
    },
    school::School,
};

/// A student's tap at a classroom. Whoever shows up here is on campus; approved leave keeps nobody from coming.
pub(crate) fn student_at_classroom(school: &mut School, student: StudentId, tap: Tap) {
    if show_up(school, &student, &tap).is_some() {
        // In a guardian's care until they have left: the lesson's teacher does not answer for them, and has to know.
        return unexpected(school, student, tap);
    }
    match meaning(school, &student, &tap.place) {
        Meaning::In(session) => check_in(school, student, session, tap),
        Meaning::Out(session) => {
            let seq = school.record(What::CheckedOut { student, session, tap: tap.clone() });
            show(school, seq, tap, Picture::CheckedOut);
        }
        Meaning::Elsewhere(place) => {
            refusal::refuse(school, Some(Holder::Student(student)), tap, Reason::SessionElsewhere(place));
        }
        Meaning::NotExpected => unexpected(school, student, tap),
        Meaning::Untold => note(school, Holder::Student(student), tap),
    }
}

/// What a student's tap at a classroom means.
enum Meaning {
    /// They come to this session.
    In(SessionId),
    /// They go from it: early, or after its end, which is no early leave but ends their stay all the same.
    Out(SessionId),
    /// They belong there now.
    Elsewhere(PlaceId),
    /// Nothing is due for them.
    NotExpected,
    /// The clock can't tell.
    Untold,
}

fn meaning(school: &School, student: &StudentId, place: &PlaceId) -> Meaning {
    let is_in = school.state.presence(student).and_then(|p| p.session.as_ref());
    let here = |session: &SessionId| school.state.lessons().get(session).and_then(|lesson| lesson.place.as_ref());
    let is_in = is_in.filter(|session| here(session) == Some(place));
    if !school.now.clock.is_set() {
        return is_in
            .map_or_else(|| by_those_taken_up(school, student, place), |session| Meaning::Out(session.clone()));
    }
    let running_first = |session: &&Session| !sessions::is_running(school, session);
    let here = sessions::due_for(school, student).filter(|session| session.place == *place).min_by_key(running_first);
    match (is_in, here) {
        (Some(is_in), Some(next)) if *is_in != next.id && sessions::is_over(school, is_in) => {
            Meaning::In(next.id.clone())
        }
        (Some(is_in), _) => Meaning::Out(is_in.clone()),
        (None, Some(session)) => Meaning::In(session.id.clone()),
        (None, None) => {
            let elsewhere = sessions::due_for(school, student).min_by_key(running_first);
            elsewhere.map_or(Meaning::NotExpected, |session| Meaning::Elsewhere(session.place.clone()))
        }
    }
}

/// A clock that was never set tells neither day nor hour; a teacher who has taken up a session here does.
fn by_those_taken_up(school: &School, student: &StudentId, place: &PlaceId) -> Meaning {
    let expects =
        |session: &SessionId| school.roster.session(session).is_some_and(|s| school.roster.expects(s, student));
    let mut taken_up = sessions::open_at(school, place).filter(|(id, lesson)| lesson.lead().is_some() && expects(id));
    match (taken_up.next(), taken_up.next()) {
        (Some((session, _)), None) => Meaning::In(session.clone()),
        _ => Meaning::Untold,
    }
}

fn check_in(school: &mut School, student: StudentId, session: SessionId, tap: Tap) {
    let late_min = lateness(school, &student, &session);
    let seq = school.record(What::CheckedIn { student, session, late_min, tap: Some(tap.clone()), by: None });
    let picture = if late_min == 0 { Picture::CheckedIn } else { Picture::Late };
    show(school, seq, tap, picture);
}

/// Who comes back was not late for that; what they missed is told by their going and coming.
fn lateness(school: &School, student: &StudentId, session: &SessionId) -> u16 {
    let was_there = school.state.lessons().get(session).is_some_and(|lesson| lesson.students.contains_key(student));
    if was_there { 0 } else { sessions::late_min(school, session) }
}

fn unexpected(school: &mut School, student: StudentId, tap: Tap) {
    let held = sessions::held_at(school, &tap.place).map(|session| session.id.clone());
    let session = held.or_else(|| sessions::lead_at(school, &tap.place).map(|(session, _)| session));
    let seq = school.record(What::Unexpected { student, session, tap: tap.clone() });
    show(school, seq, tap, Picture::Unexpected);
}

/// Staff said that a student is in the session held at this place now: a card forgotten, a child who is not on the list.
/// Whoever came in untapped is on campus by that.
pub(crate) fn order_check_in(
    school: &mut School,
    staff: StaffId,
    student: StudentId,
    place: PlaceId,
) -> Result<(), OrderFault> {
    if school.roster.student(&student).is_none() {
        return Err(OrderFault::UnknownPerson);
    }
    let session = in_charge(school, &staff, &place)?;
    match standing(school, &student) {
        Standing::Released(_) => return Err(OrderFault::NotHere),
        Standing::MissedExit(since) => {
            school.record(What::LeftUnseen { student: student.clone(), since });
        }
        Standing::Away | Standing::Here => {}
    }
    if school.state.presence(&student).is_some_and(|p| p.session.as_ref() == Some(&session)) {
        return Ok(()); // they are in it already
    }
    let late_min = lateness(school, &student, &session);
    school.record(What::CheckedIn { student: student.clone(), session, late_min, tap: None, by: Some(staff) });
    is_back(school, &student);
    Ok(())
}

/// The session at this place that this member of staff may speak for: their own, or any if they lead the duty.
fn in_charge(school: &School, staff: &StaffId, place: &PlaceId) -> Result<SessionId, OrderFault> {
    if let Some(theirs) = sessions::of_staff_at(school, staff, place).filter(|id| !sessions::is_over(school, id)) {
        return Ok(theirs.clone());
    }
    if let Some(listed) = sessions::due_at(school, place).find(|session| session.staff.contains(staff)) {
        return Ok(listed.id.clone());
    }
    let held = sessions::held_at(school, place).map(|session| session.id.clone());
    let held = held.or_else(|| sessions::lead_at(school, place).map(|(session, _)| session));
    let held = held.filter(|session| !sessions::is_over(school, session)).ok_or(OrderFault::NoSuch)?;
    let leads_duty = |known: &Staff| known.is(StaffRole::DutyLeader) || known.is(StaffRole::Principal);
    if school.roster.staff(staff).is_some_and(leads_duty) { Ok(held) } else { Err(OrderFault::NotTheirRole) }
}
