//! Scanners of QR codes and barcodes (USB CDC or UART): lines of text, decoded byte by byte without I/O.
//!
//! A line ends with CR, LF or both, as most scanners are set up when they leave the factory. Text is printable ASCII: a
//! pickup pass is (see `schoolgate_core::pass`). A line with another byte, a line that is too long and a line that is not
//! ended are not taken, since a pass that is taken in part only makes an alarm.
//!
//! # What scanners put before the text
//!
//! Control bytes before the first character (STX, NUL and the like) are dropped, and so are the symbology identifiers of
//! ISO/IEC 15424 (`]Q1` for a QR code), both of which scanners can be set to send. Where a pass begins inside a line, what
//! stands before it is noise: a pass is signed, so nothing can be forged by what is cut off.

use super::{Decode, Decoded, Fault, rdm6300::GARBAGE_REPORT_BYTES};

/// The longest line that is taken, in characters: a pass has at most
/// [`MAX_TEXT_CHARS`](schoolgate_core::pass::MAX_TEXT_CHARS), and noise may stand before it.
pub const MAX_LINE: usize = 256;

/// How many digits a pickup code has.
pub const CODE_DIGITS: usize = 8;

/// What a pickup pass begins with.
const PASS: &str = "SGP1:";

/// Finds lines in bytes that come split, merged or damaged.
#[derive(Default)]
pub struct Decoder {
    state: State,
}

enum State {
    /// A line so far.
    Line(Vec<u8>),
    /// A line that is no good, up to its end, with so many bytes that are not yet told about.
    Spoilt { why: Fault, bytes: u32 },
}

impl Default for State {
    fn default() -> Self {
        Self::Line(Vec::new())
    }
}

impl Decoder {
    /// A decoder waiting for a line.
    pub fn new() -> Self {
        Self::default()
    }

    fn end_line(&mut self) -> Option<Decoded> {
        match std::mem::take(&mut self.state) {
            State::Line(line) => said(&line),
            State::Spoilt { why, .. } => Some(Decoded::Fault(why)),
        }
    }
}

impl Decode for Decoder {
    fn push(&mut self, byte: u8) -> Option<Decoded> {
        if matches!(byte, b'\r' | b'\n') {
            return self.end_line();
        }
        match &mut self.state {
            State::Line(line) if line.is_empty() && byte.is_ascii_control() => None,
            State::Line(line) if line.len() < MAX_LINE && (b' '..=b'~').contains(&byte) => {
                line.push(byte);
                None
            }
            State::Line(line) => {
                let why = if line.len() < MAX_LINE { Fault::NOT_TEXT } else { Fault::TOO_LONG };
                let bytes = u32::try_from(line.len()).unwrap_or(u32::MAX).saturating_add(1);
                self.state = State::Spoilt { why, bytes };
                None
            }
            State::Spoilt { bytes, .. } => {
                *bytes += 1;
                (*bytes >= GARBAGE_REPORT_BYTES).then(|| Decoded::Fault(Fault::garbage(std::mem::take(bytes))))
            }
        }
    }

    fn silence(&mut self) -> Option<Decoded> {
        match std::mem::take(&mut self.state) {
            State::Line(line) if line.is_empty() => None,
            State::Line(_) => Some(Decoded::Fault(Fault::CUT_SHORT)),
            State::Spoilt { why, .. } => Some(Decoded::Fault(why)),
        }
    }

    fn holds_bytes(&self) -> bool {
        !matches!(&self.state, State::Line(line) if line.is_empty())
    }
}

/// What a whole line says, if anything.
fn said(line: &[u8]) -> Option<Decoded> {
    let text = std::str::from_utf8(line).ok()?.trim();
    let text = text.rfind(PASS).and_then(|at| text.get(at..)).unwrap_or_else(|| without_symbology(text));
    match text.len() {
        0 => None,
        CODE_DIGITS if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(Decoded::Digits(text.to_owned())),
        _ => Some(Decoded::Text(text.to_owned())),
    }
}

/// The text behind a symbology identifier: `]`, a letter, and a digit or letter (ISO/IEC 15424).
fn without_symbology(text: &str) -> &str {
    match text.as_bytes() {
        [b']', symbology, modifier, ..] if symbology.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() => {
            text.get(3..).unwrap_or(text)
        }
        _ => text,
    }
}

#[cfg(test)]
#[path = "scanner_tests.rs"]
mod tests;
