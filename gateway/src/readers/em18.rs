//! The EM-18's frames (125 kHz cards of type EM4100, UART 9600 8N1), decoded byte by byte without I/O.
//!
//! A frame is ten upper-case hex digits of card number and two of checksum, the XOR of the number's five bytes
//! (`62E3086CED08`). Unlike the RDM6300's it has neither start nor end: only the silence around it says where it begins.
//! Modules on USB boards put CR and LF behind it, which is allowed and not asked for.
//!
//! A card is the same card here and at an RDM6300: both give the same five bytes, which are hashed under the same kind, so
//! that a school with both needs to enrol each card once.
//!
//! # What counts as a frame
//!
//! Bytes between two silences make a burst. It is taken if all of it is sound, that is one or more whole frames whose
//! digits and checksums all fit, and else none of it is: a digit that was lost or put in can then never shift a frame into
//! another one, whose checksum would fit once in 256 times. The price is a wait of [`END_SILENCE`] after the last digit.
//! What passes is what the checksum itself can't see, as with the RDM6300: damage of one byte never does.

use std::time::Duration;

use super::{
    CardNumber, Decode, Decoded, Fault,
    rdm6300::{GARBAGE_REPORT_BYTES, hex_value},
    talk::FRAME_SILENCE,
};

/// The silence that ends a burst of whole frames. A USB adapter holds bytes back for up to 16 ms, and a digit takes one.
pub const END_SILENCE: Duration = Duration::from_millis(30);

/// Hex digits of a frame: ten of card number, two of checksum.
const DIGITS: usize = 12;
/// Most frames in one burst. An EM-18 repeats its frame, if at all, with pauses of 50 ms and more.
const MAX_FRAMES: usize = 8;

/// Finds frames in bytes that come split, merged or damaged.
#[derive(Default)]
pub struct Decoder {
    state: State,
}

enum State {
    /// Digits of frames, and whether an end of line came behind the last whole frame.
    Sound { digits: [u8; DIGITS * MAX_FRAMES], taken: usize },
    /// A burst that is no good, with so many bytes that are not yet told about.
    Spoilt { bytes: u32 },
    /// A burst that has ended, whose frames are told from this one on.
    Ended { digits: [u8; DIGITS * MAX_FRAMES], taken: usize, told: usize },
}

impl Default for State {
    fn default() -> Self {
        Self::Sound { digits: [0; DIGITS * MAX_FRAMES], taken: 0 }
    }
}

impl Decoder {
    /// A decoder waiting for the first digit.
    pub fn new() -> Self {
        Self::default()
    }

    fn spoil(&mut self, bytes: usize) {
        self.state = State::Spoilt { bytes: u32::try_from(bytes).unwrap_or(u32::MAX) };
    }
}

impl Decode for Decoder {
    fn push(&mut self, byte: u8) -> Option<Decoded> {
        match &mut self.state {
            State::Sound { digits, taken } => match (hex_value(byte), digits.get_mut(*taken)) {
                (Some(value), Some(digit)) => {
                    *digit = value;
                    *taken += 1;
                    None
                }
                (None, _) if matches!(byte, b'\r' | b'\n') && taken.is_multiple_of(DIGITS) => None,
                _ => {
                    let bytes = *taken + 1;
                    self.spoil(bytes);
                    None
                }
            },
            State::Spoilt { bytes } => {
                *bytes += 1;
                (*bytes >= GARBAGE_REPORT_BYTES).then(|| Decoded::Fault(Fault::garbage(std::mem::take(bytes))))
            }
            // The burst has ended, and its frames were not fetched: the next has begun.
            State::Ended { .. } => {
                self.state = State::default();
                self.push(byte)
            }
        }
    }

    /// Ends the burst. Tells one frame at each call until there are no more.
    fn silence(&mut self) -> Option<Decoded> {
        match std::mem::take(&mut self.state) {
            State::Sound { taken: 0, .. } | State::Spoilt { bytes: 0 } => None,
            State::Spoilt { bytes } => Some(Decoded::Fault(Fault::garbage(bytes))),
            State::Sound { taken, .. } if !taken.is_multiple_of(DIGITS) => Some(Decoded::Fault(Fault::CUT_SHORT)),
            State::Sound { digits, taken } => {
                let whole = digits.get(..taken).unwrap_or_default();
                if whole.chunks_exact(DIGITS).any(|frame| card(frame).is_none()) {
                    return Some(Decoded::Fault(Fault::BAD_CHECKSUM));
                }
                self.state = State::Ended { digits, taken, told: 0 };
                self.silence()
            }
            State::Ended { digits, taken, told } => {
                let rest = digits.get(told..taken).unwrap_or_default();
                let card = rest.chunks_exact(DIGITS).next().and_then(card)?;
                self.state = State::Ended { digits, taken, told: told + DIGITS };
                Some(Decoded::Card(card))
            }
        }
    }

    fn holds_bytes(&self) -> bool {
        !matches!(self.state, State::Sound { taken: 0, .. } | State::Spoilt { bytes: 0 })
    }

    fn patience(&self) -> Duration {
        match &self.state {
            State::Sound { taken, .. } if !taken.is_multiple_of(DIGITS) => FRAME_SILENCE,
            _ => END_SILENCE,
        }
    }

    fn is_whole(&self) -> bool {
        matches!(&self.state, State::Sound { taken, .. } if taken.is_multiple_of(DIGITS))
    }
}

/// The card of twelve digits' values, if the checksum fits.
fn card(digits: &[u8]) -> Option<CardNumber> {
    let mut bytes = [0; DIGITS / 2];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |value, digit| value << 4 | digit);
    }
    let [a, b, c, d, e, checksum] = bytes;
    (a ^ b ^ c ^ d ^ e == checksum).then(|| CardNumber::em4100([a, b, c, d, e]))
}

#[cfg(test)]
#[path = "em18_tests.rs"]
mod tests;
