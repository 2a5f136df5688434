//! The fold of the ledger at one entry, written down: a start reads it and the entries behind it, in place of all.
//!
//! It is only ever a shortcut. It names the ledger, the entry and that entry's chain hash, and the build that folded it:
//! another build may fold the same entries otherwise. Whatever does not fit is passed over, and the ledger read from its
//! beginning.
//!
//! Bytes: `SGSTATE2`, CRC-32C of all behind it (little endian), postcard of [`Stamped`], then the state, postcard too, as a
//! DEFLATE stream (RFC 1951): a fifth of the length, which sled would hold in memory as well.

use std::{
    fmt,
    io::{Read, Write},
    time::UNIX_EPOCH,
};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use schoolgate_core::state::State;
use serde::{Deserialize, Serialize};

use crate::ledger::{Hash, LedgerId};

/// Magic and version of the bytes.
const MAGIC: &[u8; 8] = b"SGSTATE2";
const CHECKSUM_END: usize = MAGIC.len() + 4;
/// No state is so long: a student takes some 60 bytes.
const STATE_MAX_BYTES: u64 = 1 << 30;

/// Names the program that folds: the same bytes of code, as far as can be told cheaply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build(String);

impl Build {
    /// This program: its version, and the size and time of its file.
    pub fn this() -> Self {
        let file = std::env::current_exe().and_then(std::fs::metadata).ok();
        let changed = file.as_ref().and_then(|file| file.modified().ok()?.duration_since(UNIX_EPOCH).ok());
        let (size, changed) = (file.map_or(0, |file| file.len()), changed.unwrap_or_default().as_nanos());
        Self(format!("{} {size} {changed}", env!("CARGO_PKG_VERSION")))
    }

    /// A program of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

/// A state as it was at its last entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose it is.
    pub ledger: LedgerId,
    /// Chain hash of the state's last entry.
    pub chain: Hash,
    /// What was so.
    pub state: State,
}

#[derive(Serialize, Deserialize)]
struct Stamped {
    build: Build,
    ledger: [u8; 16],
    seq: u64,
    chain: Hash,
}

/// Why bytes are no snapshot that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Damaged, cut off, or of another format.
    Damaged,
    /// Another build folded it.
    OtherBuild,
    /// It is of another ledger.
    OtherLedger,
    /// Its ledger has no such entry, or another one.
    OtherEntry,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "it is damaged",
            Self::OtherBuild => "another build of schoolgate made it",
            Self::OtherLedger => "it belongs to another ledger",
            Self::OtherEntry => "the ledger does not have the entry that it was made at",
        })
    }
}

impl std::error::Error for Unusable {}

/// A state as bytes. Made as quickly as a copy of the state, and a fraction of it.
pub struct Folded {
    /// The state's last entry.
    pub seq: u64,
    bytes: Vec<u8>,
}

impl Folded {
    /// Of this state; none if it cannot be written (no state is like that).
    pub fn of(state: &State) -> Option<Self> {
        Some(Self { seq: state.last().0, bytes: postcard::to_allocvec(state).ok()? })
    }

    /// The bytes of a snapshot of it, as made by `build`, with its last entry's chain hash.
    pub fn stamped(&self, build: &Build, ledger: LedgerId, chain: Hash) -> Option<Vec<u8>> {
        let stamped = Stamped { build: build.clone(), ledger: ledger.0, seq: self.seq, chain };
        let mut bytes = MAGIC.to_vec();
        bytes.resize(CHECKSUM_END, 0);
        bytes.extend(postcard::to_allocvec(&stamped).ok()?);
        let mut packed = DeflateEncoder::new(bytes, Compression::fast());
        packed.write_all(&self.bytes).ok()?;
        let mut bytes = packed.finish().ok()?;
        let sum = crc32c::crc32c(bytes.get(CHECKSUM_END..)?);
        bytes.get_mut(MAGIC.len()..CHECKSUM_END)?.copy_from_slice(&sum.to_le_bytes());
        Some(bytes)
    }
}

impl Snapshot {
    /// Its bytes.
    #[cfg(test)]
    pub(crate) fn encode(&self, build: &Build) -> Vec<u8> {
        Folded::of(&self.state).and_then(|state| state.stamped(build, self.ledger, self.chain)).unwrap()
    }

    /// Reads a snapshot of `ledger` that `build` made. Whether the ledger has its entry is the caller's to see.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn decode(bytes: &[u8], build: &Build, ledger: LedgerId) -> Result<Self, Unusable> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Unusable::Damaged)?;
        let (sum, rest) = rest.split_first_chunk().ok_or(Unusable::Damaged)?;
        if crc32c::crc32c(rest) != u32::from_le_bytes(*sum) {
            return Err(Unusable::Damaged);
        }
        let (stamped, rest) = postcard::take_from_bytes::<Stamped>(rest).map_err(|_| Unusable::Damaged)?;
        if stamped.build != *build {
            return Err(Unusable::OtherBuild);
        }
        if stamped.ledger != ledger.0 {
            return Err(Unusable::OtherLedger);
        }
        let mut state = Vec::new();
        let unpacked = DeflateDecoder::new(rest).take(STATE_MAX_BYTES).read_to_end(&mut state);
        unpacked.map_err(|_| Unusable::Damaged)?;
        match postcard::take_from_bytes::<State>(&state) {
            Ok((state, [])) if state.last().0 == stamped.seq => Ok(Self { ledger, chain: stamped.chain, state }),
            _ => Err(Unusable::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schoolgate_core::entry::Seq;

    use super::*;

    const LEDGER: LedgerId = LedgerId([3; 16]);

    fn snapshot() -> Snapshot {
        let mut state = State::default();
        state.skip_lost(Seq(41));
        Snapshot { ledger: LEDGER, chain: [9; 32], state }
    }

    #[test]
    fn a_snapshot_is_read_as_it_was_written() {
        let build = Build::this();
        let bytes = snapshot().encode(&build);
        assert_eq!(Snapshot::decode(&bytes, &build, LEDGER), Ok(snapshot()));
    }

    #[test]
    fn that_of_another_build_or_ledger_is_not_used() {
        let (one, other) = (Build::named("1"), Build::named("2"));
        let bytes = snapshot().encode(&one);
        assert_eq!(Snapshot::decode(&bytes, &other, LEDGER), Err(Unusable::OtherBuild));
        assert_eq!(Snapshot::decode(&bytes, &one, LedgerId([4; 16])), Err(Unusable::OtherLedger));
    }

    proptest! {
        #[test]
        fn one_with_any_byte_changed_or_cut_off_is_not_used(at in any::<prop::sample::Index>(), bit in 0..8, cut: bool) {
            let build = Build::named("1");
            let mut bytes = snapshot().encode(&build);
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1u8 << bit }
            prop_assert_eq!(Snapshot::decode(&bytes, &build, LEDGER), Err(Unusable::Damaged));
        }

        #[test]
        fn bytes_that_are_no_snapshot_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Snapshot::decode(&bytes, &Build::named("1"), LEDGER).is_err());
        }
    }
}
