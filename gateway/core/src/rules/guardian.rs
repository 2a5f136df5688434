//! A guardian's tap: calls the students whom they may fetch, and takes those who already wait.

use alloc::{collections::BTreeSet, vec::Vec};

use crate::{
    alarm::Alarm,
    entry::{CallEnd, Reason, Recipient, Seq, Tap, What},
    id::{GuardianId, StudentId},
    picture::Picture,
    roster::Holder,
    rules::{
        leave, refusal,
        student::{self, Standing},
        tap::show,
    },
    school::School,
    state::Caller,
};

/// At a gate or handover desk.
pub(crate) fn calls(school: &mut School, guardian: GuardianId, tap: Tap) {
    let children = match fetchable(school, &guardian) {
        Ok(children) => children,
        Err(reason) => return refusal::refuse(school, Some(Holder::Guardian(guardian)), tap, reason),
    };
    if school.roster.is_restricted_from_anyone(&guardian, &school.now) {
        // They may fetch another child; staff must know all the same that they are here.
        school.raise(Alarm::RestrictedGuardian { place: tap.place.clone(), guardian: guardian.clone() }, None);
    }
    let mut away = Vec::new();
    for child in children {
        match student::waiting_at(school, &child, &tap.place) {
            Some(matched) => {
                let to = Recipient::Guardian(guardian.clone());
                student::hand_out(school, child, to, tap.clone(), Some(matched), None);
            }
            None => away.push(child),
        }
    }
    if away.is_empty() {
        let seq = school.state.last();
        let picture = student::handed_picture(school, &tap.place);
        return show(school, seq, tap, picture);
    }
    renew(school, &guardian, &away);
    let seq = school.record(What::Called { guardian, students: away, tap: tap.clone() });
    show(school, seq, tap, Picture::Called);
}

/// Whether a tap at this gate would let the guardian out with a child who waits there.
pub(crate) fn may_pass(school: &School, guardian: &GuardianId, tap: &Tap) -> bool {
    let children = fetchable(school, guardian).unwrap_or_default();
    children.iter().any(|child| student::waiting_at(school, child, &tap.place).is_some())
}

/// Whether this guardian may take this student now; the reason is for staff.
///
/// A restriction beats every authorisation. A clock that was never set can't tell days and hours: an authorisation with
/// dates then does not hold, while the hours of the day are passed over, for the family stands at the gate; the entry
/// says that the clock was unset. Outside the release hours, an approved early leave permits it.
pub(crate) fn may_fetch(school: &School, student: &StudentId, guardian: &GuardianId) -> Result<(), Reason> {
    let now = &school.now;
    if school.roster.is_restricted(student, guardian, now) {
        return Err(Reason::Restricted);
    }
    let link = school.roster.link(student, guardian).ok_or(Reason::NotAuthorised)?;
    if !link.valid.covers(now).unwrap_or(false) {
        return Err(Reason::NotAuthorised);
    }
    let hours = school.policy().release_hours.zip(now.time_of_day());
    if hours.is_some_and(|(hours, time)| !hours.contain(time)) && !leave::has_leave(school, student) {
        return Err(Reason::OutsideHours);
    }
    Ok(())
}

/// The children on campus whom this guardian may take; if there is none, the gravest reason why.
fn fetchable(school: &School, guardian: &GuardianId) -> Result<Vec<StudentId>, Reason> {
    let mut children = Vec::new();
    let restricted = school.roster.is_restricted_from_anyone(guardian, &school.now);
    let mut why = if restricted { Reason::Restricted } else { Reason::NobodyToFetch };
    for child in school.roster.children_of(guardian) {
        if !matches!(student::standing(school, child), Standing::Here) {
            continue;
        }
        match may_fetch(school, child, guardian) {
            Ok(()) => children.push(child.clone()),
            Err(reason) if why == Reason::NobodyToFetch => why = reason,
            Err(_) => {}
        }
    }
    if children.is_empty() { Err(why) } else { Ok(children) }
}

/// Calling again ends the guardian's earlier call, so that a student is never called twice by one person.
fn renew(school: &mut School, guardian: &GuardianId, children: &[StudentId]) {
    let caller = Caller::Guardian(guardian.clone());
    let open = children.iter().filter_map(|child| school.state.presence(child)).flat_map(|p| &p.calls);
    let own = |seq: &&Seq| school.state.calls().get(seq).is_some_and(|call| call.caller == caller);
    let earlier: BTreeSet<Seq> = open.filter(own).copied().collect();
    for call in earlier {
        school.end_call(call, CallEnd::Renewed);
    }
}
