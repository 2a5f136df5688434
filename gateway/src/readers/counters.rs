//! What went over a reader's line, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::rdm6300::Fault;

/// Totals of one reader since the process started, for metrics: written by the reader's task, read by anyone.
#[derive(Debug, Default)]
pub struct ReaderCounters {
    frames: AtomicU64,
    presentations: AtomicU64,
    bad_checksum: AtomicU64,
    not_hex: AtomicU64,
    cut_short: AtomicU64,
    no_end: AtomicU64,
    garbage_bytes: AtomicU64,
    openings: AtomicU64,
    queue_full: AtomicU64,
}

/// Faults by kind, in a time or in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Whole frames whose checksum was wrong.
    pub bad_checksum: u64,
    /// Frames with a byte that is no digit.
    pub not_hex: u64,
    /// Frames that ended too early.
    pub cut_short: u64,
    /// Frames that did not end.
    pub no_end: u64,
    /// Bytes outside any frame.
    pub garbage_bytes: u64,
}

impl FaultCounts {
    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn add(&mut self, fault: Fault) {
        match fault {
            Fault::BadChecksum => self.bad_checksum += 1,
            Fault::NotHex => self.not_hex += 1,
            Fault::CutShort => self.cut_short += 1,
            Fault::NoEnd => self.no_end += 1,
            Fault::Garbage(bytes) => self.garbage_bytes += u64::from(bytes),
        }
    }
}

impl ReaderCounters {
    /// Sound frames, repeats included.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Cards presented.
    pub fn presentations(&self) -> u64 {
        self.presentations.load(Ordering::Relaxed)
    }

    /// Faults by kind.
    pub fn faults(&self) -> FaultCounts {
        FaultCounts {
            bad_checksum: self.bad_checksum.load(Ordering::Relaxed),
            not_hex: self.not_hex.load(Ordering::Relaxed),
            cut_short: self.cut_short.load(Ordering::Relaxed),
            no_end: self.no_end.load(Ordering::Relaxed),
            garbage_bytes: self.garbage_bytes.load(Ordering::Relaxed),
        }
    }

    /// Times the port was opened again after the first.
    pub fn reopenings(&self) -> u64 {
        self.openings.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// Times an event had to wait because the shell's queue was full.
    pub fn queue_full(&self) -> u64 {
        self.queue_full.load(Ordering::Relaxed)
    }

    pub(super) fn add_frame(&self) {
        self.frames.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_presentation(&self) {
        self.presentations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_opening(&self) {
        self.openings.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_queue_full(&self) {
        self.queue_full.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_fault(&self, fault: Fault) {
        let (counter, by) = match fault {
            Fault::BadChecksum => (&self.bad_checksum, 1),
            Fault::NotHex => (&self.not_hex, 1),
            Fault::CutShort => (&self.cut_short, 1),
            Fault::NoEnd => (&self.no_end, 1),
            Fault::Garbage(bytes) => (&self.garbage_bytes, u64::from(bytes)),
        };
        counter.fetch_add(by, Ordering::Relaxed);
    }
}
