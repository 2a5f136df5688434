//! The kinds of entry by name.

use super::What;

/// Names every kind once: a variant that is not here does not compile.
macro_rules! kinds {
    ($($variant:ident => $name:literal,)+) => {
        impl What {
            /// Every kind, as it is written, in the order in which [`What`] has them.
            pub const KINDS: &'static [&'static str] = &[$($name),+];

            /// The kind, as it is written.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)+
                }
            }
        }
    };
}

kinds! {
    Started => "started",
    Stopped => "stopped",
    RosterAdopted => "roster_adopted",
    Arrived => "arrived",
    Waiting => "waiting",
    Called => "called",
    CallEnded => "call_ended",
    Released => "released",
    Left => "left",
    Refused => "refused",
    Seen => "seen",
    AlarmRaised => "alarm_raised",
    AlarmEnded => "alarm_ended",
    ReaderDown => "reader_down",
    ReaderUp => "reader_up",
    Delivered => "delivered",
    DayBegan => "day_began",
    Checked => "checked",
    Came => "came",
    Went => "went",
    PostTaken => "post_taken",
    PostLeft => "post_left",
    SessionTaken => "session_taken",
    SessionLeft => "session_left",
    CheckedIn => "checked_in",
    CheckedOut => "checked_out",
    Unexpected => "unexpected",
    HandoverOffered => "handover_offered",
    HandedOver => "handed_over",
    HandoverLapsed => "handover_lapsed",
    ExtendedCare => "extended_care",
    LeftUnseen => "left_unseen",
    PassShown => "pass_shown",
    PassRevoked => "pass_revoked",
    LeaveApproved => "leave_approved",
    Dined => "dined",
    Patrolled => "patrolled",
    SessionClosed => "session_closed",
    Attendance => "attendance",
    Consumption => "consumption",
    StaffHours => "staff_hours",
    Corrected => "corrected",
    GateOpened => "gate_opened",
    GateClosed => "gate_closed",
    Tailgated => "tailgated",
    GateMode => "gate_mode",
    GateOut => "gate_out",
    GateBack => "gate_back",
    GateReleased => "gate_released",
    NotPassed => "not_passed",
    SensorDown => "sensor_down",
    SensorUp => "sensor_up",
    MusterStarted => "muster_started",
    Safe => "safe",
    MusterEnded => "muster_ended",
    ClockSet => "clock_set",
    AlarmAcknowledged => "alarm_acknowledged",
    OrderRefused => "order_refused",
    GuardianReplied => "guardian_replied",
    Checkpoint => "checkpoint",
    Counted => "counted",
    TapsUnrecorded => "taps_unrecorded",
}
