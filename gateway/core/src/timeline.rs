//! When entries truly happened: for reports, displays and the question who answered for a child at 17:42.
//!
//! Most entries say it themselves. Those that were written before the clock was set are given their time by a later entry,
//! `clock_set`, or by an earlier one of the same boot, if the clock was set and then lost; of those for which there is
//! neither (the box was switched off before), it is known only which entries they lie between.

use alloc::collections::VecDeque;

use crate::{
    entry::{Entry, Seq, What},
    time::{BootId, ClockQuality, Stamp, Wall},
};

/// So many stretches of entries without a set clock are remembered, one a boot as a rule: more than a year of a box that
/// starts without a clock twice a day. Of older ones the time is not known.
pub const MAX_STRETCHES: usize = 1_000;

/// When an entry happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrueTime {
    /// Then.
    Known {
        /// What a right clock on the school's wall would have shown.
        wall: Wall,
        /// How far that can be believed.
        clock: ClockQuality,
    },
    /// Nobody knows; between the nearest entries whose time is known.
    Between {
        /// Not before then, if an earlier entry tells.
        earliest: Option<Wall>,
        /// Not after then, if a later entry tells.
        latest: Option<Wall>,
    },
}

impl TrueTime {
    /// The time, if it is known.
    pub fn wall(self) -> Option<Wall> {
        match self {
            Self::Known { wall, .. } => Some(wall),
            Self::Between { .. } => None,
        }
    }
}

/// Entries of one boot in a row whose clock was not set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    boot: BootId,
    first: Seq,
    last: Seq,
    earliest: Option<Wall>,
    latest: Option<Wall>,
    /// The `clock_set` that gave them their time; before it came, the last stamp of the same boot with a set clock.
    known: Option<Stamp>,
    set: bool,
}

/// The fold of all that entries tell of the time. Fed with every entry in order, it gives the true time of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    stretches: VecDeque<Stretch>,
    latest_known: Option<Stamp>,
}

impl Timeline {
    /// Takes the next entry.
    pub fn fold(&mut self, entry: &Entry) {
        let at = &entry.at;
        if let What::ClockSet { first, .. } = entry.what {
            let named = |stretch: &&mut Stretch| stretch.boot == at.boot && stretch.last >= first;
            for stretch in self.stretches.iter_mut().rev().take_while(|stretch| stretch.last >= first).filter(named) {
                (stretch.known, stretch.set) = (Some(*at), true);
            }
        }
        if at.clock.is_set() {
            let open = self.stretches.iter_mut().rev().take_while(|stretch| stretch.latest.is_none());
            open.for_each(|stretch| stretch.latest = Some(at.wall));
            self.latest_known = Some(*at);
        } else {
            self.stretch(entry);
        }
    }

    fn stretch(&mut self, entry: &Entry) {
        let goes_on = |last: &&mut Stretch| last.boot == entry.at.boot && last.last.next() == entry.seq && !last.set;
        if let Some(stretch) = self.stretches.back_mut().filter(goes_on) {
            stretch.last = entry.seq;
            return;
        }
        if self.stretches.len() == MAX_STRETCHES {
            self.stretches.pop_front();
        }
        self.stretches.push_back(Stretch {
            boot: entry.at.boot,
            first: entry.seq,
            last: entry.seq,
            earliest: self.latest_known.map(|known| known.wall),
            latest: None,
            known: self.latest_known.filter(|known| known.boot == entry.at.boot),
            set: false,
        });
    }

    /// When that entry happened, as far as the entries so far tell.
    pub fn true_time(&self, entry: &Entry) -> TrueTime {
        self.true_time_at(entry.seq, &entry.at)
    }

    /// The same by the entry's number and stamp.
    pub fn true_time_at(&self, seq: Seq, at: &Stamp) -> TrueTime {
        if at.clock.is_set() {
            return TrueTime::Known { wall: at.wall, clock: at.clock };
        }
        let n = self.stretches.partition_point(|stretch| stretch.last < seq);
        let Some(stretch) = self.stretches.get(n).filter(|stretch| stretch.first <= seq) else {
            return TrueTime::Between { earliest: None, latest: None };
        };
        match stretch.known.and_then(|known| Some((at.seen_from(&known)?, known.clock))) {
            Some((wall, clock)) => TrueTime::Known { wall, clock },
            None => TrueTime::Between { earliest: stretch.earliest, latest: stretch.latest },
        }
    }
}
