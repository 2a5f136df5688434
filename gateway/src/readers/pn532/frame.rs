//! Frames of the PN532's host interface (UM0701-02, 6.2.1), without I/O.
//!
//! ```text
//! normal:   00 | 00 FF | LEN LCS           | TFI data … | DCS | 00     LEN + LCS = 0
//! extended: 00 | 00 FF | FF FF LENM LENL LCS | TFI data … | DCS | 00   LENM + LENL + LCS = 0
//! ACK:      00 | 00 FF | 00 FF | 00          NACK: 00 | 00 FF | FF 00 | 00
//! error:    00 | 00 FF | 01 FF | 7F | 81 | 00
//! ```
//!
//! All sums are modulo 256, and TFI + data + DCS = 0. Any one byte that is changed or lost is caught; what cancels out is
//! not (two bytes, or a zero put into a frame whose DCS is zero), which is why a card has to be found by two polls alike
//! before it is believed ([`super::field`]). Of answers with two flipped bits 1.7 % name a wrong card in one poll, of those
//! with one to six bytes damaged at random 0.03 %; in two polls that are both damaged, the latter never did, and the former
//! where they were the same two bits.

use crate::readers::Fault;

/// The most bytes that a frame carries from TFI on (UM0701-02, 6.2.1.2).
pub const MAX_DATA: usize = 265;
/// The longest frame: preamble, start, extended length, data, check, postamble.
const MAX_FRAME: usize = 1 + 2 + 5 + MAX_DATA + 2;
/// Direction of a frame from the host.
const FROM_HOST: u8 = 0xD4;
/// Direction of a frame to the host.
const TO_HOST: u8 = 0xD5;
const ERROR: u8 = 0x7F;
const START: [u8; 2] = [0x00, 0xFF];

/// The host tells that it got the answer, or that it gives up the command that is under way.
pub(super) const ACK: [u8; 6] = [0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00];
/// The host asks for the last answer again.
pub(super) const NACK: [u8; 6] = [0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00];

/// What the module sends.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Frame {
    /// It got the command.
    Ack,
    /// It got a damaged command.
    Nack,
    /// It got a command that it can't carry out.
    Error,
    /// An answer: the command's code plus one, and what follows.
    Answer {
        /// Code of the answer.
        code: u8,
        /// Its parameters.
        data: Vec<u8>,
    },
}

/// The frame of a command with its parameters; none if they are too long for one.
pub fn encode(code: u8, parameters: &[u8]) -> Option<Vec<u8>> {
    let length = parameters.len() + 2;
    if length > MAX_DATA {
        return None;
    }
    let mut frame = Vec::with_capacity(length + 10);
    frame.extend([0x00, 0x00, 0xFF]);
    let [high, low] = u16::try_from(length).ok()?.to_be_bytes();
    if high == 0 && low != 0xFF {
        frame.extend([low, low.wrapping_neg()]);
    } else {
        frame.extend([0xFF, 0xFF, high, low, high.wrapping_add(low).wrapping_neg()]);
    }
    frame.extend([FROM_HOST, code]);
    frame.extend_from_slice(parameters);
    let sum = parameters.iter().fold(FROM_HOST.wrapping_add(code), |sum, byte| sum.wrapping_add(*byte));
    frame.extend([sum.wrapping_neg(), 0x00]);
    Some(frame)
}

/// Finds frames in bytes that come split, merged or damaged.
#[derive(Default)]
pub struct FrameDecoder {
    /// Bytes that are not yet understood: never more than one frame and one read.
    bytes: Vec<u8>,
}

impl FrameDecoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they come. They must be polled before more are pushed.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Forgets what is not yet understood, and tells how many bytes that were.
    pub fn clear(&mut self) -> usize {
        let bytes = self.bytes.len();
        self.bytes.clear();
        bytes
    }

    /// The next frame or fault in what was pushed, if there is a whole one.
    pub fn poll(&mut self) -> Option<Result<Frame, Fault>> {
        let start = self.bytes.windows(2).position(|pair| pair == START);
        // Zeros before a start are its preamble, however many; a last zero may be the first half of a start.
        let garbage = match start {
            Some(at) => self.bytes.get(..at).unwrap_or_default(),
            None => self.bytes.strip_suffix(&[0]).unwrap_or(&self.bytes),
        };
        let noise = garbage.iter().filter(|byte| **byte != 0).count();
        let skipped = garbage.len();
        self.bytes.drain(..skipped);
        if noise > 0 {
            return Some(Err(Fault::garbage(u32::try_from(noise).unwrap_or(u32::MAX))));
        }
        start?;
        match parse(self.bytes.get(START.len()..)?) {
            Parsed::Unfinished => None,
            Parsed::Frame { frame, length } => {
                self.bytes.drain(..START.len() + length);
                Some(Ok(frame))
            }
            Parsed::Wrong(fault) => {
                // Only the start is dropped: a sound frame may begin inside what looked like one.
                self.bytes.drain(..START.len());
                Some(Err(fault))
            }
        }
    }
}

enum Parsed {
    Unfinished,
    /// A frame, and how many bytes it has behind its start.
    Frame {
        frame: Frame,
        length: usize,
    },
    Wrong(Fault),
}

/// What stands behind a frame's start.
fn parse(bytes: &[u8]) -> Parsed {
    let (header, length) = match *bytes {
        [0x00, 0xFF, 0x00, ..] => return Parsed::Frame { frame: Frame::Ack, length: 3 },
        [0xFF, 0x00, 0x00, ..] => return Parsed::Frame { frame: Frame::Nack, length: 3 },
        [0x00, 0xFF] | [0xFF, 0x00] => return Parsed::Unfinished,
        [0xFF, 0xFF, high, low, check, ..] => {
            if high.wrapping_add(low).wrapping_add(check) != 0 {
                return Parsed::Wrong(Fault::BAD_CHECKSUM);
            }
            (5, usize::from(u16::from_be_bytes([high, low])))
        }
        [0xFF, 0xFF, ..] | [_] | [] => return Parsed::Unfinished,
        [length, check, ..] if length.wrapping_add(check) == 0 => (2, usize::from(length)),
        _ => return Parsed::Wrong(Fault::BAD_CHECKSUM),
    };
    if length == 0 || length > MAX_DATA {
        return Parsed::Wrong(Fault::TOO_LONG);
    }
    let Some([data @ .., check, postamble]) = bytes.get(header..header + length + 2) else {
        return Parsed::Unfinished;
    };
    if *postamble != 0 {
        return Parsed::Wrong(Fault::NO_END);
    }
    if data.iter().fold(*check, |sum, byte| sum.wrapping_add(*byte)) != 0 {
        return Parsed::Wrong(Fault::BAD_CHECKSUM);
    }
    let frame = match data {
        [ERROR] => Frame::Error,
        [TO_HOST, code, data @ ..] => Frame::Answer { code: *code, data: data.to_vec() },
        // The host's own, from a line whose wires touch, or nothing that the data sheet knows.
        _ => return Parsed::Wrong(Fault::UNEXPECTED),
    };
    Parsed::Frame { frame, length: header + length + 2 }
}

/// The longest frame and the longest read fit.
pub(super) const MAX_HELD: usize = MAX_FRAME;

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
