use alloc::{string::ToString, vec::Vec};
use proptest::prelude::*;

use super::*;

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    core::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
}

fn pass() -> Pass {
    Pass {
        key: PassKeyId::try_new("k1").unwrap(),
        school: SchoolId::try_new("dongfeng-primary").unwrap(),
        id: PassId {
            student: StudentId::try_new("s-0412").unwrap(),
            day: "2026-09-01".parse().unwrap(),
            serial: 0,
            guardian: GuardianId::try_new("g-0907").unwrap(),
        },
        hours: Hours { from: "16:30".parse().unwrap(), until: "18:30".parse().unwrap() },
    }
}

/// RFC 8032 §7.1, TEST 1 to 3: secret, public key, message, signature.
const RFC_8032: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

#[test]
fn signatures_are_those_of_rfc_8032() {
    for [secret, public, message, signature] in RFC_8032 {
        let message: Vec<u8> =
            (0..message.len() / 2).map(|i| u8::from_str_radix(&message[2 * i..2 * i + 2], 16).unwrap()).collect();
        let keys = KeyPair::from_seed(Seed::new(bytes(secret)));
        assert_eq!(*keys.pk, bytes(public));
        assert_eq!(*keys.sk.sign(&message, None), bytes(signature));
        assert!(keys.pk.verify(&message, &Signature::new(bytes(signature))).is_ok());
    }
}

/// A change here means that passes in people's phones and gateways in schools no longer understand each other.
const GOLDEN: &str = "SGP1:k1:dongfeng-primary:s-0412:g-0907:2026-09-01:1630-1830:0:Tdj8VSQKZVJETtmVQ4XKoACcykm77LuQZkEm8IsslreOWiHHI6G1f0q04NtMrnoHUpUC0rkTcUDJK079mvFiBw";

#[test]
fn a_pass_is_written_as_it_always_was() {
    let text = pass().sign(&bytes(RFC_8032[0][0])).unwrap();
    assert_eq!(text, GOLDEN);
    let read = Presented::read(GOLDEN).unwrap();
    assert_eq!(read.key().as_str(), "k1");
    assert_eq!(read.verify(&bytes(RFC_8032[0][1])), Ok(pass()));
    assert_eq!(pass().credential().to_string(), "f8a25a8876d4f6c316358e3f07263833");
}

#[test]
fn another_key_does_not_verify_it() {
    assert_eq!(Presented::read(GOLDEN).unwrap().verify(&bytes(RFC_8032[1][1])), Err(Forged));
    assert_eq!(Presented::read(GOLDEN).unwrap().verify(&[0; 32]), Err(Forged), "a key of small order signs anything");
}

#[test]
fn every_single_changed_character_spoils_a_pass() {
    let public = bytes(RFC_8032[0][1]);
    for at in 0..GOLDEN.len() {
        for other in ["0", "1", "A", "a", "z", "_", "-", ":", "+", "\u{e9}", "\n", ""] {
            let mut changed = GOLDEN.to_string();
            changed.replace_range(at..=at, other);
            if changed != GOLDEN {
                assert!(!verifies(&changed, &public), "{changed}");
            }
        }
    }
    for changed in [format!(" {GOLDEN}"), format!("{GOLDEN} "), format!("{GOLDEN}="), GOLDEN.to_lowercase()] {
        assert!(!verifies(&changed, &public), "{changed}");
    }
}

fn verifies(text: &str, public: &[u8; 32]) -> bool {
    Presented::read(text).is_ok_and(|presented| presented.verify(public).is_ok())
}

#[test]
fn a_pass_that_would_not_read_back_is_not_signed() {
    let secret = &[7; 32];
    let swapped = Hours { from: pass().hours.until, until: pass().hours.from };
    assert_eq!(Pass { hours: swapped, ..pass() }.sign(secret), Err(SignError::Senseless));
    let long = PassKeyId::try_new(&"k".repeat(64)).unwrap();
    assert_eq!(Pass { key: long, ..pass() }.sign(secret), Err(SignError::TooLong { chars: 210 }));
    assert_eq!(pass().sign(&[0; 32]), Err(SignError::NoSecret));
}

/// RFC 6238, appendix B, the rows of SHA-256: the secret is of 32 bytes, the message the time step as eight bytes.
#[test]
fn codes_are_truncated_as_in_rfc_6238() {
    let secret = PassSecret::new(*b"12345678901234567890123456789012");
    let rows: [(u64, &str); 6] = [
        (0x1, "46119246"),
        (0x0235_23EC, "68084774"),
        (0x0235_23ED, "67062674"),
        (0x0273_EF07, "91819424"),
        (0x03F9_40AA, "90698825"),
        (0x27BC_86AA, "77737706"),
    ];
    for (step, code) in rows {
        assert_eq!(secret.truncated(&step.to_be_bytes()).expose(), code);
    }
}

#[test]
fn the_code_of_a_pass_is_pinned_and_depends_on_everything_that_it_says() {
    let secret = PassSecret::new(core::array::from_fn(|i| u8::try_from(i).unwrap()));
    let Pass { school, id, .. } = pass();
    let code = secret.code(&school, &id);
    assert_eq!(code.expose(), "98586193");
    assert_eq!(Code::read(&code.expose()), Some(code));
    let others = [
        PassId { serial: 1, ..id.clone() },
        PassId { day: "2026-09-02".parse().unwrap(), ..id.clone() },
        PassId { student: StudentId::try_new("s-0413").unwrap(), ..id.clone() },
        PassId { guardian: GuardianId::try_new("g-0908").unwrap(), ..id.clone() },
    ];
    assert!(others.iter().all(|other| secret.code(&school, other) != code));
    assert_ne!(secret.code(&SchoolId::try_new("another").unwrap(), &id), code);
    assert_ne!(PassSecret::new([9; 32]).code(&school, &id), code);
}

#[test]
fn a_code_is_eight_plain_digits_and_neither_it_nor_the_secret_is_printed() {
    for bad in ["", "1234567", "123456789", "+1234567", "1234 567", "１２３４５６７８"] {
        assert_eq!(Code::read(bad), None, "{bad}");
    }
    assert_eq!(Code::read("00000042").unwrap().expose(), "00000042");
    assert_eq!(format!("{:?} {:?}", Code::read("00000042"), PassSecret::new([5; 32])), "Some(***) ***");
}

proptest! {
    #[test]
    fn whatever_is_scanned_is_a_pass_or_no_pass(text in "\\PC{0,250}", bytes in proptest::collection::vec(any::<u8>(), 0..250)) {
        let public = bytes_of_key();
        prop_assert!(!verifies(&text, &public));
        prop_assert!(!verifies(&String::from_utf8_lossy(&bytes), &public));
    }

    #[test]
    fn whatever_looks_like_a_pass_and_was_not_signed_does_not_verify(
        text in "SGP1(:[a-z0-9.-]{0,6}){4}:20[0-9]{2}-[01][0-9]-[0-3][0-9]:[0-2][0-9][0-5][0-9]-[0-2][0-9][0-5][0-9]:[0-9]{1,3}:[A-Za-z0-9_-]{86}"
    ) {
        prop_assert!(!verifies(&text, &bytes_of_key()));
    }

    #[test]
    fn what_is_signed_reads_back(
        key in "[A-Za-z0-9._-]{1,12}", student in "[A-Za-z0-9._-]{1,20}", guardian in "[A-Za-z0-9._-]{1,20}",
        day in 0i64..80_000, hours in (0u16..1440, 0u16..1440), serial: u8,
        secret in any::<[u8; 32]>().prop_filter("not all zeros", |secret| *secret != [0; 32]),
    ) {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60).parse().unwrap();
        let pass = Pass {
            key: PassKeyId::try_new(&key).unwrap(),
            school: SchoolId::try_new("school-1").unwrap(),
            id: PassId {
                student: StudentId::try_new(&student).unwrap(),
                day: crate::time::Day::from_number(day).unwrap(),
                serial,
                guardian: GuardianId::try_new(&guardian).unwrap(),
            },
            hours: Hours { from: time(hours.0.min(hours.1)), until: time(hours.0.max(hours.1)) },
        };
        let text = pass.sign(&secret).unwrap();
        prop_assert!(text.len() <= MAX_TEXT_CHARS);
        let public = KeyPair::from_seed(Seed::new(secret)).pk;
        prop_assert_eq!(Presented::read(&text).unwrap().verify(&public), Ok(pass));
    }
}

fn bytes_of_key() -> [u8; 32] {
    bytes(RFC_8032[0][1])
}
