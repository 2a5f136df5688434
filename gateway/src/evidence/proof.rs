//! The proof of one entry, as a file that is shown to others, and its check, which needs nothing else but the public key.

use data_encoding::HEXLOWER;
use schoolgate_core::{entry::Entry, text, text::Lang};
use serde::{Deserialize, Serialize};

use super::checkpoint::SignedCheckpoint;
use super::key::PublicKey;
use crate::{
    hex,
    ledger::{Hash, LedgerId, MAX_PROOF_LEN, Salt, leaf, verify_inclusion},
};

/// Longest proof file that is read, in bytes: an entry of the greatest length, every byte escaped.
pub const MAX_PROOF_BYTES: usize = 8 << 20;
/// What the file says that it is.
const FORMAT: &str = "schoolgate ledger proof v1";
/// Greatest number that every JSON reader keeps exact.
const MAX_SEQ: u64 = (1 << 53) - 1;

/// One entry, and what shows that a signed checkpoint covers it. Nothing in it is known to be true before
/// [`check`](Self::check).
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// Number of the entry.
    pub seq: u64,
    /// Its salt.
    pub salt: Salt,
    /// Its bytes.
    pub body: String,
    /// Hashes that lead from its leaf to the root (RFC 9162, 2.1.3).
    pub path: Vec<Hash>,
    /// What was signed.
    pub signed: SignedCheckpoint,
}

/// An entry is about a child: a proof shows its number only.
impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proof(entry {}, {:?})", self.seq, self.signed)
    }
}

/// What a proof has proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Which ledger the entry is in.
    pub ledger: LedgerId,
    /// Number of the entry.
    pub seq: u64,
    /// How many entries the signed checkpoint covers.
    pub size: u64,
    /// The entry; none if a later version wrote it, of a kind that this one does not know.
    pub entry: Option<Box<Entry>>,
}

/// Why a file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// It is longer than [`MAX_PROOF_BYTES`].
    #[error("the file is longer than a proof can be")]
    TooLong,
    /// It is not of the documented form.
    #[error("the file is not of a proof's form, at line {line}, column {column}")]
    Form {
        /// Where.
        line: usize,
        /// Where in it.
        column: usize,
    },
    /// It is another kind of file, or of a later version.
    #[error("the file does not say that it is a {FORMAT}")]
    Format,
    /// A value is out of its range or not written as it should be.
    #[error("{0} is not written as the form says")]
    Value(&'static str),
    /// The checkpoint names another key than the one given.
    #[error("it was signed with the key {found}, not with the one given")]
    OtherKey {
        /// The key it names.
        found: PublicKey,
    },
    /// The signature is not that key's over this checkpoint.
    #[error("the signature is not this key's: ledger, size, root or signature were changed")]
    Signature,
    /// The hashes do not lead from the entry to the signed root.
    #[error("the entry is not the one that was signed: entry, salt, number or path were changed")]
    Path,
    /// The entry itself has another number.
    #[error("the entry names another number than the proof")]
    Seq,
}

impl ProofFault {
    /// For a person.
    #[must_use]
    pub fn says(&self, lang: Lang) -> String {
        match self {
            Self::TooLong => text!(lang, zh: "文件过长，不是存证证明", en: "{self}"),
            Self::Form { line, column } => {
                text!(lang, zh: "文件格式不是存证证明（第 {line} 行第 {column} 列）", en: "{self}")
            }
            Self::Format => text!(lang, zh: "文件没有注明是“{FORMAT}”", en: "{self}"),
            Self::Value(name) => text!(lang, zh: "{name} 的写法不合格式", en: "{self}"),
            Self::OtherKey { found } => text!(lang, zh: "签名用的是密钥 {found}，不是所给的密钥", en: "{self}"),
            Self::Signature => {
                text!(lang, zh: "签名不是该密钥所作：账本编号、条数、根值或签名被改动过", en: "{self}")
            }
            Self::Path => text!(lang, zh: "该记录不是当时签名的那一条：记录、盐值、编号或路径被改动过", en: "{self}"),
            Self::Seq => text!(lang, zh: "记录自身的编号与证明所写的不同", en: "{self}"),
        }
    }
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    ledger: String,
    seq: u64,
    salt: String,
    body: String,
    path: Vec<String>,
    checkpoint: DocumentCheckpoint,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentCheckpoint {
    size: u64,
    root: String,
    key: String,
    signature: String,
}

/// As much of an entry as every version of it has.
#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

impl Proof {
    /// As a file: one JSON object. The entry is a string in it, so that no program that writes the file anew can change
    /// the bytes that were hashed.
    #[must_use]
    pub fn to_json(&self) -> String {
        let SignedCheckpoint { checkpoint, key, signature } = &self.signed;
        let document = Document {
            format: FORMAT.to_owned(),
            ledger: checkpoint.ledger.to_string(),
            seq: self.seq,
            salt: HEXLOWER.encode(&self.salt),
            body: self.body.clone(),
            path: self.path.iter().map(|hash| HEXLOWER.encode(hash)).collect(),
            checkpoint: DocumentCheckpoint {
                size: checkpoint.size,
                root: HEXLOWER.encode(&checkpoint.root),
                key: key.to_string(),
                signature: HEXLOWER.encode(signature),
            },
        };
        // Strings and numbers alone can always be written.
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ProofFault`]: what is not of the form. Never says what the file holds.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFault> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(ProofFault::TooLong);
        }
        let form = |error: serde_json::Error| ProofFault::Form { line: error.line(), column: error.column() };
        let document: Document = serde_json::from_slice(bytes).map_err(form)?;
        if document.format != FORMAT {
            return Err(ProofFault::Format);
        }
        let ledger = LedgerId(hex::decode(&HEXLOWER, &document.ledger).ok_or(ProofFault::Value("ledger"))?);
        let DocumentCheckpoint { size, root, key, signature } = &document.checkpoint;
        let signed = SignedCheckpoint::from_hex(ledger, *size, root, key, signature);
        let path: Option<Vec<Hash>> = document.path.iter().map(|hash| hex::decode(&HEXLOWER, hash)).collect();
        let proof = Self {
            seq: document.seq,
            salt: hex::decode(&HEXLOWER, &document.salt).ok_or(ProofFault::Value("salt"))?,
            path: path.filter(|path| path.len() <= MAX_PROOF_LEN).ok_or(ProofFault::Value("path"))?,
            signed: signed.filter(|_| *size <= MAX_SEQ).ok_or(ProofFault::Value("checkpoint"))?,
            body: document.body,
        };
        if proof.seq == 0 || proof.seq > *size {
            return Err(ProofFault::Value("seq"));
        }
        Ok(proof)
    }

    /// Whether the owner of this key has signed a ledger that has this entry at this place.
    ///
    /// # Errors
    /// [`ProofFault`]: the first thing that does not fit.
    pub fn check(&self, key: &PublicKey) -> Result<Proven, ProofFault> {
        let SignedCheckpoint { checkpoint, key: found, .. } = self.signed;
        if found != *key {
            return Err(ProofFault::OtherKey { found });
        }
        if !self.signed.is_signed() {
            return Err(ProofFault::Signature);
        }
        let leaf = leaf(&self.salt, self.body.as_bytes());
        let index = self.seq.checked_sub(1).ok_or(ProofFault::Value("seq"))?;
        if !verify_inclusion(&leaf, index, checkpoint.size, &self.path, &checkpoint.root) {
            return Err(ProofFault::Path);
        }
        match serde_json::from_str(&self.body) {
            Ok(Numbered { seq }) if seq == self.seq => {}
            _ => return Err(ProofFault::Seq),
        }
        let entry = Entry::decode(self.body.as_bytes()).ok().map(Box::new);
        Ok(Proven { ledger: checkpoint.ledger, seq: self.seq, size: checkpoint.size, entry })
    }
}

#[cfg(test)]
mod tests;
