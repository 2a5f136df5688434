//! A student's tap: in, out, or waiting to be fetched.

use core::time::Duration;

use alloc::vec::Vec;

use crate::{
    alarm::Alarm,
    entry::{Missed, Reason, Recipient, Seq, Tap, What},
    id::{PlaceId, SessionId, StaffId, StudentId},
    picture::Picture,
    policy::AntiPassback,
    roster::{Holder, Session},
    rules::{
        dismissal::{self, Turn},
        gate,
        guardian::may_fetch,
        leave, muster, pass, refusal,
        tap::show,
    },
    school::School,
    site::{Direction, PlaceRole},
    state::{Call, Caller, Custodian, Whereabouts},
};

/// Whoever has just been let through a gate may still be on the way: for so long, a tap there is no new movement.
const JUST_PASSED: Duration = Duration::from_secs(30);

/// At the border of the campus.
pub(crate) fn at_gate(school: &mut School, student: StudentId, tap: Tap) {
    match movement(school, &student, &tap) {
        Movement::Enter(_) if school.roster.is_leaver(&student) => {
            refusal::refuse(school, Some(Holder::Student(student)), tap, Reason::Unknown);
        }
        Movement::Enter(_) if gate::is_locked(school, &tap.place) => {
            refusal::refuse(school, Some(Holder::Student(student)), tap, Reason::GateLocked);
        }
        Movement::Enter(missed) => enter(school, student, tap, missed),
        Movement::Leave(released) => leave(school, student, tap, released),
        Movement::Exit(missed) => {
            if let Some(missed) = missed {
                arrive(school, &student, &tap, Some(missed));
            }
            exit(school, student, tap);
        }
        Movement::Again(passed, picture) => {
            let way = if picture == Picture::Welcome { Direction::In } else { Direction::Out };
            school.let_through(passed, &tap.place, Some(way));
            show(school, passed, tap, picture);
        }
        Movement::Against => refusal::refuse(school, Some(Holder::Student(student)), tap, Reason::WrongWay),
    }
}

/// At the handover desk: completes a release, or waits for one. Whoever shows up here is on campus.
pub(crate) fn at_desk(school: &mut School, student: StudentId, tap: Tap) {
    if let Some(released) = show_up(school, &student, &tap) {
        return show(school, released, tap, Picture::Released);
    }
    pass::match_typed(school, &student, Some(&tap.place));
    if let Some((call, to)) = open_call(school, &student, &tap.place) {
        let seq = hand_out(school, student, to, tap.clone(), Some(call), None);
        show(school, seq, tap, Picture::Released);
    } else {
        let seq = school.record(What::Waiting { student, tap: tap.clone() });
        show(school, seq, tap, Picture::Wait);
    }
}

/// A tap inside the campus: whoever is not here by the ledger must have come in without one, which is written down.
/// Gives the release, if the student has been released already.
pub(crate) fn show_up(school: &mut School, student: &StudentId, tap: &Tap) -> Option<Seq> {
    let missed = match standing(school, student) {
        Standing::Away => Missed::Entry,
        Standing::MissedExit(since) => Missed::Exit { since },
        Standing::Released(by) => return Some(by),
        Standing::Here => return None,
    };
    arrive(school, student, tap, Some(missed));
    None
}

/// Custody passes out of the school; at a gate the student goes out with it. What is shown for it needs the entry given.
pub(crate) fn hand_out(
    school: &mut School,
    student: StudentId,
    to: Recipient,
    tap: Tap,
    matched: Option<Seq>,
    confirmed_by: Option<StaffId>,
) -> Seq {
    let session = session_now(school, &student); // before the release, which signs them out of it
    let what = What::Released { student: student.clone(), to, tap: tap.clone(), matched, confirmed_by };
    let released = school.record(what);
    if handed_picture(school, &tap.place) == Picture::Goodbye {
        go_out(school, student, tap, released, session)
    } else {
        released
    }
}

/// What a completed release shows at this place: at a gate the student goes out with it.
pub(crate) fn handed_picture(school: &School, place: &PlaceId) -> Picture {
    let role = school.site.places.get(place).map(|place| place.role);
    if role == Some(PlaceRole::Gate) { Picture::Goodbye } else { Picture::Released }
}

/// Out of the gate, after a release.
pub(crate) fn leave(school: &mut School, student: StudentId, tap: Tap, released: Seq) {
    let session = session_now(school, &student);
    let seq = go_out(school, student, tap.clone(), released, session);
    show(school, seq, tap, Picture::Goodbye);
}

/// A session is over: that somebody went from it is no alarm any more.
pub(crate) fn session_over(school: &mut School, over: &SessionId) {
    let about = |alarm: &&Alarm| matches!(alarm, Alarm::LeftDuringSession { session, .. } if session == over);
    let alarms: Vec<Alarm> = school.state.alarms().keys().filter(about).cloned().collect();
    alarms.iter().for_each(|alarm| school.end_alarm(alarm));
}

/// Whether this tap at a gate would let the student through.
pub(crate) fn may_pass(school: &School, student: &StudentId, tap: &Tap) -> bool {
    match movement(school, student, tap) {
        Movement::Enter(_) => !school.roster.is_leaver(student) && !gate::is_locked(school, &tap.place),
        Movement::Leave(_) | Movement::Again(..) => true,
        Movement::Exit(None) => {
            open_call(school, student, &tap.place).is_some() || goes_alone(school, student, &tap.place).is_ok()
        }
        Movement::Exit(Some(_)) => goes_alone(school, student, &tap.place).is_ok(), // nobody calls who was not here
        Movement::Against => false,
    }
}

/// How a student stands by the ledger.
pub(crate) enum Standing {
    /// Not on campus.
    Away,
    /// On campus by the ledger, but they must have gone home without a tap: since an earlier day, or released so long ago.
    MissedExit(Seq),
    /// In a guardian's care, or permitted to go alone, since that entry.
    Released(Seq),
    /// On campus, in the school's care.
    Here,
}

pub(crate) fn standing(school: &School, student: &StudentId) -> Standing {
    let Some(presence) = school.state.presence(student) else { return Standing::Away };
    let Whereabouts::OnCampus(custodian) = &presence.whereabouts else { return Standing::Away };
    if presence.since.is_of_an_earlier_day(&school.now) {
        return Standing::MissedExit(presence.by);
    }
    let released_long_ago = || !school.within(&presence.since, school.policy().release_holds());
    match custodian {
        Custodian::GateDuty | Custodian::Staff(_) | Custodian::ExtendedCare => Standing::Here,
        _ if released_long_ago() => Standing::MissedExit(presence.by),
        Custodian::Guardian(_) | Custodian::Delegate(_) | Custodian::Alone => Standing::Released(presence.by),
    }
}

/// The child's own tap, if they showed up at this place within the release window.
pub(crate) fn waiting_at(school: &School, student: &StudentId, place: &PlaceId) -> Option<Seq> {
    let waiting = school.state.presence(student)?.waiting.as_ref()?;
    let here = waiting.tap.place == *place && school.within(&waiting.at, school.policy().release_window());
    here.then_some(waiting.by)
}

/// The open calls for this student, latest first, whose callers may still fetch them: what was so when they called may
/// not be so any more.
pub(crate) fn good_calls<'a>(
    school: &'a School,
    student: &'a StudentId,
) -> impl Iterator<Item = (Seq, &'a Call)> + use<'a> {
    calls_for(school, student).filter(|(_, call)| may_fetch(school, student, call.caller.guardian()).is_ok())
}

/// The calls for this student that hold still, latest first, whether or not their callers may still fetch them.
pub(crate) fn calls_for<'a>(
    school: &'a School,
    student: &'a StudentId,
) -> impl Iterator<Item = (Seq, &'a Call)> + use<'a> {
    let window = school.policy().release_window();
    let calls = school.state.presence(student).map(|p| p.calls.as_slice()).unwrap_or_default();
    calls.iter().rev().filter_map(move |seq| {
        let call = school.state.calls().get(seq)?;
        let holds = school.within(&call.at, window) && !is_revoked(school, &call.caller);
        holds.then_some((*seq, call))
    })
}

/// What a tap at a gate means, by the ledger and the way that the reader leads.
enum Movement {
    /// In, after what was missed.
    Enter(Option<Missed>),
    /// Out, by a release that holds.
    Leave(Seq),
    /// Out, if they may; after what was missed.
    Exit(Option<Missed>),
    /// The movement that this entry has already, and what it showed.
    Again(Seq, Picture),
    /// Against the ledger, and policy lets nobody through so.
    Against,
}

/// A reader that leads one way is believed, unless policy believes the ledger: a child is let in, and let out by the same
/// rules as any other. One that leads both ways means entry for who is away, and exit for who is here.
fn movement(school: &School, student: &StudentId, tap: &Tap) -> Movement {
    let towards = school.site.direction(&tap.reader);
    // In an emergency nobody is held up by what the ledger says.
    let lenient = school.policy().anti_passback == AntiPassback::LetThrough || muster::is_on(school);
    if let Some(again) = just_passed(school, student, tap, towards, lenient) {
        return again;
    }
    match (towards, standing(school, student)) {
        (None | Some(Direction::In), Standing::Away) => Movement::Enter(None),
        (None | Some(Direction::In), Standing::MissedExit(since)) => Movement::Enter(Some(Missed::Exit { since })),
        (Some(Direction::In), Standing::Here | Standing::Released(_)) if lenient => {
            Movement::Enter(school.state.custody_since(student).map(|since| Missed::Exit { since }))
        }
        (Some(Direction::Out), Standing::Away) if lenient => Movement::Exit(Some(Missed::Entry)),
        (Some(Direction::In), Standing::Here | Standing::Released(_)) | (Some(Direction::Out), Standing::Away) => {
            Movement::Against
        }
        (Some(Direction::Out), Standing::MissedExit(since)) => Movement::Exit(Some(Missed::Exit { since })),
        (None | Some(Direction::Out), Standing::Released(by)) => Movement::Leave(by),
        (None | Some(Direction::Out), Standing::Here) => Movement::Exit(None),
    }
}

/// Somebody who was let through this gate a moment ago and taps once more. A child whom another's tap took out may tap as
/// well on the way. One who taps their own card again at a reader of one way has not got through yet; where policy lets
/// nobody pass a card back, that is not believed.
fn just_passed(
    school: &School,
    student: &StudentId,
    tap: &Tap,
    towards: Option<Direction>,
    lenient: bool,
) -> Option<Movement> {
    let presence = school.state.presence(student)?;
    let passed_here = presence.seen.by == presence.by && presence.seen.place.as_ref() == Some(&tap.place);
    if !school.within(&presence.since, JUST_PASSED) || !passed_here {
        return None; // who was refused elsewhere since did not pass there
    }
    let own = |card| school.roster.credential(card).is_some_and(|c| c.holder == Holder::Student(student.clone()));
    let taken_out = || presence.left_by.is_some_and(|card| !own(card));
    match (&presence.whereabouts, towards) {
        (Whereabouts::OffCampus, None) if taken_out() => Some(Movement::Again(presence.by, Picture::Goodbye)),
        (Whereabouts::OffCampus, Some(Direction::Out)) if taken_out() || lenient && presence.left_by.is_some() => {
            Some(Movement::Again(presence.by, Picture::Goodbye))
        }
        (Whereabouts::OnCampus(Custodian::GateDuty), Some(Direction::In)) if lenient => {
            Some(Movement::Again(presence.by, Picture::Welcome))
        }
        _ => None,
    }
}

fn enter(school: &mut School, student: StudentId, tap: Tap, missed: Option<Missed>) {
    let seq = arrive(school, &student, &tap, missed);
    school.let_through(seq, &tap.place, Some(Direction::In));
    show(school, seq, tap, Picture::Welcome);
}

fn arrive(school: &mut School, student: &StudentId, tap: &Tap, missed: Option<Missed>) -> Seq {
    let seq = school.record(What::Arrived { student: student.clone(), tap: tap.clone(), missed });
    is_back(school, student);
    seq
}

/// Whoever is on campus again has not left a session any more.
pub(crate) fn is_back(school: &mut School, student: &StudentId) {
    let Ok(least) = SessionId::try_new("-") else { return }; // no id sorts before it
    let from = Alarm::LeftDuringSession { student: student.clone(), session: least };
    let theirs = |alarm: &&Alarm| matches!(alarm, Alarm::LeftDuringSession { student: who, .. } if who == student);
    let on = school.state.alarms().range(from..).map(|(alarm, _)| alarm);
    let alarms: Vec<Alarm> = on.take_while(theirs).cloned().collect();
    alarms.iter().for_each(|alarm| school.end_alarm(alarm));
}

/// Wants to leave, not released yet: a call here completes the release, or a permission to go alone.
fn exit(school: &mut School, student: StudentId, tap: Tap) {
    pass::match_typed(school, &student, Some(&tap.place));
    let (to, matched) = if let Some((call, to)) = open_call(school, &student, &tap.place) {
        (to, Some(call))
    } else {
        match goes_alone(school, &student, &tap.place) {
            Ok(()) => (Recipient::Alone, None),
            Err(_) if muster::is_on(school) => return muster::at_gate(school, student, tap),
            Err(reason) => {
                let reason = called_elsewhere(school, &student).map_or(reason, Reason::CalledElsewhere);
                return refusal::refuse(school, Some(Holder::Student(student)), tap, reason);
            }
        }
    };
    let seq = hand_out(school, student, to, tap.clone(), matched, None);
    show(school, seq, tap, Picture::Goodbye);
}

/// Whether a student may go alone by this gate now: an approved leave goes before the classes' turns and a locked gate, and
/// so does an emergency.
fn goes_alone(school: &School, student: &StudentId, place: &PlaceId) -> Result<(), Reason> {
    if leave::may_leave_alone(school, student) {
        return Ok(());
    }
    let may_go = leave::may_go_alone(school, student);
    if muster::gates_are_free(school) {
        return if may_go { Ok(()) } else { Err(Reason::NotReleased) };
    }
    match dismissal::turn(school, student, place) {
        Turn::Later(from, soon) if may_go || soon => Err(Reason::NotYourTurn(from)),
        Turn::Elsewhere(gate) if may_go => Err(Reason::OtherGate(gate)),
        _ if !may_go => Err(Reason::NotReleased),
        _ if gate::is_locked(school, place) => Err(Reason::GateLocked),
        _ => Ok(()),
    }
}

fn go_out(school: &mut School, student: StudentId, tap: Tap, released: Seq, session: Option<SessionId>) -> Seq {
    let place = tap.place.clone();
    let seq = school.record(What::Left { student: student.clone(), tap, released });
    school.let_through(seq, &place, Some(Direction::Out));
    if let Some(session) = session.filter(|_| !leave::has_leave(school, &student)) {
        school.raise(Alarm::LeftDuringSession { student, session }, Some(seq));
    }
    seq
}

/// The session that the student is in, or ought to be in, at this moment. Nothing while the clock can't tell: a family
/// that fetches its child must not be an alarm because a battery is missing.
fn session_now(school: &School, student: &StudentId) -> Option<SessionId> {
    let (day, time) = school.now.day().zip(school.now.time_of_day())?;
    let runs = |s: &&Session| s.day.number() == day && s.hours.from <= time && time < s.hours.until;
    let entered = school.state.presence(student).and_then(|p| p.session.as_ref());
    let entered = entered.and_then(|id| school.roster.session(id)).filter(runs);
    entered.or_else(|| school.roster.timetable(student, day).find(runs)).map(|session| session.id.clone())
}

/// The latest open call for this student at this place.
fn open_call(school: &School, student: &StudentId, place: &PlaceId) -> Option<(Seq, Recipient)> {
    let (seq, call) = good_calls(school, student).find(|(_, call)| call.tap.place == *place)?;
    Some((seq, call.caller.recipient()))
}

fn called_elsewhere(school: &School, student: &StudentId) -> Option<PlaceId> {
    good_calls(school, student).next().map(|(_, call)| call.tap.place.clone())
}

/// A pass may be revoked while its bearer waits.
fn is_revoked(school: &School, caller: &Caller) -> bool {
    matches!(caller, Caller::Delegate(shown) if pass::is_revoked(school, shown))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;
    use crate::site::Site;

    #[test]
    fn when_a_session_is_over_so_are_the_alarms_about_who_left_it_and_no_others() {
        let mut school = School::new(Site::default());
        let left = |student: &str, session: &str| Alarm::LeftDuringSession {
            student: StudentId::try_new(student).unwrap(),
            session: SessionId::try_new(session).unwrap(),
        };
        let (first, second, other) = (left("ming", "chess"), left("hong", "chess"), left("lei", "homework"));
        for alarm in [&first, &second, &other] {
            school.raise(alarm.clone(), None);
        }
        session_over(&mut school, &SessionId::try_new("chess").unwrap());
        assert_eq!(school.state().alarms().keys().collect::<Vec<_>>(), [&other]);
    }
}
