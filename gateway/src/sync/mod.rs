//! The central platform's copy of the ledger: this sends every entry there, in order, and forgets none.
//!
//! It follows the ledger with a cursor of its own and moves it on an acknowledgement alone, so whatever happens on the
//! way (no network, a platform that fails, a lost answer, a restart here) costs repeats, which the platform drops, and
//! never an entry. What the platform refuses is held and shown, never skipped. The interface is
//! `docs/platform-openapi.json`.
//!
//! One thread of low priority does it all: [`plan`] says what to do next, `worker` does it, `pack` makes the body,
//! `post` sends it, `answer` reads what came back. The thread must never be waited for by anything that decides about
//! a tap; it is woken by a [`tokio::sync::watch`] and otherwise leaves everybody alone.

mod answer;
mod pack;
pub mod plan;
mod post;
mod source;
mod status;
mod worker;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::{fmt, thread};

use tokio::sync::watch;

pub use plan::{BatchLimits, Timing};
pub use source::{Record, Source, SourceError};
pub use status::{SyncStatus, Trouble};

/// Where and how to send.
#[derive(Clone, Debug)]
pub struct SyncOptions {
    /// The platform, such as `https://platform.example`, without the path. Plain `http` is taken for a loopback
    /// address only: the token would be readable on the way.
    pub url: String,
    /// This gateway's id at the platform: 1 to 64 of `A-Z a-z 0-9 . _ -`, starting with a letter or digit.
    pub gateway: String,
    /// This gateway's bearer token.
    pub token: Token,
    /// The ledger's id.
    pub ledger: [u8; 16],
    /// PEM file with the authorities to trust instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// How long things may take and how often they are tried.
    pub timing: Timing,
    /// How much one request may carry.
    pub batch: BatchLimits,
}

/// A secret that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes the token as the platform gave it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

/// Why sync did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not one that the token may be sent to.
    #[error("the platform's address {url:?} would not do: {why}")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The id is not of the documented form.
    #[error("the gateway's id {0:?} would not do: 1 to 64 of A-Z a-z 0-9 . _ -, starting with a letter or digit")]
    GatewayId(String),
    /// The token has characters that a header cannot carry, or none at all.
    #[error("the platform's token is empty or has characters that a header cannot carry")]
    Token,
    /// The file with the authorities could not be read.
    #[error("the authorities' file {path} cannot be read")]
    ReadCaFile {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The file with the authorities is not PEM or has no certificate.
    #[error("the authorities' file {path} would not do: {why}")]
    ParseCaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system gave no thread.
    #[error("the sync thread cannot be started")]
    Thread(#[source] io::Error),
}

/// The running client. Dropping it asks the thread to stop; [`SyncClient::stop`] waits for that too.
pub struct SyncClient {
    status: watch::Receiver<SyncStatus>,
    signals: Arc<Signals>,
    connections: ureq::Agent,
    thread: Option<JoinHandle<()>>,
}

/// What others want of the thread.
#[derive(Default)]
struct Signals {
    stop: AtomicBool,
    retry: AtomicBool,
}

impl SyncClient {
    /// Starts to send what `source` has after `cursor` (0 for everything), as far as `durable` says that it is on
    /// disk. `dice` gives uniformly random numbers, from which waits are drawn; [`system_dice`] is the real one.
    ///
    /// # Errors
    /// [`StartError`] when an option would not do; nothing runs then.
    pub fn start(
        options: SyncOptions,
        source: impl Source,
        durable: watch::Receiver<u64>,
        cursor: u64,
        dice: impl FnMut() -> u64 + Send + 'static,
    ) -> Result<Self, StartError> {
        let post = post::Post::new(&options)?;
        let connections = post.agent().clone();
        let (sender, status) = watch::channel(SyncStatus::new(cursor));
        let signals = Arc::new(Signals::default());
        let plan = plan::Plan::new(cursor, options.timing, options.batch);
        let worker = worker::Worker::new(plan, post, source, durable, dice, sender, Arc::clone(&signals));
        let thread = thread::Builder::new().name("sync".to_owned()).spawn(move || worker.run());
        let thread = Some(thread.map_err(StartError::Thread)?);
        Ok(Self { status, signals, connections, thread })
    }

    /// How it stands; the receiver is told of every change.
    pub fn status(&self) -> watch::Receiver<SyncStatus> {
        self.status.clone()
    }

    /// Tries at once, whatever wait is on: for a person who has just put right what was refused.
    pub fn retry_now(&self) {
        self.signals.retry.store(true, Ordering::Release);
        self.wake();
    }

    /// Stops within the time of a connection attempt at the most (`timing.connect`): a request in flight is cut
    /// off. Blocks until the thread has ended.
    pub fn stop(mut self) {
        self.ask_to_stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sync thread had panicked");
        }
    }

    fn ask_to_stop(&self) {
        self.signals.stop.store(true, Ordering::Release);
        self.connections.clone().shutdown();
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for SyncClient {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// Random numbers from the system.
pub fn system_dice() -> impl FnMut() -> u64 + Send + 'static {
    // Without random numbers the longest wait is the safe one.
    || getrandom::u64().unwrap_or(u64::MAX)
}
