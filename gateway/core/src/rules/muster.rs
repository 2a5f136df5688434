//! An emergency: everybody is to be accounted for, and the gates stand open.
//!
//! The gates stand open while a muster is on *or* the fire alarm is: whoever ends a muster does not shut a gate while the
//! line still says fire. Nothing but staff ends a muster. One muster is on at a time; an emergency that comes while an
//! exercise is on takes its place, and everybody is counted anew, for the exercise may have been forgotten for hours.
//!
//! Nobody is kept inside: a student who taps at a gate, and would be refused on another day, is accounted for there. By the
//! ledger they are still on campus and in the school's care, since nobody has come for them; a release that is right
//! anyhow stays one. Whoever comes in during a muster counts as on campus.

use crate::{
    action::Act,
    alarm::Alarm,
    entry::{MusterCause, OrderFault, Seq, Tap, What},
    id::{PlaceId, StaffId, StudentId},
    muster::{people, unaccounted},
    picture::Picture,
    roster::Holder,
    rules::{
        gate,
        tap::{note, show},
    },
    school::School,
};

/// Whether everybody is being accounted for.
pub(crate) fn is_on(school: &School) -> bool {
    school.state.muster().is_some()
}

/// Whether the gates stand open for everybody.
pub(crate) fn gates_are_free(school: &School) -> bool {
    is_on(school) || school.state.alarms().contains_key(&Alarm::Fire {})
}

/// The gateway starts in the middle of an emergency.
pub(crate) fn begin(school: &mut School) {
    if gates_are_free(school) {
        school.act(None, Act::Free { on: true });
    }
}

/// Somebody's tap at an assembly point.
pub(crate) fn at_assembly_point(school: &mut School, holder: Holder, tap: Tap) {
    if is_on(school) { safe_by_tap(school, holder, tap) } else { note(school, holder, tap) }
}

/// A student whom nobody has come for wants out of a gate during a muster.
pub(crate) fn at_gate(school: &mut School, student: StudentId, tap: Tap) {
    safe_by_tap(school, Holder::Student(student), tap);
}

/// Staff ordered a muster.
pub(crate) fn start(school: &mut School, staff: StaffId, drill: bool) -> Result<(), OrderFault> {
    let seq = begin_muster(school, MusterCause::Staff(staff), drill);
    seq.map(|_| ()).ok_or(OrderFault::AlreadySo)
}

/// Staff said that somebody is accounted for.
pub(crate) fn mark_safe(school: &mut School, staff: StaffId, holder: Holder) -> Result<(), OrderFault> {
    if !is_on(school) {
        return Err(OrderFault::NoSuch);
    }
    let known = match &holder {
        Holder::Student(id) => school.roster.student(id).is_some(),
        Holder::Guardian(id) => school.roster.guardian(id).is_some(),
        Holder::Staff(id) => school.roster.staff(id).is_some(),
        Holder::Visitor(id) => school.roster.visitor(id).is_some(),
    };
    // Whoever is on campus by the ledger can be found, be they still on the roster or not.
    if !known && !people(&school.state).any(|person| person.holder == holder) {
        return Err(OrderFault::UnknownPerson);
    }
    if safe_since(school, &holder).is_none() {
        school.record(What::Safe { holder, tap: None, by: Some(staff) });
    }
    Ok(())
}

/// Staff ended the muster.
pub(crate) fn end(school: &mut School, staff: StaffId) -> Result<(), OrderFault> {
    let muster = school.state.muster().ok_or(OrderFault::NoSuch)?;
    let (seq, safe) = (muster.by, count(muster.safe.len()));
    let unaccounted = count(unaccounted(&school.state).len());
    school.record(What::MusterEnded { muster: seq, by: staff, safe, unaccounted });
    shut_unless_free(school);
    Ok(())
}

/// The fire alarm's line.
pub(crate) fn fire_alarm(school: &mut School, on: bool) {
    if !on {
        if school.state.alarms().contains_key(&Alarm::Fire {}) {
            school.end_alarm(&Alarm::Fire {});
            shut_unless_free(school);
        }
    } else if !school.state.alarms().contains_key(&Alarm::Fire {}) {
        let seq = begin_muster(school, MusterCause::FireAlarm, false);
        school.raise(Alarm::Fire {}, seq);
    }
}

/// A panic button was pressed.
pub(crate) fn panic(school: &mut School, place: PlaceId) {
    let seq = begin_muster(school, MusterCause::Panic(place.clone()), false);
    school.raise(Alarm::Panic { place }, seq);
}

/// Unless one is on: one muster at a time, but no exercise stands in the way of an emergency.
fn begin_muster(school: &mut School, cause: MusterCause, drill: bool) -> Option<Seq> {
    if school.state.muster().is_some_and(|on| drill || !on.drill) {
        return None;
    }
    // Before the entry, and whatever the disk does: an emergency waits for neither.
    school.act(None, Act::Free { on: true });
    gate::emergency(school, true);
    let people = count(people(&school.state).count());
    Some(school.record(What::MusterStarted { cause, drill, people }))
}

fn shut_unless_free(school: &mut School) {
    if !gates_are_free(school) {
        school.act(None, Act::Free { on: false });
        gate::emergency(school, false);
    }
}

/// Once is enough: whoever is safe already sees so again.
fn safe_by_tap(school: &mut School, holder: Holder, tap: Tap) {
    let seq = safe_since(school, &holder)
        .unwrap_or_else(|| school.record(What::Safe { holder, tap: Some(tap.clone()), by: None }));
    show(school, seq, tap, Picture::Safe);
}

fn safe_since(school: &School, holder: &Holder) -> Option<Seq> {
    school.state.muster()?.safe.get(holder).copied()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
