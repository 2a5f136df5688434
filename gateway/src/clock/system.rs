//! The machine's own clock.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use rustix::time::{ClockId, clock_gettime};
use schoolgate_core::time::{BootId, ClockQuality, Mono, Stamp, Wall};

use super::Clock;

/// How long an answer about the clock's quality is believed. Asking is a system call; the answer changes in minutes.
const QUALITY_HOLDS_MS: u64 = 10_000;
/// systemd-timesyncd leaves this file once the clock was synchronised in this boot.
const TIMESYNC_MARK: &str = "/run/systemd/timesync/synchronized";
/// Linux says `1` here if it set the clock from this battery-backed one at boot.
const RTC_SET_CLOCK: &str = "/sys/class/rtc/rtc0/hctosys";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The machine's clock in the school's time zone.
#[derive(Debug)]
pub struct SystemClock {
    zone: TimeZone,
    boot: BootId,
    quality: CachedQuality,
}

impl SystemClock {
    /// The machine's clock; wall time is shown in `zone`.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, boot: boot_id(), quality: CachedQuality::default() }
    }
}

impl Clock for SystemClock {
    fn stamp(&self, at: Instant) -> Stamp {
        let ago_ms = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let boot_ms = mono_ms().saturating_sub(ago_ms);
        let moment = Timestamp::now();
        let offset_min = i16::try_from(self.zone.to_offset(moment).seconds() / 60).unwrap_or_default();
        let unix_ms = moment.as_millisecond().saturating_sub(i64::try_from(ago_ms).unwrap_or(i64::MAX));
        Stamp {
            wall: Wall::new(unix_ms, offset_min),
            boot: self.boot,
            mono: Mono(boot_ms),
            clock: self.quality.at(boot_ms),
        }
    }

    fn wait_until(&self, deadline: Mono) -> Duration {
        deadline.since(Mono(mono_ms()))
    }
}

/// Milliseconds since boot, suspend included.
fn mono_ms() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let whole = u64::try_from(time.tv_sec).unwrap_or_default().saturating_mul(1_000);
    whole.saturating_add(u64::try_from(time.tv_nsec / 1_000_000).unwrap_or_default())
}

/// The first eight bytes of the kernel's boot id. A machine without one counts as ever the same boot, whose time since
/// boot then tells a restart by going back.
fn boot_id() -> BootId {
    let text = fs::read_to_string(BOOT_ID).unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    BootId(u64::from_str_radix(&digits, 16).unwrap_or_default())
}

/// The clock's quality, asked for at most every ten seconds.
#[derive(Debug, Default)]
struct CachedQuality {
    /// Milliseconds since boot until which `packed` holds.
    until_ms: AtomicU64,
    packed: AtomicU64,
}

impl CachedQuality {
    fn at(&self, boot_ms: u64) -> ClockQuality {
        if boot_ms >= self.until_ms.load(Ordering::Relaxed) {
            self.packed.store(pack(ask_kernel()), Ordering::Relaxed);
            self.until_ms.store(boot_ms + QUALITY_HOLDS_MS, Ordering::Relaxed);
        }
        unpack(self.packed.load(Ordering::Relaxed))
    }
}

const PACKED_UNSET: u64 = 1 << 32;
const PACKED_SYNCHRONISED: u64 = 2 << 32;

fn pack(quality: ClockQuality) -> u64 {
    match quality {
        ClockQuality::Synchronised => PACKED_SYNCHRONISED,
        ClockQuality::Holdover { error_ms } => u64::from(error_ms),
        ClockQuality::Unset | ClockQuality::Simulated => PACKED_UNSET,
    }
}

fn unpack(packed: u64) -> ClockQuality {
    match packed {
        PACKED_SYNCHRONISED => ClockQuality::Synchronised,
        PACKED_UNSET => ClockQuality::Unset,
        error_ms => ClockQuality::Holdover { error_ms: u32::try_from(error_ms).unwrap_or(u32::MAX) },
    }
}

/// Asks the kernel whether a time source keeps the clock. One that none keeps was set at some time in this boot if a
/// source once kept it or if it came from a battery-backed clock; a date alone proves nothing, since Linux starts from
/// the date it last wrote to disk.
fn ask_kernel() -> ClockQuality {
    let (synchronised, error_ms) = kernel_state();
    let was_set = || {
        let from_rtc = fs::read_to_string(RTC_SET_CLOCK).is_ok_and(|text| text.trim() == "1");
        from_rtc || Path::new(TIMESYNC_MARK).exists()
    };
    if synchronised {
        ClockQuality::Synchronised
    } else if was_set() {
        ClockQuality::Holdover { error_ms }
    } else {
        ClockQuality::Unset
    }
}

/// Whether the kernel counts its clock as synchronised, and the largest error that it reckons with, in milliseconds
/// (`adjtimex(2)`: state `TIME_ERROR` means not synchronised; `maxerror` is in microseconds and grows by 500 ppm).
#[expect(unsafe_code, reason = "no safe wrapper of adjtimex exists in the crates at hand; the call only reads")]
fn kernel_state() -> (bool, u32) {
    // SAFETY: `timex` is plain data for which all zeroes is a value; `modes` = 0 asks and changes nothing; the pointer
    // is to a live, exclusively borrowed local.
    let (state, answer) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex)
    };
    let synchronised = state >= 0 && state != libc::TIME_ERROR;
    (synchronised, u32::try_from(answer.maxerror / 1_000).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_follow_each_other_and_an_earlier_one_is_stamped_earlier() {
        let clock = SystemClock::new(TimeZone::UTC);
        let start = Instant::now();
        let first = clock.stamp(start);
        let second = clock.stamp(Instant::now());
        assert!(first.mono <= second.mono);
        assert_eq!(first.boot, second.boot);
        let earlier = clock.stamp(start.checked_sub(Duration::from_secs(5)).unwrap());
        let gone = second.mono.since(earlier.mono).as_millis();
        assert!((5_000..6_000).contains(&gone), "{gone}");
    }

    #[test]
    fn quality_survives_packing() {
        for quality in [
            ClockQuality::Synchronised,
            ClockQuality::Unset,
            ClockQuality::Holdover { error_ms: 0 },
            ClockQuality::Holdover { error_ms: u32::MAX },
        ] {
            assert_eq!(unpack(pack(quality)), quality);
        }
    }

    #[test]
    fn a_deadline_that_has_passed_is_not_waited_for() {
        let clock = SystemClock::new(TimeZone::UTC);
        assert_eq!(clock.wait_until(Mono(0)), Duration::ZERO);
    }
}
