//! Frames as the user manual prints them, and what damage must not do.

use proptest::prelude::*;

use super::{
    super::{super::chance::Chance, targets},
    *,
};

/// A million in all, of each kind of damage a third.
const DAMAGED: u32 = 333_334;

/// A frame from the module, written as a person would by the manual.
fn from_module(data: &[u8]) -> Vec<u8> {
    let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let length = data.len() as u8;
    [&[0x00, 0x00, 0xFF, length, length.wrapping_neg()], data, &[sum.wrapping_neg(), 0x00]].concat()
}

fn answer(code: u8, data: &[u8]) -> Frame {
    Frame::Answer { code, data: data.to_vec() }
}

fn decode(bytes: &[u8]) -> Vec<Result<Frame, Fault>> {
    let mut decoder = FrameDecoder::new();
    decoder.push(bytes);
    std::iter::from_fn(|| decoder.poll()).collect()
}

fn frames(bytes: &[u8]) -> Vec<Frame> {
    decode(bytes).into_iter().filter_map(Result::ok).collect()
}

#[test]
fn commands_are_the_manuals_bytes() {
    let sam = [0x00, 0x00, 0xFF, 0x05, 0xFB, 0xD4, 0x14, 0x01, 0x14, 0x01, 0x02, 0x00];
    assert_eq!(encode(0x14, &[0x01, 0x14, 0x01]).unwrap(), sam);
    let list = [0x00, 0x00, 0xFF, 0x04, 0xFC, 0xD4, 0x4A, 0x01, 0x00, 0xE1, 0x00];
    assert_eq!(encode(0x4A, &[0x01, 0x00]).unwrap(), list);
    let long = encode(0x40, &[0xAA; 263]).unwrap();
    assert_eq!(long[..10], [0x00, 0x00, 0xFF, 0xFF, 0xFF, 0x01, 0x09, 0xF6, 0xD4, 0x40]);
    assert_eq!(encode(0x40, &[0; 264]), None);
    assert_eq!(encode(0x40, &[0; 253]).unwrap()[3..8], [0xFF, 0xFF, 0x00, 0xFF, 0x01], "a LEN of FF is none");
}

#[test]
fn answers_are_read() {
    assert_eq!(frames(&ACK), [Frame::Ack]);
    assert_eq!(frames(&NACK), [Frame::Nack]);
    assert_eq!(frames(&[0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00]), [Frame::Error]);
    assert_eq!(frames(&from_module(&[0xD5, 0x15])), [answer(0x15, &[])]);
    let both = [&ACK[..], &from_module(&[0xD5, 0x4B, 0x00])].concat();
    assert_eq!(frames(&both), [Frame::Ack, answer(0x4B, &[0])]);
    let data = [0xAA; 263];
    let sum = data.iter().fold(0xD5_u8.wrapping_add(0x41), |sum, byte| sum.wrapping_add(*byte));
    let extended = [&[0, 0, 0xFF, 0xFF, 0xFF, 1, 9, 0xF6, 0xD5, 0x41][..], &data, &[sum.wrapping_neg(), 0]].concat();
    assert_eq!(frames(&extended), [answer(0x41, &data)]);
}

#[test]
fn each_fault_is_named_and_the_next_frame_is_read() {
    let cases: [(&[u8], &[Fault]); 6] = [
        (&[0xAA, 0xBB], &[Fault::garbage(2)]),
        (&[0x00, 0x00, 0xFF, 0x02, 0xFD, 0xD5, 0x15, 0x16], &[Fault::BAD_CHECKSUM, Fault::garbage(5)]),
        (&[0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD5, 0x15, 0x17, 0x00], &[Fault::BAD_CHECKSUM, Fault::garbage(5)]),
        (&[0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD5, 0x15, 0x16, 0x07], &[Fault::NO_END, Fault::garbage(6)]),
        (&[0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4, 0x15, 0x17, 0x00], &[Fault::UNEXPECTED, Fault::garbage(5)]),
        (&[0x00, 0x00, 0xFF, 0xFF, 0xFF, 0x02, 0x00, 0xFE], &[Fault::TOO_LONG, Fault::garbage(4)]),
    ];
    for (bytes, faults) in cases {
        let told = decode(&[bytes, &from_module(&[0xD5, 0x15])].concat());
        let expected: Vec<_> = faults.iter().copied().map(Err).chain([Ok(answer(0x15, &[]))]).collect();
        assert_eq!(told, expected, "{bytes:02x?}");
    }
}

/// An answer that lists a card; every other lists two.
fn listing(chance: &mut Chance) -> (Vec<u8>, Vec<Vec<u8>>) {
    let count = 1 + chance.below(2);
    let (mut data, mut uids) = (vec![0xD5, 0x4B, count as u8], Vec::new());
    for number in 1..=count {
        let (length, atqa) = [(4, 0x04), (7, 0x44), (10, 0x84)][chance.below(3)];
        let uid: Vec<u8> = (0..length).map(|_| chance.byte() & 0x7F).collect();
        data.extend([number as u8, 0x00, atqa, 0x08, length]);
        data.extend_from_slice(&uid);
        uids.push(uid);
    }
    (from_module(&data), uids)
}

fn listed(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let frame = frames(bytes).into_iter().next()?;
    let Frame::Answer { code: 0x4B, data } = frame else { return None };
    Some(targets(&data)?.iter().map(|target| target.card.bytes().to_vec()).collect())
}

/// One poll that is fooled does not make a card: the next one has to be fooled alike ([`super::super::field`]).
#[test]
fn a_million_damaged_answers_give_no_wrong_card() {
    let mut chance = Chance::of_this_run();
    let mut fooled = |damage: fn(&mut Chance, &mut Vec<u8>)| {
        let (mut single, mut twice) = (0, 0);
        for _ in 0..DAMAGED {
            let (sound, uids) = listing(&mut chance);
            let wrong = |chance: &mut Chance| {
                let mut bytes = sound.clone();
                damage(chance, &mut bytes);
                let mut read = listed(&bytes).unwrap_or_default();
                read.retain(|uid| !uids.contains(uid));
                (!read.is_empty()).then_some(read)
            };
            if let Some(first) = wrong(&mut chance) {
                single += 1;
                twice +=
                    usize::from(wrong(&mut chance).is_some_and(|second| first.iter().any(|uid| second.contains(uid))));
            }
        }
        (single, twice)
    };

    let one_byte = fooled(Chance::damage_one_byte);
    let two_bits = fooled(|chance, bytes| chance.flip_two_bits(bytes));
    let up_to_six = fooled(|chance, bytes| (0..=chance.below(6)).for_each(|_| chance.damage_one_byte(bytes)));

    println!(
        "of {DAMAGED}, in one poll and in two: one byte {one_byte:?}, two bits {two_bits:?}, one to six {up_to_six:?}"
    );
    assert!(one_byte.0 < 100, "a zero put into a frame whose check is zero: {one_byte:?}");
    assert_eq!((one_byte.1, up_to_six.1), (0, 0));
    // Both polls damaged by two flipped bits and nothing else, and by the same two.
    assert!(two_bits.1 <= 5, "{two_bits:?}");
}

proptest! {
    #[test]
    fn a_sound_frame_is_read_after_any_bytes_that_are_no_start(
        before in prop::collection::vec(1..=0xFE_u8, 0..300),
        data in prop::collection::vec(any::<u8>(), 0..250),
    ) {
        let bytes = [&before[..], &from_module(&[&[0xD5, 0x4B], &data[..]].concat())].concat();
        prop_assert_eq!(frames(&bytes).pop(), Some(answer(0x4B, &data)));
    }

    #[test]
    fn however_bytes_are_split_the_frames_are_the_same(
        pieces in prop::collection::vec(prop_oneof![
            Just(ACK.to_vec()),
            prop::collection::vec(any::<u8>(), 0..20),
            prop::collection::vec(any::<u8>(), 2..60).prop_map(|data| from_module(&[&[0xD5], &data[..]].concat())),
        ], 0..8),
        cut in 1..40_usize,
    ) {
        let bytes = pieces.concat();
        let mut decoder = FrameDecoder::new();
        let mut found = Vec::new();
        for part in bytes.chunks(cut) {
            decoder.push(part);
            found.extend(std::iter::from_fn(|| decoder.poll()).filter_map(Result::ok));
        }
        prop_assert_eq!(found, frames(&bytes));
    }
}
