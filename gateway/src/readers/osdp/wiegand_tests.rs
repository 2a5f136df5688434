use proptest::prelude::*;

use super::*;

/// Packs bits written as 0 and 1, first bit highest, as a reader sends them.
fn pack(bits: &str) -> (u16, Vec<u8>) {
    let digits: Vec<u8> = bits.bytes().map(|digit| digit - b'0').collect();
    let byte = |eight: &[u8]| eight.iter().enumerate().fold(0, |byte, (i, bit)| byte | bit << (7 - i));
    (digits.len() as u16, digits.chunks(8).map(byte).collect())
}

fn read(bits: &str) -> Result<(&'static str, Vec<u8>), CardRefusal> {
    let (count, data) = pack(bits);
    number(count, &data).map(|number| (number.kind().name(), number.bytes().to_vec()))
}

/// Adds the parity bits to a number by counting ones in the text, so as not to share anything with the code.
fn with_parity(
    number: &str,
    even_over: std::ops::RangeInclusive<usize>,
    odd_over: std::ops::RangeInclusive<usize>,
) -> String {
    let whole = format!("?{number}?");
    let ones = |range: std::ops::RangeInclusive<usize>| whole[range].bytes().filter(|bit| *bit == b'1').count();
    format!("{}{number}{}", ones(even_over) % 2, (ones(odd_over) + 1) % 2)
}

fn of_26_bits(number: u32) -> String {
    with_parity(&format!("{number:024b}"), 1..=12, 13..=24)
}

fn of_34_bits(number: u32) -> String {
    with_parity(&format!("{number:032b}"), 1..=16, 17..=32)
}

fn of_37_bits(number: u64) -> String {
    with_parity(&format!("{number:035b}"), 1..=18, 18..=35)
}

#[test]
fn facility_1_card_1_is_the_known_26_bits() {
    assert_eq!(of_26_bits(0x01_0001), "10000000100000000000000010");
    assert_eq!(read("10000000100000000000000010"), Ok(("wiegand26", vec![1, 0, 1])));
}

#[test]
fn each_format_gives_its_number() {
    assert_eq!(read(&of_26_bits(0x7B_A5C3)), Ok(("wiegand26", vec![0x7B, 0xA5, 0xC3])));
    assert_eq!(read(&of_34_bits(0x1234_5678)), Ok(("wiegand34", vec![0x12, 0x34, 0x56, 0x78])));
    assert_eq!(read(&of_37_bits(0x5_1234_5678)), Ok(("wiegand37", vec![0x05, 0x12, 0x34, 0x56, 0x78])));
}

#[test]
fn uids_of_4_5_7_8_and_10_bytes_are_taken_as_they_are() {
    let kinds = [(4, "iso14443a"), (5, "rdm6300"), (7, "iso14443a"), (8, "uid64"), (10, "iso14443a")];
    for (length, kind) in kinds {
        let uid: Vec<u8> = (1..=length).map(|byte| byte * 7).collect();
        let number = number(u16::from(length) * 8, &uid).unwrap();
        assert_eq!((number.kind().name(), number.bytes()), (kind, uid.as_slice()));
    }
}

#[test]
fn every_single_flipped_bit_is_refused() {
    for bits in [of_26_bits(0x01_0001), of_34_bits(0x1234_5678), of_37_bits(0x5_1234_5678)] {
        for at in 0..bits.len() {
            let mut damaged = bits.clone().into_bytes();
            damaged[at] ^= 1;
            assert_eq!(read(std::str::from_utf8(&damaged).unwrap()), Err(CardRefusal::Parity), "{bits}, bit {at}");
        }
    }
}

#[test]
fn blank_cards_and_unknown_formats_are_refused() {
    assert_eq!(read(&"0".repeat(32)), Err(CardRefusal::Blank));
    assert_eq!(read(&"1".repeat(26)), Err(CardRefusal::Blank));
    assert_eq!(read(&"10".repeat(12)), Err(CardRefusal::Format { bits: 24 }));
    assert_eq!(number(0, &[]).err(), Some(CardRefusal::Format { bits: 0 }));
    assert_eq!(number(26, &[1, 2, 3]).err(), Some(CardRefusal::Short));
}

#[test]
fn what_follows_the_last_bit_does_not_count() {
    let (count, mut data) = pack(&of_26_bits(0x01_0001));
    *data.last_mut().unwrap() |= 0x3F;
    data.push(0xFF);
    assert_eq!(number(count, &data).unwrap().bytes(), [1, 0, 1]);
}

proptest! {
    #[test]
    fn any_number_goes_through_its_format(any: u64) {
        let of = |bits: u32| any & ((1 << bits) - 1) | 1;
        let last = |count: usize, number: u64| number.to_be_bytes()[8 - count..].to_vec();
        prop_assert_eq!(read(&of_26_bits(of(24) as u32)), Ok(("wiegand26", last(3, of(24)))));
        prop_assert_eq!(read(&of_34_bits(of(32) as u32)), Ok(("wiegand34", last(4, of(32)))));
        prop_assert_eq!(read(&of_37_bits(of(35))), Ok(("wiegand37", last(5, of(35)))));
    }

    #[test]
    fn any_bits_are_judged_without_panic(count: u16, data: Vec<u8>) {
        if let Ok(number) = number(count, &data) {
            prop_assert!(number.bytes().len() <= 10 && data.len() * 8 >= usize::from(count));
        }
    }
}
