//! Frames out of the bytes of a bus, which come split, merged or damaged. What a frame holds is judged by the crate `osdp`.

use osdp::{Error, ParsedPacket, SOM};

/// Longest frame taken, in bytes. What readers send without files and fingerprints fits into 256 with ease.
pub const MAX_FRAME_BYTES: usize = 512;

/// Bytes of a frame up to and with its length.
const LENGTH_END: usize = 4;
/// Shortest frame: header, code, check.
const MIN_FRAME_BYTES: usize = 7;
/// What may stand before a frame: the line's idle mark.
const MARK: u8 = 0xFF;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A whole frame with a sound CRC or checksum.
    Frame(Vec<u8>),
    /// Something that began like a frame, and was none.
    Broken,
    /// So many bytes outside any frame.
    Garbage(usize),
}

/// Finds frames. Holds [`MAX_FRAME_BYTES`] and the bytes of one call at most.
#[derive(Default)]
pub struct Framer {
    bytes: Vec<u8>,
}

impl Framer {
    /// Takes what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Forgets what is half there.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// This start was none: the next may be inside what it seemed to begin.
    fn give_up(&mut self) -> Found {
        self.bytes.drain(..1);
        Found::Broken
    }
}

/// Gives the next thing found, as long as enough bytes are there to tell; more may come after `None`.
impl Iterator for Framer {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let start = self.bytes.iter().position(|byte| *byte == SOM).unwrap_or(self.bytes.len());
        let skipped = self.bytes.drain(..start).filter(|byte| *byte != MARK).count();
        if skipped > 0 {
            return Some(Found::Garbage(skipped));
        }
        let [low, high] = *self.bytes.get(2..LENGTH_END)? else { return None };
        let length = usize::from(u16::from_le_bytes([low, high]));
        if !(MIN_FRAME_BYTES..=MAX_FRAME_BYTES).contains(&length) {
            return Some(self.give_up());
        }
        match ParsedPacket::parse(self.bytes.get(..length)?) {
            Ok(_) => Some(Found::Frame(self.bytes.drain(..length).collect())),
            Err(_) => Some(self.give_up()),
        }
    }
}

/// What a whole frame holds.
pub fn parse(frame: &[u8]) -> Result<ParsedPacket<'_>, Error> {
    ParsedPacket::parse(frame).map(|(packet, _length)| packet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLL: [u8; 8] = [0x53, 0x65, 0x08, 0x00, 0x04, 0x60, 0x60, 0x90];

    fn all(bytes: &[u8]) -> Vec<Found> {
        let mut framer = Framer::default();
        framer.push(bytes);
        std::iter::from_fn(|| framer.next()).collect()
    }

    #[test]
    fn the_standards_poll_is_a_frame_with_or_without_its_mark() {
        assert_eq!(all(&POLL), [Found::Frame(POLL.to_vec())]);
        assert_eq!(all(&[&[MARK], &POLL[..]].concat()), [Found::Frame(POLL.to_vec())]);
    }

    #[test]
    fn frames_that_come_byte_by_byte_or_two_at_once_are_found() {
        let mut framer = Framer::default();
        for byte in &POLL[..7] {
            framer.push(&[*byte]);
            assert_eq!(framer.next(), None);
        }
        framer.push(&[POLL[7], POLL[0]]);
        framer.push(&POLL[1..]);
        assert_eq!(framer.next(), Some(Found::Frame(POLL.to_vec())));
        assert_eq!(framer.next(), Some(Found::Frame(POLL.to_vec())));
    }

    #[test]
    fn a_damaged_frame_does_not_hide_the_next() {
        for at in 0..POLL.len() {
            let mut damaged = POLL;
            damaged[at] ^= 0x10;
            // Damage to the length may swallow what follows, up to the next silence, which clears.
            if !(2..4).contains(&at) {
                let found = all(&[damaged, POLL].concat());
                assert_eq!(found.iter().filter(|found| matches!(found, Found::Frame(_))).count(), 1, "{found:?}");
            }
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_not_waited_for() {
        assert_eq!(all(&[0x53, 0x65, 0xFF, 0xFF, 0x04]), [Found::Broken, Found::Garbage(2)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_in_any_pieces(bytes: Vec<u8>, pieces in prop::collection::vec(1..40_usize, 1..20)) {
            let whole = all(&bytes);
            let mut framer = Framer::default();
            let mut rest = bytes.as_slice();
            let mut sizes = pieces.iter().cycle();
            let mut found = Vec::new();
            while !rest.is_empty() {
                let (piece, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                framer.push(piece);
                found.extend(std::iter::from_fn(|| framer.next()));
                prop_assert!(framer.bytes.len() <= MAX_FRAME_BYTES);
                rest = later;
            }
            let frames = |found: Vec<Found>| found.into_iter().filter(|f| matches!(f, Found::Frame(_))).collect::<Vec<_>>();
            prop_assert_eq!(frames(found), frames(whole));
        }
    }
}
