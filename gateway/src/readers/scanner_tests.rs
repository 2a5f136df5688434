//! What the decoder must see.

use ed25519_compact::{KeyPair, Seed};
use proptest::prelude::*;
use schoolgate_core::{
    entry::PassId,
    id::{GuardianId, PassKeyId, SchoolId, StudentId},
    pass::{Pass, Presented},
    time::Hours,
};

use super::{super::chance::Chance, *};

const DAMAGED: u32 = 1_000_000;
const PASS_TEXT: &str = "SGP1:k1:dongfeng-primary:s-0412:g-0907:2026-09-01:1630-1830:0:Tdj8Bw";

fn decode(bytes: &[u8]) -> Vec<Decoded> {
    let mut decoder = Decoder::new();
    let mut told: Vec<_> = bytes.iter().filter_map(|&byte| decoder.push(byte)).collect();
    while let Some(more) = decoder.silence() {
        told.push(more);
    }
    told
}

fn text(text: &str) -> Decoded {
    Decoded::Text(text.into())
}

#[test]
fn a_line_ends_with_cr_or_lf_or_both() {
    for end in ["\r", "\n", "\r\n", "\n\r", "\r\n\r\n"] {
        let bytes = format!("{PASS_TEXT}{end}{PASS_TEXT}{end}");
        assert_eq!(decode(bytes.as_bytes()), [text(PASS_TEXT), text(PASS_TEXT)], "{end:?}");
    }
}

#[test]
fn eight_digits_are_a_code_and_other_numbers_are_text() {
    assert_eq!(decode(b"01234567\r"), [Decoded::Digits("01234567".into())]);
    assert_eq!(decode(b"]E412345678\r"), [Decoded::Digits("12345678".into())]);
    assert_eq!(decode(b"6901234567892\r"), [text("6901234567892")]);
    assert_eq!(decode(b"1234567\r"), [text("1234567")]);
}

#[test]
fn what_a_scanner_puts_before_the_text_is_dropped() {
    for noise in ["\x02", "\0\0", "]Q1", "\x02]Q3", "QR:", " ", "SGP1:half-a-pass SGP"] {
        assert_eq!(decode(format!("{noise}{PASS_TEXT}\r\n").as_bytes()), [text(PASS_TEXT)], "{noise:?}");
    }
    assert_eq!(decode(b"]\r"), [text("]")]);
}

#[test]
fn a_line_that_is_no_good_is_not_taken_and_the_next_is() {
    let long = "x".repeat(MAX_LINE + 1);
    let cases: [(&[u8], &[Fault]); 4] = [
        ("SGP1:小明\r".as_bytes(), &[Fault::NOT_TEXT]),
        (b"SGP1:\x1b[2J\r", &[Fault::NOT_TEXT]),
        (long.as_bytes(), &[Fault::TOO_LONG]),
        (&[0xFF; 130], &[Fault::garbage(64), Fault::garbage(64), Fault::NOT_TEXT]),
    ];
    for (bytes, faults) in cases {
        let expected: Vec<_> = faults.iter().copied().map(Decoded::Fault).chain([text(PASS_TEXT)]).collect();
        assert_eq!(decode(&[bytes, b"\r", PASS_TEXT.as_bytes(), b"\r"].concat()), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn half_a_line_is_given_up_when_the_line_falls_silent() {
    assert_eq!(decode(b"SGP1:k1:dong"), [Decoded::Fault(Fault::CUT_SHORT)]);
}

/// A line has no check of its own; the pass in it does. So what is tried is that no damage makes another pass of it.
#[test]
fn a_million_damaged_lines_give_no_other_pass() {
    let mut chance = Chance::of_this_run();
    let pass = Pass {
        key: PassKeyId::try_new("k1").unwrap(),
        school: SchoolId::try_new("dongfeng").unwrap(),
        id: PassId {
            student: StudentId::try_new("s-0412").unwrap(),
            guardian: GuardianId::try_new("g-0907").unwrap(),
            day: "2026-09-01".parse().unwrap(),
            serial: 0,
        },
        hours: Hours { from: "16:30".parse().unwrap(), until: "18:30".parse().unwrap() },
    };
    let sound = pass.sign(&[7; 32]).unwrap();
    let public = *KeyPair::from_seed(Seed::new([7; 32])).pk;
    let (mut lines, mut forms) = (0, 0);
    for _ in 0..DAMAGED {
        let mut bytes = format!("{sound}\r").into_bytes();
        chance.damage_one_byte(&mut bytes);
        for told in decode(&bytes) {
            let read = match told {
                Decoded::Fault(_) => continue,
                Decoded::Text(text) if text == sound => continue,
                Decoded::Text(text) => text,
                other => panic!("{other:?}"),
            };
            lines += 1;
            let Ok(presented) = Presented::read(&read) else { continue };
            forms += 1;
            // A check of the signature takes longer than a thousand lines: one in 500 is made.
            assert!(forms % 500 != 1 || presented.verify(&public).is_err(), "{read}");
        }
    }
    println!("of {DAMAGED}, {lines} were still lines and {forms} had a pass's form; none was one");
}

proptest! {
    #[test]
    fn a_line_is_read_after_any_other(before: Vec<u8>, line in "[!-~]{9,200}") {
        let told = decode(&[&before[..], b"\n", line.as_bytes(), b"\n"].concat());
        let read = told.last().cloned();
        let Some(Decoded::Text(read)) = read else { panic!("{told:?}") };
        prop_assert!(line.ends_with(&read) && (read == line || line.starts_with(']') || read.starts_with("SGP1:")));
    }

    #[test]
    fn whatever_comes_lines_are_short_and_printable(bytes: Vec<u8>) {
        for told in decode(&bytes) {
            if let Decoded::Text(line) | Decoded::Digits(line) = told {
                prop_assert!(line.len() <= MAX_LINE && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            }
        }
    }
}
