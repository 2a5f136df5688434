//! The RDM6300's frames (125 kHz cards of type EM4100, UART 9600 8N1), decoded byte by byte without I/O.
//!
//! A frame is `02`, ten hex digits of card number, two hex digits of checksum, `03`; digits are upper-case ASCII and the
//! checksum is the XOR of the number's five bytes (Itead RDM6300 data sheet: `62E3086CED` → `08`). The reader repeats it
//! for as long as the card lies there.
//!
//! # What the checksum can't see
//!
//! Any damage to one byte of a frame (changed, lost or put in) is caught: the tests try each of them. Two bits flipped
//! in the same column of two digits cancel out, and the frame then passes with a wrong number. Measured over a million
//! damaged frames of each kind (the test prints it): one byte damaged 0; two bits flipped 0.7 %; two bytes replaced at
//! random 0.007 %; one to six bytes changed, lost or put in at random 0.009 %. With a bit error rate of 1e-6, which is a
//! bad line, that makes less than one wrong number in 10^10 frames, and a wrong number has to be another enrolled card's
//! to do harm; cards bought in one batch are numbered alike, though. One frame is accepted by default, since a second one
//! costs every tap 65 ms; a reader on a line known to be bad can be told to ask for two equal frames
//! ([`super::presence::Confirmation::Twice`]), which only the same double damage twice in a row fools.

use super::{CardNumber, Decode, Decoded, Fault};

/// Start of a frame.
const STX: u8 = 0x02;
/// End of a frame.
const ETX: u8 = 0x03;
/// Hex digits between [`STX`] and [`ETX`]: ten of card number, two of checksum.
const DIGITS: usize = 12;
/// Garbage is reported at the latest when it has come to so many bytes, so that a noisy line shows without any card.
pub const GARBAGE_REPORT_BYTES: u32 = 64;

/// Finds frames in bytes that come split, merged or damaged.
#[derive(Default)]
pub struct Decoder {
    state: State,
}

enum State {
    /// Between frames, having seen so many bytes of garbage that are not yet reported.
    Outside { garbage: u32 },
    /// Inside a frame, with so many digits' values taken.
    Inside { digits: [u8; DIGITS], taken: usize },
}

impl Default for State {
    fn default() -> Self {
        Self::Outside { garbage: 0 }
    }
}

impl Decoder {
    /// A decoder waiting for the start of a frame.
    pub fn new() -> Self {
        Self::default()
    }

    fn start(&mut self) {
        self.state = State::Inside { digits: [0; DIGITS], taken: 0 };
    }

    fn fail(&mut self, fault: Fault) -> Decoded {
        self.state = State::default();
        Decoded::Fault(fault)
    }

    fn finish(&mut self, digits: [u8; DIGITS]) -> Decoded {
        let mut bytes = [0; DIGITS / 2];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |value, digit| value << 4 | digit);
        }
        let [a, b, c, d, e, checksum] = bytes;
        if a ^ b ^ c ^ d ^ e != checksum {
            return self.fail(Fault::BAD_CHECKSUM);
        }
        self.state = State::default();
        Decoded::Card(CardNumber::em4100([a, b, c, d, e]))
    }
}

impl Decode for Decoder {
    fn push(&mut self, byte: u8) -> Option<Decoded> {
        match &mut self.state {
            State::Outside { garbage } if byte == STX => {
                let garbage = *garbage;
                self.start();
                (garbage > 0).then_some(Decoded::Fault(Fault::garbage(garbage)))
            }
            State::Outside { garbage } => {
                *garbage += 1;
                (*garbage >= GARBAGE_REPORT_BYTES).then(|| self.fail(Fault::garbage(GARBAGE_REPORT_BYTES)))
            }
            State::Inside { .. } if byte == STX => {
                self.start();
                Some(Decoded::Fault(Fault::CUT_SHORT))
            }
            State::Inside { digits, taken } if *taken == DIGITS => {
                let digits = *digits;
                Some(if byte == ETX { self.finish(digits) } else { self.fail(Fault::NO_END) })
            }
            State::Inside { .. } if byte == ETX => Some(self.fail(Fault::CUT_SHORT)),
            State::Inside { digits, taken } => match (hex_value(byte), digits.get_mut(*taken)) {
                (Some(value), Some(digit)) => {
                    *digit = value;
                    *taken += 1;
                    None
                }
                _ => Some(self.fail(Fault::NOT_HEX)),
            },
        }
    }

    /// Gives up a frame that is still open and reports garbage that is still uncounted, so that halves of two frames are
    /// not taken for one.
    fn silence(&mut self) -> Option<Decoded> {
        match std::mem::take(&mut self.state) {
            State::Inside { .. } => Some(Decoded::Fault(Fault::CUT_SHORT)),
            State::Outside { garbage: 0 } => None,
            State::Outside { garbage } => Some(Decoded::Fault(Fault::garbage(garbage))),
        }
    }

    fn holds_bytes(&self) -> bool {
        !matches!(self.state, State::Outside { garbage: 0 })
    }
}

/// The value of an upper-case hex digit. The reader sends no others, so a lower-case one is damage.
pub(super) fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
#[path = "rdm6300_tests.rs"]
mod tests;
