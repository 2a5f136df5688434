//! Start-up: from a checked configuration to parts that work.

use std::{error::Error, fs, io, path::PathBuf, sync::Arc, time::Instant};

use schoolgate_core::{
    entry::{Consumer, Entry, EntryError},
    roster::Roster,
    school::{Input, School},
    state::{OutOfOrder, State},
};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::{Gateway, READER_EVENTS, Signals, parts, tell_refused};
use crate::{
    clock::{self, Clock, SimulatedClock, SystemClock},
    config::{self, Config, Loaded},
    keeper::{Keeper, Progress},
    ledger::{self, Ledger, LedgerId, Options, Recovery},
    readers::card_key::CardKey,
    roster_file::{self, LoadedRoster},
    shell::Shell,
    store::{Store, StoreError},
};

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The runtime could not be made.
    #[error("the runtime can't be started")]
    Runtime(#[source] io::Error),
    /// The data folder could not be made.
    #[error("the data folder {0} can't be made")]
    DataDir(PathBuf, #[source] io::Error),
    /// The simulated clock could not be started.
    #[error(transparent)]
    Clock(#[from] clock::StartError),
    /// The operating system gave no randomness.
    #[error("the operating system gives no random numbers")]
    Random(#[source] getrandom::Error),
    /// The ledger could not be opened.
    #[error("the ledger can't be opened")]
    Ledger(#[source] ledger::OpenError),
    /// A record of the ledger could not be read.
    #[error("the ledger can't be read")]
    Read(#[source] ledger::ReadError),
    /// An entry of the ledger is not one that this version knows.
    #[error(
        "entry {0} of the ledger is not one that this version of schoolgate understands: a newer version wrote it?"
    )]
    Entry(u64, #[source] EntryError),
    /// The ledger's entries are out of order.
    #[error("the ledger's entries are out of order")]
    Order(#[source] OutOfOrder),
    /// The local store could not be opened, even after it was removed.
    #[error("the local store can't be opened")]
    Store(#[source] StoreError),
    /// A thread could not be started.
    #[error("a thread can't be started")]
    Thread(#[source] io::Error),
    /// Signals can't be listened for.
    #[error("signals can't be listened for")]
    Signals(#[source] io::Error),
    /// Notifications could not be set up.
    #[error("notifications can't be set up")]
    Notify(#[source] Box<dyn Error + Send + Sync>),
    /// Sync could not be set up.
    #[error("the platform's client can't be set up")]
    Sync(#[source] Box<dyn Error + Send + Sync>),
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

/// Where the last good roster is kept.
pub(super) fn kept_roster(config: &Config) -> PathBuf {
    config.gateway.data_dir.join("roster.good.json")
}

impl Gateway {
    pub(super) fn start(loaded: Loaded) -> Result<Self, StartError> {
        let Loaded { config, card_key, .. } = loaded;
        let began = Instant::now();
        let data_dir = config.gateway.data_dir.clone();
        fs::create_dir_all(&data_dir).map_err(|cause| StartError::DataDir(data_dir.clone(), cause))?;
        let card_key = CardKey::new(card_key.expose());
        let clock = start_clock(&config)?;
        let (ledger, recovery) = open_ledger(&config)?;
        tell_recovery(&recovery);
        let ledger_id = recovery.ledger;
        let (store, outcome) = Store::open(&data_dir.join("store"), ledger_id, ledger.durable().borrow().through)
            .map_err(StartError::Store)?;
        info!(?outcome, "local store open");

        let site = config.site();
        let mut school = School::new(site.clone());
        let notified = replay(&ledger, &store, &mut school)?;
        let told = Progress { notify: notified.last().0, sync: cursor(&store, school.state(), Consumer::Sync) };
        let loaded = load_roster(&config);
        info!(
            entries = school.state().last().0,
            on_campus = school.state().on_campus(),
            students = loaded.as_ref().map_or(0, |l| l.roster.student_count()),
            took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "ready"
        );

        let (roster, roster_seen) = watch::channel(loaded.as_ref().map(|l| Arc::clone(&l.roster)).unwrap_or_default());
        let durable = ledger.durable();
        let (gates, gate_times, lines_alive) = parts::gates(&config);
        let (event_sender, events) = mpsc::channel(READER_EVENTS);
        let readers = parts::Readers::start(&config, &card_key, &event_sender);
        let notify = parts::NotifyPart::start(&config, (&ledger, ledger_id), Arc::new(site), roster_seen, notified)?;
        let sync = parts::SyncPart::start(&config, (&ledger, ledger_id), told.sync)?;
        let keeper = Keeper::start(store, ledger.reader()).map_err(StartError::Thread)?;

        let mut shell = Shell::new(clock, school, ledger, gates, gate_times, config.gateway.language);
        shell.input(Input::Started { version: env!("CARGO_PKG_VERSION").into() });
        if let Some(LoadedRoster { roster, digest }) = loaded {
            shell.input(Input::Roster { roster, digest });
        }
        let signals = Signals::listen().map_err(StartError::Signals)?;
        Ok(Self {
            config,
            shell,
            durable,
            readers,
            events,
            _event_sender: event_sender,
            roster,
            notify,
            sync,
            keeper,
            told,
            kept_through: 0,
            signals,
            _lines_alive: lines_alive,
        })
    }
}

fn start_clock(config: &Config) -> Result<Arc<dyn Clock>, StartError> {
    let zone = config.gateway.time_zone.clone();
    Ok(match config.clock {
        config::Clock::System => Arc::new(SystemClock::new(zone)),
        config::Clock::Simulated { start, speed } => {
            warn!(%start, speed, "EXERCISE: the clock is simulated; every entry says so and none is evidence");
            Arc::new(SimulatedClock::start(zone, start, speed, &config.gateway.data_dir)?)
        }
    })
}

fn open_ledger(config: &Config) -> Result<(Ledger, Recovery), StartError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(StartError::Random)?;
    // A salt hides the content of an entry whose body is removed later; should the system's source fail while running,
    // the ledger's id and a count still give salts that never repeat.
    let mut count: u64 = 0;
    let salts = Box::new(move || {
        let mut salt = [0; 16];
        if getrandom::fill(&mut salt).is_err() {
            count += 1;
            salt = id;
            salt.iter_mut().zip(count.to_le_bytes()).for_each(|(byte, count)| *byte ^= count);
        }
        salt
    });
    let dir = config.gateway.data_dir.join("ledger");
    Ledger::open(&dir, Options::new(LedgerId(id), salts)).map_err(StartError::Ledger)
}

fn tell_recovery(recovery: &Recovery) {
    if recovery.torn.is_none() && recovery.faults.is_empty() && recovery.unsettled.is_none() {
        info!(ledger = %recovery.ledger, entries = recovery.last_seq, "ledger open");
    } else {
        warn!(?recovery, "the ledger was not closed in good order");
    }
}

/// Folds the whole ledger into the school; gives the state as it was where notifications go on.
fn replay(ledger: &Ledger, store: &Store, school: &mut School) -> Result<State, StartError> {
    let cursor = store.cursor(Consumer::Notify.name()).unwrap_or_default();
    let mut notified = State::default();
    for record in ledger.reader().iter(1) {
        let record = record.map_err(StartError::Read)?;
        let entry = Entry::decode(&record.body).map_err(|cause| StartError::Entry(record.seq, cause))?;
        school.replay(&entry).map_err(StartError::Order)?;
        if record.seq == cursor {
            notified = school.state().clone();
        }
    }
    // A store that was lost knows no cursor; the ledger's own mark is never far behind.
    let marked = school.state().delivered(Consumer::Notify);
    if marked > notified.last() {
        notified = refold(ledger, marked.0)?;
    }
    Ok(notified)
}

fn refold(ledger: &Ledger, through: u64) -> Result<State, StartError> {
    let mut state = State::default();
    for record in ledger.reader().iter(1) {
        let record = record.map_err(StartError::Read)?;
        if record.seq > through {
            break;
        }
        let entry = Entry::decode(&record.body).map_err(|cause| StartError::Entry(record.seq, cause))?;
        state.apply(&entry).map_err(StartError::Order)?;
    }
    Ok(state)
}

/// Where a consumer goes on: at its cursor in the store, or at its mark in the ledger if the store was lost.
fn cursor(store: &Store, state: &State, consumer: Consumer) -> u64 {
    let kept = store.cursor(consumer.name()).unwrap_or_default();
    kept.max(state.delivered(consumer).0).min(state.last().0)
}

/// The roster that the school or the platform left, or else the last good one.
fn load_roster(config: &Config) -> Option<LoadedRoster> {
    let kept = kept_roster(config);
    let last_good = roster_file::load(&kept, None).ok();
    let in_force: Option<&Roster> = last_good.as_ref().map(|loaded| &*loaded.roster);
    match roster_file::load(&config.gateway.roster, in_force) {
        Ok(loaded) => {
            let is_new = last_good.as_ref().is_none_or(|good| good.digest != loaded.digest);
            if is_new && let Err(cause) = roster_file::keep(&config.gateway.roster, &kept) {
                warn!(cause = %chain(&cause), "the roster is not kept for the next start");
            }
            Some(loaded)
        }
        Err(cause) => {
            tell_refused(&cause, config.gateway.language);
            last_good
        }
    }
}
