//! Keys, passwords and tokens: read from files of their own, and never shown.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE;
use schoolgate_cards::ntag424::SunKeys;
use schoolgate_core::text;
use schoolgate_core::text::Lang;

use crate::hex;

/// Longest secret that is read from a file, in bytes.
pub const MAX_SECRET_BYTES: u64 = 4_096;

/// A key of 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret32([u8; 32]);

/// The keys of NTAG 424 DNA cards.
#[derive(Clone)]
pub struct SunSecret(SunKeys);

/// A password or token.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

/// Why a secret can't be had. Says nothing about what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error("the file can't be read")]
    Read(#[source] io::Error),
    /// The file holds more than [`MAX_SECRET_BYTES`].
    #[error("the file is longer than {MAX_SECRET_BYTES} bytes")]
    TooLong,
    /// The file is not one line of text.
    #[error("the file does not hold one line of text")]
    NotALine,
    /// The file holds another number of characters than 32 or 64, or others than hex digits.
    #[error("the file does not hold 32 or 64 hex digits, but {characters} characters")]
    NotKeys {
        /// How many characters it holds.
        characters: usize,
    },
    /// The file holds another number of characters than 64, or others than hex digits.
    #[error("the file does not hold 64 hex digits, but {characters} characters")]
    NotHex {
        /// How many characters it holds.
        characters: usize,
    },
}

impl Secret32 {
    /// Reads a key written as 64 hex digits; white space around them does not count.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let text = read_line(path)?;
        hex::decode(&HEXLOWER_PERMISSIVE, &text)
            .map(Self)
            .ok_or_else(|| SecretError::NotHex { characters: text.chars().count() })
    }

    /// The key. Keep it out of logs and messages.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl SunSecret {
    /// Reads one key of 32 hex digits, from which all others are made, or 64: the meta read key, and behind it the master
    /// of the cards' own keys. White space around them does not count.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let text = read_line(path)?;
        let one = || Some(SunKeys::from_master(&hex::decode(&HEXLOWER_PERMISSIVE, &text)?));
        let two = || {
            let (meta, master) = text.split_at_checked(32)?;
            Some(SunKeys::from_pair(
                &hex::decode(&HEXLOWER_PERMISSIVE, meta)?,
                &hex::decode(&HEXLOWER_PERMISSIVE, master)?,
            ))
        };
        one().or_else(two).map(Self).ok_or_else(|| SecretError::NotKeys { characters: text.chars().count() })
    }

    /// The keys. Keep them out of logs and messages.
    pub fn expose(&self) -> &SunKeys {
        &self.0
    }
}

impl SecretText {
    /// Reads a password or token; white space around it does not count.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        read_line(path).map(Self)
    }

    /// The password or token. Keep it out of logs and messages.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for SunSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl SecretError {
    /// What was found, for a person.
    pub fn render(&self, lang: Lang) -> String {
        match self {
            Self::Read(error) => unreadable(error, lang),
            Self::TooLong => {
                text!(lang, zh: "文件超过 {MAX_SECRET_BYTES} 字节", en: "a file of more than {MAX_SECRET_BYTES} bytes")
            }
            Self::NotALine => text!(lang, zh: "文件内容不是一行文字", en: "a file that does not hold one line of text"),
            Self::NotKeys { characters } => text!(
                lang,
                zh: "文件内容不是 32 或 64 个十六进制数字（共 {characters} 个字符）",
                en: "a file that does not hold 32 or 64 hex digits, but {characters} characters",
            ),
            Self::NotHex { characters } => text!(
                lang,
                zh: "文件内容不是 64 个十六进制数字（共 {characters} 个字符）",
                en: "a file that does not hold 64 hex digits, but {characters} characters",
            ),
        }
    }
}

/// Why a file can't be read, for a person.
pub(super) fn unreadable(error: &io::Error, lang: Lang) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => text!(lang, zh: "文件不存在", en: "no such file"),
        io::ErrorKind::PermissionDenied => text!(lang, zh: "文件无权读取", en: "a file that may not be read"),
        io::ErrorKind::IsADirectory => text!(lang, zh: "这是文件夹", en: "a folder"),
        _ => text!(lang, zh: "文件读不出（{error}）", en: "a file that can't be read ({error})"),
    }
}

fn read_line(path: &Path) -> Result<String, SecretError> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(SecretError::Read)?;
    file.take(MAX_SECRET_BYTES + 1).read_to_end(&mut text).map_err(SecretError::Read)?;
    if text.len() as u64 > MAX_SECRET_BYTES {
        return Err(SecretError::TooLong);
    }
    let text = String::from_utf8(text).map_err(|_| SecretError::NotALine)?;
    let line = text.trim();
    if line.is_empty() || line.chars().any(char::is_control) {
        return Err(SecretError::NotALine);
    }
    Ok(line.to_owned())
}
