//! What staff order: who may, and what follows.

use alloc::string::ToString;

use crate::{
    alarm::Alarm,
    entry::{GuardianReply, OrderFault, Seq, What},
    id::{GuardianId, StaffId},
    input::Order,
    roster::StaffRole,
    rules::{correction, gate, handover, lesson, muster, pass, release, staff},
    school::School,
};

/// Carries an order out, or writes down why not.
pub(crate) fn carry_out(school: &mut School, who: StaffId, order: Order) {
    let name = order.name();
    let outcome = permitted(school, &who, &order).and_then(|()| execute(school, &who, order));
    if let Err(reason) = outcome {
        school.record(What::OrderRefused { staff: who, order: name.to_string(), reason });
    }
}

/// Who may order what. Inspectors look on; security and IT have no say over children.
fn permitted(school: &School, who: &StaffId, order: &Order) -> Result<(), OrderFault> {
    use StaffRole::{DutyLeader, Instructor, ItAdmin, Principal, Security, Teacher};
    let may: &[StaffRole] = match order {
        Order::ConfirmRelease { .. } | Order::TakePost { .. } => &[Teacher, DutyLeader, Principal],
        Order::CheckIn { .. } | Order::HandOver { .. } => &[Teacher, Instructor, DutyLeader, Principal],
        Order::ApproveLeave { .. } | Order::RevokePass { .. } | Order::Correct { .. } | Order::Report { .. } => {
            &[DutyLeader, Principal]
        }
        Order::ReleaseGate { .. } | Order::SetGate { .. } => &[DutyLeader, Principal, Security],
        Order::ServeGate { .. } => &[DutyLeader, Principal, Security, ItAdmin],
        Order::StartMuster { .. } | Order::MarkSafe { .. } | Order::Acknowledge { .. } => {
            &[Teacher, Instructor, DutyLeader, Principal, Security, ItAdmin]
        }
        Order::EndMuster => &[DutyLeader, Principal],
    };
    let known = school.roster.staff(who).ok_or(OrderFault::UnknownStaff)?;
    // A clock that was never set can't tell whether they work here today; the school's own people are not kept from duty.
    if known.valid.covers(&school.now) == Some(false) {
        return Err(OrderFault::UnknownStaff);
    }
    if may.iter().any(|role| known.is(*role)) { Ok(()) } else { Err(OrderFault::NotTheirRole) }
}

fn execute(school: &mut School, who: &StaffId, order: Order) -> Result<(), OrderFault> {
    let by = who.clone();
    match order {
        Order::ConfirmRelease { student } => {
            pass::match_typed(school, &student, None);
            release::confirm(school, by, student)
        }
        Order::ApproveLeave { student, hours, alone } => release::approve_leave(school, by, student, hours, alone),
        Order::CheckIn { student, place } => lesson::order_check_in(school, by, student, place),
        Order::HandOver { to, present } => handover::order(school, by, to, present),
        Order::TakePost { post } => staff::take_post(school, by, post),
        Order::RevokePass { pass } => pass::revoke(school, by, pass),
        Order::Correct { entry, to, why } => correction::correct(school, by, &entry, to, why),
        Order::Report { student, session, status, minutes } => {
            correction::report(school, by, (student, session), status, minutes)
        }
        Order::ReleaseGate { place } => gate::release(school, by, place),
        Order::SetGate { place, mode } => gate::set(school, by, place, mode),
        Order::ServeGate { place, in_service } => gate::serve(school, by, place, in_service),
        Order::StartMuster { drill } => muster::start(school, by, drill),
        Order::MarkSafe { holder } => muster::mark_safe(school, by, holder),
        Order::EndMuster => muster::end(school, by),
        Order::Acknowledge { alarm } => acknowledge(school, by, alarm),
    }
}

fn acknowledge(school: &mut School, by: StaffId, alarm: Alarm) -> Result<(), OrderFault> {
    let raised: Seq = school.state.alarms().get(&alarm).map(|on| on.raised).ok_or(OrderFault::NoSuch)?;
    school.record(What::AlarmAcknowledged { alarm, raised, by });
    Ok(())
}

/// A guardian's answer over the app. Whoever has a token speaks for its guardian; that they are known is the adapter's
/// matter, that they are on the roster is looked at here.
pub(crate) fn reply(school: &mut School, guardian: GuardianId, reply: GuardianReply) {
    if school.roster.guardian(&guardian).is_none() {
        return;
    }
    let denied = matches!(reply, GuardianReply::NotMe { .. });
    let seq = school.record(What::GuardianReplied { guardian: guardian.clone(), reply });
    if denied {
        school.raise(Alarm::NotMe { guardian }, Some(seq));
    }
}
