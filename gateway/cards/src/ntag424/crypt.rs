//! The arithmetic of AN12196 and AN10922.

use aes::{
    Aes128,
    cipher::{Array, BlockCipherDecrypt, KeyInit},
};
use cmac::{Cmac, Mac};
use subtle::ConstantTimeEq;

use super::Uid;

/// First byte of the PICC data: number and counter are there, the number has seven bytes (AN12196, 3.3).
const PICC_TAG: u8 = 0xC7;
/// What a session vector for codes begins with (AN12196, 3.3): SV2.
const SV2: [u8; 6] = [0x3C, 0xC3, 0x00, 0x01, 0x00, 0x80];
/// What the input of an AES-128 diversification begins with (AN10922, 2.2).
const DIVERSIFY_AES128: u8 = 0x01;

/// AES-128 CMAC (NIST SP 800-38B).
pub(super) fn cmac(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = <Cmac<Aes128> as KeyInit>::new(&Array(*key));
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Number and counter from encrypted PICC data (AES-128 CBC with IV 0, of which one block is the plain cipher); none if
/// the key is another.
pub(super) fn open_picc(meta_key: &[u8; 16], picc: &[u8; 16]) -> Option<(Uid, u32)> {
    let mut block = Array(*picc);
    <Aes128 as KeyInit>::new(&Array(*meta_key)).decrypt_block(&mut block);
    let [tag, u0, u1, u2, u3, u4, u5, u6, c0, c1, c2, ..] = block.0;
    (tag == PICC_TAG).then_some((Uid([u0, u1, u2, u3, u4, u5, u6]), u32::from_le_bytes([c0, c1, c2, 0])))
}

/// Whether this is the code that the card makes at this counter. Takes the same time for every wrong one.
pub(super) fn is_code(file_key: &[u8; 16], uid: Uid, counter: u32, code: &[u8; 8]) -> bool {
    let [c0, c1, c2, _] = counter.to_le_bytes();
    let session_key = cmac(file_key, &[&SV2, &uid.0, &[c0, c1, c2]]);
    let [_, m1, _, m3, _, m5, _, m7, _, m9, _, m11, _, m13, _, m15] = cmac(&session_key, &[]);
    [m1, m3, m5, m7, m9, m11, m13, m15].ct_eq(code).into()
}

/// The key of a card, diversified from a master key (AN10922, 2.2: AES-128). The input, number, application and system
/// together, has 16 to 31 bytes: for shorter ones AN10922 pads otherwise than CMAC does.
pub(super) fn diversify<const SYSTEM: usize>(
    master: &[u8; 16],
    uid: &[u8; 7],
    app: [u8; 3],
    system: &[u8; SYSTEM],
) -> [u8; 16] {
    const { assert!(7 + 3 + SYSTEM >= 16 && 7 + 3 + SYSTEM <= 31) };
    cmac(master, &[&[DIVERSIFY_AES128], uid, &app, system])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }

    #[test]
    fn a_diversified_key_is_that_of_an10922() {
        let master = hex("00112233445566778899AABBCCDDEEFF");
        let key = diversify(&master, &hex("04782E21801D80"), hex("3042F5"), b"NXP Abu");
        assert_eq!(key, hex("A8DD63A3B89D54B37CA802473FDA9175"));
    }

    #[test]
    fn picc_data_open_as_in_an12196() {
        let picc = hex("EF963FF7828658A599F3041510671E88");
        assert_eq!(open_picc(&[0; 16], &picc), Some((Uid(hex("04DE5F1EACC040")), 61)));
        assert_eq!(open_picc(&[1; 16], &picc), None);
    }

    #[test]
    fn session_key_and_code_are_those_of_an12196() {
        let uid = Uid(hex("04DE5F1EACC040"));
        let session = cmac(&[0; 16], &[&SV2, &uid.0, &[0x3D, 0, 0]]);
        assert_eq!(session, hex("3FB5F6E3A807A03D5E3570ACE393776F"));
        assert!(is_code(&[0; 16], uid, 61, &hex("94EED9EE65337086")));
        assert!(
            is_code(&[0; 16], Uid(hex("041E3C8A2D6B80")), 6, &hex("4B00064004B0B3D3")),
            "the plain mirror's example"
        );
        assert!(!is_code(&[0; 16], uid, 62, &hex("94EED9EE65337086")));
    }
}
