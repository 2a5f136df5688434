//! What can be told of an entry without knowing its kind.

use super::*;
use crate::{
    id::{GuardianId, PlaceId, SessionId, StaffId, StudentId, VisitorId},
    roster::Holder,
};

impl What {
    /// The tap that it records, if it records one.
    pub fn tap(&self) -> Option<&Tap> {
        match self {
            Self::Arrived { tap, .. }
            | Self::Waiting { tap, .. }
            | Self::Called { tap, .. }
            | Self::Released { tap, .. }
            | Self::Left { tap, .. }
            | Self::Refused { tap, .. }
            | Self::Seen { tap, .. }
            | Self::Came { tap, .. }
            | Self::Went { tap, .. }
            | Self::SessionTaken { tap, .. }
            | Self::SessionLeft { tap, .. }
            | Self::CheckedOut { tap, .. }
            | Self::Unexpected { tap, .. }
            | Self::HandoverOffered { tap, .. }
            | Self::PassShown { tap, .. }
            | Self::Dined { tap, .. }
            | Self::Patrolled { tap, .. } => Some(tap),
            Self::PostTaken { tap, .. }
            | Self::CheckedIn { tap, .. }
            | Self::HandedOver { tap, .. }
            | Self::Safe { tap, .. } => tap.as_ref(),
            _ => None,
        }
    }

    /// The place that it happened at, if it has one.
    pub fn place(&self) -> Option<&PlaceId> {
        match self {
            Self::AlarmRaised { alarm, .. }
            | Self::AlarmEnded { alarm, .. }
            | Self::AlarmAcknowledged { alarm, .. } => alarm.place(),
            Self::GateOpened { place, .. }
            | Self::GateClosed { place }
            | Self::Tailgated { place, .. }
            | Self::GateMode { place, .. }
            | Self::GateOut { place, .. }
            | Self::GateBack { place, .. }
            | Self::GateReleased { place, .. }
            | Self::NotPassed { place, .. }
            | Self::SensorDown { place, .. }
            | Self::SensorUp { place, .. } => Some(place),
            other => other.tap().map(|tap| &tap.place),
        }
    }

    /// Every student whom it concerns.
    pub fn students(&self) -> &[StudentId] {
        match self {
            Self::Arrived { student, .. }
            | Self::Waiting { student, .. }
            | Self::Released { student, .. }
            | Self::Left { student, .. }
            | Self::Refused { holder: Some(Holder::Student(student)), .. }
            | Self::Seen { holder: Holder::Student(student), .. }
            | Self::CheckedIn { student, .. }
            | Self::CheckedOut { student, .. }
            | Self::Unexpected { student, .. }
            | Self::ExtendedCare { student }
            | Self::LeftUnseen { student, .. }
            | Self::PassShown { pass: PassId { student, .. }, .. }
            | Self::PassRevoked { pass: PassId { student, .. }, .. }
            | Self::LeaveApproved { student, .. }
            | Self::Dined { student, .. }
            | Self::Attendance { student, .. }
            | Self::Consumption { student, .. }
            | Self::Safe { holder: Holder::Student(student), .. } => core::slice::from_ref(student),
            Self::Called { students, .. }
            | Self::CallEnded { students, .. }
            | Self::HandedOver { students, .. }
            | Self::Corrected { students, .. } => students,
            _ => &[],
        }
    }

    /// The guardian whom it concerns.
    pub fn guardian(&self) -> Option<&GuardianId> {
        match self {
            Self::Called { guardian, .. }
            | Self::Released { to: Recipient::Guardian(guardian), .. }
            | Self::GuardianReplied { guardian, .. }
            | Self::PassShown { pass: PassId { guardian, .. }, .. }
            | Self::Released { to: Recipient::Delegate(PassId { guardian, .. }), .. }
            | Self::Refused { holder: Some(Holder::Guardian(guardian)), .. }
            | Self::Seen { holder: Holder::Guardian(guardian), .. } => Some(guardian),
            _ => None,
        }
    }

    /// The member of staff whom it concerns.
    pub fn staff(&self) -> Option<&StaffId> {
        match self {
            Self::PostTaken { staff, .. }
            | Self::PostLeft { staff, .. }
            | Self::SessionTaken { staff, .. }
            | Self::SessionLeft { staff, .. }
            | Self::Patrolled { staff, .. }
            | Self::StaffHours { staff, .. }
            | Self::OrderRefused { staff, .. }
            | Self::HandoverOffered { from: staff, .. }
            | Self::HandedOver { to: staff, .. }
            | Self::Came { holder: Holder::Staff(staff), .. }
            | Self::Went { holder: Holder::Staff(staff), .. }
            | Self::Safe { holder: Holder::Staff(staff), .. }
            | Self::Refused { holder: Some(Holder::Staff(staff)), .. }
            | Self::Seen { holder: Holder::Staff(staff), .. } => Some(staff),
            Self::LeaveApproved { by, .. }
            | Self::Attendance { by: Some(by), .. }
            | Self::Consumption { by: Some(by), .. }
            | Self::Corrected { by, .. }
            | Self::MusterEnded { by, .. }
            | Self::AlarmAcknowledged { by, .. }
            | Self::GateMode { by: Some(by), .. }
            | Self::GateMode { lifted_by: Some(by), .. }
            | Self::GateOut { cause: OutCause::Staff(by), .. }
            | Self::GateBack { by: Some(by), .. }
            | Self::GateReleased { by: ReleasedBy::Staff(by), .. } => Some(by),
            _ => None,
        }
    }

    /// The visitor whom it concerns.
    pub fn visitor(&self) -> Option<&VisitorId> {
        match self {
            Self::Came { holder: Holder::Visitor(visitor), .. }
            | Self::Went { holder: Holder::Visitor(visitor), .. }
            | Self::Safe { holder: Holder::Visitor(visitor), .. }
            | Self::Refused { holder: Some(Holder::Visitor(visitor)), .. }
            | Self::Seen { holder: Holder::Visitor(visitor), .. } => Some(visitor),
            _ => None,
        }
    }

    /// The session that it concerns.
    pub fn session(&self) -> Option<&SessionId> {
        match self {
            Self::SessionTaken { session, .. }
            | Self::SessionLeft { session, .. }
            | Self::CheckedIn { session, .. }
            | Self::CheckedOut { session, .. }
            | Self::SessionClosed { session, .. }
            | Self::Attendance { session, .. }
            | Self::Consumption { session, .. }
            | Self::StaffHours { session, .. }
            | Self::Unexpected { session: Some(session), .. }
            | Self::Checked { check: Check::Absence(session), .. } => Some(session),
            _ => None,
        }
    }
}
