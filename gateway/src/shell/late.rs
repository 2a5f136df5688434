//! What is heard while nothing more can be recorded, to be told once there is room: of each line, how it is by then.

use std::{collections::BTreeMap, mem};

use schoolgate_core::id::{PlaceId, ReaderId};
use schoolgate_lines::ToldWhat;

use crate::{
    config::InputKind,
    gates::SensorEvent,
    readers::{ReaderEvent, ReaderHappening, Trouble},
};

/// The latest of each kind of event of each input and reader: memory is bounded by what the configuration names. What came
/// and went meanwhile is not kept.
#[derive(Default)]
pub(super) struct Late {
    sensors: BTreeMap<(PlaceId, String, bool), SensorEvent>,
    readers: BTreeMap<(ReaderId, About), ReaderEvent>,
}

/// What a reader can tell of itself. One that is heard is told of before what is wrong with it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Line,
    Housing,
    Power,
    Flood,
    Speech,
}

impl Late {
    /// Keeps how the input is now. Who went through a turnstile or asked to leave meanwhile is not kept: it is over.
    pub(super) fn keep_sensor(&mut self, event: SensorEvent) {
        let is_level = matches!(event.what, ToldWhat::Active(_));
        let sensor = &event.sensor;
        if tells_a_state(sensor.kind) || !is_level {
            self.sensors.insert((sensor.place.clone(), sensor.name.clone(), is_level), event);
        }
    }

    /// Keeps how the reader is now. Who presents something is not to be given here; faults are in its counters.
    pub(super) fn keep_reader(&mut self, event: ReaderEvent) {
        let about = match &event.what {
            ReaderHappening::Up | ReaderHappening::Down(_) => About::Line,
            ReaderHappening::Tamper(_) => About::Housing,
            ReaderHappening::Power(_) => About::Power,
            ReaderHappening::Trouble { trouble: Trouble::Flood, .. } => About::Flood,
            ReaderHappening::Trouble { trouble: Trouble::Unintelligible(_), .. } => About::Speech,
            ReaderHappening::Card { .. }
            | ReaderHappening::Cloned(_)
            | ReaderHappening::Text(_)
            | ReaderHappening::Digits(_)
            | ReaderHappening::Faults(_) => return,
        };
        self.readers.insert((event.reader.clone(), about), event);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sensors.is_empty() && self.readers.is_empty()
    }

    /// All of it, once.
    pub(super) fn take(&mut self) -> (Vec<SensorEvent>, Vec<ReaderEvent>) {
        let (sensors, readers) = (mem::take(&mut self.sensors), mem::take(&mut self.readers));
        (sensors.into_values().collect(), readers.into_values().collect())
    }
}

fn tells_a_state(kind: InputKind) -> bool {
    match kind {
        InputKind::DoorContact
        | InputKind::BeamA
        | InputKind::BeamB
        | InputKind::SafetyBeam
        | InputKind::FullyOpen
        | InputKind::FireAlarm
        | InputKind::Tamper => true,
        InputKind::ExitRequest | InputKind::Panic | InputKind::TurnIn | InputKind::TurnOut | InputKind::Turned => false,
    }
}
