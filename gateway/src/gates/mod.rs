//! What people see and hear at a gate, and what lets them through: lamps, tones and the release relay.
//!
//! ```text
//! shell ─▶ driver (all gates) ─▶ panel (what should show, pure) ─▶ pins (levels) ─▶ GPIO, or simulated lines
//! ```
//!
//! All of it runs inside the caller's call: between a decision and its lamp there is no queue and no other task.

mod driver;
mod panel;
mod pins;
mod simulated;

pub use driver::{GateAction, GateCommand, GateDriver, GateEvent, LineState, UnknownPlace};
pub use panel::{Beep, FailSafe, Outputs, Panel, beeps};
pub use pins::{Line, Output, PIN_RETRY_AFTER, PinError, Pins};
pub use schoolgate_core::picture::{Light, Tone};
pub use simulated::{SimulatedLines, SimulatedPin};
