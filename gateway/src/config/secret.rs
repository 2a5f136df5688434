//! Keys, passwords and tokens: read from files of their own, and never shown.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use schoolgate_core::text;
use schoolgate_core::text::Lang;

/// Longest secret that is read from a file, in bytes.
pub const MAX_SECRET_BYTES: u64 = 4_096;

/// A key of 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret32([u8; 32]);

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
        let mut key = [0; 32];
        let refusal = || SecretError::NotHex { characters: text.chars().count() };
        if text.len() != 2 * key.len() || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(refusal());
        }
        for (index, byte) in key.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).ok_or_else(refusal)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| refusal())?;
        }
        Ok(Self(key))
    }

    /// The key. Keep it out of logs and messages.
    pub fn expose(&self) -> &[u8; 32] {
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
