//! What is heard while nothing more can be recorded, to be told once there is room: of each line, how it is by then.

use std::{collections::BTreeMap, mem};

use schoolgate_core::id::{PlaceId, ReaderId};
use schoolgate_lines::ToldWhat;

use crate::{
    config::InputKind,
    gates::SensorEvent,
    readers::{ReaderEvent, ReaderHappening},
};

/// At most two events of each input and one of each reader: memory is bounded by what the configuration names.
#[derive(Default)]
pub(super) struct Late {
    sensors: BTreeMap<(PlaceId, String, bool), SensorEvent>,
    readers: BTreeMap<ReaderId, ReaderEvent>,
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

    /// Keeps whether the reader is heard.
    pub(super) fn keep_reader(&mut self, event: ReaderEvent) {
        if matches!(event.what, ReaderHappening::Up | ReaderHappening::Down(_)) {
            self.readers.insert(event.reader.clone(), event);
        }
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
