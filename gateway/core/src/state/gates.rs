//! The gates' doors, and the sensors' lines.

use alloc::{collections::BTreeMap, string::String};

use serde::{Deserialize, Serialize};

use crate::{
    alarm::Alarm,
    entry::{Entry, OpenCause, Seq, What},
    id::PlaceId,
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

    /// When the gates, having stood open in an emergency, last became gates again, or would have but for another cause.
    pub(crate) fn freed_until(&self) -> Option<&Stamp> {
        self.freed_until.as_ref()
    }

    /// The gates whose doors are open.
    pub fn doors(&self) -> &BTreeMap<PlaceId, Door> {
        &self.doors
    }

    /// The sensors' lines that can't be heard.
    pub fn sensors_away(&self) -> &BTreeMap<(PlaceId, String), SensorAway> {
        &self.sensors_away
    }
}
