//! What the configuration says may go out of the ledger, once a night.
//!
//! A segment goes as a whole when the longest of its times is over; before that, single bodies go whose own time is over.
//! GB 50396-2007, 5.2.2: an access control system keeps its records for 180 days at least, and room for 1,000 of each
//! entrance. What a receiver has not acknowledged stays, whatever its age.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use schoolgate_core::{
    entry::{Entry, What},
    time::{ClockQuality, Stamp},
};
use tracing::{info, warn};

use crate::{
    chain::chain,
    clock::Clock,
    config::Retention,
    ledger::{Fate, Keep, Pruner, Record, RetentionError},
};

/// So many of the latest entries stay for each entrance, whatever their age (GB 50396-2007, 5.2.2).
pub const ENTRIES_PER_ENTRANCE: u64 = 1_000;
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

/// What went in one night.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Whole segments.
    pub segments: usize,
    /// Single bodies.
    pub bodies: usize,
    /// The first entry that is left, if segments went; else 0.
    pub first_seq: u64,
}

/// Takes out what `keep` lets go and whose time is over at `now`. Nothing, unless `now` is kept by a time source: a clock
/// that ran ahead must not empty the ledger. Blocks on the disk.
///
/// # Errors
/// [`RetentionError`]. What went before it is out.
pub fn prune(
    pruner: &Pruner,
    keep: Keep,
    rules: &Retention,
    fate: &Fate,
    now: &Stamp,
) -> Result<Pruned, RetentionError> {
    let mut pruned = Pruned::default();
    if now.clock != ClockQuality::Synchronised {
        return Ok(pruned);
    }
    let times = [rules.movements_days, rules.attendance_days, rules.machine_days];
    let (shortest, longest) = (times.into_iter().min().unwrap_or(0), times.into_iter().max().unwrap_or(0));
    let mut ages = ages(pruner, now)?;
    let retired = pruner.retire(keep, fate, |sealed| {
        let age = ages.iter().find(|(first_seq, _)| *first_seq == sealed.first_seq).and_then(|(_, age)| *age);
        age.is_some_and(|age| age > i64::from(longest))
    })?;
    (pruned.segments, pruned.first_seq) = (retired.segments, retired.first_seq);
    if shortest == longest {
        return Ok(pruned);
    }
    ages.retain(|(first_seq, age)| *first_seq >= retired.first_seq && age.is_some_and(|age| age > i64::from(shortest)));
    for (first_seq, _) in ages {
        match pruner.redact(first_seq, keep, |record| is_over(record, rules, now)) {
            Ok(bodies) => pruned.bodies += bodies,
            Err(RetentionError::Kept { .. }) => break,
            // Damage was told at the start; the segment goes when it goes as a whole.
            Err(RetentionError::Damaged(_)) => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(pruned)
}

/// How many days ago the last entry of each sealed segment was, by the segments' first numbers. One that has no body left,
/// or whose time is not known, is taken to be as old as the next.
fn ages(pruner: &Pruner, now: &Stamp) -> Result<Vec<(u64, Option<i64>)>, RetentionError> {
    let mut ages = Vec::new();
    let mut younger = None;
    for sealed in pruner.sealed()?.into_iter().rev() {
        younger = sealed.last_entry.as_ref().and_then(|record| days_old(record, now)).or(younger);
        ages.push((sealed.first_seq, younger));
    }
    ages.reverse();
    Ok(ages)
}

fn days_old(record: &Record, now: &Stamp) -> Option<i64> {
    let at = Entry::decode(&record.body).ok()?.at;
    at.clock.is_set().then(|| (now.wall.unix_ms() - at.wall.unix_ms()).div_euclid(DAY_MS))
}

fn is_over(record: &Record, rules: &Retention, now: &Stamp) -> bool {
    let Ok(entry) = Entry::decode(&record.body) else { return false };
    days_old(record, now).is_some_and(|days| days > i64::from(Group::of(&entry.what).days(rules)))
}

/// The thread that does so at night.
pub struct Nights {
    tell: SyncSender<u64>,
    thread: JoinHandle<()>,
}

impl Nights {
    /// Starts the thread. Of the latest entries, `entries` stay.
    ///
    /// # Errors
    /// What the operating system says of a thread or of the archive's folder.
    pub fn start(pruner: Pruner, rules: Retention, entries: u64, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let fate = match &rules.archive_dir {
            Some(dir) => Fate::archive_in(dir)?,
            None => Fate::Delete,
        };
        let (tell, told) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("retention".into())
            .spawn(move || watch(&pruner, &rules, &fate, entries, &*clock, &told))?;
        Ok(Self { tell, thread })
    }

    /// Every receiver has all entries through this one.
    pub fn tell(&self, acknowledged: u64) {
        let _ = self.tell.try_send(acknowledged); // while it is at work, the next time will do
    }

    /// Ends the thread, once what it is at is done.
    pub fn stop(self) {
        drop(self.tell);
        if self.thread.join().is_err() {
            warn!("the retention's thread had panicked");
        }
    }
}

fn watch(pruner: &Pruner, rules: &Retention, fate: &Fate, entries: u64, clock: &dyn Clock, told: &Receiver<u64>) {
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
            run(pruner, Keep { from: acknowledged + 1, entries }, rules, fate, &now);
        }
    }
}

fn is_night(now: &Stamp) -> bool {
    (NIGHT.0..NIGHT.1).contains(&now.wall.time_of_day().minute())
}

fn run(pruner: &Pruner, keep: Keep, rules: &Retention, fate: &Fate, now: &Stamp) {
    match prune(pruner, keep, rules, fate, now) {
        Ok(Pruned { segments: 0, bodies: 0, .. }) => info!("retention: no entry's time is over"),
        Ok(Pruned { segments, bodies, first_seq }) => {
            let archived = matches!(fate, Fate::Archive(_));
            info!(segments, bodies, first_seq, archived, "retention: took out entries whose time is over");
        }
        Err(cause) => warn!(cause = %chain(&cause), "retention: not done; it is tried again the next night"),
    }
}

#[cfg(test)]
mod tests;
