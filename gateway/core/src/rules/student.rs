//! A student's tap: in, out, or waiting to be fetched.

use crate::{
    alarm::Alarm,
    entry::{Missed, Reason, Recipient, Seq, Tap, What},
    id::{PlaceId, StudentId},
    picture::Picture,
    roster::Holder,
    rules::{refusal, tap::show},
    school::School,
    state::{Custodian, Whereabouts},
};

/// At the border of the campus: entry when away, exit when here.
pub(crate) fn at_gate(school: &mut School, student: StudentId, tap: Tap) {
    match standing(school, &student) {
        Standing::Away => arrive(school, student, tap, None),
        Standing::SinceEarlierDay(since) => arrive(school, student, tap, Some(Missed::Exit { since })),
        Standing::Released(by) => leave(school, student, tap, by),
        Standing::Here => exit(school, student, tap),
    }
}

/// At the handover desk: completes a release, or waits for one. Whoever shows up here is on campus.
pub(crate) fn at_desk(school: &mut School, student: StudentId, tap: Tap) {
    match standing(school, &student) {
        Standing::Away => record_arrival(school, &student, &tap, Missed::Entry),
        Standing::SinceEarlierDay(since) => record_arrival(school, &student, &tap, Missed::Exit { since }),
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
    let seq = school.record(What::Released { student: student.clone(), to, tap, matched });
    let settled = |alarm: &&Alarm| matches!(alarm, Alarm::ExitRefused { student: who, .. } if *who == student);
    let alarm = school.state.alarms().keys().find(settled).cloned();
    if let Some(alarm) = alarm {
        school.end_alarm(&alarm);
    }
    seq
}

/// Out of the gate, after a release.
pub(crate) fn leave(school: &mut School, student: StudentId, tap: Tap, released: Seq) {
    let seq = school.record(What::Left { student, tap: tap.clone(), released });
    school.let_through(seq, &tap.place);
    show(school, seq, tap, Picture::Goodbye);
}

enum Standing {
    Away,
    /// On campus by the ledger, but since an earlier day: they went home without a tap.
    SinceEarlierDay(Seq),
    /// In a guardian's care, or permitted to go alone, since that entry.
    Released(Seq),
    Here,
}

fn standing(school: &School, student: &StudentId) -> Standing {
    let Some(presence) = school.state.presence(student) else { return Standing::Away };
    let Whereabouts::OnCampus(custodian) = &presence.whereabouts else { return Standing::Away };
    if let (Some(then), Some(today)) = (presence.since.day(), school.now.day())
        && then < today
    {
        return Standing::SinceEarlierDay(presence.by);
    }
    match custodian {
        Custodian::Guardian(_) | Custodian::Alone => Standing::Released(presence.by),
        Custodian::GateDuty => Standing::Here,
    }
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

/// The latest open call for this student at this place whose caller may still fetch them.
fn open_call(school: &School, student: &StudentId, place: &PlaceId) -> Option<(Seq, Recipient)> {
    let window = school.policy().release_window();
    school.state.presence(student)?.calls.iter().rev().find_map(|seq| {
        let call = school.state.calls().get(seq)?;
        let open = call.place == *place
            && school.within(&call.at, window)
            && super::guardian::may_fetch(school, student, &call.guardian).is_ok();
        open.then(|| (*seq, Recipient::Guardian(call.guardian.clone())))
    })
}

fn called_elsewhere(school: &School, student: &StudentId) -> Option<PlaceId> {
    let calls = &school.state.presence(student)?.calls;
    calls.iter().rev().find_map(|seq| Some(school.state.calls().get(seq)?.place.clone()))
}

/// Needs a clock that was set: hours that can't be read permit nobody to walk home alone.
fn may_walk_home(school: &School, student: &StudentId) -> bool {
    let hours = school.roster.student(student).and_then(|s| s.walks_home);
    hours.zip(school.now.time_of_day()).is_some_and(|(hours, time)| hours.contain(time))
}
