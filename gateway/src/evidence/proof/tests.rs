//! Proofs of a small ledger, as they are and changed.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::super::{Checkpoint, SigningKey};
use super::*;
use crate::ledger::{Frontier, prove_inclusion};

const SIZE: u64 = 13;

fn key() -> SigningKey {
    SigningKey::from_seed([1; 32]).unwrap()
}

fn body(seq: u64) -> String {
    format!(
        "{{\"v\":1,\"seq\":{seq},\"at\":{{\"wall\":\"2026-09-01T16:31:05.250+08:00\",\"boot\":\"00000000000000a1\",\"mono_ms\":{seq},\
         \"clock\":\"synchronised\"}},\"what\":{{\"started\":{{\"version\":\"试\"}}}}}}"
    )
}

fn proof(seq: u64) -> Proof {
    let salt = |seq: u64| [seq as u8; 16];
    let leaves: Vec<Hash> = (1..=SIZE).map(|seq| leaf(&salt(seq), body(seq).as_bytes())).collect();
    let mut tree = Frontier::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    let signed = Checkpoint { ledger: LedgerId([0xa7; 16]), size: SIZE, root: tree.root() }.sign(&key());
    Proof { seq, salt: salt(seq), body: body(seq), path: prove_inclusion(&leaves, seq - 1).unwrap(), signed }
}

fn checked(bytes: &[u8]) -> Result<Proven, ProofFault> {
    Proof::parse(bytes)?.check(&key().public())
}

#[test]
fn every_entry_is_proven_by_its_file() {
    for seq in 1..=SIZE {
        let proven = checked(proof(seq).to_json().as_bytes()).unwrap();
        assert_eq!((proven.seq, proven.size, proven.ledger), (seq, SIZE, LedgerId([0xa7; 16])));
        assert_eq!(proven.entry.unwrap().encode().unwrap(), body(seq).into_bytes());
    }
}

#[test]
fn a_file_shows_no_other_entry() {
    let file = proof(5).to_json();
    for seq in (1..=SIZE).filter(|seq| *seq != 5) {
        assert!(!file.contains(&format!("seq\\\":{seq},")));
        let salt = HEXLOWER.encode(&[seq as u8; 16]);
        assert!(!file.contains(&salt), "without its salt, a sibling's leaf can't be guessed");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let fault = |change: fn(&mut Proof)| {
        let mut proof = proof(5);
        change(&mut proof);
        proof.check(&key().public()).unwrap_err()
    };
    assert_eq!(fault(|p| p.body = p.body.replace("2026", "2025")), ProofFault::Path);
    assert_eq!(fault(|p| p.salt[0] ^= 1), ProofFault::Path);
    assert_eq!(fault(|p| p.seq = 6), ProofFault::Path);
    assert_eq!(fault(|p| p.path.truncate(1)), ProofFault::Path);
    assert_eq!(fault(|p| p.signed.checkpoint.root[0] ^= 1), ProofFault::Signature);
    assert_eq!(fault(|p| p.signed.checkpoint.ledger.0[0] ^= 1), ProofFault::Signature);
    assert_eq!(fault(|p| p.signed.checkpoint.size += 1), ProofFault::Signature);
    let other = SigningKey::from_seed([2; 32]).unwrap();
    let forged = Proof { signed: proof(5).signed.checkpoint.sign(&other), ..proof(5) };
    assert_eq!(forged.check(&key().public()), Err(ProofFault::OtherKey { found: other.public() }));
    let claimed = Proof { signed: SignedCheckpoint { key: key().public(), ..forged.signed }, ..proof(5) };
    assert_eq!(claimed.check(&key().public()), Err(ProofFault::Signature));
}

#[test]
fn another_programs_spacing_does_not_matter_and_another_form_does() {
    let value: serde_json::Value = serde_json::from_str(&proof(5).to_json()).unwrap();
    assert!(checked(value.to_string().as_bytes()).is_ok());
    let changed = |name: &str, to: serde_json::Value| {
        let mut value = value.clone();
        value[name] = to;
        checked(value.to_string().as_bytes()).unwrap_err()
    };
    assert_eq!(changed("format", "v2".into()), ProofFault::Format);
    assert_eq!(changed("seq", 0.into()), ProofFault::Value("seq"));
    assert_eq!(changed("seq", 14.into()), ProofFault::Value("seq"));
    assert_eq!(changed("salt", "AA".repeat(16).into()), ProofFault::Value("salt"));
    assert_eq!(changed("path", vec!["00".repeat(32); 127].into()), ProofFault::Value("path"));
    assert!(matches!(changed("more", 1.into()), ProofFault::Form { .. }));
    assert_eq!(checked(&vec![b' '; MAX_PROOF_BYTES + 1]), Err(ProofFault::TooLong));
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(checked(&bytes).is_err());
    }

    /// Bytes are changed, left out and put in anywhere. What is then still proven is what was signed, word for word.
    #[test]
    fn a_changed_file_proves_nothing_else(
        seq in 1..=SIZE,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..4),
    ) {
        let mut file = proof(seq).to_json().into_bytes();
        for (at, how, byte) in changes {
            let at = at.index(file.len());
            match how {
                0 => file[at] = byte,
                1 => drop(file.remove(at)),
                _ => file.insert(at, byte),
            }
        }
        if let Ok(read) = Proof::parse(&file)
            && read.check(&key().public()).is_ok()
        {
            prop_assert_eq!(read, proof(seq));
        }
    }

    /// One bit in any of the values.
    #[test]
    fn a_changed_value_never_verifies(seq in 1..=SIZE, which in 0..6_u8, at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut proof = proof(seq);
        let flip = |bytes: &mut [u8]| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        };
        match which {
            0 => flip(&mut proof.salt),
            1 => { let hash = at.index(proof.path.len()); flip(&mut proof.path[hash]); }
            2 => flip(&mut proof.signed.checkpoint.root),
            3 => flip(&mut proof.signed.signature),
            4 => flip(&mut proof.signed.key.0),
            _ => {
                let mut bytes = proof.body.clone().into_bytes();
                let at = at.index(bytes.len());
                bytes[at] ^= 1;
                let Ok(body) = String::from_utf8(bytes) else { return Ok(()) };
                proof.body = body;
            }
        }
        prop_assert!(proof.check(&key().public()).is_err());
    }
}
