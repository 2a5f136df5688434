//! Cards without plastic, for tests and exercises: an NTAG 424 DNA that counts and makes real secure messages, what
//! somebody can copy of it, and a PC/SC reader that it is laid on.
//!
//! Made from NXP's data sheet (NT4H2421Gx) and AN12196 and not from the gateway's code, so that the two check each other.
//! A package of its own, since everything that reads cards is tested with it.

mod ntag424;
mod vpcd;

pub use ntag424::{Card, Layout, Ntag424, Plain, Replay, ndef_of};
pub use vpcd::{Slot, VPCD_PORT};
