//! One entry in one line, for people who look into the ledger. Ids, not names: the ledger has no names.

mod alarm;
mod closing;
mod custody;
mod gate;
mod handing;
mod machine;
mod movement;
mod muster;
mod staff;
mod student;

use schoolgate_core::{
    entry::{Entry, Tap, What},
    id::StudentId,
    roster::Holder,
    text,
    text::Lang,
    time::ClockQuality,
};

/// Number, time, kind and what happened.
pub(crate) fn line(entry: &Entry, lang: Lang) -> String {
    let Entry { seq, at, what, .. } = entry;
    let doubt = match at.clock {
        ClockQuality::Synchronised => "",
        ClockQuality::Holdover { .. } => "~",
        ClockQuality::Unset => "?",
        ClockQuality::Simulated => "*",
    };
    let (wall, kind) = (at.wall, what.kind());
    let sentence = sentence(what, lang);
    format!("{seq:>8}  {wall}{doubt:<1}  {kind:<18}  {sentence}").replace(char::is_control, " ")
}

/// Every kind has its sentence: one that has none does not compile.
pub(super) fn sentence(what: &What, lang: Lang) -> String {
    match what {
        What::Started { version } => machine::started(version, lang),
        What::Stopped {} => machine::stopped(lang),
        What::RosterAdopted { version, students, .. } => machine::roster_adopted(version, *students, lang),
        What::ReaderDown { reader, reason } => machine::reader_down(reader, reason, lang),
        What::ReaderUp { reader } => machine::reader_up(reader, lang),
        What::SensorDown { place, line } => machine::sensor_down(place, line, lang),
        What::SensorUp { place, line } => machine::sensor_up(place, line, lang),
        What::Delivered { consumer, through } => machine::delivered(*consumer, *through, lang),
        What::Checkpoint { size, .. } => machine::checkpoint(*size, lang),
        What::TapsUnrecorded { taps, since } => machine::taps_unrecorded(*taps, since, lang),
        What::ClockSet { first, offset_ms } => machine::clock_set(*first, *offset_ms, lang),
        What::DayBegan { day, kind, sessions } => machine::day_began(*day, *kind, *sessions, lang),
        What::Checked { check, found } => machine::checked(check, *found, lang),

        What::Arrived { student, tap, missed } => movement::arrived(student, tap, missed.as_ref(), lang),
        What::Left { student, tap, .. } => movement::left(student, tap, lang),
        What::LeftUnseen { student, since } => movement::left_unseen(student, *since, lang),
        What::Came { holder, purpose, tap } => movement::came(holder, purpose.as_deref(), tap, lang),
        What::Went { holder, tap } => movement::went(holder, tap, lang),
        What::Seen { holder, tap } => movement::seen(holder, tap, lang),
        What::Refused { holder, tap, reason } => movement::refused(holder.as_ref(), tap, reason, lang),

        What::Waiting { student, tap } => handing::waiting(student, tap, lang),
        What::Counted { tap } => movement::counted(tap, lang),
        What::Called { guardian, students, tap } => handing::called(guardian, students, tap, lang),
        What::CallEnded { call, why, .. } => handing::call_ended(*call, *why, lang),
        What::Released { student, to, tap, confirmed_by, .. } => {
            handing::released(student, to, tap, confirmed_by.as_ref(), lang)
        }
        What::PassShown { pass, tap } => handing::pass_shown(pass, tap, lang),
        What::PassRevoked { pass, by } => handing::pass_revoked(pass, by.as_ref(), lang),
        What::GuardianReplied { guardian, reply } => handing::guardian_replied(guardian, reply, lang),

        What::PostTaken { post, staff, instead_of, tap } => {
            custody::post_taken(*post, staff, instead_of.as_ref(), tap.as_ref(), lang)
        }
        What::PostLeft { post, staff } => custody::post_left(*post, staff, lang),
        What::HandoverOffered { from, to, tap } => custody::handover_offered(from, to.as_ref(), tap, lang),
        What::HandedOver { from, to, students, missing, posts, .. } => {
            custody::handed_over((from, to), (students, missing), posts, lang)
        }
        What::HandoverLapsed { offer } => custody::handover_lapsed(*offer, lang),
        What::ExtendedCare { student } => custody::extended_care(student, lang),

        What::SessionTaken { session, staff, instead_of, tap, .. } => {
            staff::session_taken(session, staff, instead_of.as_ref(), tap, lang)
        }
        What::SessionLeft { session, staff, tap } => staff::session_left(session, staff, tap, lang),
        What::Patrolled { patrol, staff, tap } => staff::patrolled(patrol.as_ref(), staff, tap, lang),
        What::OrderRefused { staff, order, reason } => staff::order_refused(staff, order, *reason, lang),

        What::CheckedIn { student, session, late_min, by, .. } => {
            student::checked_in(student, session, *late_min, by.as_ref(), lang)
        }
        What::CheckedOut { student, session, .. } => student::checked_out(student, session, lang),
        What::Unexpected { student, session, tap } => student::unexpected(student, session.as_ref(), tap, lang),
        What::LeaveApproved { student, hours, alone, by } => student::leave_approved(student, *hours, *alone, by, lang),
        What::Dined { student, tap } => student::dined(student, tap, lang),

        What::SessionClosed { session, expected, present, watched, .. } => {
            closing::session_closed(session, *expected, *present, *watched, lang)
        }
        What::Attendance { student, session, status, minutes, .. } => {
            closing::attendance(student, session, *status, *minutes, lang)
        }
        What::Consumption { student, session, institution, .. } => {
            closing::consumption(student, session, institution.as_ref(), lang)
        }
        What::StaffHours { staff, session, minutes, instead_of, .. } => {
            closing::staff_hours(staff, session, *minutes, instead_of.as_ref(), lang)
        }
        What::Corrected { entry, to, by, why, .. } => closing::corrected(*entry, to, by, why, lang),

        What::GateOpened { place, cause } => gate::opened(place, cause, lang),
        What::GateClosed { place } => gate::closed(place, lang),
        What::Tailgated { place, direction } => gate::tailgated(place, *direction, lang),
        What::GateMode { place, mode, by, lifted_by } => {
            gate::mode(place, *mode, (by.as_ref(), lifted_by.as_ref()), lang)
        }
        What::GateOut { place, cause } => gate::out(place, cause, lang),
        What::GateBack { place, by } => gate::back(place, by.as_ref(), lang),
        What::GateReleased { place, by } => gate::released(place, by, lang),
        What::NotPassed { place, grant } => gate::not_passed(place, *grant, lang),

        What::MusterStarted { cause, drill, people } => muster::started(cause, *drill, *people, lang),
        What::Safe { holder, tap, by } => muster::safe(holder, tap.as_ref(), by.as_ref(), lang),
        What::MusterEnded { muster, by, safe, unaccounted } => muster::ended(*muster, by, (*safe, *unaccounted), lang),

        What::AlarmRaised { alarm, .. } => alarm::raised(alarm, lang),
        What::AlarmEnded { alarm, raised } => alarm::ended(alarm, *raised, lang),
        What::AlarmAcknowledged { alarm, raised, by } => alarm::acknowledged(alarm, *raised, by, lang),
    }
}

/// Who, as it can stand at the beginning of a sentence.
fn whose(holder: Option<&Holder>, lang: Lang) -> String {
    match holder {
        None => text!(lang, zh: "未知的卡", en: "an unknown card"),
        Some(Holder::Student(id)) => text!(lang, zh: "学生 {id} ", en: "student {id}"),
        Some(Holder::Guardian(id)) => text!(lang, zh: "家长 {id} ", en: "guardian {id}"),
        Some(Holder::Staff(id)) => text!(lang, zh: "教职工 {id} ", en: "staff {id}"),
        Some(Holder::Visitor(id)) => text!(lang, zh: "访客 {id} ", en: "visitor {id}"),
    }
}

/// ` at east-gate`, or nothing if there was no tap.
fn at(tap: Option<&Tap>, lang: Lang) -> String {
    let Some(Tap { place, .. }) = tap else { return String::new() };
    text!(lang, zh: "在 {place} ", en: " at {place}")
}

fn join(ids: &[StudentId]) -> String {
    ids.iter().map(StudentId::as_str).collect::<Vec<_>>().join(" ")
}
