//! Readers on an RS-485 bus that speak OSDP v2.2 (IEC 60839-11-5): this side is the control panel.
//!
//! ```text
//! serial port ─▶ panel ─▶ bus (whose turn) ─▶ peer (one reader's state) ─▶ link (secure channel) ─▶ crate osdp
//!                  │                           ├─ wiegand (bits → card number)
//!                  ▼                           └─ keypad (keys → code)
//!               desks
//! ```
//!
//! Everything below the panel is without I/O and clock. Nothing that came unencrypted is believed where encryption is
//! required, which is everywhere but on a test bench: no card, no code, no tamper switch.

pub mod bus;
pub mod frame;
pub mod happening;
#[doc(hidden)]
pub mod harness;
pub mod keypad;
pub mod keys;
mod link;
pub mod panel;
pub mod peer;
pub mod show;
#[cfg(test)]
mod test_reader;
pub mod wiegand;

pub use happening::Unusable;
pub use keys::{Enrolments, KeyFileError, Scbk};
pub use panel::{Panel, Seat};
pub use peer::Security;
