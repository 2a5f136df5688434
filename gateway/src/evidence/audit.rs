//! Checks every checkpoint of a ledger: its signature, its key, and its root against the entries that are there.

use std::fmt;
use std::path::Path;

use schoolgate_core::{text, text::Lang};

use super::checkpoint::SignedCheckpoint;
use super::key::PublicKey;
use super::prove::checkpoint_in;
use crate::ledger::{Frontier, Hash, LayoutError, ReadError, Tree, open_records, open_tree};

/// Why a ledger's checkpoints could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The segments can't be made out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A segment can't be opened.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What a check of all checkpoints found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Entries that are checkpoints.
    pub checkpoints: u64,
    /// Those that fit in every respect.
    pub fit: u64,
    /// Those that are signed well, and whose root can't be computed: entries that it needs are damaged or were removed.
    pub unchecked: u64,
    /// Every entry through this one is covered by a checkpoint that fits; 0 without one.
    pub covered: u64,
    /// The key they are signed with: the one given, or else the first one's.
    pub key: Option<PublicKey>,
    /// The first that does not fit.
    pub first_fault: Option<CheckpointFault>,
    /// All that do not fit.
    pub faults: u64,
}

/// A checkpoint that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointFault {
    /// Number of its entry.
    pub seq: u64,
    /// What is wrong.
    pub what: Misfit,
}

/// What is wrong with a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A hash, key or signature is not written as it should be.
    Form,
    /// It covers itself or a later entry, or less than one before.
    Size(u64),
    /// It is signed with another key.
    Key(PublicKey),
    /// The signature is not that of its key.
    Signature,
    /// The entries give another root: one of them was changed after it was signed, or before it was recorded.
    Root(u64),
}

impl CheckpointFault {
    /// For a person.
    #[must_use]
    pub fn says(&self, lang: Lang) -> String {
        let seq = self.seq;
        match &self.what {
            Misfit::Form => {
                text!(lang, zh: "检查点 {seq} 的写法不合格式", en: "checkpoint {seq} is not written as it should be")
            }
            Misfit::Size(size) => text!(
                lang,
                zh: "检查点 {seq} 声称覆盖 {size} 条记录，与其位置不符",
                en: "checkpoint {seq} claims to cover {size} entries, which does not fit its place",
            ),
            Misfit::Key(key) => text!(
                lang,
                zh: "检查点 {seq} 用另一把密钥 {key} 签名",
                en: "checkpoint {seq} is signed with another key, {key}",
            ),
            Misfit::Signature => {
                text!(lang, zh: "检查点 {seq} 的签名无效", en: "the signature of checkpoint {seq} is false")
            }
            Misfit::Root(size) => text!(
                lang,
                zh: "检查点 {seq} 所签的根值与前 {size} 条记录不符：账本被改写过",
                en: "the root that checkpoint {seq} signs is not that of the first {size} entries: the ledger was rewritten",
            ),
        }
    }
}

impl fmt::Display for CheckpointFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says(Lang::En))
    }
}

impl Audit {
    fn note(&mut self, seq: u64, what: Misfit) {
        self.faults += 1;
        self.first_fault.get_or_insert(CheckpointFault { seq, what });
    }
}

/// Checks every checkpoint of the ledger in this folder, in two passes over it and in memory that grows with the number of
/// checkpoints alone. `key` is the gateway's, if it is known from elsewhere.
///
/// # Errors
/// [`AuditError`]. Damage is no error here: [`verify`](crate::ledger::verify) tells it.
pub fn audit(dir: &Path, key: Option<PublicKey>) -> Result<Audit, AuditError> {
    let tree = open_tree(dir)?;
    let mut audit = Audit { key, ..Audit::default() };
    let signed = signed_well(dir, &tree, &mut audit)?;
    let mut roots =
        Roots { tree: &tree, leaves: Box::new(tree.leaf_hashes(1..=tree.size())), grown: Some(Frontier::default()) };
    for (seq, SignedCheckpoint { checkpoint, .. }) in signed {
        match roots.root(checkpoint.size) {
            None => audit.unchecked += 1,
            Some(root) if root == checkpoint.root => {
                audit.fit += 1;
                audit.covered = checkpoint.size;
            }
            Some(_) => audit.note(seq, Misfit::Root(checkpoint.size)),
        }
    }
    Ok(audit)
}

/// Those whose signature, key and size are right, in order; the others are noted.
fn signed_well(dir: &Path, tree: &Tree, audit: &mut Audit) -> Result<Vec<(u64, SignedCheckpoint)>, AuditError> {
    let mut signed_well = Vec::new();
    let Some(ledger) = tree.ledger_id() else { return Ok(signed_well) };
    let mut covered = 0;
    for item in open_records(dir, 1)? {
        let record = match item {
            Ok(record) => record,
            Err(error @ ReadError::Open { .. }) => return Err(error.into()),
            Err(_) => continue,
        };
        let Some(read) = checkpoint_in(ledger, &record.body) else { continue };
        audit.checkpoints += 1;
        let misfit = match &read {
            Err(_) => Some(Misfit::Form),
            Ok(signed) if signed.checkpoint.size >= record.seq || signed.checkpoint.size <= covered => {
                Some(Misfit::Size(signed.checkpoint.size))
            }
            Ok(signed) if !signed.is_signed() => Some(Misfit::Signature),
            Ok(signed) if signed.key != *audit.key.get_or_insert(signed.key) => Some(Misfit::Key(signed.key)),
            Ok(_) => None,
        };
        match (misfit, read) {
            (None, Ok(signed)) => {
                covered = signed.checkpoint.size;
                signed_well.push((record.seq, signed));
            }
            (misfit, _) => audit.note(record.seq, misfit.unwrap_or(Misfit::Form)),
        }
    }
    Ok(signed_well)
}

/// Roots of growing sizes, in one pass over the leaves as long as there are all of them.
struct Roots<'a> {
    tree: &'a Tree,
    leaves: Box<dyn Iterator<Item = Result<(u64, Hash), ReadError>> + 'a>,
    /// None once a leaf was missing; then the segments' headers are asked.
    grown: Option<Frontier>,
}

impl Roots<'_> {
    fn root(&mut self, size: u64) -> Option<Hash> {
        while let Some(grown) = self.grown.as_mut().filter(|grown| grown.size() < size) {
            match self.leaves.next() {
                Some(Ok((seq, leaf))) if seq == grown.size() + 1 => grown.push(leaf),
                _ => self.grown = None,
            }
        }
        match &self.grown {
            Some(grown) => Some(grown.root()),
            None => self.tree.root(size).ok(),
        }
    }
}
