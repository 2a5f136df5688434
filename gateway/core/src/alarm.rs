//! Things that somebody ought to look at. Each is raised once, however often its cause recurs, and ended once.

use alloc::string::String;
use serde::{Deserialize, Serialize};

use crate::{
    entry::{Reason, Tap},
    id::{GuardianId, PatrolId, PlaceId, ReaderId, SessionId, StaffId, StudentId},
    roster::{Holder, StaffRole},
    text,
    text::Bilingual,
};

/// One alarm. While it is on, the same alarm is not raised again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// Unknown, lost, blocked or expired cards, or such as prove too little, are being tried at this place.
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
    /// A reader is heard, but something is wrong with it.
    ReaderTrouble {
        /// Which.
        reader: ReaderId,
        /// Where it stands.
        place: PlaceId,
        /// What.
        trouble: ReaderTrouble,
    },
    /// The disk does not answer in time: people pass, entries wait in memory.
    LedgerSlow {},
    /// A student is expected in a session and not there.
    StudentMissing {
        /// Who.
        student: StudentId,
        /// Which session.
        session: SessionId,
        /// Where it is held.
        place: PlaceId,
    },
    /// A student left the campus during a session without leave.
    LeftDuringSession {
        /// Who.
        student: StudentId,
        /// Which session.
        session: SessionId,
    },
    /// A student has not been fetched.
    NotFetched {
        /// Who.
        student: StudentId,
        /// 1: the duty teacher looks; 2: the duty leader, and guardians are told; 3: the principal.
        step: u8,
    },
    /// A handover was begun and not completed.
    HandoverIncomplete {
        /// Who answers for the group still.
        from: StaffId,
        /// Where.
        place: PlaceId,
    },
    /// A gate's door stands open.
    GateHeld {
        /// Which gate.
        place: PlaceId,
    },
    /// A gate's door was opened with no grant and no exit request.
    GateForced {
        /// Which gate.
        place: PlaceId,
    },
    /// More people went through a gate than were granted.
    Tailgating {
        /// Which gate.
        place: PlaceId,
    },
    /// A gate does not work.
    GateFailed {
        /// Which gate.
        place: PlaceId,
    },
    /// A beam of a gate has been broken for long: nobody is counted there.
    BeamBlocked {
        /// Which gate.
        place: PlaceId,
    },
    /// The case of a gate was opened.
    GateTampered {
        /// Which gate.
        place: PlaceId,
    },
    /// A reader was opened or taken off its wall.
    ReaderTampered {
        /// Which.
        reader: ReaderId,
        /// Where it stands.
        place: PlaceId,
    },
    /// A sensor's line can't be heard.
    SensorLost {
        /// Where.
        place: PlaceId,
        /// Which.
        line: String,
    },
    /// A round of the safety patrol was missed.
    PatrolMissed {
        /// Which round.
        patrol: PatrolId,
    },
    /// The platform has not been reached for long.
    PlatformUnreached {},
    /// The platform does not take the ledger's entries, and a person must look: perhaps the box was put back to an older
    /// copy of its disk.
    PlatformRefuses {},
    /// The roster is old.
    RosterOld {},
    /// Pickup passes that are no good, or wrong codes, are being tried here.
    PassRefused {
        /// Where.
        place: PlaceId,
    },
    /// A card's secure message was played back: somebody may hold a clone.
    ClonedCard {
        /// Where.
        place: PlaceId,
    },
    /// An instructor whose institution is not admitted wants to teach.
    NotAdmitted {
        /// Where.
        place: PlaceId,
        /// Who.
        staff: StaffId,
    },
    /// A guardian says that it was not them.
    NotMe {
        /// Who.
        guardian: GuardianId,
    },
    /// A panic button was pressed.
    Panic {
        /// Where.
        place: PlaceId,
    },
    /// The fire alarm.
    Fire {},
    /// A student's card was presented at a reader that leads the other way than they go by the ledger.
    WrongWay {
        /// Where.
        place: PlaceId,
        /// Who.
        student: StudentId,
    },
}

/// What can be wrong with a reader that is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReaderTrouble {
    /// It presents more than people could; if it goes on, most of it is dropped.
    Flood,
    /// What it says is not what such a reader says: another kind of reader, or another baud rate.
    Unintelligible,
    /// Its power fails.
    Power,
}

impl Alarm {
    /// The alarm that a refusal is cause for. Part of the fold: must not ask the roster.
    pub fn of_refusal(holder: Option<&Holder>, tap: &Tap, reason: &Reason) -> Option<Self> {
        let place = tap.place.clone();
        match (reason, holder) {
            (Reason::Unknown | Reason::Lost | Reason::Blocked | Reason::Expired | Reason::WeakProof, _) => {
                Some(Self::CredentialRefused { place })
            }
            (Reason::NotReleased, Some(Holder::Student(student))) => {
                Some(Self::ExitRefused { place, student: student.clone() })
            }
            (Reason::Restricted, Some(Holder::Guardian(guardian))) => {
                Some(Self::RestrictedGuardian { place, guardian: guardian.clone() })
            }
            (Reason::WrongWay, Some(Holder::Student(student))) => {
                Some(Self::WrongWay { place, student: student.clone() })
            }
            (Reason::Pass(_), _) => Some(Self::PassRefused { place }),
            (Reason::Cloned, _) => Some(Self::ClonedCard { place }),
            (Reason::NotAdmitted, Some(Holder::Staff(staff))) => {
                Some(Self::NotAdmitted { place, staff: staff.clone() })
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
            | Self::ReaderLost { place, .. }
            | Self::ReaderTrouble { place, .. }
            | Self::StudentMissing { place, .. }
            | Self::HandoverIncomplete { place, .. }
            | Self::GateHeld { place }
            | Self::GateForced { place }
            | Self::Tailgating { place }
            | Self::GateFailed { place }
            | Self::BeamBlocked { place }
            | Self::GateTampered { place }
            | Self::ReaderTampered { place, .. }
            | Self::SensorLost { place, .. }
            | Self::PassRefused { place }
            | Self::ClonedCard { place }
            | Self::NotAdmitted { place, .. }
            | Self::WrongWay { place, .. }
            | Self::Panic { place } => Some(place),
            Self::LedgerSlow {}
            | Self::LeftDuringSession { .. }
            | Self::NotFetched { .. }
            | Self::PatrolMissed { .. }
            | Self::PlatformUnreached {}
            | Self::PlatformRefuses {}
            | Self::RosterOld {}
            | Self::NotMe { .. }
            | Self::Fire {} => None,
        }
    }

    /// Who has to look.
    pub fn roles(&self) -> &'static [StaffRole] {
        match self {
            Self::CredentialRefused { .. } => &[StaffRole::Security],
            Self::ExitRefused { .. } | Self::WrongWay { .. } => &[StaffRole::DutyLeader],
            Self::RestrictedGuardian { .. } => &[StaffRole::DutyLeader, StaffRole::Security],
            Self::ReaderLost { .. }
            | Self::ReaderTrouble { .. }
            | Self::LedgerSlow {}
            | Self::SensorLost { .. }
            | Self::BeamBlocked { .. }
            | Self::PlatformUnreached {}
            | Self::PlatformRefuses {}
            | Self::RosterOld {} => &[StaffRole::ItAdmin],
            Self::GateFailed { .. } => &[StaffRole::Security, StaffRole::ItAdmin],
            Self::StudentMissing { .. } => &[StaffRole::Teacher],
            Self::LeftDuringSession { .. } => &[StaffRole::Teacher, StaffRole::DutyLeader],
            Self::NotFetched { step: 1, .. } => &[StaffRole::Teacher],
            Self::NotFetched { step: 2, .. } => &[StaffRole::DutyLeader],
            Self::NotFetched { .. } => &[StaffRole::Principal],
            Self::HandoverIncomplete { .. }
            | Self::PassRefused { .. }
            | Self::NotAdmitted { .. }
            | Self::NotMe { .. } => &[StaffRole::DutyLeader],
            Self::GateHeld { .. }
            | Self::GateForced { .. }
            | Self::Tailgating { .. }
            | Self::GateTampered { .. }
            | Self::ReaderTampered { .. }
            | Self::PatrolMissed { .. }
            | Self::ClonedCard { .. } => &[StaffRole::Security],
            Self::Panic { .. } | Self::Fire {} => &[StaffRole::DutyLeader, StaffRole::Security, StaffRole::Principal],
        }
    }

    /// Whether it ends by itself when its cause has not recurred for a while.
    pub(crate) fn ends_when_quiet(&self) -> bool {
        matches!(
            self,
            Self::CredentialRefused { .. }
                | Self::ExitRefused { .. }
                | Self::RestrictedGuardian { .. }
                | Self::GateForced { .. }
                | Self::Tailgating { .. }
                | Self::PassRefused { .. }
                | Self::ClonedCard { .. }
                | Self::NotAdmitted { .. }
                | Self::NotMe { .. }
                | Self::Panic { .. }
                | Self::WrongWay { .. }
        )
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
                Self::ReaderTrouble { reader, trouble, .. } => match trouble {
                    ReaderTrouble::Flood => {
                        text!(lang, zh: "{place}：读卡器 {reader} 刷卡过于频繁，继续如此多余的将被丢弃", en: "{place}: reader {reader} presents more cards than people could; if it goes on, most are dropped")
                    }
                    ReaderTrouble::Unintelligible => {
                        text!(lang, zh: "{place}：读卡器 {reader} 的数据读不懂，型号或速率可能不对", en: "{place}: what reader {reader} says makes no sense; its kind or its baud rate may be wrong")
                    }
                    ReaderTrouble::Power => {
                        text!(lang, zh: "{place}：读卡器 {reader} 供电异常", en: "{place}: the power of reader {reader} fails")
                    }
                },
                Self::LedgerSlow {} => {
                    text!(lang, zh: "磁盘没有及时响应，记录暂存于内存", en: "the disk does not answer in time; entries wait in memory")
                }
                Self::StudentMissing { student, .. } => {
                    text!(lang, zh: "{place}：学生 {student} 应到未到", en: "{place}: student {student} is expected and not there")
                }
                Self::LeftDuringSession { student, .. } => {
                    text!(lang, zh: "学生 {student} 未请假，上课期间离校", en: "student {student} left during a session without leave")
                }
                Self::NotFetched { student, .. } => {
                    text!(lang, zh: "学生 {student} 尚未被接走", en: "student {student} has not been fetched")
                }
                Self::HandoverIncomplete { from, .. } => {
                    text!(lang, zh: "{place}：{from} 的交接尚未完成", en: "{place}: the handover by {from} is not complete")
                }
                Self::GateHeld { .. } => text!(lang, zh: "{place}：门未关闭", en: "{place}: the door stands open"),
                Self::GateForced { .. } => text!(lang, zh: "{place}：门被强行打开", en: "{place}: the door was forced"),
                Self::Tailgating { .. } => {
                    text!(lang, zh: "{place}：有人尾随通过", en: "{place}: more people went through than were granted")
                }
                Self::GateFailed { .. } => {
                    text!(lang, zh: "{place}：闸机故障，已停用", en: "{place}: the gate does not work and is out of service")
                }
                Self::BeamBlocked { .. } => {
                    text!(lang, zh: "{place}：通道光束长时间被遮挡", en: "{place}: a beam has been blocked for long")
                }
                Self::GateTampered { .. } => {
                    text!(lang, zh: "{place}：控制箱被打开", en: "{place}: the gate's case was opened")
                }
                Self::ReaderTampered { reader, .. } => {
                    text!(lang, zh: "{place}：读卡器 {reader} 被拆动", en: "{place}: reader {reader} was tampered with")
                }
                Self::SensorLost { line, .. } => {
                    text!(lang, zh: "{place}：传感器线路 {line} 失去联系", en: "{place}: sensor line {line} can't be heard")
                }
                Self::PatrolMissed { patrol } => {
                    text!(lang, zh: "安全巡查 {patrol} 未完成", en: "safety patrol {patrol} was missed")
                }
                Self::PlatformUnreached {} => {
                    text!(lang, zh: "长时间无法连接平台", en: "the platform has not been reached for long")
                }
                Self::PlatformRefuses {} => {
                    text!(lang, zh: "平台不接收账本的记录，需有人处理", en: "the platform does not take the ledger's entries; a person must look")
                }
                Self::RosterOld {} => text!(lang, zh: "名册已过时", en: "the roster is old"),
                Self::PassRefused { .. } => {
                    text!(lang, zh: "{place}：有人出示无效的接送凭证", en: "{place}: pickup passes that are no good are being tried")
                }
                Self::ClonedCard { .. } => {
                    text!(lang, zh: "{place}：有人使用疑似复制的卡", en: "{place}: a card that may be a clone was used")
                }
                Self::NotAdmitted { staff, .. } => {
                    text!(lang, zh: "{place}：{staff} 所属机构未获准入", en: "{place}: the institution of {staff} is not admitted")
                }
                Self::NotMe { guardian } => {
                    text!(lang, zh: "家长 {guardian} 表示并非本人操作", en: "guardian {guardian} says that it was not them")
                }
                Self::Panic { .. } => {
                    text!(lang, zh: "{place}：紧急按钮被按下", en: "{place}: the panic button was pressed")
                }
                Self::Fire {} => text!(lang, zh: "火警", en: "fire alarm"),
                Self::WrongWay { student, .. } => {
                    text!(lang, zh: "{place}：学生 {student} 的进出方向与记录不符", en: "{place}: student {student} goes the other way than the ledger has them")
                }
            }
        })
    }
}
