//! Each reader's key of the secure channel (SCBK), and the memory of which readers have theirs.
//!
//! A key is derived from the school's card secret and the reader's id, so that a gateway put in place of a broken one
//! knows all readers' keys from the one secret that is kept safe anyway, and no key lies on a disk. A reader that was
//! given its key by somebody else has it in a file of its own.
//!
//! That a reader has its key is remembered in a file `osdp/<reader>.enrolled` in the data folder, written after the reader
//! has proved it. As long as it is there, the factory's key is never used with this reader.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER_PERMISSIVE;
use schoolgate_core::{id::ReaderId, text, text::Lang};

use super::happening::Identity;
use crate::{hex, readers::card_key::CardKey};

/// What the keys are derived under: no kind of card is called so.
const PURPOSE: &str = "osdp secure channel base key 1";

/// Longest key file, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 256;

/// Permission bits that let others than the owner at a file.
const OTHERS: u32 = 0o077;

/// A reader's key of the secure channel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scbk([u8; 16]);

/// Why a reader's key can't be had from its file. Says nothing of what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file can't be read.
    #[error("the key file can't be read")]
    Read(#[source] io::Error),
    /// Others than its owner may read or change it.
    #[error("the key file may be read by others (mode {mode:03o}): chmod 600")]
    Open {
        /// Its permissions.
        mode: u32,
    },
    /// It is not 32 hex digits.
    #[error("the key file does not hold 32 hex digits")]
    NotHex,
    /// It holds the factory's key, which everybody knows.
    #[error("the key file holds the factory's key, which everybody knows")]
    Factory,
}

impl Scbk {
    /// The factory's key (SCBK-D), printed in the standard.
    pub const FACTORY: Self = Self(osdp::secure::SCBK_D);

    /// The key of this reader in this school.
    pub fn derive(school: &CardKey, reader: &ReaderId) -> Self {
        // A credential is a keyed hash of its kind and bytes, which is what a derived key is.
        Self(school.credential(PURPOSE, reader.as_str().as_bytes()).0)
    }

    /// Reads a key written as 32 hex digits into a file that only its owner may read; white space around them does not
    /// count.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let file = File::open(path).map_err(KeyFileError::Read)?;
        let mode = file.metadata().map_err(KeyFileError::Read)?.mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(KeyFileError::Open { mode });
        }
        let mut bytes = Vec::new();
        file.take(MAX_KEY_FILE_BYTES).read_to_end(&mut bytes).map_err(KeyFileError::Read)?;
        Self::parse(&bytes)
    }

    /// Takes a key file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let key = hex::decode(&HEXLOWER_PERMISSIVE, bytes.trim_ascii()).ok_or(KeyFileError::NotHex)?;
        if Self(key) == Self::FACTORY { Err(KeyFileError::Factory) } else { Ok(Self(key)) }
    }

    /// The key. Keep it out of logs and messages.
    pub fn expose(&self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Debug for Scbk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl KeyFileError {
    /// What was found, for a person.
    pub fn render(&self, lang: Lang) -> String {
        match self {
            Self::Read(error) => {
                text!(lang, zh: "密钥文件读不出（{error}）", en: "a key file that can't be read ({error})")
            }
            Self::Open { mode } => text!(lang,
                zh: "密钥文件他人可读（权限 {mode:03o}），请 chmod 600",
                en: "a key file that others may read (mode {mode:03o}): chmod 600"),
            Self::NotHex => {
                text!(lang, zh: "密钥文件不是 32 个十六进制数字", en: "a key file that does not hold 32 hex digits")
            }
            Self::Factory => text!(lang,
                zh: "密钥文件里是人人皆知的出厂密钥",
                en: "a key file with the factory's key, which everybody knows"),
        }
    }
}

/// The folder that remembers which readers have their keys.
#[derive(Clone, Debug)]
pub struct Enrolments {
    folder: PathBuf,
}

impl Enrolments {
    /// Kept below the data folder.
    pub fn below(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("osdp") }
    }

    /// Whether this reader has been given its key. If that can't be found out, it counts as given: the factory's key must
    /// not come back by a broken disk.
    pub fn has(&self, reader: &ReaderId) -> bool {
        !matches!(fs::metadata(self.file(reader)), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Remembers, durably, that this reader has its key; `identity` is noted for people.
    pub fn remember(&self, reader: &ReaderId, identity: &Identity) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let fresh = self.folder.join(format!("{reader}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        let [a, b, c] = identity.vendor;
        let (model, version, serial) = (identity.model, identity.version, identity.serial);
        writeln!(file, "vendor {a:02x}{b:02x}{c:02x} model {model} version {version} serial {serial:08x}")?;
        file.sync_all()?;
        fs::rename(&fresh, self.file(reader))?;
        File::open(&self.folder)?.sync_all()
    }

    fn file(&self, reader: &ReaderId) -> PathBuf {
        self.folder.join(format!("{reader}.enrolled"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    const DIGITS: &str = "000102030405060708090a0b0c0d0eFF";

    fn reader(id: &str) -> ReaderId {
        ReaderId::try_new(id).unwrap()
    }

    #[test]
    fn each_reader_of_each_school_has_another_key_and_always_the_same() {
        let (school, other) = (CardKey::new(&[1; 32]), CardKey::new(&[2; 32]));
        let key = Scbk::derive(&school, &reader("east-1"));
        assert!(key == Scbk::derive(&school, &reader("east-1")));
        assert!(key != Scbk::derive(&school, &reader("east-2")));
        assert!(key != Scbk::derive(&other, &reader("east-1")));
    }

    #[test]
    fn the_derived_key_is_what_any_hmac_implementation_computes() {
        // python3 -c 'import hmac; print(hmac.new(bytes([1])*32, b"osdp secure channel base key 1\0east-1", "sha256").hexdigest()[:32])'
        let key = Scbk::derive(&CardKey::new(&[1; 32]), &reader("east-1")).expose();
        assert_eq!(HEXLOWER.encode(&key), "0dbe0921b157f6125f8ce07e35b74a56");
    }

    #[test]
    fn a_key_file_only_its_owner_may_read_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("east-1.key");
        fs::write(&path, format!("{DIGITS}\n")).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(matches!(Scbk::read(&path), Err(KeyFileError::Open { mode: 0o640 })));
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(Scbk::read(&path).unwrap().expose()[15], 0xFF);
    }

    #[test]
    fn the_factorys_key_is_no_key_of_ours() {
        assert!(matches!(Scbk::parse(b"303132333435363738393a3b3c3d3e3f"), Err(KeyFileError::Factory)));
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", Scbk::parse(DIGITS.as_bytes()).unwrap()), "***");
    }

    #[test]
    fn who_was_enrolled_is_remembered_in_a_file_of_the_owner() {
        let folder = tempfile::tempdir().unwrap();
        let enrolments = Enrolments::below(folder.path());
        assert!(!enrolments.has(&reader("east-1")));
        enrolments.remember(&reader("east-1"), &Identity::default()).unwrap();
        assert!(enrolments.has(&reader("east-1")) && !enrolments.has(&reader("east-2")));
        let file = fs::metadata(folder.path().join("osdp/east-1.enrolled")).unwrap();
        assert_eq!(file.mode() & 0o777, 0o600);
    }

    proptest! {
        #[test]
        fn any_file_is_judged_without_panic(bytes: Vec<u8>) {
            prop_assert!(Scbk::parse(&bytes).is_err() || bytes.trim_ascii().len() == 32);
        }
    }
}
