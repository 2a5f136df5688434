//! What is stored of a gateway, and the rules by which a batch joins it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::Deserialize;

use super::batch::{self, Line};
use super::chain::{self, Hash};
use super::unhex;
use super::witness::{Misfit, Seen, Witness, leaf_of};

/// So many lines of another history are kept of a gateway; more of it adds nothing to what people must know.
pub const MAX_DISPUTED: usize = 10_000;

/// What was asked by a gateway since the start, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries stored in all, those of earlier runs included.
    pub stored: u64,
    /// Batches that got as far as the rules of the ledger.
    pub batches: u64,
    /// Entries that came again, and changed nothing.
    pub repeats: u64,
    /// Batches refused because entries were missing before them.
    pub gaps: u64,
    /// Batches refused for another reason of the ledger's: changed, conflicting, broken.
    pub refused: u64,
}

/// Why a batch does not join.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(
        "known is {}, given is {}; a person must say that the box was replaced",
        HEXLOWER.encode(known),
        HEXLOWER.encode(given)
    )]
    LedgerChanged { known: [u8; 16], given: [u8; 16] },
    #[error("the batch starts at {from}, the next entry to store is {expected}")]
    Gap { from: u64, expected: u64 },
    #[error("entry {seq} is stored with another hash: the ledger was rewritten")]
    Conflict { seq: u64 },
    #[error("entry {seq} does not have the hash that its bytes give")]
    Broken { seq: u64 },
    #[error("entry {seq} is a checkpoint that {why}")]
    Checkpoint { seq: u64, why: Misfit },
    #[error("the batch could not be written")]
    Storage(#[source] io::Error),
}

/// Why a file could not be taken up.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be opened, read or cut.
    #[error("{path} cannot be used")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// It holds what this platform did not write.
    #[error("{path}, line {line}: {why}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was found.
        why: String,
    },
}

/// One gateway's ledger, as far as it has come.
pub(super) struct Ledger {
    id: Option<[u8; 16]>,
    /// Entry `n` is at `n - 1`.
    lines: Vec<Line>,
    counts: Counts,
    witness: Witness,
    /// What contradicts the lines, each once, in the order in which it came.
    disputed: Vec<Line>,
    file: Option<(PathBuf, File)>,
}

/// First line of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    ledger: String,
}

impl Ledger {
    pub(super) fn in_memory() -> Self {
        Self {
            id: None,
            lines: Vec::new(),
            counts: Counts::default(),
            witness: Witness::default(),
            disputed: Vec::new(),
            file: None,
        }
    }

    /// Opens or makes the file, verifies it, and drops a last line that a crash cut short.
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let file_error = |source| LoadError::File { path: path.to_owned(), source };
        let file = open_file(path).map_err(file_error)?;
        let text = fs::read(path).map_err(file_error)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(file_error)?;
        }
        let mut ledger = Self { file: Some((path.to_owned(), file)), ..Self::in_memory() };
        for (at, line) in text[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            ledger.load_line(line).map_err(|why| LoadError::Line { path: path.to_owned(), line: at + 1, why })?;
        }
        ledger.counts.stored = ledger.acknowledged();
        Ok(ledger)
    }

    fn load_line(&mut self, line: &[u8]) -> Result<(), String> {
        let Some(id) = self.id else {
            let head: Head = serde_json::from_slice(line).map_err(|_| "it does not name the ledger".to_owned())?;
            self.id = Some(unhex(&head.ledger).ok_or("its ledger is not 32 hex digits")?);
            return Ok(());
        };
        let line = batch::parse_line(line)?;
        if line.seq != self.acknowledged() + 1 || line.chain != next_hash(&self.last_hash(&id), &line) {
            return Err("it does not follow the line before it".to_owned());
        }
        let mut witness = self.witness.clone();
        witness.forget_key(); // a key that was taken then is taken now
        let lines = &self.lines;
        let before = |seq: u64| lines.get(seq as usize - 1).map(leaf_of);
        witness.see(&id, &line, &before).map_err(|why| format!("it is a checkpoint that {why}"))?;
        self.witness = witness;
        self.lines.push(line);
        Ok(())
    }

    /// The last checkpoint that fits.
    pub(super) fn checkpoint(&self) -> Option<Seen> {
        self.witness.last()
    }

    pub(super) fn forget_key(&mut self) {
        self.witness.forget_key();
    }

    pub(super) fn disputed(&self) -> &[Line] {
        &self.disputed
    }

    pub(super) fn id(&self) -> Option<[u8; 16]> {
        self.id
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Every entry through this one is stored.
    pub(super) fn acknowledged(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Takes the batch's new entries, and returns what is acknowledged now. `lines` are consecutive and not empty.
    pub(super) fn take(&mut self, id: [u8; 16], lines: Vec<Line>) -> Result<u64, Refusal> {
        self.counts.batches += 1;
        let checked = self.check(&id, &lines);
        if let Err(Refusal::Conflict { .. } | Refusal::Broken { .. } | Refusal::Checkpoint { .. }) = &checked {
            self.dispute(&lines);
        }
        let taken = checked.and_then(|(known, witness)| {
            self.counts.repeats += known as u64;
            self.append(id, lines.into_iter().skip(known).collect()).map_err(Refusal::Storage)?;
            self.witness = witness;
            Ok(())
        });
        match &taken {
            Ok(()) => self.counts.stored = self.acknowledged(),
            Err(Refusal::Gap { .. }) => self.counts.gaps += 1,
            Err(_) => self.counts.refused += 1,
        }
        taken.map(|()| self.acknowledged())
    }

    /// How many of the lines are stored already, if all of them join on, and what is known of the checkpoints then.
    fn check(&self, id: &[u8; 16], lines: &[Line]) -> Result<(usize, Witness), Refusal> {
        if let Some(known) = self.id.filter(|known| known != id) {
            return Err(Refusal::LedgerChanged { known, given: *id });
        }
        let (from, expected) = (lines.first().map_or(0, |line| line.seq), self.acknowledged() + 1);
        if from > expected {
            return Err(Refusal::Gap { from, expected });
        }
        let stored = self.lines.get(from as usize - 1..).unwrap_or_default();
        if let Some((line, _)) = lines.iter().zip(stored).find(|(line, stored)| line.chain != stored.chain) {
            return Err(Refusal::Conflict { seq: line.seq });
        }
        let before = match from {
            1 => chain::genesis(id),
            _ => self.lines[from as usize - 2].chain,
        };
        verify(before, lines)?;
        let known = stored.len().min(lines.len());
        Ok((known, self.witness(id, lines.get(known..).unwrap_or_default())?))
    }

    /// Looks at the checkpoints among lines that follow the stored ones.
    fn witness(&self, id: &[u8; 16], new: &[Line]) -> Result<Witness, Refusal> {
        let mut witness = self.witness.clone();
        let before = |seq: u64| {
            let at = seq as usize - 1;
            self.lines.get(at).or_else(|| new.get(at.checked_sub(self.lines.len())?)).map(leaf_of)
        };
        for line in new {
            witness.see(id, line, &before).map_err(|why| Refusal::Checkpoint { seq: line.seq, why })?;
        }
        Ok(witness)
    }

    /// Keeps the other history beside the stored one, in a file of its own if there is one. The gateway sends it again and
    /// again; each line is kept once.
    fn dispute(&mut self, lines: &[Line]) {
        let mut new = Vec::new();
        for line in lines {
            let is_stored = self.lines.get(line.seq as usize - 1) == Some(line);
            let is_kept = is_stored || self.disputed.contains(line);
            if !is_kept && self.disputed.len() < MAX_DISPUTED {
                write_line(&mut new, line);
                self.disputed.push(line.clone());
            }
        }
        if let Some((path, _)) = self.file.as_ref().filter(|_| !new.is_empty()) {
            let path = path.with_extension("disputed.ndjson");
            if let Err(error) = open_file(&path).and_then(|mut file| write_whole(&mut file, &new)) {
                tracing::error!(%error, "the other history of a ledger could not be kept");
            }
        }
    }

    /// Writes the new lines as one piece, and only then counts them as stored.
    fn append(&mut self, id: [u8; 16], new: Vec<Line>) -> io::Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        if let Some((_, file)) = &mut self.file {
            let head = self.id.is_none().then(|| format!("{{\"ledger\":\"{}\"}}\n", HEXLOWER.encode(&id)));
            let mut text = head.unwrap_or_default().into_bytes();
            new.iter().for_each(|line| write_line(&mut text, line));
            write_whole(file, &text)?;
        }
        self.id = Some(id);
        self.lines.extend(new);
        Ok(())
    }

    fn last_hash(&self, id: &[u8; 16]) -> Hash {
        self.lines.last().map_or_else(|| chain::genesis(id), |line| line.chain)
    }

    /// Begins anew; the old file keeps its content under a name with the old ledger's id.
    pub(super) fn set_aside(&mut self) -> io::Result<()> {
        let Some(id) = self.id else { return Ok(()) };
        let file = match &self.file {
            Some((path, _)) => {
                fs::rename(path, path.with_extension(format!("{}.ndjson", HEXLOWER.encode(&id))))?;
                Some((path.clone(), open_file(path)?))
            }
            None => None,
        };
        *self = Self { file, ..Self::in_memory() };
        Ok(())
    }
}

fn verify(before: Hash, lines: &[Line]) -> Result<(), Refusal> {
    let mut hash = before;
    for line in lines {
        hash = next_hash(&hash, line);
        if hash != line.chain {
            return Err(Refusal::Broken { seq: line.seq });
        }
    }
    Ok(())
}

fn next_hash(before: &Hash, line: &Line) -> Hash {
    chain::link(before, &chain::leaf(&line.salt, &line.entry))
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// All of it on disk, or the file as it was.
fn write_whole(file: &mut File, text: &[u8]) -> io::Result<()> {
    let length = file.metadata()?.len();
    let written = file.write_all(text).and_then(|()| file.sync_data());
    if written.is_err() {
        file.set_len(length)?;
    }
    written
}

fn write_line(text: &mut Vec<u8>, line: &Line) {
    let (chain, salt) = (HEXLOWER.encode(&line.chain), HEXLOWER.encode(&line.salt));
    text.extend_from_slice(format!(r#"{{"seq":{},"chain":"{chain}","salt":"{salt}","entry":"#, line.seq).as_bytes());
    text.extend_from_slice(&line.entry);
    text.extend_from_slice(b"}\n");
}
