//! The gates: whose doors are open, how they are run, and the sensors' lines.

use alloc::{collections::BTreeMap, string::String};

use serde::{Deserialize, Serialize};

use crate::{
    alarm::Alarm,
    entry::{Entry, OpenCause, OutCause, Seq, What},
    gate::Mode,
    id::{PlaceId, StaffId},
    state::State,
    time::Stamp,
};

/// A gate's door that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// Since when.
    pub since: Stamp,
    /// By which entry.
    pub by: Seq,
    /// Why it could open.
    pub cause: OpenCause,
}

/// How a gate is run, where that is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRun {
    /// Whether it stands open, is locked, or is a gate.
    pub mode: Mode,
    /// Who ordered that; the schedule did, if none.
    pub ordered_by: Option<StaffId>,
    /// Why it is out of service, if it is.
    pub out: Option<OutCause>,
    /// When it last stood open for everybody until.
    pub freed_until: Option<Stamp>,
}

/// A sensor's line that can't be heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorAway {
    /// Since when.
    pub since: Stamp,
    /// By which entry.
    pub by: Seq,
}

impl State {
    pub(super) fn fold_gates(&mut self, entry: &Entry) {
        match &entry.what {
            What::GateOpened { place, cause } => {
                if *cause == OpenCause::Forced {
                    self.alarms.recur(&Alarm::GateForced { place: place.clone() }, entry);
                }
                let door = Door { since: entry.at, by: entry.seq, cause: cause.clone() };
                self.doors.insert(place.clone(), door);
            }
            What::GateClosed { place } => {
                self.doors.remove(place);
            }
            What::Tailgated { place, .. } => {
                self.alarms.recur(&Alarm::Tailgating { place: place.clone() }, entry);
            }
            What::GateMode { place, mode, by, .. } => self.run(place, |run| {
                if run.mode == Mode::Free && *mode != Mode::Free {
                    run.freed_until = Some(entry.at);
                }
                (run.mode, run.ordered_by) = (*mode, by.clone());
            }),
            What::GateOut { place, cause } => self.run(place, |run| run.out = Some(cause.clone())),
            What::GateBack { place, .. } => self.run(place, |run| run.out = None),
            What::MusterEnded { .. } | What::AlarmEnded { alarm: Alarm::Fire {}, .. } => {
                self.freed_until = Some(entry.at);
            }
            What::SensorDown { place, line } => {
                let away = SensorAway { since: entry.at, by: entry.seq };
                self.sensors_away.insert((place.clone(), line.clone()), away);
            }
            What::SensorUp { place, line } => {
                self.sensors_away.remove(&(place.clone(), line.clone()));
            }
            _ => {}
        }
    }

    /// Bounded by the gates that there are: the start ends what is told of those that the configuration has no longer.
    fn run(&mut self, place: &PlaceId, change: impl FnOnce(&mut GateRun)) {
        let run = self.gates.entry(place.clone()).or_default();
        change(run);
        if (run.mode, &run.out) == (Mode::Controlled, &None)
            && (run.freed_until.is_none() || !self.doors.contains_key(place))
        {
            self.gates.remove(place);
        }
    }

    /// When the gates, having stood open in an emergency, last became gates again, or would have but for another cause.
    pub(crate) fn freed_until(&self) -> Option<&Stamp> {
        self.freed_until.as_ref()
    }

    /// The gates whose doors are open.
    pub fn doors(&self) -> &BTreeMap<PlaceId, Door> {
        &self.doors
    }

    /// How the gates are run that are not plain gates in service.
    pub fn gates(&self) -> &BTreeMap<PlaceId, GateRun> {
        &self.gates
    }

    /// The sensors' lines that can't be heard.
    pub fn sensors_away(&self) -> &BTreeMap<(PlaceId, String), SensorAway> {
        &self.sensors_away
    }
}
