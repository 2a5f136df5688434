//! A clock that makes time up, for exercises: it starts where it is told and runs as many times faster as it is told.
//!
//! It goes on across restarts of the process from an anchor in the data folder, as a machine's clock does. Every stamp
//! says that it is simulated, so that an exercise is never taken for evidence.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use schoolgate_core::time::{BootId, ClockQuality, Mono, Stamp, Wall};

use super::Clock;

const ANCHOR_FILE: &str = "simulated-clock";

/// Time that is made up.
#[derive(Debug)]
pub struct SimulatedClock {
    zone: TimeZone,
    start: Timestamp,
    speed: u32,
    /// The moment at which made-up time began.
    anchor: Instant,
    boot: BootId,
}

/// Why the clock could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The anchor could not be read.
    #[error("the simulated clock's anchor {0} can't be read")]
    Read(PathBuf, #[source] io::Error),
    /// The anchor could not be written.
    #[error("the simulated clock's anchor {0} can't be written")]
    Write(PathBuf, #[source] io::Error),
    /// The anchor is not one.
    #[error("{0} holds {1:?}, which is no time: remove the file to begin the exercise anew")]
    Anchor(PathBuf, String),
}

impl SimulatedClock {
    /// A clock that reads `start` when it is first started in this data folder and runs `speed` times faster.
    pub fn start(zone: TimeZone, start: Timestamp, speed: u32, data_dir: &Path) -> Result<Self, StartError> {
        let began = anchor(&data_dir.join(ANCHOR_FILE))?;
        let gone_ms = Timestamp::now().as_millisecond().saturating_sub(began).max(0);
        let gone = Duration::from_millis(u64::try_from(gone_ms).unwrap_or_default());
        let now = Instant::now();
        let anchor = now.checked_sub(gone).unwrap_or(now);
        Ok(Self { zone, start, speed, anchor, boot: BootId(u64::try_from(began).unwrap_or_default()) })
    }

    fn elapsed(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.anchor).saturating_mul(self.speed)
    }
}

impl Clock for SimulatedClock {
    fn stamp(&self, at: Instant) -> Stamp {
        let gone_ms = u64::try_from(self.elapsed(at).as_millis()).unwrap_or(u64::MAX);
        let unix_ms = self.start.as_millisecond().saturating_add(i64::try_from(gone_ms).unwrap_or(i64::MAX));
        let moment = Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::MAX);
        let offset_min = i16::try_from(self.zone.to_offset(moment).seconds() / 60).unwrap_or_default();
        Stamp {
            wall: Wall::new(unix_ms, offset_min),
            boot: self.boot,
            mono: Mono(gone_ms),
            clock: ClockQuality::Simulated,
        }
    }

    fn wait_until(&self, deadline: Mono) -> Duration {
        let now = u64::try_from(self.elapsed(Instant::now()).as_millis()).unwrap_or(u64::MAX);
        deadline.since(Mono(now)).div_f64(f64::from(self.speed.max(1)))
    }
}

/// The true moment, in milliseconds since 1970, at which the exercise began; now, if it begins now.
fn anchor(file: &Path) -> Result<i64, StartError> {
    match fs::read_to_string(file) {
        Ok(text) => text.trim().parse().map_err(|_| StartError::Anchor(file.to_owned(), text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let now = Timestamp::now().as_millisecond();
            fs::write(file, now.to_string()).map_err(|cause| StartError::Write(file.to_owned(), cause))?;
            Ok(now)
        }
        Err(cause) => Err(StartError::Read(file.to_owned(), cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_time_starts_where_told_runs_faster_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let start: Timestamp = "2026-09-01T15:30:00+08:00".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        let clock = SimulatedClock::start(zone.clone(), start, 60, dir.path()).unwrap();
        let after = clock.anchor + Duration::from_secs(2);
        let stamp = clock.stamp(after);
        assert_eq!(stamp.wall.to_string(), "2026-09-01T15:32:00.000+08:00");
        assert_eq!((stamp.mono, stamp.clock), (Mono(120_000), ClockQuality::Simulated));

        let again = SimulatedClock::start(zone, start, 60, dir.path()).unwrap();
        assert_eq!(again.boot, clock.boot, "a restart of the process is not a reboot");
    }

    #[test]
    fn waiting_is_in_true_time() {
        let dir = tempfile::tempdir().unwrap();
        let clock = SimulatedClock::start(TimeZone::UTC, Timestamp::UNIX_EPOCH, 100, dir.path()).unwrap();
        let wait = clock.wait_until(Mono(1_000_000));
        assert!(wait <= Duration::from_secs(10) && wait > Duration::from_secs(5), "{wait:?}");
    }

    #[test]
    fn an_anchor_that_is_none_is_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(ANCHOR_FILE), "yesterday").unwrap();
        let error = SimulatedClock::start(TimeZone::UTC, Timestamp::UNIX_EPOCH, 1, dir.path()).unwrap_err();
        assert!(matches!(error, StartError::Anchor(..)), "{error}");
    }
}
