//! A clock that lies, as a Pi's does: unset after a boot, set late, jumping, wrong by minutes.

use schoolgate_core::time::{BootId, ClockQuality, Mono, Stamp, Wall};

/// Midnight on the school's wall at the start of the first day, in milliseconds since 1970.
const FIRST_MIDNIGHT: i64 = 1_788_192_000_000; // 2026-09-01T00:00:00+08:00
const OFFSET_MIN: i16 = 480;

/// What the box believes of time, beside the true time in milliseconds since the first midnight.
#[derive(Clone, Debug)]
pub struct Clock {
    boot: u64,
    booted: i64,
    error_ms: i64,
    quality: ClockQuality,
}

impl Clock {
    pub fn new(booted: i64, quality: ClockQuality) -> Self {
        Self { boot: 1, booted, error_ms: 0, quality }
    }

    pub fn stamp(&self, now: i64) -> Stamp {
        let since_boot = now - self.booted;
        let unix_ms = match self.quality {
            ClockQuality::Unset => since_boot + 5_000,
            _ => FIRST_MIDNIGHT + now + self.error_ms,
        };
        Stamp {
            wall: Wall::new(unix_ms, OFFSET_MIN),
            boot: BootId(self.boot),
            mono: Mono(u64::try_from(since_boot).unwrap()),
            clock: self.quality,
        }
    }

    /// The true time at which this boot's own time will be that.
    pub fn when(&self, mono: Mono) -> i64 {
        self.booted.saturating_add(i64::try_from(mono.0).unwrap_or(i64::MAX))
    }

    pub fn reboot(&mut self, now: i64, quality: ClockQuality) {
        *self = Self { boot: self.boot + 1, booted: now, error_ms: 0, quality };
    }

    pub fn set(&mut self, error_ms: i64, quality: ClockQuality) {
        (self.error_ms, self.quality) = (error_ms, quality);
    }

    /// Whether what it shows is true to the minute.
    pub fn is_right(&self) -> bool {
        self.quality.is_set() && self.error_ms.abs() < 1_000
    }
}
