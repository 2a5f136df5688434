//! The figures that a school may set. Defaults are the domain's own.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Hours;

/// What a school has decided. Every field may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// A second tap of the same card at the same place within this many seconds is the same tap (0 to 60).
    pub repeat_window_s: u16,
    /// How long a pickup call or a waiting child stays open for the other half of the release, in seconds (10 to 3600).
    pub release_window_s: u16,
    /// A release lets a child out of the gate for this many seconds (600 to 43200); whoever taps later has been away
    /// without a tap.
    pub release_holds_s: u16,
    /// When children may be handed to their families; always, if left out.
    pub release_hours: Option<Hours>,
    /// An alarm about refused taps ends when none has come for this many seconds (10 to 3600).
    pub alarm_quiet_s: u16,
    /// A reader that has been away for this many seconds is an alarm (1 to 600).
    pub reader_lost_s: u16,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            repeat_window_s: 3,
            release_window_s: 600,
            release_holds_s: 3_600,
            release_hours: None,
            alarm_quiet_s: 60,
            reader_lost_s: 10,
        }
    }
}

impl Policy {
    /// See [`Policy::repeat_window_s`].
    pub fn repeat_window(&self) -> Duration {
        Duration::from_secs(self.repeat_window_s.into())
    }

    /// See [`Policy::release_window_s`].
    pub fn release_window(&self) -> Duration {
        Duration::from_secs(self.release_window_s.into())
    }

    /// See [`Policy::release_holds_s`].
    pub fn release_holds(&self) -> Duration {
        Duration::from_secs(self.release_holds_s.into())
    }

    /// See [`Policy::alarm_quiet_s`].
    pub fn alarm_quiet(&self) -> Duration {
        Duration::from_secs(self.alarm_quiet_s.into())
    }

    /// See [`Policy::reader_lost_s`].
    pub fn reader_lost(&self) -> Duration {
        Duration::from_secs(self.reader_lost_s.into())
    }

    /// Each figure with its name and the range it must lie in.
    pub(crate) fn figures(&self) -> [(&'static str, u16, core::ops::RangeInclusive<u16>); 5] {
        [
            ("repeat_window_s", self.repeat_window_s, 0..=60),
            ("release_window_s", self.release_window_s, 10..=3600),
            ("release_holds_s", self.release_holds_s, 600..=43_200),
            ("alarm_quiet_s", self.alarm_quiet_s, 10..=3600),
            ("reader_lost_s", self.reader_lost_s, 1..=600),
        ]
    }
}
