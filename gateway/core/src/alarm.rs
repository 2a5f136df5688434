//! Things that somebody ought to look at. Each is raised once, however often its cause recurs, and ended once.

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Reason, Tap},
    id::{GuardianId, PlaceId, ReaderId, StudentId},
    roster::Holder,
    text,
    text::Bilingual,
};

/// One alarm. While it is on, the same alarm is not raised again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// Unknown, lost, blocked or expired cards are being tried at this place.
    CredentialRefused {
        /// Where.
        place: PlaceId,
    },
    /// A student wants to leave and may not.
    ExitRefused {
        /// Where.
        place: PlaceId,
        /// Who.
        student: StudentId,
    },
    /// A guardian whom a restriction keeps from a student has come for them.
    RestrictedGuardian {
        /// Where.
        place: PlaceId,
        /// Who.
        guardian: GuardianId,
    },
    /// A reader can't be heard.
    ReaderLost {
        /// Which.
        reader: ReaderId,
        /// Where it stands.
        place: PlaceId,
    },
    /// The disk does not answer in time: people pass, entries wait in memory.
    LedgerSlow {},
}

/// Whom an alarm goes to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// Leads the duty of the day.
    DutyLeader,
    /// Guards the gates.
    Security,
    /// Looks after the boxes.
    ItAdmin,
}

impl StaffRole {
    /// The name, as topics have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DutyLeader => "duty_leader",
            Self::Security => "security",
            Self::ItAdmin => "it_admin",
        }
    }
}

impl Alarm {
    /// The alarm that a refusal is cause for. Part of the fold: must not ask the roster.
    pub fn of_refusal(holder: Option<&Holder>, tap: &Tap, reason: &Reason) -> Option<Self> {
        let place = tap.place.clone();
        match (reason, holder) {
            (Reason::Unknown | Reason::Lost | Reason::Blocked | Reason::Expired, _) => {
                Some(Self::CredentialRefused { place })
            }
            (Reason::NotReleased, Some(Holder::Student(student))) => {
                Some(Self::ExitRefused { place, student: student.clone() })
            }
            (Reason::Restricted, Some(Holder::Guardian(guardian))) => {
                Some(Self::RestrictedGuardian { place, guardian: guardian.clone() })
            }
            _ => None,
        }
    }

    /// Where it is, if it is somewhere.
    pub fn place(&self) -> Option<&PlaceId> {
        match self {
            Self::CredentialRefused { place }
            | Self::ExitRefused { place, .. }
            | Self::RestrictedGuardian { place, .. }
            | Self::ReaderLost { place, .. } => Some(place),
            Self::LedgerSlow {} => None,
        }
    }

    /// Who has to look.
    pub fn roles(&self) -> &'static [StaffRole] {
        match self {
            Self::CredentialRefused { .. } => &[StaffRole::Security],
            Self::ExitRefused { .. } => &[StaffRole::DutyLeader],
            Self::RestrictedGuardian { .. } => &[StaffRole::DutyLeader, StaffRole::Security],
            Self::ReaderLost { .. } | Self::LedgerSlow {} => &[StaffRole::ItAdmin],
        }
    }

    /// Whether it ends by itself when its cause has not recurred for a while.
    pub(crate) fn ends_when_quiet(&self) -> bool {
        matches!(self, Self::CredentialRefused { .. } | Self::ExitRefused { .. } | Self::RestrictedGuardian { .. })
    }

    /// What it says to staff. Ids, not names: alerts are read on shared screens.
    pub fn says(&self, place_name: &Bilingual) -> Bilingual {
        Bilingual::say(|lang| {
            let place = place_name.get(lang);
            match self {
                Self::CredentialRefused { .. } => {
                    text!(lang, zh: "{place}：有人使用未知或停用的卡", en: "{place}: unknown or blocked cards are being tried")
                }
                Self::ExitRefused { student, .. } => {
                    text!(lang, zh: "{place}：学生 {student} 未获放行，想要离校", en: "{place}: student {student} wants to leave and has not been released")
                }
                Self::RestrictedGuardian { guardian, .. } => {
                    text!(lang, zh: "{place}：受限制的家长 {guardian} 前来接孩子", en: "{place}: guardian {guardian}, under a restriction, has come for a child")
                }
                Self::ReaderLost { reader, .. } => {
                    text!(lang, zh: "{place}：读卡器 {reader} 失去联系", en: "{place}: reader {reader} can't be heard")
                }
                Self::LedgerSlow {} => {
                    text!(lang, zh: "磁盘没有及时响应，记录暂存于内存", en: "the disk does not answer in time; entries wait in memory")
                }
            }
        })
    }
}
