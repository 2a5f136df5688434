//! A tap that is granted nothing, and the alarm that may follow.

use crate::{
    alarm::Alarm,
    entry::{Reason, Tap, What},
    id::StudentId,
    picture::Picture,
    roster::Holder,
    rules::tap::show,
    school::School,
};

/// Writes the refusal down, shows it, and raises the alarm unless it is on already.
pub(crate) fn refuse(school: &mut School, holder: Option<Holder>, tap: Tap, reason: Reason) {
    let alarm = alarm(holder.as_ref(), &tap, &reason);
    let what = What::Refused { holder, tap: tap.clone(), reason };
    let picture = Picture::of(&what).unwrap_or(Picture::SeeTeacher);
    let seq = school.record(what);
    show(school, seq, tap, picture);
    if let Some(alarm) = alarm {
        school.raise(alarm, Some(seq));
    }
}

/// The alarm that a refusal is cause for. Part of the fold: must not ask the roster.
pub(crate) fn alarm(holder: Option<&Holder>, tap: &Tap, reason: &Reason) -> Option<Alarm> {
    let place = tap.place.clone();
    match (reason, holder) {
        (Reason::Unknown | Reason::Lost | Reason::Blocked | Reason::Expired, _) => {
            Some(Alarm::CredentialRefused { place })
        }
        (Reason::NotReleased, Some(Holder::Student(student))) => {
            Some(Alarm::ExitRefused { place, student: student.clone() })
        }
        (Reason::Restricted, Some(Holder::Guardian(guardian))) => {
            Some(Alarm::RestrictedGuardian { place, guardian: guardian.clone() })
        }
        _ => None,
    }
}

/// A student who wanted to leave and may not is at the gate now: a guardian who comes within the release window
/// completes the release. Part of the fold: must not ask the roster.
pub(crate) fn waits_for_guardian<'a>(holder: Option<&'a Holder>, reason: &Reason) -> Option<&'a StudentId> {
    match (holder, reason) {
        (Some(Holder::Student(student)), Reason::NotReleased) => Some(student),
        _ => None,
    }
}
