//! Reading cards: bytes from a serial line in, presentations of credentials out.
//!
//! ```text
//! serial port ─▶ rdm6300 (frames) ─▶ presence (one tap, one report) ─▶ card_key (number → credential) ─▶ shell
//! └───────────────────────────────── port (one task per reader) ──────────────────────────────────────┘
//! ```
//!
//! A card's own number never leaves this module: no event, log line or error holds it.

pub mod card_key;
mod counters;
mod event;
pub mod osdp;
pub mod port;
pub mod presence;
pub mod rdm6300;
mod serial;

pub use counters::{FaultCounts, ReaderCounters};
pub use event::{DownReason, ReaderEvent, ReaderHappening};
pub use serial::SerialPort;
