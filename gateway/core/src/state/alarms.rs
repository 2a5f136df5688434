//! The alarms that are on.

use alloc::collections::BTreeMap;
use serde::{Deserialize, Serialize};

use crate::{
    alarm::Alarm,
    entry::{Entry, Seq},
    state::State,
    time::Stamp,
};

/// An alarm that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmOn {
    /// The entry that raised it.
    pub raised: Seq,
    /// When its cause last recurred.
    pub last: Stamp,
    /// By which entry.
    pub by: Seq,
}

/// The alarms that are on. Which of those that end by themselves is next to do so is asked after every input, and must not
/// take a look at each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Alarms {
    on: BTreeMap<Alarm, AlarmOn>,
    /// Those that end by themselves, by the entry by which they last recurred.
    passing: BTreeMap<Seq, Alarm>,
}

impl Alarms {
    pub(super) fn raise(&mut self, alarm: &Alarm, entry: &Entry) {
        self.end(alarm);
        self.on.insert(alarm.clone(), AlarmOn { raised: entry.seq, last: entry.at, by: entry.seq });
        if alarm.ends_when_quiet() {
            self.passing.insert(entry.seq, alarm.clone());
        }
    }

    pub(super) fn recur(&mut self, alarm: &Alarm, entry: &Entry) {
        let Some(on) = self.on.get_mut(alarm) else { return };
        if let Some(alarm) = self.passing.remove(&on.by) {
            self.passing.insert(entry.seq, alarm);
        }
        (on.last, on.by) = (entry.at, entry.seq);
    }

    pub(super) fn end(&mut self, alarm: &Alarm) {
        if let Some(on) = self.on.remove(alarm) {
            self.passing.remove(&on.by);
        }
    }

    pub(super) fn stamps_mut(&mut self) -> impl Iterator<Item = &mut Stamp> {
        self.on.values_mut().map(|on| &mut on.last)
    }
}

impl State {
    /// Every alarm that is on.
    pub fn alarms(&self) -> &BTreeMap<Alarm, AlarmOn> {
        &self.alarms.on
    }

    /// The alarms that end by themselves when their cause has not recurred for a while, the quietest first.
    pub(crate) fn passing_alarms(&self) -> impl Iterator<Item = (&Alarm, &AlarmOn)> {
        self.alarms.passing.values().filter_map(|alarm| self.alarms.on.get_key_value(alarm))
    }
}
