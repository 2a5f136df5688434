//! The roster as it comes from outside: one JSON object, versioned.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::Holder;
use crate::{
    credential::{CredentialId, CredentialStatus},
    id::{GuardianId, GuardianToken, StudentId},
    policy::Policy,
    text::Bilingual,
    time::{Day, Hours, Stamp},
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
        let begun = self.from.is_none_or(|day| day.number() <= today);
        let not_over = self.until.is_none_or(|day| today <= day.number());
        Some(begun && not_over)
    }
}
