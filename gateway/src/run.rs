//! `schoolgate run`: puts the parts together, lets them work, and takes them down in good order.

mod health;
mod lines;
mod parts;
mod replay;
mod salts;
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
    chain::chain,
    config::{Config, Loaded},
    evidence::Checkpointer,
    keeper::{Keeper, Progress},
    ledger::Durable,
    memory,
    notify::SameState,
    readers::ReaderEvent,
    retention::Nights,
    roster_file::{self, LoadedRoster, RosterError},
    shell::Shell,
    snapshot::Folded,
};
use health::{HealthDesk, Outside};
use lines::Lines;
use parts::{NotifyPart, Readers, SyncPart};

pub use lines::GUARD_COMMAND;
pub use replay::ReplayError;
pub use start::StartError;

/// Room for events of all readers that wait for the core.
const READER_EVENTS: usize = 1_024;
/// Events taken in one go, before the disk and the timers get their turn.
const EVENTS_AT_ONCE: usize = 64;
/// How often the platform's client hears of new entries, cursors are kept and marks considered. GB 50396-2007, 5.1.2, gives
/// an event 5 s to the centre.
const HOUSEKEEPING: Duration = Duration::from_millis(500);
/// How often the store is brought up to date. Nothing waits for it, and it costs as much for one entry as for many.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// After so many entries, what is so is written down for the next start: about three a school day. A crash costs the folding
/// of no more than these.
const SNAPSHOT_EVERY: u64 = 2_000;
/// After so many entries, the state is shared with the notifications' feed anew: a copy takes a quarter of a millisecond for
/// 5,000 students, and what each entry changed is held twice until then.
const SHARE_EVERY: u64 = 256;
/// How long the last entries may take to reach the disk at the stop.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);
/// How long the last entries may take to reach the broker and the platform at the stop.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(2);
/// How long the network's parts may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Why the gateway ended though nobody had asked it to. Whoever starts it should start it again; nothing is lost by it.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A part that should run for ever has ended.
    #[error("{0} has ended by itself")]
    PartEnded(&'static str),
    /// The ledger takes no entries any more.
    #[error("nothing can be recorded any more: {0}")]
    Broken(String),
}

/// Runs the gateway until it is told to stop (SIGTERM, SIGINT). SIGHUP reads the roster again.
pub fn run(loaded: Loaded) -> Result<(), RunError> {
    memory::keep_small();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Runtime)?;
    let ended = runtime.block_on(async {
        let gateway = Gateway::start(loaded)?;
        memory::give_back(); // what the roster's document took
        // As a task: waking what `block_on` itself waits for costs two system calls each time, waking a task none.
        match tokio::spawn(gateway.work()).await {
            Ok(ended) => ended,
            Err(ended) if ended.is_panic() => resume_unwind(ended.into_panic()),
            Err(_) => Ok(()),
        }
    });
    runtime.shutdown_background(); // what hangs on the network or the disk must not hold up the end
    ended
}

/// Everything that runs.
struct Gateway {
    config: Config,
    shell: Shell,
    durable: watch::Receiver<Durable>,
    /// What is durable, told on once the lamps have been lit: so the ledger's writer wakes one thread, once.
    lamps_lit: watch::Sender<Durable>,
    readers: Readers,
    events: mpsc::Receiver<ReaderEvent>,
    /// Keeps the queue open, also when no reader is configured.
    _event_sender: mpsc::Sender<ReaderEvent>,
    roster: watch::Sender<Arc<Roster>>,
    notify: Option<NotifyPart>,
    sync: Option<SyncPart>,
    /// Where the state is left for the notifications' feed, and the entry at which it last was.
    same_state: SameState,
    shared_at: u64,
    health: HealthDesk,
    keeper: Keeper,
    retention: Option<Nights>,
    /// None without a signing key.
    checkpointer: Option<Checkpointer>,
    told: Progress,
    /// What the keeper last heard.
    kept: Progress,
    /// What was last told of the disk.
    disk_trouble: Option<Arc<str>>,
    /// How far the ledger was when the keeper last heard of it.
    kept_through: u64,
    /// The entry at which the keeper was last given the state to write down.
    snapshot_at: u64,
    /// When the keeper is to hear next.
    keep_at: std::time::Instant,
    signals: Signals,
    lines: Lines,
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
    /// Works until it is told to stop, or can't go on; takes itself down in good order either way.
    async fn work(mut self) -> Result<(), RunError> {
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE);
        let mut housekeeping = interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (reloaded, mut reload) = mpsc::channel(1);
        let ended = loop {
            if let Some(why) = self.shell.broken() {
                break Err(RunError::Broken(why.to_owned()));
            }
            let wakeup = self.shell.next_wakeup(now()).map(Instant::from_std);
            tokio::select! {
                biased;
                _ = self.signals.terminate.recv() => break Ok(()),
                _ = self.signals.interrupt.recv() => break Ok(()),
                changed = self.durable.changed() => {
                    if changed.is_err() {
                        break Err(RunError::PartEnded("the ledger's writer"));
                    }
                    self.on_durable();
                }
                // Before the readers: however many cards there are, a fire alarm does not wait.
                event = self.lines.next() => self.shell.on_sensor(now(), event),
                n = self.events.recv_many(&mut events, EVENTS_AT_ONCE) => {
                    debug_assert!(n > 0, "the readers' sender lives as long as the gateway");
                    events.drain(..).for_each(|event| self.shell.on_reader(now(), event));
                }
                () = sleep_until(wakeup.unwrap_or_else(Instant::now)), if wakeup.is_some() => self.shell.on_time(now()),
                () = self.readers.ended() => break Err(RunError::PartEnded("a reader's task")),
                answer = NotifyPart::next_answer(self.notify.as_mut()) => self.shell.on_answer(now(), answer),
                _ = housekeeping.tick() => {
                    self.housekeep();
                    if self.notify.as_ref().is_some_and(NotifyPart::has_ended) {
                        break Err(RunError::PartEnded("the notifications' task"));
                    }
                }
                _ = self.signals.hang_up.recv() => self.reload(reloaded.clone()),
                Some(roster) = reload.recv() => self.adopt(roster),
            }
        };
        if let Err(why) = &ended {
            error!("{why}; stopping, to be started anew");
        }
        self.stop(events).await;
        ended
    }

    /// Lamps first, messages after.
    fn on_durable(&mut self) {
        let durable = self.durable.borrow_and_update().clone();
        self.shell.on_durable(now(), durable.through);
        self.lamps_lit.send_replace(durable);
    }

    /// Cursors into the store, what the receivers have acknowledged into the core, and news to the platform's client.
    fn housekeep(&mut self) {
        let through = self.durable.borrow().through;
        self.shell.on_time(now()); // the clock may have been set
        self.tell_disk();
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
        if let Some(news) = self.sync.as_mut().and_then(SyncPart::news) {
            if news.reachable {
                self.shell.input(now(), Input::PlatformReached);
            }
            if news.refused_code().is_some() {
                self.shell.input(now(), Input::PlatformRefuses);
            }
        }
        let moment = self.shell.moment(now());
        let outside = Outside {
            durable: through,
            notify: self.notify.as_ref(),
            sync: self.sync.as_ref(),
            unrecorded_taps: self.shell.unrecorded_taps(),
        };
        self.health.look(now(), &moment, self.shell.school(), &outside);
        self.share_state(through);
        let is_news = progress != self.kept || through != self.kept_through;
        self.told = progress;
        if is_news && now() >= self.keep_at {
            if let Some(retention) = &self.retention {
                retention.tell(self.acknowledged(progress));
            }
            (self.kept, self.kept_through) = (progress, through);
            self.keep_at = now() + KEEP_EVERY;
            let state = self.snapshot_due(through);
            let snapshot_at = state.as_ref().map(|state| state.seq);
            if self.keeper.update(progress, state) {
                self.snapshot_at = snapshot_at.unwrap_or(self.snapshot_at);
            }
        }
        self.checkpoint(false);
        self.lines.keep_guard();
    }

    fn checkpoint(&mut self, at_the_end: bool) {
        if let Some(checkpointer) = &mut self.checkpointer {
            self.shell.checkpoint(now(), checkpointer, at_the_end);
        }
    }

    /// Every receiver that is configured has all entries through this one.
    fn acknowledged(&self, progress: Progress) -> u64 {
        let notify = self.config.mqtt.as_ref().map_or(u64::MAX, |_| progress.notify);
        let sync = self.config.platform.as_ref().map_or(u64::MAX, |_| progress.sync);
        notify.min(sync).min(self.durable.borrow().through)
    }

    /// What is so now, if enough has happened since it was last written down and all of it is on disk: so not amid taps.
    fn snapshot_due(&self, through: u64) -> Option<Folded> {
        let state = self.shell.school().state();
        let is_due = state.last().0 == through && through.saturating_sub(self.snapshot_at) >= SNAPSHOT_EVERY;
        if is_due { Folded::of(state) } else { None }
    }

    /// Leaves the state for the notifications' feed, if enough has happened and all of it is on disk.
    fn share_state(&mut self, through: u64) {
        let state = self.shell.school().state();
        if self.notify.is_some() && state.last().0 == through && through.saturating_sub(self.shared_at) >= SHARE_EVERY {
            self.same_state.leave(state.clone());
            self.shared_at = through;
        }
    }

    /// Tells the log when the disk begins or ceases to take entries; the ledger can't tell that while it is so.
    fn tell_disk(&mut self) {
        let trouble = {
            let durable = self.durable.borrow();
            durable.stalled.clone().or_else(|| durable.unprepared.clone())
        };
        if trouble != self.disk_trouble {
            match &trouble {
                Some(why) => error!(%why, "the disk does not take entries; they wait in memory"),
                None => info!("the disk takes entries again"),
            }
            self.disk_trouble = trouble;
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            notify: self.notify.as_ref().map_or(self.told.notify, NotifyPart::confirmed),
            sync: self.sync.as_ref().map_or(self.told.sync, SyncPart::acknowledged),
            pruned: self.retention.as_ref().map_or(0, Nights::pruned_through),
        }
    }

    /// Reads the roster on a thread of its own: a large one takes a while.
    fn reload(&self, reloaded: mpsc::Sender<Result<LoadedRoster, RosterError>>) {
        info!("reading the roster again");
        let (path, kept) = (self.config.gateway.roster.clone(), start::kept_roster(&self.config));
        let in_force = Arc::clone(self.shell.school().roster());
        tokio::task::spawn_blocking(move || {
            let mut roster = roster_file::load(&path, Some(&in_force));
            if let Ok(loaded) = &mut roster
                && let Err(cause) = loaded.keep(&kept)
            {
                warn!(cause = %chain(&cause), "the new roster is not kept for the next start");
            }
            let _ = reloaded.blocking_send(roster);
        });
    }

    fn adopt(&mut self, roster: Result<LoadedRoster, RosterError>) {
        match roster {
            Ok(loaded) => {
                info!(version = loaded.roster.version, students = loaded.roster.student_count(), "roster adopted");
                roster_file::warn_of_places(&loaded.roster, self.shell.school().site());
                let is_same = self.shell.school().state().roster_digest() == Some(loaded.digest.as_str());
                self.shell.input(now(), Input::Roster { roster: loaded.roster, digest: loaded.digest });
                if is_same {
                    self.shell.input(now(), Input::RosterConfirmed);
                }
                // As the school has it: with those who were dropped and are still on campus.
                self.roster.send_replace(Arc::clone(self.shell.school().roster()));
                memory::give_back();
            }
            Err(cause) => {
                let has_last_good = !self.shell.school().roster().version.is_empty();
                tell_refused(&cause, self.config.gateway.language, has_last_good);
            }
        }
    }

    /// Readers closed, entries flushed, the ledger signed, receivers told, cursors kept: in this order, each with a bound.
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
        self.checkpoint(true); // covers the stop itself, which is durable now
        self.flush().await;
        self.deliver_last().await;

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
        if let Some(retention) = self.retention.take() {
            let stopped = tokio::task::spawn_blocking(move || retention.stop());
            if timeout(STOP_PATIENCE, stopped).await.is_err() {
                warn!("retention does not end; left to itself"); // as a power cut would leave it
            }
        }
        let state = Folded::of(self.shell.school().state());
        let closed = self.shell.close(now());
        self.lines.dismiss_guard();
        self.keeper.stop(progress, state);
        match closed {
            Ok(()) => info!("stopped"),
            Err(cause) => error!(cause = %chain(&cause), "stopped, but not everything is on disk"),
        }
    }

    /// The last entries go out now if they can; else they do after the next start.
    async fn deliver_last(&mut self) {
        let last = self.shell.school().state().last().0;
        if let Some(sync) = &self.sync {
            sync.tell_durable(last);
        }
        let (notify, sync) = (&mut self.notify, &mut self.sync);
        let notified = async {
            if let Some(notify) = notify {
                notify.caught_up(last).await;
            }
        };
        let synced = async {
            if let Some(sync) = sync {
                sync.caught_up(last).await;
            }
        };
        if timeout(DELIVERY_PATIENCE, async { tokio::join!(notified, synced) }).await.is_err() {
            info!("the last entries go out after the next start");
        }
    }

    async fn flush(&mut self) {
        let last = self.shell.school().state().last().0;
        let flushed = timeout(FLUSH_PATIENCE, self.durable.wait_for(|durable| durable.through >= last)).await.map(drop);
        match flushed {
            Ok(()) => self.on_durable(),
            Err(_) => warn!("the last entries are not on disk yet"),
        }
    }
}

/// The one place at which the shell's moments are taken.
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn tell_refused(cause: &RosterError, lang: Lang, has_last_good: bool) {
    let then = if has_last_good { "the last good one stays in force" } else { "there is none: no card is known" };
    error!(cause = %chain(cause), "the roster was refused; {then}");
    if let RosterError::Faults(_, faults) = cause {
        faults.iter().for_each(|fault| error!("{}", fault.render(lang)));
    }
}
