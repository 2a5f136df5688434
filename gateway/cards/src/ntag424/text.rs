//! The text that a card shows: a web address with what the card has put into it.

use std::fmt;

use super::{Uid, crypt};

/// Longest name of a parameter, in bytes.
const MAX_NAME: usize = 32;

/// How the parameters of the address are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    picc: String,
    code: String,
    uid: String,
    counter: String,
}

impl Default for Names {
    /// As NXP's examples: `picc_data` or, mirrored in the open, `uid` and `ctr`; `cmac`.
    fn default() -> Self {
        Self { picc: "picc_data".into(), code: "cmac".into(), uid: "uid".into(), counter: "ctr".into() }
    }
}

/// Names that are empty, too long, the same, or hold what separates parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadNames;

impl fmt::Display for BadNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "names of parameters are 1 to {MAX_NAME} letters, digits, '_' or '-', and no two the same")
    }
}

impl std::error::Error for BadNames {}

impl Names {
    /// Names for the encrypted data, the code, and for number and counter where they are mirrored in the open.
    pub fn try_new(picc: &str, code: &str, uid: &str, counter: &str) -> Result<Self, BadNames> {
        let names = [picc, code, uid, counter];
        let is_name = |name: &&str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits)
        };
        let differ = names.iter().enumerate().all(|(n, name)| names.iter().take(n).all(|other| other != name));
        if !names.iter().all(is_name) || !differ {
            return Err(BadNames);
        }
        Ok(Self { picc: picc.into(), code: code.into(), uid: uid.into(), counter: counter.into() })
    }
}

/// What the card has put into its text. Nothing of it is proved yet.
#[derive(Clone, PartialEq, Eq)]
pub enum Mirrored {
    /// Number and counter are encrypted.
    Encrypted {
        /// PICCENCData.
        picc: [u8; 16],
        /// SDMMAC.
        code: [u8; 8],
    },
    /// Number and counter stand in the open.
    Plain {
        /// Whose it says it is.
        uid: Uid,
        /// The counter.
        counter: u32,
        /// SDMMAC.
        code: [u8; 8],
    },
}

impl fmt::Debug for Mirrored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encrypted { .. } => "Encrypted(***)",
            Self::Plain { .. } => "Plain(***)",
        })
    }
}

/// Why a text has no message. Says nothing of what the text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// The parameters are not there.
    Missing,
    /// A parameter stands there twice.
    Twice,
    /// A parameter has not so many hex digits.
    NotHex,
}

impl Mirrored {
    /// Finds it in an address. The code covers what the card was told to cover; here, nothing but number and counter
    /// (SDMMACInputOffset = SDMMACOffset).
    pub fn find(address: &str, names: &Names) -> Result<Self, TextFault> {
        let query = address.split_once('?').ok_or(TextFault::Missing)?.1;
        let query = query.split('#').next().unwrap_or_default();
        let code = parameter(query, &names.code)?.ok_or(TextFault::Missing)?;
        let code = hex(code).ok_or(TextFault::NotHex)?;
        if let Some(picc) = parameter(query, &names.picc)? {
            return Ok(Self::Encrypted { picc: hex(picc).ok_or(TextFault::NotHex)?, code });
        }
        let uid = parameter(query, &names.uid)?.ok_or(TextFault::Missing)?;
        let counter = parameter(query, &names.counter)?.ok_or(TextFault::Missing)?;
        // In the open, the counter is written as people write numbers.
        let [high, middle, low] = hex(counter).ok_or(TextFault::NotHex)?;
        let uid = Uid(hex(uid).ok_or(TextFault::NotHex)?);
        Ok(Self::Plain { uid, counter: u32::from_be_bytes([0, high, middle, low]), code })
    }

    /// Whose it claims to be, at which counter; none if it was encrypted with another key.
    pub(super) fn claim(&self, meta_key: &[u8; 16]) -> Option<(Uid, u32)> {
        match self {
            Self::Encrypted { picc, .. } => crypt::open_picc(meta_key, picc),
            Self::Plain { uid, counter, .. } => Some((*uid, *counter)),
        }
    }

    pub(super) fn code(&self) -> &[u8; 8] {
        match self {
            Self::Encrypted { code, .. } | Self::Plain { code, .. } => code,
        }
    }
}

fn parameter<'a>(query: &'a str, name: &str) -> Result<Option<&'a str>, TextFault> {
    let mut values = query.split('&').filter_map(|pair| pair.split_once('=').filter(|(n, _)| *n == name));
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(TextFault::Twice),
        (first, None) => Ok(first.map(|(_, value)| value)),
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let value = char::from(*high).to_digit(16)? << 4 | char::from(*low).to_digit(16)?;
        *byte = u8::try_from(value).ok()?;
    }
    Some(bytes)
}
