//! The reference platform: the district's side of `gateway/docs/platform-openapi.json`, as small as it can be and still
//! keep every rule of that document.
//!
//! It stores what gateways send, verifies the chain on the verbatim bytes, and can be told to fail in the ways that
//! real platforms fail ([`Mood`]). It must never be more forgiving than the document: a gateway that passes against
//! it passes against any platform that keeps the document.
//!
//! - `api` routes and answers, `problem` the RFC 9457 refusals
//! - `batch` bytes to lines, `chain` the hashes, `store` the rules and the file
//! - `witness` the signed checkpoints
//! - `link` connections that can be cut

mod api;
mod batch;
mod chain;
mod link;
mod problem;
mod store;
mod witness;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use batch::{Fault, Limits, Line, parse};
pub use chain::{Hash, genesis, leaf, link as chain_link};
use store::Ledger;
pub use store::{Counts, LoadError, MAX_DISPUTED};
pub use witness::{Seen, Tree, signed_text};

/// The document that this platform, and every other, is held to.
pub const OPENAPI: &str = include_str!("../../../gateway/docs/platform-openapi.json");

/// How long a shutdown waits for requests in flight before it cuts them off.
const DRAIN: Duration = Duration::from_secs(5);

/// What a [`Platform`] is started with.
#[derive(Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one, told by [`Platform::addr`].
    pub listen: SocketAddr,
    /// Bearer token of each gateway, by gateway id.
    pub tokens: BTreeMap<String, String>,
    /// Where to keep one append-only file for each gateway; in memory only without it.
    pub folder: Option<PathBuf>,
    /// What a request may be at most.
    pub limits: Limits,
}

impl Options {
    /// A platform in memory on a free loopback port, for these gateways and tokens.
    pub fn loopback<I: Into<String>, T: Into<String>>(gateways: impl IntoIterator<Item = (I, T)>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tokens: gateways.into_iter().map(|(id, token)| (id.into(), token.into())).collect(),
            folder: None,
            limits: Limits::default(),
        }
    }
}

/// How the platform behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As documented.
    Up,
    /// Connections are cut: new ones at once, standing ones at their next byte.
    Down,
    /// Batches are taken, but the connection is cut before the answer leaves: the case that makes repeats.
    Mute,
    /// Every request is answered 503 with this `Retry-After`, in seconds.
    Failing(u16),
    /// Every request waits this long before it is looked at.
    Slow(Duration),
}

/// Why a platform did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address could not be listened on.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// A gateway's file could not be taken up again.
    #[error("cannot take up what is stored of gateway {gateway}")]
    Load {
        /// Whose file.
        gateway: String,
        /// What was found.
        source: LoadError,
    },
    /// A gateway id that is not of the document's form, or a token that two gateways share.
    #[error("gateway {gateway:?}: {why}")]
    Gateway {
        /// The id given.
        gateway: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A running platform. Dropping it cuts everything off; [`Platform::shutdown`] ends it in order.
pub struct Platform {
    addr: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// What requests share.
struct Shared {
    mood: watch::Sender<Mood>,
    /// Gateway ids by the hash of their token, so that looking one up tells nothing by its timing.
    gateways: BTreeMap<Hash, String>,
    ledgers: BTreeMap<String, Mutex<Ledger>>,
    limits: Limits,
    /// Entries stored, of all gateways together: moves whenever there is something new to see.
    stored: watch::Sender<u64>,
}

impl Platform {
    /// Takes up what the folder has, listens, and serves until it is shut down or dropped.
    ///
    /// # Errors
    /// [`StartError`]: nothing is listening then.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::load(&options)?);
        let listen_error = |source| StartError::Listen { addr: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(serve(listener, Arc::clone(&shared), stopped));
        Ok(Self { addr, shared, stop, server })
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where a gateway reaches it, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Changes how it behaves from the next byte on.
    pub fn set_state(&self, mood: Mood) {
        self.shared.mood.send_replace(mood);
    }

    /// What is stored of a gateway, in order; empty for one that is not known.
    pub fn entries(&self, gateway: &str) -> Vec<Line> {
        self.shared.ledger(gateway).map(|ledger| ledger.lines().to_vec()).unwrap_or_default()
    }

    /// What was asked of it by a gateway, in numbers.
    pub fn counts(&self, gateway: &str) -> Counts {
        self.shared.ledger(gateway).map(|ledger| ledger.counts()).unwrap_or_default()
    }

    /// Moves whenever entries were stored; the value is their number over all gateways since the start.
    pub fn stored(&self) -> watch::Receiver<u64> {
        self.shared.stored.subscribe()
    }

    /// A person says that this gateway's box was replaced: what is known of its ledger is set aside (a file is
    /// renamed after the old ledger's id), and the next batch may begin another.
    ///
    /// # Errors
    /// When the file cannot be renamed; then nothing has changed.
    pub fn replace_ledger(&self, gateway: &str) -> io::Result<()> {
        self.shared.ledger(gateway).map_or(Ok(()), |mut ledger| ledger.set_aside())
    }

    /// The last signed checkpoint of a gateway that was seen and fits.
    pub fn checkpoint(&self, gateway: &str) -> Option<Seen> {
        self.shared.ledger(gateway).and_then(|ledger| ledger.checkpoint())
    }

    /// What a gateway sent that contradicts what is stored: the other history, kept beside it for people to look at. At
    /// most [`MAX_DISPUTED`] lines.
    pub fn disputed(&self, gateway: &str) -> Vec<Line> {
        self.shared.ledger(gateway).map(|ledger| ledger.disputed().to_vec()).unwrap_or_default()
    }

    /// A person says that this gateway signs with a new key: its next checkpoint's key is taken.
    pub fn accept_new_key(&self, gateway: &str) {
        if let Some(mut ledger) = self.shared.ledger(gateway) {
            ledger.forget_key();
        }
    }

    /// Stops listening, lets requests in flight end (for 5 s at most), and returns.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(DRAIN, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.abort();
        self.shared.mood.send_replace(Mood::Down);
    }
}

impl Shared {
    fn load(options: &Options) -> Result<Self, StartError> {
        let mut gateways = BTreeMap::new();
        let mut ledgers = BTreeMap::new();
        for (id, token) in &options.tokens {
            let gateway_error = |why| StartError::Gateway { gateway: id.clone(), why };
            if !is_gateway_id(id) {
                return Err(gateway_error("an id is 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit"));
            }
            if gateways.insert(token_hash(token), id.clone()).is_some() {
                return Err(gateway_error("its token is another gateway's too; each needs its own"));
            }
            let ledger = match &options.folder {
                Some(folder) => Ledger::open(&folder.join(format!("{id}.ndjson")))
                    .map_err(|source| StartError::Load { gateway: id.clone(), source })?,
                None => Ledger::in_memory(),
            };
            ledgers.insert(id.clone(), Mutex::new(ledger));
        }
        Ok(Self {
            mood: watch::Sender::new(Mood::Up),
            gateways,
            ledgers,
            limits: options.limits,
            stored: watch::Sender::new(0),
        })
    }

    fn mood(&self) -> Mood {
        *self.mood.borrow()
    }

    fn gateway_of(&self, token: &str) -> Option<&str> {
        self.gateways.get(&token_hash(token)).map(String::as_str)
    }

    fn ledger(&self, gateway: &str) -> Option<MutexGuard<'_, Ledger>> {
        let ledger = self.ledgers.get(gateway)?;
        Some(ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let listener = link::Listener::new(listener, Arc::clone(&shared));
    let until_stopped = async move {
        // An error says that the platform was dropped, which is a stop too.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    if let Err(error) = axum::serve(listener, api::router(shared)).with_graceful_shutdown(until_stopped).await {
        tracing::error!(%error, "the reference platform stopped serving");
    }
}

fn is_gateway_id(id: &str) -> bool {
    let starts_well = id.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    starts_well && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn token_hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

/// Exactly `N` bytes from `2 N` lower-case digits; upper case is refused, as the document's patterns do.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}
