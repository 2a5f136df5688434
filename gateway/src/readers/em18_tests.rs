//! What the decoder must see, and how much damage it can be fooled by.

use proptest::prelude::*;

use super::{super::chance::Chance, *};

const DAMAGED: u32 = 1_000_000;
const CARD: [u8; 5] = [0x62, 0xE3, 0x08, 0x6C, 0xED];

fn frame(card: [u8; 5]) -> Vec<u8> {
    let checksum = card.iter().fold(0, |sum, byte| sum ^ byte);
    card.iter().chain([&checksum]).flat_map(|byte| format!("{byte:02X}").into_bytes()).collect()
}

fn read(card: [u8; 5]) -> Decoded {
    Decoded::Card(CardNumber::em4100(card))
}

fn decode(decoder: &mut Decoder, burst: &[u8]) -> Vec<Decoded> {
    let mut told: Vec<_> = burst.iter().filter_map(|&byte| decoder.push(byte)).collect();
    while let Some(more) = decoder.silence() {
        told.push(more);
    }
    told
}

#[test]
fn a_frame_is_read_when_the_line_falls_silent_with_or_without_an_end_of_line() {
    for burst in ["62E3086CED08", "62E3086CED08\r\n", "62E3086CED08\n", "\r\n62E3086CED08"] {
        let mut decoder = Decoder::new();
        assert!(burst.bytes().all(|byte| decoder.push(byte).is_none()));
        assert_eq!(decoder.patience(), END_SILENCE);
        assert!(decoder.holds_bytes());
        assert_eq!(decode(&mut decoder, b""), [read(CARD)]);
        assert!(!decoder.holds_bytes());
    }
}

#[test]
fn the_card_is_the_one_that_an_rdm6300_reads() {
    let mut rdm6300 = super::super::rdm6300::Decoder::new();
    let there = b"\x0262E3086CED08\x03".iter().find_map(|&byte| rdm6300.push(byte));
    assert_eq!(there, Some(read(CARD)));
}

#[test]
fn frames_that_come_without_a_pause_are_all_read() {
    let other = [1, 2, 3, 4, 5];
    let burst = [frame(CARD), frame(CARD), frame(other)].concat();
    assert_eq!(decode(&mut Decoder::new(), &burst), [read(CARD), read(CARD), read(other)]);
}

#[test]
fn each_fault_is_named_and_the_next_frame_is_read() {
    let cases: [(&[u8], Fault); 6] = [
        (b"62E3086CED09", Fault::BAD_CHECKSUM),
        (b"62E3086CED0", Fault::CUT_SHORT),
        (b"62E3086CED080", Fault::CUT_SHORT),
        (b"62E3086CeD08", Fault::garbage(12)),
        (b"\x0262E3086CED08\x03", Fault::garbage(14)),
        (b"62E308\r\n6CED08", Fault::garbage(14)),
    ];
    for (burst, fault) in cases {
        let mut decoder = Decoder::new();
        assert_eq!(decode(&mut decoder, burst), [Decoded::Fault(fault)], "{}", burst.escape_ascii());
        assert_eq!(decode(&mut decoder, &frame(CARD)), [read(CARD)]);
    }
}

#[test]
fn digits_without_end_are_told_in_portions() {
    let told = decode(&mut Decoder::new(), &[b'7'; 97 + 64 + 3]);
    assert_eq!(told, [98, 64, 2].map(|count| Decoded::Fault(Fault::garbage(count))));
}

#[test]
fn damage_to_any_one_byte_is_never_another_card() {
    let sound = frame(CARD);
    for at in 0..sound.len() {
        let mut lost = sound.clone();
        lost.remove(at);
        assert!(!has_wrong_card(&lost, CARD));
        for byte in 0..=u8::MAX {
            let (mut changed, mut put_in) = (sound.clone(), sound.clone());
            changed[at] = byte;
            put_in.insert(at, byte);
            assert!(!has_wrong_card(&changed, CARD) && !has_wrong_card(&put_in, CARD), "{byte:02x} at {at}");
        }
    }
}

fn has_wrong_card(burst: &[u8], card: [u8; 5]) -> bool {
    let told = decode(&mut Decoder::new(), burst);
    told.iter().any(|told| matches!(told, Decoded::Card(read) if read.bytes() != card))
}

#[test]
fn a_million_damaged_frames_give_no_wrong_card() {
    let mut chance = Chance::of_this_run();
    let mut fooled = |damage: fn(&mut Chance, &mut Vec<u8>)| {
        (0..DAMAGED)
            .filter(|_| {
                let [a, b, c, d, e, ..] = chance.next().to_le_bytes();
                let mut bytes = quick_frame([a, b, c, d, e]);
                damage(&mut chance, &mut bytes);
                has_wrong_card(&bytes, [a, b, c, d, e])
            })
            .count()
    };

    let one_byte = fooled(Chance::damage_one_byte);
    let two_bits = fooled(|chance, bytes| chance.flip_two_bits(bytes));
    let up_to_six = fooled(|chance, bytes| (0..=chance.below(6)).for_each(|_| chance.damage_one_byte(bytes)));

    println!("of {DAMAGED}: one byte {one_byte}, two bits {two_bits}, one to six {up_to_six}");
    assert_eq!(one_byte, 0);
    // What an XOR of five bytes can't see; see `rdm6300`.
    assert!(two_bits < 10_000, "{two_bits}");
    assert!(up_to_six < 200, "{up_to_six}");
}

fn quick_frame([a, b, c, d, e]: [u8; 5]) -> Vec<u8> {
    let digits = [a, b, c, d, e, a ^ b ^ c ^ d ^ e].into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| b"0123456789ABCDEF"[usize::from(digit)]).collect()
}

proptest! {
    #[test]
    fn a_sound_burst_is_read_after_any_other(before: Vec<u8>, card: [u8; 5], cut in 0..12_usize) {
        let mut decoder = Decoder::new();
        decode(&mut decoder, &before);
        decode(&mut decoder, &frame(card)[..cut]);
        prop_assert_eq!(decode(&mut decoder, &frame(card)), [read(card)]);
    }
}
