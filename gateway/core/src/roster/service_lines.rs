//! The lines of a roster that tell of the after-school service: staff, courses, sessions, rota, calendar.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::Validity;
use crate::{
    id::{CourseId, InstitutionId, PatrolId, PlaceId, SchoolId, SessionId, StaffId, StudentId, VisitorId},
    time::{Day, Hours, Weekday},
};

/// What a member of staff does. Alerts go to roles, and orders are permitted by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// Leads the duty of the day.
    DutyLeader,
    /// Guards the gates.
    Security,
    /// Looks after the boxes.
    ItAdmin,
    /// Teaches, and takes and hands over children.
    Teacher,
    /// Teaches for an outside institution.
    Instructor,
    /// Inspects on behalf of the bureau.
    Inspector,
    /// Leads the school.
    Principal,
}

impl StaffRole {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::DutyLeader,
        Self::Security,
        Self::ItAdmin,
        Self::Teacher,
        Self::Instructor,
        Self::Inspector,
        Self::Principal,
    ];

    /// The name, as topics have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DutyLeader => "duty_leader",
            Self::Security => "security",
            Self::ItAdmin => "it_admin",
            Self::Teacher => "teacher",
            Self::Instructor => "instructor",
            Self::Inspector => "inspector",
            Self::Principal => "principal",
        }
    }
}

/// What somebody may be on duty for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Post {
    /// The gates: answers for every student between the gate and the first teacher.
    Gate,
    /// Extended care (延时托管): answers for those who were not fetched.
    ExtendedCare,
    /// Leads the duty of the day.
    Leader,
}

/// Kind of school that a student is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchoolLevel {
    /// Primary school (小学).
    #[default]
    Primary,
    /// Junior high school (初中).
    Junior,
    /// Senior high school (高中).
    Senior,
}

/// What a day is to the after-school service ("5+2+1").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// A school day: service of at least two hours after lessons.
    SchoolDay,
    /// The weekend day on which the service is open.
    WeekendDay,
    /// A day of the holidays on which the service is open.
    HolidayOpening,
    /// No service.
    Closed,
}

/// Somebody who works at the school.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffLine {
    /// Unique among staff.
    pub id: StaffId,
    /// What people call them.
    pub name: String,
    /// What they do; at least one role.
    pub roles: Vec<StaffRole>,
    /// The outside institution that they teach for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub institution: Option<InstitutionId>,
    /// The school they belong to, if it is another one of the district (roaming teachers).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_school: Option<SchoolId>,
    /// On which days they work here.
    #[serde(default)]
    pub valid: Validity,
}

/// An outside institution on the list of those admitted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstitutionLine {
    /// Unique among institutions.
    pub id: InstitutionId,
    /// What people call it.
    pub name: String,
    /// On which days it is admitted.
    #[serde(default)]
    pub admitted: Validity,
}

/// A visitor who is awaited: inspection, open day, repair.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitorLine {
    /// Unique among visitors.
    pub id: VisitorId,
    /// What they come for. Goes into the ledger: no names.
    pub purpose: String,
    /// On which days.
    pub valid: Validity,
    /// At which hours; the whole day if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

/// A course of the term.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CourseLine {
    /// Unique among courses.
    pub id: CourseId,
    /// What people call it.
    pub name: String,
    /// Who gives it; the school itself, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub institution: Option<InstitutionId>,
}

/// One dated occurrence of a course.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionLine {
    /// Unique among sessions.
    pub id: SessionId,
    /// Of which course.
    pub course: CourseId,
    /// On which day.
    pub day: Day,
    /// From its start to its end, both on the school's wall.
    pub hours: Hours,
    /// In which room.
    pub place: PlaceId,
    /// Whose it is, first the one who leads it.
    pub staff: Vec<StaffId>,
}

/// A student takes a course.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentLine {
    /// Who.
    pub student: StudentId,
    /// What.
    pub course: CourseId,
    /// From joining to leaving, both in mid-term or left out.
    #[serde(default)]
    pub valid: Validity,
}

/// An approved absence or early leave.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaveLine {
    /// Who.
    pub student: StudentId,
    /// On which days.
    pub valid: Validity,
    /// At which hours of these days; the whole day, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Whether they may leave the campus alone in that time.
    #[serde(default)]
    pub alone: bool,
}

/// Who has a post on a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotaLine {
    /// Which post.
    pub post: Post,
    /// On which day.
    pub day: Day,
    /// From when to when.
    pub hours: Hours,
    /// Who.
    pub staff: StaffId,
    /// Whom they stand in for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<StaffId>,
}

/// A day that is not as its weekday is: without a line, Monday to Friday are school days and the weekend is closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarLine {
    /// Which day.
    pub day: Day,
    /// What it is.
    pub kind: DayKind,
}

/// A booked dinner.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DinnerLine {
    /// For whom.
    pub student: StudentId,
    /// From when to when.
    #[serde(default)]
    pub valid: Validity,
    /// On which weekdays; on all, if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
}

/// A round of the safety patrol, due on every day of service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatrolLine {
    /// Unique among rounds.
    pub id: PatrolId,
    /// Its window: every point is to be visited within it.
    pub hours: Hours,
    /// The points.
    pub points: Vec<PlaceId>,
}

/// A key that signs pickup passes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassKey {
    /// Its name, as passes have it.
    pub id: String,
    /// Ed25519 public key (RFC 8032), 64 hex digits.
    pub public: String,
}
