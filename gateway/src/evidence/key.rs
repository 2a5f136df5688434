//! The gateway's signing key: Ed25519 (RFC 8032), in a file of its own, in PEM as OpenSSL writes and reads it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use ed25519_compact::{KeyPair, Seed};
use rustix::fs::{Mode, OFlags};
use tracing::{info, warn};

use crate::hex;

/// Where the key is, in the data folder.
pub const KEY_FILE: &str = "signing.key";
/// Longest key file that is read, in bytes.
const MAX_KEY_BYTES: u64 = 4_096;
/// DER of a PKCS#8 private key of Ed25519, before its 32 bytes (RFC 8410, 7).
const PRIVATE_DER: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// DER of a public key of Ed25519, before its 32 bytes (RFC 8410, 4).
const PUBLIC_DER: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
const PRIVATE_LABEL: &str = "PRIVATE KEY";
const PUBLIC_LABEL: &str = "PUBLIC KEY";

/// Why a key can't be had. Says nothing about what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can't be read.
    #[error("the key file {0} can't be read")]
    Read(PathBuf, #[source] io::Error),
    /// The file holds something else.
    #[error("{0} holds no Ed25519 private key as PKCS#8 in PEM; put the right file back")]
    NotPrivate(PathBuf),
    /// The text is no public key, and no file that holds one.
    #[error("{0:?} is neither 64 lower-case hex digits nor a file that holds an Ed25519 public key in hex or PEM")]
    NotPublic(String),
    /// A new key can't be kept.
    #[error("the new key file {0} can't be written")]
    Write(PathBuf, #[source] io::Error),
    /// The operating system gave no randomness.
    #[error("the operating system gives no random numbers")]
    Random,
}

/// The key that the gateway signs with.
pub struct SigningKey(KeyPair);

impl SigningKey {
    /// The key in the data folder. If there is no file, a new key is made and is durable when this returns. `random`
    /// gives the secret bytes, and whether it could.
    ///
    /// # Errors
    /// [`KeyError`]; an unreadable file is never replaced.
    pub fn open_or_create(data_dir: &Path, random: impl FnOnce(&mut [u8; 32]) -> bool) -> Result<Self, KeyError> {
        let path = data_dir.join(KEY_FILE);
        match Self::read(&path) {
            Err(KeyError::Read(_, cause)) if cause.kind() == io::ErrorKind::NotFound => {}
            read => return read,
        }
        let mut seed = [0; 32];
        let key = if random(&mut seed) { Self::from_seed(seed) } else { None }.ok_or(KeyError::Random)?;
        let text = pem(PRIVATE_LABEL, &[&PRIVATE_DER[..], &seed].concat());
        write_private(&path, text.as_bytes()).map_err(|cause| KeyError::Write(path.clone(), cause))?;
        info!(public_key = %key.public(), "a new signing key was made; keep a copy of the public key outside of this box");
        Ok(key)
    }

    /// The key in this file.
    ///
    /// # Errors
    /// [`KeyError`] if there is none.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = read_short(path).map_err(|cause| KeyError::Read(path.to_owned(), cause))?;
        if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
            warn!(file = %path.display(), "others than the owner may use the signing key: chmod 600 it");
        }
        let seed = text.as_deref().and_then(|text| unpem(PRIVATE_LABEL, &PRIVATE_DER, text));
        seed.and_then(Self::from_seed).ok_or_else(|| KeyError::NotPrivate(path.to_owned()))
    }

    /// The key of these 32 secret bytes; none of zeros alone.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Option<Self> {
        KeyPair::try_from_seed(Seed::new(seed)).ok().map(Self)
    }

    /// What others check its signatures with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.pk)
    }

    /// Signs (RFC 8032, 5.1.6).
    #[must_use]
    pub fn sign(&self, message: &str) -> [u8; 64] {
        *self.0.sk.sign(message, None)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(*** of {})", self.public())
    }
}

/// What signatures are checked with. Shown as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// From hex digits, or from the file of this name, which holds them or PEM.
    ///
    /// # Errors
    /// [`KeyError::NotPublic`].
    pub fn named(text: &str) -> Result<Self, KeyError> {
        let of_file = || read_short(Path::new(text)).ok().flatten().and_then(|text| Self::parse(&text));
        Self::parse(text).or_else(of_file).ok_or_else(|| KeyError::NotPublic(text.chars().take(100).collect()))
    }

    /// From hex digits or PEM.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        hex::decode(&HEXLOWER, text).or_else(|| unpem(PUBLIC_LABEL, &PUBLIC_DER, text)).map(Self)
    }

    /// As OpenSSL reads it.
    #[must_use]
    pub fn to_pem(self) -> String {
        pem(PUBLIC_LABEL, &[&PUBLIC_DER[..], &self.0].concat())
    }

    /// Whether the signature is this key's (RFC 8032, 5.1.7).
    #[must_use]
    pub fn verifies(&self, message: &str, signature: &[u8; 64]) -> bool {
        let key = ed25519_compact::PublicKey::new(self.0);
        key.verify(message, &ed25519_compact::Signature::new(*signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn unpem(label: &str, before: &[u8], text: &str) -> Option<[u8; 32]> {
    let text = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let text: String = text.strip_suffix(&format!("-----END {label}-----"))?.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()?.strip_prefix(before)?.try_into().ok()
}

/// The text of a short file; nothing if it is too long or no text.
fn read_short(path: &Path) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_KEY_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= MAX_KEY_BYTES))
}

/// Whole and durable, for the owner alone, or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside); // what a crash may have left
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(&beside, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, 7.1, test 2.
    const SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const SIGNATURE_OF_R: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                                  085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

    #[test]
    fn keys_and_signatures_are_those_of_the_rfc() {
        let key = SigningKey::from_seed(hex::decode(&HEXLOWER, SEED).unwrap()).unwrap();
        assert_eq!(key.public().to_string(), PUBLIC);
        assert_eq!(HEXLOWER.encode(&key.sign("r")), SIGNATURE_OF_R);
        assert!(key.public().verifies("r", &key.sign("r")));
        assert!(!key.public().verifies("s", &key.sign("r")));
    }

    #[test]
    fn a_key_is_made_once_and_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let made = SigningKey::open_or_create(dir.path(), |seed| {
            *seed = [7; 32];
            true
        });
        let again = SigningKey::open_or_create(dir.path(), |_| panic!("there is one"));
        assert_eq!(made.unwrap().public(), again.unwrap().public());
        let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_told_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(KEY_FILE), "-----BEGIN PRIVATE KEY-----\nAAAA").unwrap();
        let found = SigningKey::open_or_create(dir.path(), |_| panic!("there is one"));
        assert!(matches!(found, Err(KeyError::NotPrivate(_))), "{found:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn without_randomness_there_is_no_key() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(SigningKey::open_or_create(dir.path(), |_| false), Err(KeyError::Random)));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_public_key_is_named_by_digits_or_by_a_file_of_either_form() {
        let key = PublicKey(hex::decode(&HEXLOWER, PUBLIC).unwrap());
        let dir = tempfile::tempdir().unwrap();
        let (digits, pem) = (dir.path().join("digits"), dir.path().join("pem"));
        fs::write(&digits, format!("{PUBLIC}\n")).unwrap();
        fs::write(&pem, key.to_pem()).unwrap();
        for name in [PUBLIC, digits.to_str().unwrap(), pem.to_str().unwrap()] {
            assert_eq!(PublicKey::named(name).unwrap(), key);
        }
        assert!(PublicKey::named(&PUBLIC[1..]).is_err());
        assert!(PublicKey::named(&PUBLIC.to_uppercase()).is_err());
    }
}
