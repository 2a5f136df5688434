//! A pickup pass (接送凭证): a guardian lets somebody else fetch one student on one day, once.
//!
//! It comes in two forms. The first is a text, shown as a QR code, that the platform has signed:
//!
//! ```text
//! SGP1:{key}:{school}:{student}:{guardian}:{day}:{from}-{until}:{serial}:{signature}
//! SGP1:k1:dongfeng-primary:s-0412:g-0907:2026-09-01:1630-1830:0:Tdj8…Bw
//! ```
//!
//! The signature is Ed25519 (RFC 8032) over everything before the last colon, in base64url without padding (RFC 4648 §5).
//! The roster has the public key of that id, so a pass is checked without the network. There is one way only to write a
//! pass: whatever reads differently from how it would be written is no pass.
//!
//! The second form is a code of eight digits, for a delegate without a smartphone: HMAC-SHA-256 (RFC 2104, RFC 6234) under
//! the school's pass secret over `SGP1:{school}:{student}:{guardian}:{day}:{serial}`, truncated as RFC 4226 §5.3 does (and
//! RFC 6238 with SHA-256). Its 26 bits can be guessed: a code must never be tried against more than those few students who
//! stand at the place where it was typed, and wrong ones are counted.

use core::{fmt, fmt::Write as _};

use alloc::{format, string::String};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_compact::{KeyPair, PublicKey, Seed, Signature};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{
    credential::CredentialId,
    entry::PassId,
    id::{GuardianId, PassKeyId, SchoolId, StudentId},
    time::{Hours, TimeOfDay},
};

/// Longest text of a pass, in characters: a QR code of version 9 at medium correction holds it with room.
pub const MAX_TEXT_CHARS: usize = 200;
/// So many passes of one guardian for one student and day, numbered from 0, can have a code.
pub const MAX_SERIALS: u8 = 4;
/// What every pass begins with: the kind and version of the form.
const FORM: &str = "SGP1";
/// 64 bytes in base64 without padding.
const SIGNATURE_CHARS: usize = 86;
/// 10^8: a code has eight digits.
const CODES: u32 = 100_000_000;

/// A pass that the platform has given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The key that signs it.
    pub key: PassKeyId,
    /// The school that it is for.
    pub school: SchoolId,
    /// Whom it fetches, on which day, and who gave it.
    pub id: PassId,
    /// At which hours of that day.
    pub hours: Hours,
}

/// Why a pass can't be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignError {
    /// Its text would be longer than [`MAX_TEXT_CHARS`].
    TooLong {
        /// How long.
        chars: usize,
    },
    /// It would not read back: its hours end before they begin, or its day has no four-digit year.
    Senseless,
    /// The secret is all zeros.
    NoSecret,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { chars } => {
                write!(f, "the pass would have {chars} characters; at most {MAX_TEXT_CHARS} will do: shorten the ids")
            }
            Self::Senseless => f.write_str("the hours must begin before they end, and the year must have four digits"),
            Self::NoSecret => f.write_str("the secret is all zeros"),
        }
    }
}

impl core::error::Error for SignError {}

impl Pass {
    /// The platform's half: the pass as text, signed with the Ed25519 secret key (RFC 8032 §5.1.5, the 32 bytes). A gateway
    /// never has that key; the simulator plays the platform with it.
    pub fn sign(&self, secret: &[u8; 32]) -> Result<String, SignError> {
        let mut text = self.body();
        let chars = text.len() + 1 + SIGNATURE_CHARS;
        if chars > MAX_TEXT_CHARS {
            return Err(SignError::TooLong { chars });
        }
        if Self::of_body(&text).as_ref() != Some(self) {
            return Err(SignError::Senseless);
        }
        let keys = KeyPair::try_from_seed(Seed::new(*secret)).map_err(|_| SignError::NoSecret)?;
        let signature = keys.sk.sign(&text, None);
        text.push(':');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut text);
        Ok(text)
    }

    /// What stands for this pass where a card's hash would stand.
    pub fn credential(&self) -> CredentialId {
        credential(&self.school, &self.id)
    }

    /// Everything that is signed.
    fn body(&self) -> String {
        let Self { key, school, id, hours } = self;
        let PassId { student, day, serial, guardian } = id;
        let mut text = format!("{FORM}:{key}:{school}:{student}:{guardian}:{day}:");
        for (time, end) in [(hours.from, '-'), (hours.until, ':')] {
            let minute = time.minute();
            // Writing to a string can't fail.
            let _ = write!(text, "{:02}{:02}{end}", minute / 60, minute % 60);
        }
        let _ = write!(text, "{serial}");
        text
    }

    fn of_body(text: &str) -> Option<Self> {
        let mut fields = text.split(':');
        let mut next = || fields.next();
        if next()? != FORM {
            return None;
        }
        let key = PassKeyId::try_new(next()?).ok()?;
        let school = SchoolId::try_new(next()?).ok()?;
        let student = StudentId::try_new(next()?).ok()?;
        let guardian = GuardianId::try_new(next()?).ok()?;
        let day = next()?.parse().ok()?;
        let (from, until) = next()?.split_once('-')?;
        let hours = Hours { from: time_of_day(from)?, until: time_of_day(until)? };
        let serial = next()?.parse().ok()?;
        let pass = Self { key, school, id: PassId { student, day, serial, guardian }, hours };
        let in_order = hours.from <= hours.until;
        // One way only to write a pass: no second text may pass for it (`+1`, `01`, a day in another form).
        (in_order && pass.body() == text).then_some(pass)
    }
}

fn time_of_day(digits: &str) -> Option<TimeOfDay> {
    let (hour, minute) = digits.split_at_checked(2)?;
    format!("{hour}:{minute}").parse().ok()
}

/// A text that is a pass by its form. What it says is not known to be so before [`verify`](Self::verify).
#[derive(Debug)]
pub struct Presented<'a> {
    pass: Pass,
    body: &'a str,
    signature: Signature,
}

/// A text is no pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// A pass was not signed with that key, or was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forged;

impl<'a> Presented<'a> {
    /// Reads a text as it was scanned, without the line's end.
    pub fn read(text: &'a str) -> Result<Self, Unreadable> {
        Self::parse(text).ok_or(Unreadable)
    }

    fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_TEXT_CHARS {
            return None;
        }
        let (body, signature) = text.rsplit_once(':')?;
        if signature.len() != SIGNATURE_CHARS {
            return None;
        }
        // A little larger than a signature: the decoder reckons with whole groups of three.
        let mut bytes = [0; Signature::BYTES + 2];
        // Refuses whatever the encoder would not have written: padding, and bits left over in the last character.
        let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut bytes).ok()?;
        let signature = Signature::from_slice(bytes.get(..length)?).ok()?;
        Some(Self { pass: Pass::of_body(body)?, body, signature })
    }

    /// The key that it claims to be signed with.
    pub fn key(&self) -> &PassKeyId {
        &self.pass.key
    }

    /// The pass, if it was signed with the secret key that belongs to this Ed25519 public key (RFC 8032 §5.1.7).
    pub fn verify(self, public: &[u8; 32]) -> Result<Pass, Forged> {
        PublicKey::new(*public).verify(self.body, &self.signature).map(|()| self.pass).map_err(|_| Forged)
    }
}

/// What stands for a pass where a card's hash would stand: the first 16 bytes of the SHA-256 of its identity. The code
/// can't be found from it.
pub fn credential(school: &SchoolId, id: &PassId) -> CredentialId {
    hashed(identity(school, id).as_bytes())
}

/// What stands for a text that is no good pass, or for a code that belongs to nobody.
pub(crate) fn credential_of_text(text: &str) -> CredentialId {
    hashed(format!("{FORM}?{text}").as_bytes())
}

fn hashed(bytes: &[u8]) -> CredentialId {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let (first, _) = hash.split_at(16);
    let mut id = [0; 16];
    id.copy_from_slice(first);
    CredentialId(id)
}

fn identity(school: &SchoolId, PassId { student, day, serial, guardian }: &PassId) -> String {
    format!("{FORM}:{school}:{student}:{guardian}:{day}:{serial}")
}

/// The school's secret that the codes of its passes are made with; the platform has it, too. Whoever has it can fetch
/// children, so it is kept like a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PassSecret([u8; 32]);

impl PassSecret {
    /// Takes the school's 32 secret bytes.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The code of a pass. The platform gives it to the delegate; the gateway compares.
    pub fn code(&self, school: &SchoolId, id: &PassId) -> Code {
        self.truncated(identity(school, id).as_bytes())
    }

    /// RFC 4226 §5.3: four bytes from where the last byte's low half says, without their highest bit.
    fn truncated(&self, message: &[u8]) -> Code {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        let (secret, _zeros) = block.split_at_mut(self.0.len());
        secret.copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block);
        mac.update(message);
        let hash: [u8; 32] = mac.finalize().into_bytes().into();
        let offset = hash.last().map_or(0, |last| usize::from(last & 0x0f));
        let four = hash.iter().skip(offset).take(4).fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        Code((four & 0x7fff_ffff) % CODES)
    }
}

impl fmt::Debug for PassSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The eight digits of a pass. As good as the pass itself while the student is here: kept out of ledger and logs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(u32);

impl Code {
    /// Takes exactly eight ASCII digits.
    pub fn read(digits: &str) -> Option<Self> {
        let plain = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| plain).map(Self)
    }

    /// The digits. Keep them out of logs and messages.
    pub fn expose(self) -> String {
        format!("{:08}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests;
