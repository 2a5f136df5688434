//! Prepares the next segment ahead of time, on a thread of its own.
//!
//! A file that has only been allocated makes every `fdatasync` after a write commit metadata too
//! (its extents turn from unwritten to written), which takes about twice as long. Writing zeros
//! first costs that once. So the beginning of a segment is written with zeros here, and the writer
//! writes more of them ahead of itself while groups are small.

use super::layout::{SPARE_NAME, segment_name};
use super::medium::{Medium, MediumFile, write_zeros};
use super::walk::Walk;
use super::{Shared, lock};
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Default)]
struct State {
    ready: Option<Arc<dyn MediumFile>>,
    wanted: bool,
    /// Whether the wanted one may be what an earlier process prepared.
    may_be_found: bool,
    /// First record of the segment that was started in the spare file and wants its own name.
    rename_to: Option<u64>,
    failing: Option<Arc<str>>,
    /// The ledger is closing: a failure is final for whoever waits.
    giving_up: bool,
    stop: bool,
}

enum Job {
    Rename(u64),
    Prepare,
}

/// The segment that is ready for when the current one is full or fails.
pub(super) struct Spare {
    state: Mutex<State>,
    changed: Condvar,
    segment_bytes: u64,
    retry_min: Duration,
    retry_max: Duration,
}

impl Spare {
    /// `rename_to`: the segment found under the spare's name that could not get its own yet. Until
    /// it has, no other may be prepared in its place.
    pub(super) fn new(
        segment_bytes: u64,
        (retry_min, retry_max): (Duration, Duration),
        rename_to: Option<u64>,
    ) -> Self {
        let state = Mutex::new(State { wanted: true, may_be_found: true, rename_to, ..State::default() });
        Self { state, changed: Condvar::new(), segment_bytes, retry_min, retry_max }
    }

    /// Length of a prepared segment in bytes.
    pub(super) fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    /// Waits for the spare segment. Tells `stalled` why it takes long; gives up with that reason
    /// when the ledger is closing.
    pub(super) fn take(&self, stalled: impl Fn(&Arc<str>)) -> Result<Arc<dyn MediumFile>, Arc<str>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(file) = state.ready.take() {
                return Ok(file);
            }
            if let Some(why) = &state.failing {
                stalled(why);
                if state.giving_up {
                    return Err(Arc::clone(why));
                }
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The segment taken holds durable records from `first_seq`: name it so, and prepare another.
    pub(super) fn started(&self, first_seq: u64) {
        let mut state = lock(&self.state);
        state.rename_to = Some(first_seq);
        state.wanted = true;
        self.changed.notify_all();
    }

    /// The segment taken failed: prepare it anew.
    pub(super) fn spoiled(&self) {
        let mut state = lock(&self.state);
        (state.wanted, state.may_be_found) = (true, false);
        self.changed.notify_all();
    }

    /// From now on nobody waits for a failing disk.
    pub(super) fn give_up(&self) {
        lock(&self.state).giving_up = true;
        self.changed.notify_all();
    }

    /// Whether all names in the folder are as they should be, durably.
    pub(super) fn is_settled(&self) -> bool {
        let state = lock(&self.state);
        state.rename_to.is_none() && state.failing.is_none()
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        lock(&self.state).stop = true;
        self.changed.notify_all();
    }

    /// The preparing thread.
    pub(super) fn run(&self, shared: &Shared) {
        let mut wait = self.retry_min;
        while let Some(job) = self.next_job() {
            let result = self.perform(&job, &*shared.medium);
            let failing = result.err().map(|error| Arc::from(error.to_string()));
            shared.durable.send_if_modified(|durable| {
                let changed = durable.unprepared != failing;
                durable.unprepared.clone_from(&failing);
                changed
            });
            let failed = failing.is_some();
            let mut state = lock(&self.state);
            state.failing = failing;
            self.changed.notify_all();
            if !failed {
                wait = self.retry_min;
                continue;
            }
            if state.stop {
                return;
            }
            drop(self.changed.wait_timeout_while(state, wait, |state| !state.stop));
            wait = (wait * 2).min(self.retry_max);
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        loop {
            match state.rename_to {
                Some(first_seq) => return Some(Job::Rename(first_seq)),
                None if state.stop => return None,
                None if state.wanted => return Some(Job::Prepare),
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn perform(&self, job: &Job, medium: &dyn Medium) -> io::Result<()> {
        match job {
            Job::Rename(first_seq) => {
                medium.rename(SPARE_NAME, &segment_name(*first_seq))?;
                medium.sync_dir()?;
                lock(&self.state).rename_to = None;
            }
            Job::Prepare => {
                let may_be_found = lock(&self.state).may_be_found;
                let found = if may_be_found { blank(medium, self.segment_bytes) } else { None };
                let file = prepare(medium, found, self.segment_bytes)?;
                let mut state = lock(&self.state);
                state.ready = Some(file);
                state.wanted = false;
            }
        }
        Ok(())
    }
}

/// Where small groups will go, zeros are written a block at a time: of pages that the system holds as one, it counts all as
/// written whenever a part is.
pub(super) const BLOCK_LEN: usize = 4096;

/// How many zeros are written ahead of small groups in a segment of that length.
pub(super) fn zeros_ahead(segment_bytes: u64) -> u64 {
    (segment_bytes / 32).next_multiple_of(4096).min(segment_bytes)
}

/// A file under the spare name, with room for a segment, the beginning of it written with zeros, all durable: the one that
/// was `found`, or a new one.
pub(super) fn prepare(
    medium: &dyn Medium,
    found: Option<Arc<dyn MediumFile>>,
    segment_bytes: u64,
) -> io::Result<Arc<dyn MediumFile>> {
    let file = match found {
        Some(file) => file,
        None => {
            let file = medium.create(SPARE_NAME)?;
            file.allocate(segment_bytes)?;
            write_zeros(&*file, 0, zeros_ahead(segment_bytes), BLOCK_LEN)?;
            file
        }
    };
    file.sync_data()?;
    medium.sync_dir()?;
    Ok(file)
}

/// What an earlier process has prepared, if nothing was written to it.
fn blank(medium: &dyn Medium, segment_bytes: u64) -> Option<Arc<dyn MediumFile>> {
    let file = medium.open(SPARE_NAME, true).ok()?;
    let mut walk = Walk::new(Arc::clone(&file), 0).ok()?;
    walk.read_exactly();
    let is_blank = file.size().ok()? == segment_bytes && walk.first_written_from(0).is_none();
    is_blank.then_some(file)
}
