//! What fuzzing and property tests run over proof files. No part of the interface.

use std::sync::LazyLock;

use super::{Checkpoint, Proof, SigningKey};
use crate::ledger::{Frontier, Hash, LedgerId, Salt, leaf, prove_inclusion};

const SIZE: u64 = 13;
const SEQ: u64 = 5;

/// A genuine proof, and the key that it is signed with.
static GENUINE: LazyLock<Option<(Proof, SigningKey)>> = LazyLock::new(genuine);

fn genuine() -> Option<(Proof, SigningKey)> {
    let key = SigningKey::from_seed([1; 32])?;
    let salt = |seq: u64| -> Salt { u128::from(seq).to_le_bytes() };
    let body = |seq: u64| {
        format!(
            r#"{{"v":1,"seq":{seq},"at":{{"wall":"2026-09-01T16:31:05.250+08:00","boot":"00000000000000a1","mono_ms":{seq},"clock":"synchronised"}},"what":{{"started":{{"version":"1"}}}}}}"#
        )
    };
    let leaves: Vec<Hash> = (1..=SIZE).map(|seq| leaf(&salt(seq), body(seq).as_bytes())).collect();
    let mut tree = Frontier::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    let signed = Checkpoint { ledger: LedgerId([7; 16]), size: SIZE, root: tree.root() }.sign(&key);
    let path = prove_inclusion(&leaves, SEQ - 1)?;
    Some((Proof { seq: SEQ, salt: salt(SEQ), body: body(SEQ), path, signed }, key))
}

/// A proof file of these bytes, and a genuine one changed at the places that they name: both are read or refused, what is
/// read is written alike, and nothing but the genuine proof is accepted.
///
/// # Panics
/// If it is not so.
pub fn proof_file(bytes: &[u8]) {
    judge(bytes);
    let Some((genuine, _)) = &*GENUINE else { return };
    let mut file = genuine.to_json().into_bytes();
    for change in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % file.len();
        file[at] = change[2];
    }
    judge(&file);
}

fn judge(bytes: &[u8]) {
    let Ok(proof) = Proof::parse(bytes) else { return };
    assert!(Proof::parse(proof.to_json().as_bytes()).as_ref() == Ok(&proof), "written otherwise than read");
    let Some((genuine, key)) = &*GENUINE else { return };
    if let Ok(proven) = proof.check(&key.public()) {
        assert!(proof == *genuine && proven.seq == SEQ, "a forged proof");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn the_genuine_proof_is_accepted() {
        let (genuine, key) = GENUINE.as_ref().unwrap();
        assert_eq!(genuine.check(&key.public()).unwrap().seq, SEQ);
        proof_file(genuine.to_json().as_bytes());
    }

    proptest! {
        #[test]
        fn any_changes_of_a_proof_can_be_judged(changes in vec(any::<u8>(), 0..30)) {
            proof_file(&changes);
        }
    }
}
