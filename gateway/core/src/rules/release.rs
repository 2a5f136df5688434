//! Custody of one student passes out of the school: completed by staff, or allowed early.

use crate::{
    entry::{OrderFault, What},
    id::{StaffId, StudentId},
    rules::{
        guardian::may_fetch,
        student::{self, Standing},
        tap::show,
    },
    school::School,
    state::Call,
    time::Hours,
};

/// Most leaves that staff may approve for one student on one day.
const MAX_LEAVES: usize = 16;

/// Staff confirmed that the student is handed to whoever has come for them: the latest who called and may still fetch
/// them. It happens where the call was made; at a gate the student goes out.
///
/// A leaver whom the roster does not know after a restart is here by the ledger all the same and must be able to go home.
/// Who may fetch them is not known any more; whoever called might when they called, and staff see them.
pub(crate) fn confirm(school: &mut School, by: StaffId, student: StudentId) -> Result<(), OrderFault> {
    let enrolled = school.roster.student(&student).is_some();
    if !enrolled && school.state.presence(&student).is_none() {
        return Err(OrderFault::UnknownPerson);
    }
    if !matches!(student::standing(school, &student), Standing::Here) {
        return Err(OrderFault::NotHere);
    }
    if school.state.presence(&student).is_none_or(|presence| presence.calls.is_empty()) {
        return Err(OrderFault::NobodyCame);
    }
    let may_fetch = |call: &Call| !enrolled || may_fetch(school, &student, call.caller.guardian()).is_ok();
    let called = student::calls_for(school, &student).find(|(_, call)| may_fetch(call));
    let (seq, call) = called.ok_or(OrderFault::MayNotFetch)?;
    let (to, tap) = (call.caller.recipient(), call.tap.clone());
    let picture = student::handed_picture(school, &tap.place);
    let handed = student::hand_out(school, student, to, tap.clone(), Some(seq), Some(by));
    show(school, handed, tap, picture);
    Ok(())
}

/// Staff approved that the student leaves early today. The same once more is no second leave.
pub(crate) fn approve_leave(
    school: &mut School,
    by: StaffId,
    student: StudentId,
    hours: Hours,
    alone: bool,
) -> Result<(), OrderFault> {
    school.roster.student(&student).ok_or(OrderFault::UnknownPerson)?;
    let now = school.now.time_of_day().ok_or(OrderFault::ClockUnset)?;
    let granted = school.state.today().leaves.get(&student).map(|leaves| leaves.as_slice()).unwrap_or_default();
    if granted.iter().any(|leave| leave.hours == hours && leave.alone == alone) {
        return Ok(());
    }
    if hours.until < hours.from || hours.until < now || granted.len() >= MAX_LEAVES {
        return Err(OrderFault::Senseless);
    }
    school.record(What::LeaveApproved { student, hours, alone, by });
    Ok(())
}
