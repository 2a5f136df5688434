//! What a card says for itself.
//!
//! ```text
//! reader (PN532, PC/SC) ─▶ ntag424::Reading (APDUs) ─▶ the card's NDEF text ─▶ ntag424::SunKeys::judge ─▶ Shown
//! ```
//!
//! Decides nothing about people: whether a message was shown before, and what a bare number is good for, is the core's
//! matter. Knows no serial line and no clock, and must never write a card's number or a key into a log, an error or a
//! debug print.
//!
//! A package of its own for one reason: the real PC/SC readers need a library of the system, so they are an optional
//! feature. Here, building and testing with it is a matter of seconds, while everything above is built once, without a
//! condition anywhere.

pub mod ntag424;
pub mod pcsc;
