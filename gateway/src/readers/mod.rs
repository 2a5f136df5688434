//! Reading cards: bytes from a line in, presentations of credentials out.
//!
//! ```text
//!          ┌ talk (readers that only talk) ◀─ rdm6300: bytes → cards
//! port ◀──▶┤       em18, scanner                                        ┌ presence (one tap, one report)
//! (opens   └ pn532: conversations with who is asked ─────────────▶ desk ┤ card_key (number → credential), flood
//!  again)                                                               └ counters, faults ──▶ events ──▶ shell
//! ```
//!
//! A kind of reader is a [`Decode`] if it only talks, or a [`Conversation`] of its own if it is asked; one line has one
//! conversation, with a [`Desk`] for each reader on it. [`Displays`] is the way back, to readers that can show something.
//!
//! A card's own number never leaves this module: no event, log line or error holds it.

mod card;
pub mod card_key;
#[cfg(test)]
mod chance;
mod counters;
pub mod desk;
mod display;
pub mod em18;
mod event;
mod exchange;
mod fault;
pub mod flood;
pub mod harness;
pub mod osdp;
pub mod pn532;
pub mod port;
pub mod presence;
pub mod rdm6300;
pub mod recognise;
pub mod scanner;
mod serial;
pub mod talk;

pub use card::{CardKind, CardNumber, MAX_NUMBER_BYTES};
pub use counters::{Condition, ReaderCounters};
pub use desk::Desk;
pub use display::{Displays, ReaderDisplay, Shown};
pub use event::{DownReason, Proof, ReaderEvent, ReaderHappening, Trouble, Unsaid};
pub use exchange::{Boxed, Examine, Examined, Exchange, ExchangeError, MAX_APDU_BYTES};
pub use fault::{Fault, FaultCounts, FaultKind};
pub use port::Conversation;
pub use recognise::LooksLike;
pub use serial::{SerialPort, SerialStream};
pub use talk::{Decode, Decoded, Talker};
