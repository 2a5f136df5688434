//! A student's tap: in, out, or waiting to be fetched.

use core::time::Duration;

use alloc::vec::Vec;

use crate::{
    alarm::Alarm,
    entry::{Missed, Reason, Recipient, Seq, Tap, What},
    id::{PlaceId, StudentId},
    picture::Picture,
    roster::Holder,
    rules::{guardian::may_fetch, refusal, tap::show},
    school::School,
    state::{Call, Caller, Custodian, Whereabouts},
};

/// A child whom a guardian's tap has taken through the gate may tap as well on the way out, for so long.
const JUST_TAKEN: Duration = Duration::from_secs(30);

/// At the border of the campus: entry when away, exit when here.
pub(crate) fn at_gate(school: &mut School, student: StudentId, tap: Tap) {
    match standing(school, &student) {
        Standing::Away if just_taken(school, &student, &tap) => wave_through(school, &student, tap),
        Standing::Away | Standing::MissedExit(_) if school.roster.is_leaver(&student) => {
            refusal::refuse(school, Some(Holder::Student(student)), tap, Reason::Unknown);
        }
        Standing::Away => arrive(school, student, tap, None),
        Standing::MissedExit(since) => arrive(school, student, tap, Some(Missed::Exit { since })),
        Standing::Released(by) => leave(school, student, tap, by),
        Standing::Here => exit(school, student, tap),
    }
}

/// At the handover desk: completes a release, or waits for one. Whoever shows up here is on campus.
pub(crate) fn at_desk(school: &mut School, student: StudentId, tap: Tap) {
    match standing(school, &student) {
        Standing::Away => record_arrival(school, &student, &tap, Missed::Entry),
        Standing::MissedExit(since) => record_arrival(school, &student, &tap, Missed::Exit { since }),
        Standing::Released(by) => return show(school, by, tap, Picture::Released),
        Standing::Here => {}
    }
    if let Some((call, to)) = open_call(school, &student, &tap.place) {
        let seq = release(school, student, to, tap.clone(), Some(call));
        show(school, seq, tap, Picture::Released);
    } else {
        let seq = school.record(What::Waiting { student, tap: tap.clone() });
        show(school, seq, tap, Picture::Wait);
    }
}

/// Custody passes; an alarm about this student's wish to leave has lost its cause.
pub(crate) fn release(school: &mut School, student: StudentId, to: Recipient, tap: Tap, matched: Option<Seq>) -> Seq {
    let seq = school.record(What::Released { student: student.clone(), to, tap, matched, confirmed_by: None });
    let settled = |alarm: &&Alarm| matches!(alarm, Alarm::ExitRefused { student: who, .. } if *who == student);
    let alarms: Vec<Alarm> = school.state.alarms().keys().filter(settled).cloned().collect();
    alarms.iter().for_each(|alarm| school.end_alarm(alarm));
    seq
}

/// Whether a tap at this gate would let the student through.
pub(crate) fn may_pass(school: &School, student: &StudentId, place: &PlaceId) -> bool {
    match standing(school, student) {
        Standing::Away | Standing::MissedExit(_) => !school.roster.is_leaver(student),
        Standing::Released(_) => true,
        Standing::Here => open_call(school, student, place).is_some() || may_walk_home(school, student),
    }
}

/// Out of the gate, after a release.
pub(crate) fn leave(school: &mut School, student: StudentId, tap: Tap, released: Seq) {
    let seq = school.record(What::Left { student, tap: tap.clone(), released });
    school.let_through(seq, &tap.place);
    show(school, seq, tap, Picture::Goodbye);
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

/// The guardian's tap took the student through this gate a moment ago, and now the student taps as well, on the way out.
fn just_taken(school: &School, student: &StudentId, tap: &Tap) -> bool {
    let taken = school.state.presence(student).is_some_and(|p| school.within(&p.since, JUST_TAKEN));
    let left_by_own_tap = || {
        let own = school.state.recent_tap(tap.credential, &tap.place);
        own.is_none_or(|own| own.picture == Picture::Goodbye)
    };
    taken && !left_by_own_tap()
}

fn wave_through(school: &mut School, student: &StudentId, tap: Tap) {
    let Some(left) = school.state.presence(student).map(|p| p.by) else { return };
    school.let_through(left, &tap.place);
    show(school, left, tap, Picture::Goodbye);
}

fn arrive(school: &mut School, student: StudentId, tap: Tap, missed: Option<Missed>) {
    let seq = school.record(What::Arrived { student, tap: tap.clone(), missed });
    school.let_through(seq, &tap.place);
    show(school, seq, tap, Picture::Welcome);
}

fn record_arrival(school: &mut School, student: &StudentId, tap: &Tap, missed: Missed) {
    school.record(What::Arrived { student: student.clone(), tap: tap.clone(), missed: Some(missed) });
}

/// Wants to leave, not released yet: a guardian's call here completes the release, or a permission to walk home.
fn exit(school: &mut School, student: StudentId, tap: Tap) {
    let (to, matched) = if let Some((call, to)) = open_call(school, &student, &tap.place) {
        (to, Some(call))
    } else if may_walk_home(school, &student) {
        (Recipient::Alone, None)
    } else {
        let reason = called_elsewhere(school, &student).map_or(Reason::NotReleased, Reason::CalledElsewhere);
        return refusal::refuse(school, Some(Holder::Student(student)), tap, reason);
    };
    let released = release(school, student.clone(), to, tap.clone(), matched);
    leave(school, student, tap, released);
}

/// The latest open call for this student at this place.
fn open_call(school: &School, student: &StudentId, place: &PlaceId) -> Option<(Seq, Recipient)> {
    let (seq, call) = good_calls(school, student).find(|(_, call)| call.place == *place)?;
    let to = match &call.caller {
        Caller::Guardian(guardian) => Recipient::Guardian(guardian.clone()),
        Caller::Delegate(pass) => Recipient::Delegate((**pass).clone()),
    };
    Some((seq, to))
}

fn called_elsewhere(school: &School, student: &StudentId) -> Option<PlaceId> {
    good_calls(school, student).next().map(|(_, call)| call.place.clone())
}

/// The open calls for this student, latest first, whose callers may still fetch them: what was so when they called may
/// not be so any more.
fn good_calls<'a>(school: &'a School, student: &'a StudentId) -> impl Iterator<Item = (Seq, &'a Call)> {
    let window = school.policy().release_window();
    let calls = school.state.presence(student).map(|p| p.calls.as_slice()).unwrap_or_default();
    calls.iter().rev().filter_map(move |seq| {
        let call = school.state.calls().get(seq)?;
        let good = school.within(&call.at, window) && may_fetch(school, student, call.caller.guardian()).is_ok();
        good.then_some((*seq, call))
    })
}

/// Needs a clock that was set: hours that can't be read permit nobody to walk home alone.
fn may_walk_home(school: &School, student: &StudentId) -> bool {
    let hours = school.roster.student(student).and_then(|s| s.walks_home);
    hours.zip(school.now.time_of_day()).is_some_and(|(hours, time)| hours.contain(time))
}
