//! One line of the ledger. Entries are the only truth: whatever else is known is folded or derived from them.
//!
//! Entries tell ids, never names. A new kind is added to [`What`], and none is ever changed or removed: ledgers written by
//! every earlier version must open for ever.

use core::fmt;

mod facts;
mod kind;
mod parts;
mod reasons;
mod what;

pub use parts::*;
pub use what::What;

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::time::Stamp;

/// Number of an entry in its ledger, from 1, without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Version of the entry's form that this core writes.
pub const ENTRY_VERSION: u32 = 1;

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this form.
    pub v: u32,
    /// Its number.
    pub seq: Seq,
    /// When it happened.
    pub at: Stamp,
    /// What happened.
    pub what: What,
}

/// Why bytes are not an entry.
pub type EntryError = serde_json::Error;

impl Entry {
    /// The entry as one JSON object: the bytes that the ledger keeps.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        serde_json::to_vec(self)
    }

    /// Reads an entry back.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        serde_json::from_slice(bytes)
    }
}
