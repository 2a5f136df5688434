//! The after-school service of the small school on Tuesday, 1 September 2026.
//!
//! Homework (the school's own) is in room 1 from 16:30 to 17:30 with Li; chess (the Chess Club's) in room 2 from 17:40 to
//! 18:40 with Sun. Ming takes both, Hong and Lei homework only. Zhou has the gates from 07:00, Wang extended care from
//! 17:00, Zhao leads the duty; Chen guards. Qian teaches for an institution whose admission ran out in August.

use schoolgate_core::{
    credential::CredentialStatus,
    id::{CourseId, InstitutionId, PatrolId, SessionId, StaffId, VisitorId},
    roster::{
        CourseLine, CredentialLine, DinnerLine, Document, EnrolmentLine, Holder, InstitutionLine, LeaveLine,
        PatrolLine, Post, RotaLine, SessionLine, StaffLine, StaffRole, Validity, VisitorLine,
    },
    time::{Day, Hours},
};

use super::{card, place, student};

pub fn staff(id: &str) -> StaffId {
    StaffId::try_new(id).unwrap()
}

pub fn session(id: &str) -> SessionId {
    SessionId::try_new(id).unwrap()
}

pub fn course(id: &str) -> CourseId {
    CourseId::try_new(id).unwrap()
}

pub fn institution(id: &str) -> InstitutionId {
    InstitutionId::try_new(id).unwrap()
}

pub fn visitor(id: &str) -> VisitorId {
    VisitorId::try_new(id).unwrap()
}

pub fn patrol(id: &str) -> PatrolId {
    PatrolId::try_new(id).unwrap()
}

pub fn hours(from: &str, until: &str) -> Hours {
    Hours { from: from.parse().unwrap(), until: until.parse().unwrap() }
}

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub const TODAY: &str = "2026-09-01";

pub fn document() -> Document {
    let mut document = super::document();
    staff_lines(&mut document);
    courses(&mut document);
    duties(&mut document);
    let valid = Validity { from: Some(day(TODAY)), until: Some(day(TODAY)) };
    let line = VisitorLine {
        id: visitor("electrician"),
        purpose: "repair".into(),
        valid,
        hours: Some(hours("08:00", "17:00")),
    };
    document.visitors.push(line);
    document.dinners.push(DinnerLine { student: student("ming"), valid: Validity::ALWAYS, weekdays: Vec::new() });
    let line = CredentialLine {
        id: card("electrician"),
        holder: Holder::Visitor(visitor("electrician")),
        status: CredentialStatus::Active,
    };
    document.credentials.push(line);
    document
}

/// An approved leave of today.
pub fn leave(who: &str, from: &str, until: &str, alone: bool) -> LeaveLine {
    let valid = Validity { from: Some(day(TODAY)), until: Some(day(TODAY)) };
    LeaveLine { student: student(who), valid, hours: Some(hours(from, until)), alone }
}

fn staff_lines(document: &mut Document) {
    for (id, role, employer) in [
        ("li", StaffRole::Teacher, None),
        ("wang", StaffRole::Teacher, None),
        ("zhou", StaffRole::Teacher, None),
        ("zhao", StaffRole::DutyLeader, None),
        ("chen", StaffRole::Security, None),
        ("bai", StaffRole::Inspector, None),
        ("head", StaffRole::Principal, None),
        ("sun", StaffRole::Instructor, Some("chess-club")),
        ("qian", StaffRole::Instructor, Some("old-club")),
    ] {
        document.staff.push(StaffLine {
            id: staff(id),
            name: id.into(),
            roles: vec![role],
            institution: employer.map(institution),
            home_school: None,
            valid: Validity::ALWAYS,
        });
        let holder = Holder::Staff(staff(id));
        document.credentials.push(CredentialLine { id: card(id), holder, status: CredentialStatus::Active });
    }
    let until_august = Validity { from: None, until: Some(day("2026-08-31")) };
    for (id, admitted) in [("chess-club", Validity::ALWAYS), ("old-club", until_august)] {
        document.institutions.push(InstitutionLine { id: institution(id), name: id.into(), admitted });
    }
}

fn courses(document: &mut Document) {
    for (id, employer) in [("homework", None), ("chess", Some("chess-club"))] {
        document.courses.push(CourseLine { id: course(id), name: id.into(), institution: employer.map(institution) });
    }
    for (id, of, room, at, who) in [
        ("homework-0901", "homework", "room-1", hours("16:30", "17:30"), "li"),
        ("chess-0901", "chess", "room-2", hours("17:40", "18:40"), "sun"),
    ] {
        document.sessions.push(SessionLine {
            id: session(id),
            course: course(of),
            day: day(TODAY),
            hours: at,
            place: place(room),
            staff: vec![staff(who)],
        });
    }
    for (who, of) in [("ming", "homework"), ("ming", "chess"), ("hong", "homework"), ("lei", "homework")] {
        let valid = Validity::ALWAYS;
        document.enrolments.push(EnrolmentLine { student: student(who), course: course(of), valid });
    }
}

fn duties(document: &mut Document) {
    for (post, who, at) in [
        (Post::Gate, "zhou", hours("07:00", "20:30")),
        (Post::ExtendedCare, "wang", hours("17:00", "20:30")),
        (Post::Leader, "zhao", hours("07:00", "20:30")),
    ] {
        let line = RotaLine { post, day: day(TODAY), hours: at, staff: staff(who), instead_of: None };
        document.rota.push(line);
    }
    let points = vec![place("stairs"), place("boiler-room")];
    document.patrols.push(PatrolLine { id: patrol("evening"), hours: hours("17:00", "17:45"), points });
}
