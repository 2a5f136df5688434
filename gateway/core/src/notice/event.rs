//! What guardians are told of.

use serde::Serialize;

use crate::{
    entry::{AttendanceStatus, Seq},
    id::SessionId,
};

/// What a guardian is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardianEvent {
    /// The child came onto the campus.
    Arrived,
    /// The child is expected in a session and not there.
    NotArrived,
    /// The child who was not there is not missed any more, while the session goes on.
    NoLongerMissed,
    /// A session is over, and how the child took part.
    SessionEnded,
    /// The child waits to be fetched.
    ReadyForPickup,
    /// The child has been called for this guardian, or for whoever has a pickup pass of theirs.
    Called,
    /// The child has left the school's care.
    Released,
    /// The child has not been fetched.
    LatePickup,
    /// The child left the campus during a session without leave.
    LeftWithoutRelease,
    /// Something that was told before was wrong.
    Correction,
}

impl GuardianEvent {
    /// Every event.
    pub const ALL: [Self; 10] = [
        Self::Arrived,
        Self::NotArrived,
        Self::NoLongerMissed,
        Self::SessionEnded,
        Self::ReadyForPickup,
        Self::Called,
        Self::Released,
        Self::LatePickup,
        Self::LeftWithoutRelease,
        Self::Correction,
    ];

    /// The name, as messages have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::NotArrived => "not_arrived",
            Self::NoLongerMissed => "no_longer_missed",
            Self::SessionEnded => "session_ended",
            Self::ReadyForPickup => "ready_for_pickup",
            Self::Called => "called",
            Self::Released => "released",
            Self::LatePickup => "late_pickup",
            Self::LeftWithoutRelease => "left_without_release",
            Self::Correction => "correction",
        }
    }

    /// Whether it tells what happened and so stays true; else it tells how things are, and that passes.
    pub fn is_fact(self) -> bool {
        !matches!(self, Self::NotArrived | Self::ReadyForPickup | Self::Called | Self::LatePickup)
    }
}

/// What programs may want to know of an event beside its sentence; as properties of the message, those that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The session that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// How the child took part in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attendance: Option<AttendanceStatus>,
    /// Minutes of the session that the child was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u16>,
    /// The entry that was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Seq>,
}
