//! One entry or more of each kind that came after the first version, with every optional part both there and left out.

use schoolgate_core::{
    alarm::{Alarm, ReaderTrouble},
    credential::CredentialId,
    entry::{
        AttendanceStatus, Check, Correction, ENTRY_VERSION, Entry, GuardianReply, MusterCause, OpenCause, OrderFault,
        PassFault, PassId, Reason, Recipient, Seq, Tap, What,
    },
    id::{CourseId, GuardianId, InstitutionId, PatrolId, PlaceId, ReaderId, SessionId, StaffId, StudentId, VisitorId},
    roster::{DayKind, Holder, Post},
    site::Direction,
    time::{BootId, ClockQuality, Day, Hours, Mono, Stamp},
};

/// All of them, in the order of their numbers.
pub(crate) fn all() -> Vec<Entry> {
    let kinds = [
        days(),
        people(),
        sessions(),
        handovers(),
        passes(),
        closing(),
        gates(),
        musters(),
        alarms(),
        refusals(),
        checkpoints(),
    ];
    kinds.concat().into_iter().zip(101..).map(|(what, seq)| entry(Seq(seq), what)).collect()
}

fn entry(seq: Seq, what: What) -> Entry {
    let wall = "2026-09-01T17:45:00.000+08:00".parse().unwrap();
    let at = Stamp { wall, boot: BootId(0xa1), mono: Mono(seq.0 * 1_000), clock: ClockQuality::Synchronised };
    Entry { v: ENTRY_VERSION, seq, at, what }
}

fn days() -> Vec<What> {
    vec![
        What::DayBegan { day: day(), kind: DayKind::SchoolDay, sessions: 12 },
        What::DayBegan { day: day(), kind: DayKind::WeekendDay, sessions: 4 },
        What::DayBegan { day: day(), kind: DayKind::HolidayOpening, sessions: 3 },
        What::DayBegan { day: day(), kind: DayKind::Closed, sessions: 0 },
        What::Checked { check: Check::Absence(session()), found: 2 },
        What::Checked { check: Check::NotFetched { end: "17:30".parse().unwrap(), step: 1 }, found: 1 },
        What::Checked { check: Check::Patrol(patrol()), found: 0 },
        What::Checked { check: Check::Rota { post: Post::Gate, from: "16:00".parse().unwrap() }, found: 0 },
        What::Checked { check: Check::RotaOver { post: Post::ExtendedCare }, found: 1 },
        What::ClockSet { first: Seq(90), offset_ms: 1_788_251_465_000 },
    ]
}

fn people() -> Vec<What> {
    let visitor = Holder::Visitor(VisitorId::try_new("v0003").unwrap());
    vec![
        What::Came { holder: visitor.clone(), purpose: Some("repair".into()), tap: tap() },
        What::Came { holder: Holder::Staff(li()), purpose: None, tap: tap() },
        What::Went { holder: visitor, tap: tap() },
        What::Unexpected { student: ming(), session: None, tap: tap() },
        What::Unexpected { student: ming(), session: Some(session()), tap: tap() },
        What::ExtendedCare { student: ming() },
        What::LeftUnseen { student: ming(), since: Seq(40) },
        What::LeaveApproved { student: ming(), hours: hours("16:45", "17:15"), alone: true, by: zhao() },
        What::LeaveApproved { student: ming(), hours: hours("16:45", "17:15"), alone: false, by: zhao() },
        What::Dined { student: ming(), tap: tap() },
        What::GuardianReplied { guardian: grandmother(), reply: GuardianReply::OnMyWay { minutes: 10 } },
        What::GuardianReplied { guardian: grandmother(), reply: GuardianReply::NotMe { entry: Seq(52) } },
    ]
}

fn sessions() -> Vec<What> {
    let checked_in = |late_min, tap, by| What::CheckedIn { student: ming(), session: session(), late_min, tap, by };
    vec![
        What::SessionTaken { session: session(), course: course(), staff: li(), instead_of: None, tap: tap() },
        What::SessionTaken { session: session(), course: course(), staff: li(), instead_of: Some(wang()), tap: tap() },
        What::SessionLeft { session: session(), staff: li(), tap: tap() },
        checked_in(0, Some(tap()), None),
        checked_in(7, None, Some(li())),
        What::CheckedOut { student: ming(), session: session(), tap: tap() },
        What::Patrolled { patrol: Some(patrol()), staff: wang(), tap: tap() },
        What::Patrolled { patrol: None, staff: wang(), tap: tap() },
    ]
}

fn handovers() -> Vec<What> {
    vec![
        What::PostTaken { post: Post::Gate, staff: li(), instead_of: None, tap: Some(tap()) },
        What::PostTaken { post: Post::ExtendedCare, staff: li(), instead_of: Some(wang()), tap: None },
        What::PostLeft { post: Post::Leader, staff: zhao() },
        What::HandoverOffered { from: li(), to: None, tap: tap() },
        What::HandoverOffered { from: li(), to: Some(wang()), tap: tap() },
        What::HandedOver {
            from: li(),
            to: wang(),
            students: vec![ming(), hong()],
            missing: vec![hong()],
            posts: vec![Post::ExtendedCare],
            sessions: vec![session()],
            offer: Some(Seq(60)),
            tap: Some(tap()),
        },
        What::HandedOver {
            from: li(),
            to: wang(),
            students: vec![ming()],
            missing: Vec::new(),
            posts: Vec::new(),
            sessions: Vec::new(),
            offer: None,
            tap: None,
        },
        What::HandoverLapsed { offer: Seq(60) },
    ]
}

fn passes() -> Vec<What> {
    let released =
        |to, confirmed_by| What::Released { student: ming(), to, tap: tap(), matched: Some(Seq(50)), confirmed_by };
    vec![
        What::PassShown { pass: pass(), tap: tap() },
        What::PassRevoked { pass: pass(), by: Some(zhao()) },
        What::PassRevoked { pass: pass(), by: None },
        released(Recipient::Delegate(pass()), None),
        released(Recipient::Guardian(grandmother()), Some(li())),
    ]
}

fn closing() -> Vec<What> {
    let closed = |institution, watched| What::SessionClosed {
        session: session(),
        course: course(),
        institution,
        day: day(),
        hours: hours("16:30", "17:30"),
        expected: 3,
        present: 2,
        watched,
    };
    let attendance = |status, minutes| What::Attendance {
        student: ming(),
        session: session(),
        course: course(),
        day: day(),
        status,
        minutes,
        by: None,
    };
    let consumption = |institution| What::Consumption {
        student: ming(),
        session: session(),
        course: course(),
        institution,
        day: day(),
        attendance: Seq(140),
        by: None,
    };
    let staff_hours = |institution, instead_of| What::StaffHours {
        staff: li(),
        session: session(),
        course: course(),
        institution,
        day: day(),
        minutes: 60,
        instead_of,
    };
    let corrected =
        |to| What::Corrected { entry: Seq(140), students: vec![ming()], to, by: zhao(), why: "点名册为准".into() };
    let corrected_of_staff = What::Corrected {
        entry: Seq(142),
        students: Vec::new(),
        to: Correction::StaffHours { minutes: 45 },
        by: zhao(),
        why: "提前下课".into(),
    };
    let mut reported = attendance(AttendanceStatus::Present, 60);
    let mut counted = consumption(None);
    for what in [&mut reported, &mut counted] {
        if let What::Attendance { by, .. } | What::Consumption { by, .. } = what {
            *by = Some(zhao());
        }
    }
    vec![
        closed(None, true),
        closed(Some(club()), false),
        attendance(AttendanceStatus::Present, 60),
        attendance(AttendanceStatus::Late, 50),
        attendance(AttendanceStatus::LeftEarly, 20),
        attendance(AttendanceStatus::Absent, 0),
        attendance(AttendanceStatus::Excused, 0),
        consumption(None),
        consumption(Some(club())),
        staff_hours(None, None),
        staff_hours(Some(club()), Some(wang())),
        corrected(Correction::Attendance { status: AttendanceStatus::Late, minutes: 50 }),
        corrected(Correction::Consumption { counts: true }),
        corrected(Correction::StaffHours { minutes: 45 }),
        corrected(Correction::NotSo),
        corrected_of_staff,
        reported,
        counted,
    ]
}

fn gates() -> Vec<What> {
    let opened = |cause| What::GateOpened { place: place("east-gate"), cause };
    vec![
        opened(OpenCause::Granted(Seq(70))),
        opened(OpenCause::ExitRequest),
        opened(OpenCause::Free),
        opened(OpenCause::Forced),
        What::GateClosed { place: place("east-gate") },
        What::Tailgated { place: place("east-gate"), direction: Direction::In },
        What::Tailgated { place: place("east-gate"), direction: Direction::Out },
        What::SensorDown { place: place("east-gate"), line: "beam-1".into() },
        What::SensorUp { place: place("east-gate"), line: "beam-1".into() },
    ]
}

fn musters() -> Vec<What> {
    vec![
        What::MusterStarted { cause: MusterCause::FireAlarm, drill: false, people: 412 },
        What::MusterStarted { cause: MusterCause::Panic(place("east-gate")), drill: false, people: 412 },
        What::MusterStarted { cause: MusterCause::Staff(zhao()), drill: true, people: 412 },
        What::Safe { holder: Holder::Student(ming()), tap: Some(tap()), by: None },
        What::Safe { holder: Holder::Staff(wang()), tap: None, by: Some(zhao()) },
        What::MusterEnded { muster: Seq(80), by: zhao(), safe: 410, unaccounted: 2 },
    ]
}

fn alarms() -> Vec<What> {
    let at = || place("east-gate");
    let alarms = [
        Alarm::StudentMissing { student: ming(), session: session(), place: place("room-1") },
        Alarm::LeftDuringSession { student: ming(), session: session() },
        Alarm::NotFetched { student: ming(), step: 2 },
        Alarm::HandoverIncomplete { from: li(), place: place("room-1") },
        Alarm::GateHeld { place: at() },
        Alarm::GateForced { place: at() },
        Alarm::Tailgating { place: at() },
        Alarm::SensorLost { place: at(), line: "beam-1".into() },
        Alarm::PatrolMissed { patrol: patrol() },
        Alarm::PlatformUnreached {},
        Alarm::RosterOld {},
        Alarm::PassRefused { place: at() },
        Alarm::ClonedCard { place: at() },
        Alarm::NotAdmitted { place: at(), staff: li() },
        Alarm::NotMe { guardian: grandmother() },
        Alarm::Panic { place: at() },
        Alarm::Fire {},
        Alarm::ReaderTrouble {
            reader: ReaderId::try_new("east-in").unwrap(),
            place: at(),
            trouble: ReaderTrouble::Flood,
        },
    ];
    let raised = alarms.into_iter().map(|alarm| What::AlarmRaised { alarm, cause: None });
    let seen_to = What::AlarmAcknowledged { alarm: Alarm::Fire {}, raised: Seq(81), by: zhao() };
    raised.chain([seen_to]).collect()
}

fn refusals() -> Vec<What> {
    let faults = [
        PassFault::Unreadable,
        PassFault::Forged,
        PassFault::OtherSchool,
        PassFault::Expired,
        PassFault::Used,
        PassFault::Revoked,
        PassFault::GiverMayNot,
        PassFault::WrongCode,
        PassFault::TooManyTries,
        PassFault::ClockUnset,
    ];
    let reasons = [
        Reason::SessionElsewhere(place("room-2")),
        Reason::NoDinnerBooked,
        Reason::DinnerTaken,
        Reason::NotDinnerTime,
        Reason::NotAdmitted,
        Reason::NotForYou,
        Reason::Cloned,
        Reason::WrongWay,
    ];
    let orders = [
        OrderFault::UnknownStaff,
        OrderFault::NotTheirRole,
        OrderFault::UnknownPerson,
        OrderFault::NotHere,
        OrderFault::NobodyCame,
        OrderFault::MayNotFetch,
        OrderFault::NotInCustody,
        OrderFault::NoSuch,
        OrderFault::Senseless,
        OrderFault::ClockUnset,
    ];
    let refused = |reason| What::Refused { holder: None, tap: tap(), reason };
    let order_refused = |reason| What::OrderRefused { staff: li(), order: "hand_over".into(), reason };
    let taps = reasons.into_iter().chain(faults.map(Reason::Pass)).map(refused);
    taps.chain(orders.map(order_refused)).collect()
}

fn day() -> Day {
    "2026-09-01".parse().unwrap()
}

fn hours(from: &str, until: &str) -> Hours {
    Hours { from: from.parse().unwrap(), until: until.parse().unwrap() }
}

fn tap() -> Tap {
    let reader = ReaderId::try_new("east-in").unwrap();
    Tap { place: place("east-gate"), reader, credential: CredentialId([0xc5; 16]) }
}

fn checkpoints() -> Vec<What> {
    vec![What::Checkpoint { size: Seq(200), root: "5a".repeat(32), key: "6b".repeat(32), signature: "7c".repeat(64) }]
}

fn pass() -> PassId {
    PassId { student: ming(), day: day(), serial: 1, guardian: grandmother() }
}

fn place(id: &str) -> PlaceId {
    PlaceId::try_new(id).unwrap()
}

fn session() -> SessionId {
    SessionId::try_new("homework-0901").unwrap()
}

fn course() -> CourseId {
    CourseId::try_new("homework").unwrap()
}

fn club() -> InstitutionId {
    InstitutionId::try_new("chess-club").unwrap()
}

fn patrol() -> PatrolId {
    PatrolId::try_new("evening").unwrap()
}

fn ming() -> StudentId {
    StudentId::try_new("s0007").unwrap()
}

fn hong() -> StudentId {
    StudentId::try_new("s0008").unwrap()
}

fn grandmother() -> GuardianId {
    GuardianId::try_new("g0012").unwrap()
}

fn li() -> StaffId {
    StaffId::try_new("t0001").unwrap()
}

fn wang() -> StaffId {
    StaffId::try_new("t0002").unwrap()
}

fn zhao() -> StaffId {
    StaffId::try_new("t0003").unwrap()
}
