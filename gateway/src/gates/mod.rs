//! What people see and hear at a gate, and what lets them through: lamps, tones and the release relay.
//!
//! ```text
//! shell ─▶ driver (all gates) ─▶ panel (what should show, pure) ─▶ pins (levels) ─▶ GPIO (`schoolgate-lines`), or simulated lines
//! ```
//!
//! The other way, [`SensorEvent`]s tell what doors, buttons and beams do, freed of their bounces (`schoolgate-lines`).
//!
//! All of it runs inside the caller's call: between a decision and its lamp there is no queue and no other task.

mod driver;
mod panel;
mod pins;
mod sensor;
mod simulated;
mod trouble;

pub use driver::{GateAction, GateCommand, GateDriver, GateEvent, LineState, UnknownPlace};
pub use panel::{Beep, FailSafe, Outputs, Panel, beeps};
pub use pins::{Line, Output, PIN_RETRY_AFTER, PinError, Pins};
pub use schoolgate_core::picture::{Light, Tone};
pub use sensor::{Sensor, SensorEvent};
pub use simulated::{SimulatedLines, SimulatedPin};
pub use trouble::say_line_error;
