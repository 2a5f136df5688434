//! Every deadline that the core watches, by name.

use crate::{alarm::Alarm, entry::Seq, id::ReaderId, time::Mono};

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
}
