//! How far a long run through the ledger is, on one line of the terminal.

use std::{
    fs,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use schoolgate_core::{text, text::Lang};

/// The line is written anew no more often than this.
const INTERVAL: Duration = Duration::from_millis(200);
/// The clock is looked at once for so many entries.
const ENTRIES_PER_LOOK: u64 = 1024;
/// ECMA-48: back to the line's start, and erase to its end.
const CLEAR: &str = "\r\x1b[K";

/// The line. It is gone when the run has ended.
pub(super) struct Progress<W: Write> {
    out: W,
    lang: Lang,
    first: u64,
    last: u64,
    read: u64,
    told: Instant,
    shown: bool,
}

impl<W: Write> Progress<W> {
    /// For a run through entries `first` to `last`, which need not be exact.
    pub(super) fn begin(out: W, lang: Lang, (first, last): (u64, u64), now: Instant) -> Self {
        Self { out, lang, first, last: last.max(first), read: 0, told: now, shown: false }
    }

    /// Entry `seq` has been read.
    pub(super) fn at(&mut self, seq: u64, now: impl FnOnce() -> Instant) {
        self.read += 1;
        if !self.read.is_multiple_of(ENTRIES_PER_LOOK) {
            return;
        }
        let now = now();
        if now.duration_since(self.told) < INTERVAL {
            return;
        }
        (self.told, self.shown) = (now, true);
        let done = seq.saturating_sub(self.first).min(self.last - self.first);
        let percent = u128::from(done) * 100 / u128::from((self.last - self.first).max(1));
        let line = text!(self.lang, zh: "{percent:>3}%  记录 {seq}", en: "{percent:>3}%  entry {seq}");
        let _ = write!(self.out, "{CLEAR}{line}").and_then(|()| self.out.flush());
    }

    /// Takes the line away, so that something else can be written there.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(self.out, "{CLEAR}").and_then(|()| self.out.flush());
        }
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Number of the first entry of the last segment: about where the ledger in `dir` ends. 0 if it can't be told.
pub(super) fn about_last(dir: &Path) -> u64 {
    let files = fs::read_dir(dir).into_iter().flatten().flatten().map(|file| file.path());
    let segments = files.filter(|path| path.extension().is_some_and(|ending| ending == "seg"));
    segments.filter_map(|path| path.file_stem()?.to_str()?.parse().ok()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_how_far_it_is_now_and_then_and_is_taken_away() {
        let start = Instant::now();
        let mut out = Vec::new();
        let mut progress = Progress::begin(&mut out, Lang::En, (1, 8 * ENTRIES_PER_LOOK), start);
        for seq in 1..=4 * ENTRIES_PER_LOOK {
            progress.at(seq, || start + Duration::from_millis(seq / 16));
        }
        drop(progress);
        assert_eq!(String::from_utf8(out).unwrap(), "\r\x1b[K 49%  entry 4096\r\x1b[K");
    }

    #[test]
    fn a_short_run_leaves_the_terminal_alone() {
        let mut out = Vec::new();
        let mut progress = Progress::begin(&mut out, Lang::En, (1, 9), Instant::now());
        (1..=9).for_each(|seq| progress.at(seq, Instant::now));
        drop(progress);
        assert!(out.is_empty());
    }
}
