//! What retention says may go out of the ledger, once a night.
//!
//! An entry's time is over when its group's days have passed and, if it is about an entrance, that entrance has had
//! [`ENTRIES_PER_ENTRANCE`] later ones. A segment goes as a whole when the time of all its entries is over; before that,
//! single bodies go. GB 50396-2007, 5.2.2: an access control system keeps its records for 180 days at least, and room for
//! 1,000 of each entrance. What a receiver has not acknowledged stays, whatever its age.

mod entrances;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use schoolgate_core::{
    entry::{Entry, What},
    id::PlaceId,
    time::{ClockQuality, Stamp},
};
use tracing::{info, warn};

use crate::{
    chain::chain,
    clock::Clock,
    config::Retention,
    ledger::{Fate, Keep, Pruner, Record, RetentionError},
};
use entrances::Latest;

/// So many of the latest entries stay for each entrance, whatever their age (GB 50396-2007, 5.2.2).
pub const ENTRIES_PER_ENTRANCE: usize = 1_000;
/// How often the time of day is looked at.
const LOOK: Duration = Duration::from_secs(600);
/// The hours of the night in which it runs, by the school's clock, in minutes since midnight: from, and before.
const NIGHT: (u16, u16) = (2 * 60, 5 * 60);
const DAY_MS: i64 = 86_400_000;

/// What kind of entry it is, to the length of time that it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Who came, went, was handed over, called for or refused; gates, alarms and musters.
    Movements,
    /// Lessons, attendance, consumption and hours.
    Attendance,
    /// The box's own: starts, readers, sensors, clocks, rosters, marks.
    Machine,
}

impl Group {
    /// The group of an entry. What is not of the others is a movement.
    pub fn of(what: &What) -> Self {
        match what {
            What::Started { .. }
            | What::Stopped { .. }
            | What::RosterAdopted { .. }
            | What::ReaderDown { .. }
            | What::ReaderUp { .. }
            | What::Delivered { .. }
            | What::SensorDown { .. }
            | What::SensorUp { .. }
            | What::ClockSet { .. }
            | What::Checkpoint { .. } => Self::Machine,
            What::SessionTaken { .. }
            | What::SessionLeft { .. }
            | What::SessionClosed { .. }
            | What::CheckedIn { .. }
            | What::CheckedOut { .. }
            | What::Attendance { .. }
            | What::Consumption { .. }
            | What::Corrected { .. }
            | What::StaffHours { .. }
            | What::Dined { .. } => Self::Attendance,
            _ => Self::Movements,
        }
    }

    fn days(self, rules: &Retention) -> u32 {
        match self {
            Self::Movements => rules.movements_days,
            Self::Attendance => rules.attendance_days,
            Self::Machine => rules.machine_days,
        }
    }
}

/// What is to be kept.
#[derive(Clone, Debug)]
pub struct Rules {
    /// For how long, and what becomes of the rest.
    pub days: Retention,
    /// The school's entrances, each of which keeps its latest entries.
    pub entrances: Vec<PlaceId>,
}

/// What went in one night.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Whole segments.
    pub segments: usize,
    /// Single bodies.
    pub bodies: usize,
    /// The first entry that is left, if segments went; else 0.
    pub first_seq: u64,
    /// No entry behind this one was touched; 0 if none was.
    pub through: u64,
}

/// Takes out what every receiver has acknowledged (all through `acknowledged`) and whose time is over at `now`. Nothing,
/// unless `now` is kept by a time source: a clock that ran ahead must not empty the ledger. Blocks on the disk.
///
/// # Errors
/// [`RetentionError`]. What went before it is out.
pub fn prune(
    pruner: &Pruner,
    acknowledged: u64,
    rules: &Rules,
    fate: &Fate,
    now: &Stamp,
) -> Result<Pruned, RetentionError> {
    let mut pruned = Pruned::default();
    if now.clock != ClockQuality::Synchronised {
        return Ok(pruned);
    }
    let times = [rules.days.movements_days, rules.days.attendance_days, rules.days.machine_days];
    let [shortest, longest] = [times.iter().min(), times.iter().max()].map(|days| days.copied().map_or(0, i64::from));
    let old: Vec<Aged> = ages(pruner, now)?.into_iter().filter(|segment| segment.days > Some(shortest)).collect();
    if old.is_empty() {
        return Ok(pruned);
    }
    let latest = Latest::of(&pruner.reader(), &rules.entrances)?;
    let unacknowledged = acknowledged.saturating_add(1);

    let keep = Keep { from: unacknowledged.min(latest.first()), entries: 0 };
    let retired = pruner.retire(keep, fate, |sealed| {
        old.iter().any(|segment| segment.first_seq == sealed.first_seq && segment.days > Some(longest))
    })?;
    (pruned.segments, pruned.first_seq) = (retired.segments, retired.first_seq);
    pruned.through = retired.first_seq.saturating_sub(1);

    let keep = Keep { from: unacknowledged, entries: 0 };
    for Aged { first_seq, last_seq, .. } in old.into_iter().filter(|segment| segment.first_seq >= retired.first_seq) {
        match pruner.redact(first_seq, keep, |record| is_over(record, rules, &latest, now)) {
            Ok(0) => {}
            Ok(bodies) => {
                pruned.bodies += bodies;
                pruned.through = last_seq;
            }
            Err(RetentionError::Kept { .. }) => break,
            // Damage was told at the start; the segment goes when it goes as a whole.
            Err(RetentionError::Damaged(_)) => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(pruned)
}

/// A sealed segment.
struct Aged {
    first_seq: u64,
    last_seq: u64,
    /// How many days ago its last entry was. One that has no body left, or whose time is not known, is taken to be as old
    /// as the next.
    days: Option<i64>,
}

fn ages(pruner: &Pruner, now: &Stamp) -> Result<Vec<Aged>, RetentionError> {
    let mut ages = Vec::new();
    let mut days = None;
    for sealed in pruner.sealed()?.into_iter().rev() {
        days = sealed.last_entry.as_ref().and_then(|record| days_old(record, now)).or(days);
        ages.push(Aged { first_seq: sealed.first_seq, last_seq: sealed.last_seq, days });
    }
    ages.reverse();
    Ok(ages)
}

fn days_old(record: &Record, now: &Stamp) -> Option<i64> {
    let at = Entry::decode(&record.body).ok()?.at;
    at.clock.is_set().then(|| (now.wall.unix_ms() - at.wall.unix_ms()).div_euclid(DAY_MS))
}

fn is_over(record: &Record, rules: &Rules, latest: &Latest, now: &Stamp) -> bool {
    let Ok(entry) = Entry::decode(&record.body) else { return false };
    let days = i64::from(Group::of(&entry.what).days(&rules.days));
    days_old(record, now).is_some_and(|old| old > days) && !latest.holds(&entry)
}

/// The thread that does so at night.
pub struct Nights {
    tell: SyncSender<u64>,
    pruned_through: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Nights {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the operating system says of a thread or of the archive's folder.
    pub fn start(pruner: Pruner, rules: Rules, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let fate = match &rules.days.archive_dir {
            Some(dir) => Fate::archive_in(dir)?,
            None => Fate::Delete,
        };
        let (tell, told) = sync_channel(1);
        let pruned_through = Arc::default();
        let night = Night { pruner, rules, fate, pruned_through: Arc::clone(&pruned_through) };
        let thread = thread::Builder::new().name("retention".into()).spawn(move || watch(&night, &*clock, &told))?;
        Ok(Self { tell, pruned_through, thread })
    }

    /// Every receiver has all entries through this one.
    pub fn tell(&self, acknowledged: u64) {
        let _ = self.tell.try_send(acknowledged); // while it is at work, the next time will do
    }

    /// No entry behind this one was touched since the start.
    pub fn pruned_through(&self) -> u64 {
        self.pruned_through.load(Ordering::Acquire)
    }

    /// Ends the thread, once what it is at is done.
    pub fn stop(self) {
        drop(self.tell);
        if self.thread.join().is_err() {
            warn!("the retention's thread had panicked");
        }
    }
}

/// What a night works with.
struct Night {
    pruner: Pruner,
    rules: Rules,
    fate: Fate,
    pruned_through: Arc<AtomicU64>,
}

fn watch(night: &Night, clock: &dyn Clock, told: &Receiver<u64>) {
    // Disk and processor first to everything that a tap waits for; without the right to do so it runs as it is.
    let _ = rustix::process::setpriority_process(None, 10);
    let (mut acknowledged, mut done, mut looked) = (0, None, None::<Instant>);
    loop {
        match told.recv_timeout(LOOK) {
            Ok(through) => acknowledged = through,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            continue;
        }
        looked = Some(Instant::now());
        let now = clock.stamp(Instant::now());
        if is_night(&now) && done != Some(now.wall.day()) {
            done = Some(now.wall.day());
            night.run(acknowledged, &now);
        }
    }
}

fn is_night(now: &Stamp) -> bool {
    (NIGHT.0..NIGHT.1).contains(&now.wall.time_of_day().minute())
}

impl Night {
    fn run(&self, acknowledged: u64, now: &Stamp) {
        match prune(&self.pruner, acknowledged, &self.rules, &self.fate, now) {
            Ok(Pruned { segments: 0, bodies: 0, .. }) => info!("retention: no entry's time is over"),
            Ok(Pruned { segments, bodies, first_seq, through }) => {
                self.pruned_through.fetch_max(through, Ordering::AcqRel);
                let archived = matches!(self.fate, Fate::Archive(_));
                info!(segments, bodies, first_seq, archived, "retention: took out entries whose time is over");
            }
            Err(cause) => warn!(cause = %chain(&cause), "retention: not done; it is tried again the next night"),
        }
    }
}

#[cfg(test)]
mod tests;
