//! The roster as it comes from outside: one JSON object, versioned. The people and who may fetch whom; the lines of the
//! after-school service are in `service_lines.rs`.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::{
    CalendarLine, CourseLine, DinnerLine, EnrolmentLine, Holder, InstitutionLine, LeaveLine, PassKey, PatrolLine,
    RotaLine, SchoolLevel, SessionLine, StaffLine, VisitorLine,
};
use crate::{
    credential::{CredentialId, CredentialStatus},
    entry::PassId,
    id::{GuardianId, GuardianToken, SchoolId, StudentId},
    policy::Policy,
    text::Bilingual,
    time::{Day, Hours, Stamp, Wall},
};

/// A roster, not yet checked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of this form: 1.
    pub v: u32,
    /// What its maker calls this roster.
    pub version: String,
    /// What the school has decided.
    #[serde(default)]
    pub policy: Policy,
    /// Everybody on the roll.
    pub students: Vec<StudentLine>,
    /// Every guardian.
    #[serde(default)]
    pub guardians: Vec<GuardianLine>,
    /// Who may fetch whom.
    #[serde(default)]
    pub authorisations: Vec<Authorisation>,
    /// Who must be kept from whom, whatever an authorisation says.
    #[serde(default)]
    pub restrictions: Vec<Restriction>,
    /// Every credential given out.
    #[serde(default)]
    pub credentials: Vec<CredentialLine>,
    /// When its maker last had it right; its age is counted from here. From its adoption, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Wall>,
    /// Everybody who works at the school.
    #[serde(default)]
    pub staff: Vec<StaffLine>,
    /// The outside institutions that are admitted.
    #[serde(default)]
    pub institutions: Vec<InstitutionLine>,
    /// Visitors who are awaited.
    #[serde(default)]
    pub visitors: Vec<VisitorLine>,
    /// The courses of the term.
    #[serde(default)]
    pub courses: Vec<CourseLine>,
    /// Their dated occurrences.
    #[serde(default)]
    pub sessions: Vec<SessionLine>,
    /// Who takes which course.
    #[serde(default)]
    pub enrolments: Vec<EnrolmentLine>,
    /// Approved absences and early leaves.
    #[serde(default)]
    pub leaves: Vec<LeaveLine>,
    /// Who has which post when.
    #[serde(default)]
    pub rota: Vec<RotaLine>,
    /// The days that are not as their weekday is.
    #[serde(default)]
    pub calendar: Vec<CalendarLine>,
    /// Who has booked dinner.
    #[serde(default)]
    pub dinners: Vec<DinnerLine>,
    /// The rounds of the safety patrol.
    #[serde(default)]
    pub patrols: Vec<PatrolLine>,
    /// Ed25519 public keys of those who sign pickup passes, 64 hex digits each.
    #[serde(default)]
    pub pass_keys: Vec<PassKey>,
    /// Pickup passes that are not taken any more.
    #[serde(default)]
    pub revoked_passes: Vec<PassId>,
}

/// A student on the roll.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudentLine {
    /// Unique among students.
    pub id: StudentId,
    /// What people call them.
    pub name: String,
    /// The class they belong to.
    #[serde(default)]
    pub class: String,
    /// When they may leave alone, if at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walks_home: Option<Hours>,
    /// Of which kind of school they are; the latest end of a session depends on it.
    #[serde(default)]
    pub level: SchoolLevel,
    /// The school they belong to, if it is another one of the district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_school: Option<SchoolId>,
}

/// A guardian.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardianLine {
    /// Unique among guardians.
    pub id: GuardianId,
    /// What people call them.
    pub name: String,
    /// Unique and unguessable: at least 16 characters.
    pub token: GuardianToken,
}

/// This guardian may fetch this student.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorisation {
    /// Whom.
    pub student: StudentId,
    /// Who.
    pub guardian: GuardianId,
    /// What the child calls them.
    pub relation: Bilingual,
    /// On which days.
    #[serde(default)]
    pub valid: Validity,
}

/// This guardian must be kept from this student (a court's order, say).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// Whom.
    pub student: StudentId,
    /// Who.
    pub guardian: GuardianId,
    /// On which days.
    #[serde(default)]
    pub valid: Validity,
}

/// A credential given out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialLine {
    /// The card's keyed hash.
    pub id: CredentialId,
    /// Whom it belongs to.
    pub holder: Holder,
    /// Whether it may be used.
    #[serde(default)]
    pub status: CredentialStatus,
}

/// A range of days, both ends included; an end left out is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validity {
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// Last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
}

impl Validity {
    /// No end on either side.
    pub const ALWAYS: Self = Self { from: None, until: None };

    /// Whether now lies within; unknown when that depends on a clock that was never set.
    pub fn covers(&self, now: &Stamp) -> Option<bool> {
        if *self == Self::ALWAYS {
            return Some(true);
        }
        let today = now.day()?;
        Some(self.covers_day(today))
    }

    /// Whether that day, in days since 1970-01-01, lies within.
    pub fn covers_day(&self, day: i64) -> bool {
        let begun = self.from.is_none_or(|from| from.number() <= day);
        begun && self.until.is_none_or(|until| day <= until.number())
    }
}
