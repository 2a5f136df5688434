//! The PN532 (13.56 MHz, ISO/IEC 14443 type A) over its high-speed UART, 115200 8N1: NXP UM0701-02.
//!
//! ```text
//! line ◀──▶ dialogue (a command, its ACK, its answer; repeats) ◀──▶ conversation (wake, set up, poll)
//!             └ frame (bytes ↔ frames)            target (answers → cards) ┘ └ field (which cards lie there)
//! ```
//!
//! The reader says nothing by itself: it is polled, and each answer is its heartbeat. A module that was without power for
//! a moment has forgotten how it was set up and sleeps; so whenever it doesn't answer, it is woken and set up anew.
//!
//! The code is ours, over async I/O. The crate `pn532` 0.5 was tried for this and is good where it belongs, on a
//! microcontroller: it blocks while it waits, asks a UART for the longest answer there can be, knows no extended frames,
//! and gives up where a gateway has to find the next frame behind garbage, ask for a repetition and tell what was wrong.

mod conversation;
mod dialogue;
mod field;
mod frame;
mod target;

pub use conversation::{POLL_EVERY, Pn532, WAKE_EVERY};
pub use dialogue::{ACK_PATIENCE, ANSWER_PATIENCE, ATTEMPTS};
pub use frame::{Frame, FrameDecoder, MAX_DATA, encode};
pub use target::{Target, targets};
