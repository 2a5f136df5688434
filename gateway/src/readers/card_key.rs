//! From a card's number to the credential that the rest of schoolgate knows it by.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use schoolgate_core::credential::CredentialId;
use sha2::Sha256;

/// The school's secret under which card numbers are hashed. Whoever has it and a credential can find the card's number
/// by trying all of them, so it is kept like a password.
///
/// Holds the hash's state after the key only, computed once, so that a tap costs two blocks of SHA-256 and no
/// allocation.
#[derive(Clone)]
pub struct CardKey(Hmac<Sha256>);

impl CardKey {
    /// Takes the school's 32 secret bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        let (secret, _zeros) = block.split_at_mut(key.len());
        secret.copy_from_slice(key);
        Self(Hmac::new(&block))
    }

    /// The credential of the card with this number: the first 16 bytes of HMAC-SHA-256(key, `kind` ‖ `00` ‖ `uid`).
    ///
    /// `kind` names the reader type, such as `rdm6300`, and so what the number's bytes mean; it holds no `00`.
    pub fn credential(&self, kind: &str, uid: &[u8]) -> CredentialId {
        let mut mac = self.0.clone();
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(uid);
        let hash: [u8; 32] = mac.finalize().into_bytes().into();
        let (first, _rest) = hash.split_at(16);
        let mut id = [0; 16];
        id.copy_from_slice(first);
        CredentialId(id)
    }
}

impl fmt::Debug for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: [u8; 5] = [0x62, 0xE3, 0x08, 0x6C, 0xED];

    #[test]
    fn the_credential_is_what_any_hmac_implementation_computes() {
        let key = CardKey::new(&std::array::from_fn(|i| i as u8));
        assert_eq!(key.credential("rdm6300", &UID).to_string(), "8fb837a55c841739645fc3d2f0f4953d");
    }

    #[test]
    fn key_kind_and_number_each_make_a_different_credential() {
        let key = CardKey::new(&[1; 32]);
        let id = key.credential("rdm6300", &UID);
        assert_ne!(id, CardKey::new(&[2; 32]).credential("rdm6300", &UID));
        assert_ne!(id, key.credential("em18", &UID));
        assert_ne!(id, key.credential("rdm6300", &[0; 5]));
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", CardKey::new(&[7; 32])), "***");
    }
}
