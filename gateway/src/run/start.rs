//! Start-up: from a checked configuration to parts that work.

use std::{error::Error, fs, io, path::PathBuf, sync::Arc, time::Instant};

use schoolgate_core::{
    entry::Consumer,
    roster::Roster,
    school::{Input, School},
    site::PlaceRole,
};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use super::{
    Gateway, KEEP_EVERY, READER_EVENTS, Signals,
    health::HealthDesk,
    lines::Gates,
    parts,
    replay::{self, ReplayError, Replayed},
    salts::Salts,
    tell_refused,
};
use crate::{
    chain::chain,
    clock::{self, Clock, SimulatedClock, SystemClock},
    config::{self, Config, Loaded},
    evidence::{Checkpointer, Pace, SigningKey},
    keeper::{Keeper, Progress},
    ledger::{self, Ledger, LedgerId, Options, Recovery},
    notify::{FreshEntries, SameState},
    readers::{card_key::CardKey, sun::SunExaminer},
    retention::{Nights, Rules},
    roster_file::{self, KEPT_FILE, LoadedRoster},
    shell::Shell,
    snapshot::Build,
    store::{Found, Store},
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
    /// The ledger could not be folded.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A thread could not be started.
    #[error("a thread can't be started")]
    Thread(#[source] io::Error),
    /// What takes old entries out could not be started.
    #[error("retention can't be started; does the archive's folder exist, and may the gateway write there?")]
    Retention(#[source] io::Error),
    /// A gate's line can't be had: in the gateway's language, with what there is.
    #[error("{0}")]
    Lines(String),
    /// Signals can't be listened for.
    #[error("signals can't be listened for")]
    Signals(#[source] io::Error),
    /// A reader could not be set up.
    #[error("a reader can't be set up")]
    Reader(#[source] Box<dyn Error + Send + Sync>),
    /// Notifications could not be set up.
    #[error("notifications can't be set up")]
    Notify(#[source] Box<dyn Error + Send + Sync>),
    /// Sync could not be set up.
    #[error("the platform's client can't be set up")]
    Sync(#[source] Box<dyn Error + Send + Sync>),
}

/// Where the last good roster is kept.
pub(super) fn kept_roster(config: &Config) -> PathBuf {
    config.gateway.data_dir.join(KEPT_FILE)
}

impl Gateway {
    pub(super) fn start(loaded: Loaded) -> Result<Self, StartError> {
        let Loaded { config, card_key, pass_secret, sun, .. } = loaded;
        let began = Instant::now();
        let data_dir = config.gateway.data_dir.clone();
        fs::create_dir_all(&data_dir).map_err(|cause| StartError::DataDir(data_dir.clone(), cause))?;
        let card_key = CardKey::new(card_key.expose());
        let clock = start_clock(&config)?;
        let found = Found::look(&data_dir.join("store"));
        let (ledger, recovery) = open_ledger(&config, &found)?;
        tell_recovery(&recovery);
        match ledger.express() {
            Ok(express) => drop(tokio::spawn(async move {
                express.await;
                info!("the express lane has ended: every entry is written by a thread from now on");
            })),
            Err(cause) => info!(%cause, "no io_uring: every entry is written by a thread"),
        }
        let ledger_id = recovery.ledger;
        let checkpointer = open_checkpointer(&config, ledger_id);
        let store = open_store(found, ledger_id, ledger.durable().borrow().through);

        let site = config.site(pass_secret.as_ref());
        let mut school = School::new(site.clone());
        let (reader, build) = (ledger.reader(), Build::this());
        let snapshots = replay::snapshots(store.as_ref(), &build, ledger_id, &reader);
        let Replayed { snapshot: snapshot_at, now, notified } =
            replay::replay(&reader, kept_cursor(store.as_ref(), Consumer::Notify), snapshots)?;
        school.resume(now);
        let sync_cursor = kept_cursor(store.as_ref(), Consumer::Sync).max(school.state().delivered(Consumer::Sync).0);
        let told = Progress { notify: notified.last().0, sync: sync_cursor.min(school.state().last().0), pruned: 0 };
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
        let (lamps_lit, lamps_lit_seen) = watch::channel(durable.borrow().clone());
        let Gates { driver: gates, times: gate_times, lines } = Gates::start(&config)?;
        let (event_sender, events) = mpsc::channel(READER_EVENTS);
        let sun = sun.zip(config.cards.as_ref()).map(|(keys, cards)| {
            Arc::new(SunExaminer::new(keys.expose().clone(), cards.names.clone(), card_key.clone()))
        });
        let mut readers = parts::Readers::start(&config, &card_key, sun.as_ref(), &event_sender)?;
        let (health, health_told) = watch::channel(None);
        let ids = (config.gateway.school.clone(), config.gateway.id.clone());
        let health =
            HealthDesk::new(ids, data_dir, began, health).with_readers(readers.counters(), config.gateway.language);
        let (same_state, fresh) = (SameState::default(), FreshEntries::default());
        let notify = or_without(
            "notifications",
            parts::NotifyPart::start(
                &config,
                (&ledger, ledger_id),
                lamps_lit_seen,
                (Arc::new(site), roster_seen),
                (notified, same_state.clone(), fresh.clone()),
                Arc::clone(&clock),
                health_told,
            ),
        );
        let sync = or_without("the platform", parts::SyncPart::start(&config, (&ledger, ledger_id), told.sync));
        let keeper = Keeper::start(store, reader, (ledger_id, build)).map_err(StartError::Thread)?;

        let retention = or_without("retention", start_retention(&config, &ledger, &clock));

        let mut shell = Shell::new(clock, school, ledger, gates, gate_times, config.gateway.language, began)
            .with_displays(readers.displays())
            .with_fresh_entries(notify.is_some().then_some(fresh));
        shell.input(Instant::now(), Input::Started { version: env!("CARGO_PKG_VERSION").into() });
        if let Some(LoadedRoster { roster, digest, .. }) = loaded {
            roster_file::warn_of_places(&roster, shell.school().site());
            shell.input(Instant::now(), Input::Roster { roster, digest });
        }
        let signals = Signals::listen().map_err(StartError::Signals)?;
        Ok(Self {
            config,
            shell,
            durable,
            lamps_lit,
            readers,
            events,
            _event_sender: event_sender,
            roster,
            notify,
            sync,
            health,
            keeper,
            retention,
            checkpointer,
            same_state,
            shared_at: 0,
            told,
            kept: told,
            disk_trouble: None,
            kept_through: 0,
            snapshot_at,
            keep_at: Instant::now() + KEEP_EVERY,
            signals,
            lines,
        })
    }
}

/// The gates must open though a certificate has run out or a password file is gone.
fn or_without<T>(part: &str, started: Result<Option<T>, StartError>) -> Option<T> {
    started.unwrap_or_else(|cause| {
        error!(cause = %chain(&cause), "going on without {part}, until the cause is mended and the gateway started anew");
        None
    })
}

/// The gates must open though the key is damaged.
fn open_checkpointer(config: &Config, ledger: LedgerId) -> Option<Checkpointer> {
    match SigningKey::open_or_create(&config.gateway.data_dir, |seed| getrandom::fill(seed).is_ok()) {
        Ok(key) => Some(Checkpointer::new(ledger, key, Pace::default())),
        Err(cause) => {
            error!(cause = %chain(&cause), "going on without signing the ledger: entries can't be proven to others until the cause is mended and the gateway started anew");
            None
        }
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

fn start_retention(config: &Config, ledger: &Ledger, clock: &Arc<dyn Clock>) -> Result<Option<Nights>, StartError> {
    let Some(days) = config.retention.clone() else { return Ok(None) };
    let entrances = config.places.iter().filter(|place| place.role == PlaceRole::Gate);
    let rules = Rules { days, entrances: entrances.map(|place| place.id.clone()).collect() };
    Nights::start(ledger.pruner(), rules, Arc::clone(clock)).map(Some).map_err(StartError::Retention)
}

fn open_ledger(config: &Config, found: &Found) -> Result<(Ledger, Recovery), StartError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(StartError::Random)?;
    let mut salts = Salts::new(id, |bytes| getrandom::fill(bytes).is_ok());
    let dir = config.gateway.data_dir.join("ledger");
    // What a receiver has acknowledged was durable: if it is not there, it is lost, and its number is not given again.
    let known_through = ledger::ledger_id(&dir).ok().flatten().map_or(0, |id| found.furthest_cursor(id));
    let options = Options { known_through, ..Options::new(LedgerId(id), Box::new(move || salts.next())) };
    Ledger::open(&dir, options).map_err(StartError::Ledger)
}

fn tell_recovery(recovery: &Recovery) {
    if recovery.torn.is_none() && recovery.faults.is_empty() && recovery.unsettled.is_none() {
        info!(ledger = %recovery.ledger, entries = recovery.last_seq, "ledger open");
    } else {
        warn!(?recovery, "the ledger was not closed in good order");
    }
}

/// Without its store the gateway works all the same: the ledger's own marks take the place of the cursors.
pub(super) fn open_store(found: Found, id: LedgerId, durable: u64) -> Option<Store> {
    match found.settle(id, durable) {
        Ok((store, outcome)) => {
            info!(?outcome, "local store open");
            Some(store)
        }
        Err(cause) => {
            warn!(cause = %chain(&cause), "going on without the local store");
            None
        }
    }
}

pub(super) fn kept_cursor(store: Option<&Store>, consumer: Consumer) -> u64 {
    match store.map(|store| store.cursor(consumer.name())) {
        Some(Ok(through)) => through.unwrap_or_default(),
        Some(Err(cause)) => {
            warn!(cause = %chain(&cause), "a cursor can't be read; its mark in the ledger is taken");
            0
        }
        None => 0,
    }
}

/// The roster that the school or the platform left, or else the last good one.
fn load_roster(config: &Config) -> Option<LoadedRoster> {
    let kept = kept_roster(config);
    // So it is at most starts: to read both would take the time and the memory twice.
    if roster_file::say_the_same(&config.gateway.roster, &kept)
        && let Ok(loaded) = roster_file::load(&kept, None)
    {
        return Some(loaded);
    }
    let last_good = roster_file::load(&kept, None).ok();
    let in_force: Option<&Roster> = last_good.as_ref().map(|loaded| &*loaded.roster);
    match roster_file::load(&config.gateway.roster, in_force) {
        Ok(mut loaded) => {
            let is_new = last_good.as_ref().is_none_or(|good| good.digest != loaded.digest);
            if is_new && let Err(cause) = loaded.keep(&kept) {
                warn!(cause = %chain(&cause), "the roster is not kept for the next start");
            }
            Some(loaded)
        }
        Err(cause) => {
            tell_refused(&cause, config.gateway.language, last_good.is_some());
            last_good
        }
    }
}
