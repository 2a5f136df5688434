//! `schoolgate run`: puts the parts together, lets them work, and takes them down in good order.

mod parts;
mod start;

use std::{panic::resume_unwind, sync::Arc, time::Duration};

use schoolgate_core::{entry::Consumer, roster::Roster, school::Input, text::Lang};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tracing::{error, info, warn};

use crate::{
    config::{Config, Loaded},
    keeper::{Keeper, Progress},
    ledger::Durable,
    memory,
    readers::ReaderEvent,
    roster_file::{self, LoadedRoster, RosterError},
    shell::Shell,
};
use parts::{LinesAlive, NotifyPart, Readers, SyncPart};

pub use start::StartError;

/// Room for events of all readers that wait for the core.
const READER_EVENTS: usize = 1_024;
/// Events taken in one go, before the disk and the timers get their turn.
const EVENTS_AT_ONCE: usize = 64;
/// How often the platform's client hears of new entries, cursors are kept and marks considered. GB 50396-2007, 5.1.2, gives
/// an event 5 s to the centre.
const HOUSEKEEPING: Duration = Duration::from_millis(500);
/// How long the last entries may take to reach the disk at the stop.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);
/// How long the network's parts may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Runs the gateway until it is told to stop (SIGTERM, SIGINT). SIGHUP reads the roster again.
pub fn run(loaded: Loaded) -> Result<(), StartError> {
    memory::keep_small();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Runtime)?;
    runtime.block_on(async {
        let gateway = Gateway::start(loaded)?;
        memory::give_back(); // what the roster's document took
        // As a task: waking what `block_on` itself waits for costs two system calls each time, waking a task none.
        match tokio::spawn(gateway.work()).await {
            Err(ended) if ended.is_panic() => resume_unwind(ended.into_panic()),
            Ok(()) | Err(_) => Ok(()),
        }
    })
}

/// Everything that runs.
struct Gateway {
    config: Config,
    shell: Shell,
    durable: watch::Receiver<Durable>,
    readers: Readers,
    events: mpsc::Receiver<ReaderEvent>,
    /// Keeps the queue open, also when no reader is configured.
    _event_sender: mpsc::Sender<ReaderEvent>,
    roster: watch::Sender<Arc<Roster>>,
    notify: Option<NotifyPart>,
    sync: Option<SyncPart>,
    keeper: Keeper,
    told: Progress,
    /// How far the ledger was when the keeper last heard of it.
    kept_through: u64,
    signals: Signals,
    _lines_alive: LinesAlive,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

impl Gateway {
    async fn work(mut self) {
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE);
        let mut housekeeping = interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (reloaded, mut reload) = mpsc::channel(1);
        loop {
            let wakeup = self.shell.next_wakeup(now()).map(Instant::from_std);
            tokio::select! {
                biased;
                _ = self.signals.terminate.recv() => break,
                _ = self.signals.interrupt.recv() => break,
                Ok(()) = self.durable.changed() => {
                    let through = self.durable.borrow_and_update().through;
                    self.shell.on_durable(now(), through);
                }
                n = self.events.recv_many(&mut events, EVENTS_AT_ONCE) => {
                    debug_assert!(n > 0, "the readers' sender lives as long as the gateway");
                    events.drain(..).for_each(|event| self.shell.on_reader(now(), event));
                }
                () = sleep_until(wakeup.unwrap_or_else(Instant::now)), if wakeup.is_some() => self.shell.on_time(now()),
                _ = housekeeping.tick() => self.housekeep(),
                _ = self.signals.hang_up.recv() => self.reload(reloaded.clone()),
                Some(roster) = reload.recv() => self.adopt(roster),
            }
        }
        self.stop(events).await;
    }

    /// Cursors into the store, what the receivers have acknowledged into the core, and news to the platform's client.
    fn housekeep(&mut self) {
        let through = self.durable.borrow().through;
        if let Some(sync) = &self.sync {
            sync.tell_durable(through);
        }
        let progress = self.progress();
        if progress.notify > self.told.notify {
            self.shell.on_delivered(now(), Consumer::Notify, progress.notify);
        }
        if progress.sync > self.told.sync {
            self.shell.on_delivered(now(), Consumer::Sync, progress.sync);
        }
        if progress != self.told || through != self.kept_through {
            (self.told, self.kept_through) = (progress, through);
            self.keeper.update(progress);
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            notify: self.notify.as_ref().map_or(self.told.notify, NotifyPart::confirmed),
            sync: self.sync.as_ref().map_or(self.told.sync, SyncPart::acknowledged),
        }
    }

    /// Reads the roster on a thread of its own: a large one takes a while.
    fn reload(&self, reloaded: mpsc::Sender<Result<LoadedRoster, RosterError>>) {
        info!("reading the roster again");
        let path = self.config.gateway.roster.clone();
        let in_force = Arc::clone(self.shell.school().roster());
        tokio::task::spawn_blocking(move || {
            let _ = reloaded.blocking_send(roster_file::load(&path, Some(&in_force)));
        });
    }

    fn adopt(&mut self, roster: Result<LoadedRoster, RosterError>) {
        match roster {
            Ok(loaded) => {
                let kept = start::kept_roster(&self.config);
                if let Err(cause) = roster_file::keep(&self.config.gateway.roster, &kept) {
                    warn!(cause = %start::chain(&cause), "the new roster is in force but is not kept for the next start");
                }
                info!(version = loaded.roster.version, students = loaded.roster.student_count(), "roster adopted");
                self.roster.send_replace(Arc::clone(&loaded.roster));
                self.shell.input(now(), Input::Roster { roster: loaded.roster, digest: loaded.digest });
                memory::give_back();
            }
            Err(cause) => tell_refused(&cause, self.config.gateway.language),
        }
    }

    /// Readers closed, entries flushed, receivers told, cursors kept: in this order, each with a bound.
    async fn stop(mut self, mut events: Vec<ReaderEvent>) {
        info!("stopping");
        self.readers.stop().await;
        while let Ok(event) = self.events.try_recv() {
            events.push(event);
        }
        events.drain(..).for_each(|event| self.shell.on_reader(now(), event));
        self.housekeep();
        self.shell.input(now(), Input::Stopping);
        self.flush().await;

        if let Some(notify) = self.notify.as_mut() {
            notify.stop().await;
        }
        let progress = self.progress();
        if let Some(sync) = self.sync.take() {
            let stopped = tokio::task::spawn_blocking(move || sync.stop());
            if timeout(STOP_PATIENCE, stopped).await.is_err() {
                warn!("the platform's connection does not end; left to itself");
            }
        }
        self.keeper.stop(progress);
        match self.shell.close(now()) {
            Ok(()) => info!("stopped"),
            Err(cause) => error!(cause = %start::chain(&cause), "stopped, but not everything is on disk"),
        }
    }

    async fn flush(&mut self) {
        let last = self.shell.school().state().last().0;
        let flushed = timeout(FLUSH_PATIENCE, self.durable.wait_for(|durable| durable.through >= last));
        match flushed.await {
            Ok(_) => self.shell.on_durable(now(), last),
            Err(_) => warn!("the last entries are not on disk yet"),
        }
    }
}

/// The one place at which the shell's moments are taken.
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn tell_refused(cause: &RosterError, lang: Lang) {
    error!(cause = %start::chain(cause), "the roster was refused; the last good one stays in force");
    if let RosterError::Faults(_, faults) = cause {
        faults.iter().for_each(|fault| error!("{}", fault.render(lang)));
    }
}
