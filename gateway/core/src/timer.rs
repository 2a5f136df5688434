//! Every deadline that the core watches, by name.

use alloc::string::String;

use crate::{
    alarm::Alarm,
    entry::{Check, Seq},
    id::{PlaceId, ReaderId, SessionId},
    time::Mono,
};

/// A deadline: when, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// When it is due, on this boot's time.
    pub at: Mono,
    /// Which it is.
    pub why: Timer,
}

/// Which deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A pickup call has been open for the whole release window.
    ReleaseWindow {
        /// The entry that opened the call.
        call: Seq,
    },
    /// The cause of an alarm has not recurred for a while.
    AlarmQuiet {
        /// Which alarm.
        alarm: Alarm,
    },
    /// A reader has been away for too long.
    ReaderLost {
        /// Which reader.
        reader: ReaderId,
    },
    /// Consumers have come far enough to leave a mark in the ledger.
    DeliveryMark,
    /// A deadline of the day's plan has come: who is missing in a session, who was not fetched, a patrol, the rota.
    Check(Check),
    /// A session is to be closed.
    SessionClose {
        /// Which.
        session: SessionId,
    },
    /// The calendar's day turns.
    DayTurn,
    /// A handover has waited too long for its other side.
    HandoverIncomplete {
        /// The entry that offered it.
        offer: Seq,
    },
    /// A gate's door has stood open for too long.
    GateHeld {
        /// Which gate.
        place: PlaceId,
    },
    /// At a gate, a release is over, somebody has waited too long, or a motor or a beam is overdue.
    Gate {
        /// Which gate.
        place: PlaceId,
    },
    /// A gate's schedule changes.
    GateSchedule,
    /// A sensor's line has been away for too long.
    SensorLost {
        /// Where.
        place: PlaceId,
        /// Which.
        line: String,
    },
    /// The platform has been away for too long.
    PlatformUnreached,
    /// The roster is too old.
    RosterOld,
    /// A pickup code that was typed has found no student.
    CodeLapsed {
        /// Where it was typed.
        place: PlaceId,
    },
}
