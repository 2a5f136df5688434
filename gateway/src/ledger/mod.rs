//! The ledger: the append-only, hash-chained journal of everything that happened, and the only
//! truth. Whatever else is stored can be derived from it again.
//!
//! An entry is acknowledged, by [`Durable::through`], only when `fdatasync` has returned for the
//! group that it was written with. The ledger must never show a record that is not durable, never
//! change one that is, and never guess at a damaged one: it says which, and goes on around it.
//!
//! Two threads: the writer makes groups of what waits durable; the preparer makes the next segment
//! ahead of time. While few entries come, an express lane can write them without the first. The bytes on disk are specified in
//! `gateway/docs/ledger-format.md`.

mod blocks;
mod export;
mod express;
mod format;
#[doc(hidden)]
pub mod harness;
mod header;
mod layout;
mod mark;
mod medium;
mod merkle;
mod points;
mod proof;
mod queue;
mod reader;
mod records;
mod recover;
mod retention;
mod ring;
mod scan;
mod spare;
mod tail;
mod tree;
mod verify;
mod walk;
mod writer;

#[cfg(test)]
pub(crate) mod simdisk;
#[cfg(test)]
mod tests;

pub use export::{ExportError, Exported, export_ndjson, write_ndjson_line, write_removed_line};
pub use format::{
    FORMAT_VERSION, HEADER_LEN, Hash, LedgerId, MAX_BODY_LEN, RECORD_HEADER_LEN, Record, Salt, chain_start, leaf, link,
    record_len,
};
pub use layout::LayoutError;
pub use medium::{Disk, Medium, MediumFile};
pub use merkle::{Frontier, LOST_LEAF, empty_root, node};
pub use proof::{MAX_PROOF_LEN, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion};
pub use queue::{AppendError, QUEUE_MAX_BYTES, QUEUE_MAX_ENTRIES};
pub use reader::{LedgerReader, Picked, ledger_id, open_records, pick_records};
pub use records::{Fault, FaultKind, ReadError, Records, Removed, TornTail};
pub use recover::{MAX_FAULTS, Recovery};
pub use retention::{Fate, Keep, Pruner, RetentionError, Retired, Sealed};
pub use tail::{TAIL_BYTES, TAIL_MAX_BYTES};
pub use tree::{Tree, TreeError, open_tree};
pub use verify::{Report, VerifyError, verify};

use bytes::Bytes;
use express::Express;
use layout::Segment;
use mark::EndMark;
use points::Points;
use queue::Queue;
use ring::Ring;
use spare::Spare;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tail::Tail;
use tokio::sync::watch;
use writer::Writer;

/// Length of a segment unless the options say otherwise.
pub const DEFAULT_SEGMENT_BYTES: u64 = 4 << 20;
/// Shortest segment that the options may ask for.
pub const MIN_SEGMENT_BYTES: u64 = 16 << 10;

/// Gives the salt of the next record: 16 bytes that nobody can guess.
pub type SaltSource = Box<dyn FnMut() -> Salt + Send>;

/// How a ledger is opened.
pub struct Options {
    /// Identity given to a ledger that is created; an existing one keeps its own.
    pub ledger_id: LedgerId,
    /// Where salts come from.
    pub salts: SaltSource,
    /// Number of the last entry that someone, such as the platform, is known to have seen durable;
    /// 0 if nobody knows. If it or one before it is not there, it is lost and not a torn tail, and
    /// its number is not given again.
    pub known_through: u64,
    /// Length of new segments in bytes; rounded to whole 4 KiB, at least [`MIN_SEGMENT_BYTES`].
    pub segment_bytes: u64,
    /// Wait before the second attempt to write what failed twice; doubles from there.
    pub retry_min: Duration,
    /// Longest wait between attempts.
    pub retry_max: Duration,
}

impl Options {
    /// Segments of 4 MiB, attempts 100 ms to 5 s apart.
    #[must_use]
    pub fn new(ledger_id: LedgerId, salts: SaltSource) -> Self {
        Self {
            ledger_id,
            salts,
            known_through: 0,
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(5),
        }
    }

    fn checked_segment_bytes(&self) -> u64 {
        self.segment_bytes.clamp(MIN_SEGMENT_BYTES, u64::from(u32::MAX)) / 4096 * 4096
    }
}

/// How far the ledger is on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durable {
    /// Number of the last entry that is on disk; 0 before the first.
    pub through: u64,
    /// Why entries wait in memory and cannot be written at present.
    pub stalled: Option<Arc<str>>,
    /// Why the next segment cannot be prepared at present. Entries still become durable while the
    /// current segment lasts.
    pub unprepared: Option<Arc<str>>,
}

/// Why a ledger could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or looked into.
    #[error("cannot use the ledger's folder {0}; check that it exists and belongs to the gateway's user")]
    Folder(String, #[source] io::Error),
    /// Another process has it.
    #[error("the ledger is in use by another process; stop that one first")]
    InUse,
    /// The folder cannot be locked.
    #[error("cannot lock the ledger's folder")]
    Lock(#[source] io::Error),
    /// The segments cannot be made out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The first segment cannot be written.
    #[error("cannot create the ledger's first segment")]
    Create(#[source] io::Error),
    /// The records of the last segment cannot be read.
    #[error("cannot read the end of the ledger")]
    Tail(#[from] ReadError),
    /// The operating system gives no thread.
    #[error("cannot start the ledger's threads")]
    Thread(#[source] io::Error),
}

/// Entries that could not be written before the ledger was closed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{entries} entries could not be written before closing: {why}")]
pub struct CloseError {
    /// How many entries are lost.
    pub entries: usize,
    /// What kept them from the disk.
    pub why: String,
}

/// What writer, preparer and readers share.
struct Shared {
    medium: Arc<dyn Medium>,
    segments: RwLock<Vec<Segment>>,
    points: Arc<Points>,
    tail: Mutex<Tail>,
    /// The Merkle tree of all durable records.
    tree: Mutex<Frontier>,
    durable: watch::Sender<Durable>,
    /// Where the ledger ends, once the writer has ended with all durable.
    end: Mutex<Option<EndMark>>,
}

/// The open ledger: its only writer.
///
/// Dropping it writes what waits, as [`Ledger::close`] does, but tells nobody about failure.
pub struct Ledger {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    spare: Arc<Spare>,
    writer: Arc<Mutex<Writer>>,
    express: Mutex<Option<Arc<Express>>>,
    threads: Vec<JoinHandle<()>>,
    /// Held by whoever takes something out.
    retention: Arc<Mutex<()>>,
    /// The folder is locked as long as anybody may change it.
    folder: Arc<dyn Send + Sync>,
}

impl Ledger {
    /// Opens the ledger in `dir`, creating it if there is none; says what was found.
    ///
    /// Reads every segment's header, and the last segment's records from where it ended when it was
    /// last closed, or all of them if it was not; [`verify`] reads all.
    ///
    /// # Errors
    /// See [`OpenError`]. Damage is no error: it is reported and recording goes on.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), OpenError> {
        let failed = |error| OpenError::Folder(dir.display().to_string(), error);
        if !dir.is_dir() {
            std::fs::create_dir_all(dir).map_err(failed)?;
            let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = std::fs::File::open(parent.unwrap_or(Path::new("."))).map_err(failed)?;
            parent.sync_all().map_err(failed)?;
        }
        Self::open_on(Arc::new(Disk::new(dir)), options)
    }

    /// Like [`Ledger::open`], on any medium.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_on(medium: Arc<dyn Medium>, options: Options) -> Result<(Self, Recovery), OpenError> {
        let lock = medium.lock().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse,
            _ => OpenError::Lock(error),
        })?;
        let segment_bytes = options.checked_segment_bytes();
        let points = Arc::new(Points::default());
        let found = recover::recover(&medium, options.ledger_id, segment_bytes, options.known_through, &points)?;
        let recovery = found.recovery;
        let durable = Durable {
            through: recovery.last_seq,
            stalled: recovery.unsettled.as_deref().map(Arc::from),
            unprepared: None,
        };
        let misnamed = found.segments.last().filter(|last| last.spare).map(|last| last.first_seq);
        let shared = Arc::new(Shared {
            medium,
            segments: RwLock::new(found.segments),
            points,
            tail: Mutex::new(Tail::default()),
            tree: Mutex::new(found.tree),
            durable: watch::Sender::new(durable),
            end: Mutex::default(),
        });
        let queue = Arc::new(Queue::new(recovery.last_seq + 1, segment_bytes));
        let spare = Arc::new(Spare::new(segment_bytes, (options.retry_min, options.retry_max), misnamed));
        let start = writer::Start {
            active: found.active,
            ledger: recovery.ledger,
            chain: recovery.chain,
            salts: options.salts,
            retry: (options.retry_min, options.retry_max),
        };
        let writer = Writer::new(start, Arc::clone(&shared), Arc::clone(&queue), Arc::clone(&spare));
        let (writer, express) = (Arc::new(Mutex::new(writer)), Mutex::default());
        let (threads, retention, folder) = (Vec::new(), Arc::default(), Arc::from(lock));
        let mut ledger = Self { shared, queue, spare, writer, express, threads, retention, folder };
        ledger.start()?;
        Ok((ledger, recovery))
    }

    fn start(&mut self) -> Result<(), OpenError> {
        let (shared, spare) = (Arc::clone(&self.shared), Arc::clone(&self.spare));
        self.spawn("ledger-prepare", move || spare.run(&shared))?;
        let (writer, queue) = (Arc::clone(&self.writer), Arc::clone(&self.queue));
        self.spawn("ledger-write", move || writer::run(&writer, &queue))
    }

    /// Opens the express lane, where there can be one: while few entries come, they then become durable without the writer's
    /// thread. This future must be polled, on the runtime that it was made on. It ends when the ledger is closed, or when the
    /// system or the file system refuses such writes; then, or when it is dropped, the thread does all.
    ///
    /// # Errors
    /// Why there can be none: the system does not have io_uring(7), or forbids it.
    pub fn express(&self) -> io::Result<impl Future<Output = ()> + Send + use<>> {
        self.express_by(ring::system_ring()?)
    }

    fn express_by(&self, ring: Box<dyn Ring>) -> io::Result<impl Future<Output = ()> + Send + use<>> {
        let ready = ring.readiness()?;
        let express = Arc::new(Express::new(Arc::clone(&self.writer), Arc::clone(&self.queue), ring));
        if let Some(before) = lock(&self.express).replace(Arc::clone(&express)) {
            before.close();
        }
        let lane = OpenLane(express);
        Ok(async move { lane.0.run(ready).await })
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        self.threads.push(thread.map_err(OpenError::Thread)?);
        Ok(())
    }

    /// Hands over entry `seq` to be written. Never waits; [`Ledger::durable`] says when it is on
    /// disk. The caller numbers: `seq` is one more than that of the entry before.
    ///
    /// # Errors
    /// See [`AppendError`]. After an error nothing has changed.
    pub fn append(&self, seq: u64, body: Bytes) -> Result<(), AppendError> {
        self.queue.append_all(&mut VecDeque::from([(seq, body)]))
    }

    /// Hands over several entries at once, from the front of `entries`: with one sync they are on
    /// disk, where [`Ledger::append`] would have the first go ahead alone.
    ///
    /// # Errors
    /// See [`AppendError`]: why the entry that is now in front, and those behind it, were not
    /// taken.
    pub fn append_all(&self, entries: &mut VecDeque<(u64, Bytes)>) -> Result<(), AppendError> {
        self.queue.append_all(entries)
    }

    /// Follows what is on disk.
    #[must_use]
    pub fn durable(&self) -> watch::Receiver<Durable> {
        self.shared.durable.subscribe()
    }

    /// Number of the last entry on disk, and root of the Merkle tree of all through that one. Cheap.
    #[must_use]
    pub fn tree(&self) -> (u64, Hash) {
        let tree = lock(&self.shared.tree);
        (tree.size(), tree.root())
    }

    /// A reader of what is on disk.
    #[must_use]
    pub fn reader(&self) -> LedgerReader {
        LedgerReader::new(Arc::clone(&self.shared))
    }

    /// Writes what waits and ends. While the disk fails, one last attempt is made.
    ///
    /// # Errors
    /// [`CloseError`] if entries had to be given up.
    pub fn close(mut self) -> Result<(), CloseError> {
        self.shut_down();
        let entries = self.queue.held_entries();
        if entries == 0 {
            return Ok(());
        }
        let why = self.shared.durable.borrow().stalled.as_deref().unwrap_or("writer stopped").to_owned();
        Err(CloseError { entries, why })
    }

    fn shut_down(&mut self) {
        if let Some(express) = lock(&self.express).take() {
            express.close();
        }
        self.queue.close();
        self.spare.give_up();
        // The writer, started last, may need the preparer to the end.
        while let Some(thread) = self.threads.pop() {
            // A thread that panicked has said so, and the entries it held are counted.
            let _ = thread.join();
            self.spare.stop();
        }
        if let Some(mark) = lock(&self.shared.end).take().filter(|_| self.spare.is_settled()) {
            // Without it, the next opening takes longer.
            let _ = mark.write(&*self.shared.medium);
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Whoever drives the express lane has it. If they let go of it, the thread does all from then on.
struct OpenLane(Arc<Express>);

impl Drop for OpenLane {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Locks even if a thread panicked while it held the lock: each holder leaves the data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
