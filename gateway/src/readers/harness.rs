//! What holds for any bytes on a reader's line: for the fuzz targets, and for tests.
//!
//! Each panics where it does not hold, which is what a fuzzer looks for.

#![allow(clippy::panic, reason = "a fuzzer looks for panics")]

use super::{
    Decode, Decoded, em18,
    pn532::{Frame, FrameDecoder, encode, targets},
    rdm6300, scanner,
};

/// However bytes are mangled, a card that is told of stands in them, digit for digit and with its check.
pub fn rdm6300(bytes: &[u8]) {
    let there = |window: &[u8]| matches!(window, [0x02, digits @ .., 0x03] if is_sound(digits));
    let sound = bytes.windows(14).filter(|window| there(window)).count();
    assert!(cards(rdm6300::Decoder::new(), bytes) <= sound, "a card that is not there");
}

/// As with [`rdm6300`]: and nothing but whole frames and ends of lines stood in the burst.
pub fn em18(bytes: &[u8]) {
    let digits: Vec<u8> = bytes.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let sound = digits.len().is_multiple_of(12) && digits.chunks(12).all(is_sound);
    let cards = cards(em18::Decoder::new(), bytes);
    assert!(cards == 0 || (sound && cards <= digits.len() / 12), "a card that is not there");
}

/// Lines that are told of are short, printable, and stand in the bytes.
pub fn scanner(bytes: &[u8]) {
    for told in decode(scanner::Decoder::new(), bytes) {
        if let Decoded::Text(line) | Decoded::Digits(line) = told {
            assert!(!line.is_empty() && line.len() <= scanner::MAX_LINE, "a line of no length");
            assert!(bytes.windows(line.len()).any(|window| window == line.as_bytes()), "a line that is not there");
        }
    }
}

/// The decoder ends, holds little, and what it takes for cards is sound; the same bytes in pieces are the same frames.
pub fn pn532(bytes: &[u8]) {
    let mut whole = FrameDecoder::new();
    let mut pieces = FrameDecoder::new();
    let mut in_pieces = Vec::new();
    for piece in bytes.chunks(7) {
        pieces.push(piece);
        in_pieces.extend(std::iter::from_fn(|| pieces.poll()).filter_map(Result::ok));
    }
    whole.push(bytes);
    let frames: Vec<Frame> = std::iter::from_fn(|| whole.poll()).filter_map(Result::ok).collect();
    assert!(frames == in_pieces, "pieces make other frames");
    for frame in frames {
        if let Frame::Answer { data, .. } = frame {
            let found = targets(&data).unwrap_or_default();
            assert!(found.iter().all(|target| matches!(target.card.bytes().len(), 4 | 7 | 10)), "no such UID");
        }
    }
    if let [code, parameters @ ..] = bytes {
        let sent = encode(*code, parameters);
        assert!(sent.is_none_or(|frame| frame.len() <= parameters.len() + 12), "a command that is too long");
    }
}

fn cards(decoder: impl Decode, bytes: &[u8]) -> usize {
    decode(decoder, bytes).iter().filter(|told| matches!(told, Decoded::Card(_))).count()
}

fn decode(mut decoder: impl Decode, bytes: &[u8]) -> Vec<Decoded> {
    let mut told: Vec<Decoded> = bytes.iter().filter_map(|&byte| decoder.push(byte)).collect();
    told.extend(std::iter::from_fn(|| decoder.silence()));
    assert!(!decoder.holds_bytes(), "bytes left after a silence");
    told
}

/// Twelve digits whose last two are the XOR of the five bytes before.
fn is_sound(digits: &[u8]) -> bool {
    let upper = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Vec<u8> = digits.chunks(2).filter_map(byte).collect();
    upper && bytes.len() == 6 && bytes.iter().fold(0, |sum, byte| sum ^ byte) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that look like something: frames, halves of them, and noise.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\x0262E3086CED08\x03".to_vec()),
            Just(b"62E3086CED08".to_vec()),
            Just(b"SGP1:k1:s\r\n".to_vec()),
            Just(b"12345678\r".to_vec()),
            Just(vec![0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD5, 0x15, 0x16, 0x00]),
            Just(vec![0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00]),
            prop::collection::vec(any::<u8>(), 0..20),
            prop::collection::vec(prop::sample::select(b"0123456789ABCDEF\x02\x03\r\n\x00\xff".to_vec()), 0..30),
        ];
        let pieces = prop::collection::vec((piece, 0..40_usize), 0..10);
        pieces.prop_map(|pieces| pieces.into_iter().flat_map(|(piece, cut)| piece.into_iter().take(cut)).collect())
    }

    proptest! {
        #[test]
        fn it_holds_for_whatever_comes(bytes in line()) {
            rdm6300(&bytes);
            em18(&bytes);
            scanner(&bytes);
            pn532(&bytes);
        }
    }
}
