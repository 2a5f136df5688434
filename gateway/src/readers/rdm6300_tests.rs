//! What the decoder must see, and how much damage it can be fooled by.

use std::time::Instant;

use proptest::prelude::*;

use super::{
    super::{
        chance::Chance,
        presence::{Confirmation, GONE_AFTER, Presence},
    },
    *,
};

/// Damaged frames tried per kind of damage.
const DAMAGED: u32 = 1_000_000;

fn frame(card: Number) -> Vec<u8> {
    let checksum = card.iter().fold(0, |sum, byte| sum ^ byte);
    let digits: String = card.iter().chain([&checksum]).map(|byte| format!("{byte:02X}")).collect();
    [&[STX], digits.as_bytes(), &[ETX]].concat()
}

fn decode(bytes: &[u8]) -> Vec<Decoded> {
    let mut decoder = Decoder::new();
    let mut told: Vec<_> = bytes.iter().filter_map(|&byte| decoder.push(byte)).collect();
    told.extend(decoder.silence());
    told
}

type Number = [u8; 5];

fn card_read(number: Number) -> Decoded {
    Decoded::Card(CardNumber::em4100(number))
}

const CARD: Number = [0x62, 0xE3, 0x08, 0x6C, 0xED];

#[test]
fn the_data_sheets_frame_is_read() {
    assert_eq!(frame(CARD), b"\x0262E3086CED08\x03");
    assert_eq!(decode(b"\x0262E3086CED08\x03"), [card_read(CARD)]);
}

#[test]
fn each_fault_is_named_and_the_next_frame_is_read() {
    let cases: [(&[u8], &[Fault]); 8] = [
        (b"\x0262E3086CED09\x03", &[Fault::BAD_CHECKSUM]),
        (b"\x0262E3086CeD08\x03", &[Fault::NOT_HEX, Fault::garbage(4)]),
        (b"\x0262E3086CED\x03", &[Fault::CUT_SHORT]),
        (b"\x0262E308", &[Fault::CUT_SHORT]),
        (b"\x02\x03", &[Fault::CUT_SHORT]),
        (b"\x0262E3086CED080\x03", &[Fault::NO_END, Fault::garbage(1)]),
        (b"noise", &[Fault::garbage(5)]),
        (b"\x03\x03", &[Fault::garbage(2)]),
    ];
    for (bytes, faults) in cases {
        let told = decode(&[bytes, &frame(CARD)].concat());
        let expected: Vec<_> = faults.iter().copied().map(Decoded::Fault).chain([card_read(CARD)]).collect();
        assert_eq!(told, expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn endless_noise_is_told_in_portions() {
    let told = decode(&[b'x'; 200]);
    assert_eq!(told, [64, 64, 64, 8].map(|count| Decoded::Fault(Fault::garbage(count))));
}

#[test]
fn halves_of_two_frames_with_a_silence_between_are_no_card() {
    let mut decoder = Decoder::new();
    let frame = frame(CARD);
    let (first, second) = frame.split_at(7);
    assert!(first.iter().all(|&byte| decoder.push(byte).is_none()));
    assert!(decoder.holds_bytes());
    assert_eq!(decoder.silence(), Some(Decoded::Fault(Fault::CUT_SHORT)));
    assert!(!decoder.holds_bytes());
    assert!(second.iter().all(|&byte| decoder.push(byte).is_none()));
}

#[test]
fn damage_to_any_one_byte_is_never_another_card() {
    let sound = frame(CARD);
    for at in 0..sound.len() {
        let mut lost = sound.clone();
        lost.remove(at);
        assert_no_wrong_card(&lost, CARD);
        for byte in 0..=u8::MAX {
            let mut changed = sound.clone();
            changed[at] = byte;
            assert_no_wrong_card(&changed, CARD);
            let mut put_in = sound.clone();
            put_in.insert(at, byte);
            assert_no_wrong_card(&put_in, CARD);
        }
    }
}

fn assert_no_wrong_card(bytes: &[u8], card: Number) {
    assert!(!has_wrong_card(bytes, card), "{}", bytes.escape_ascii());
}

fn has_wrong_card(bytes: &[u8], card: Number) -> bool {
    let mut decoder = Decoder::new();
    bytes.iter().any(|&byte| matches!(decoder.push(byte), Some(Decoded::Card(read)) if read.bytes() != card))
}

/// The measurement that the module's documentation quotes.
#[test]
fn a_million_damaged_frames_of_each_kind() {
    let mut chance = Chance::of_this_run();
    let fooled = |chance: &mut Chance, damage: fn(&mut Chance, &mut Vec<u8>)| {
        let mut bytes = Vec::with_capacity(32);
        (0..DAMAGED).filter(|_| one_damaged_frame(chance, &mut bytes, damage)).count()
    };

    let one_byte = fooled(&mut chance, Chance::damage_one_byte);
    let two_bits = fooled(&mut chance, |chance, bytes| chance.flip_two_bits(bytes));
    let two_bytes = fooled(&mut chance, |chance, bytes| (0..2).for_each(|_| chance.replace_byte(bytes)));
    let up_to_six =
        fooled(&mut chance, |chance, bytes| (0..=chance.below(6)).for_each(|_| chance.damage_one_byte(bytes)));

    println!("of {DAMAGED}: one byte {one_byte}, two bits {two_bits}, two bytes {two_bytes}, one to six {up_to_six}");
    assert_eq!(one_byte, 0);
    assert!(two_bits < 10_000, "{two_bits}");
    assert!(two_bytes < 200, "{two_bytes}");
    assert!(up_to_six < 200, "{up_to_six}");
}

/// On a bad line a reader can be told to ask for two equal frames.
#[test]
fn a_million_pairs_of_frames_damaged_in_any_way_give_no_wrong_card_when_two_must_be_equal() {
    let mut chance = Chance::of_this_run();
    let mut presence = Presence::new(Confirmation::Twice);
    let (mut bytes, mut now, mut single) = (Vec::with_capacity(32), Instant::now(), 0);
    let mut fooled = 0;
    for _ in 0..DAMAGED {
        now += GONE_AFTER;
        let card = card_by(&mut chance);
        for _ in 0..2 {
            sound_frame(card, &mut bytes);
            (0..=chance.below(6)).for_each(|_| chance.damage_one_byte(&mut bytes));
            let mut decoder = Decoder::new();
            for read in bytes.iter().filter_map(|&byte| decoder.push(byte)) {
                let Decoded::Card(read) = read else { continue };
                single += usize::from(read.bytes() != card);
                fooled += usize::from(presence.frame(now, read) && read.bytes() != card);
            }
        }
    }
    println!("of {DAMAGED} pairs: wrong frames {single}, wrong cards {fooled}");
    assert_eq!(fooled, 0);
}

fn card_by(chance: &mut Chance) -> Number {
    let [a, b, c, d, e, ..] = chance.next().to_le_bytes();
    [a, b, c, d, e]
}

fn one_damaged_frame(chance: &mut Chance, bytes: &mut Vec<u8>, damage: fn(&mut Chance, &mut Vec<u8>)) -> bool {
    let card = card_by(chance);
    sound_frame(card, bytes);
    damage(chance, bytes);
    has_wrong_card(bytes, card)
}

fn sound_frame(card: Number, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.push(STX);
    let checksum = card.iter().fold(0, |sum, byte| sum ^ byte);
    for byte in card.into_iter().chain([checksum]) {
        bytes.extend([byte >> 4, byte & 15].map(|digit| b"0123456789ABCDEF"[usize::from(digit)]));
    }
    bytes.push(ETX);
}

/// Bytes on the line: sound frames with noise, broken frames and starts in between.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<Number>().prop_map(frame),
        prop::collection::vec(any::<u8>(), 0..20),
        (any::<Number>(), 0..14_usize).prop_map(|(card, cut)| frame(card)[..cut].to_vec()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_sound_frame_is_read_after_anything(before in line(), card in any::<Number>()) {
        let told = decode(&[before, frame(card)].concat());
        prop_assert_eq!(told.last(), Some(&card_read(card)));
    }

    #[test]
    fn every_byte_is_accounted_for_and_cards_are_really_there(bytes in line()) {
        let cards = decode(&bytes).into_iter().filter_map(|told| match told {
            Decoded::Card(card) => Some(card.bytes().to_vec()),
            _ => None,
        });
        let there: Vec<_> = bytes
            .windows(14)
            .filter(|window| (window[0], window[13]) == (STX, ETX))
            .filter_map(digits_of)
            .collect();
        prop_assert_eq!(cards.collect::<Vec<_>>(), there);
    }
}

/// The card number of a sound frame, read the slow and obvious way.
fn digits_of(window: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(&window[1..13]).ok()?;
    let upper = text.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c));
    let bytes: Vec<u8> = (0..6).map_while(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()).collect();
    (upper && bytes.len() == 6 && bytes.iter().fold(0, |sum, byte| sum ^ byte) == 0).then(|| bytes[..5].to_vec())
}
