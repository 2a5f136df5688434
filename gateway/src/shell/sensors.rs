//! From what the inputs say to what the core is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schoolgate_core::{gate::Beam, id::PlaceId, input::Tampered, school::Input, site::Direction};
use schoolgate_lines::ToldWhat;
use tracing::{info, warn};

use crate::{
    config::InputKind,
    gates::{Sensor, SensorEvent},
};

/// Which inputs are active. A place may have several of a kind, such as the contacts of a door with two wings: it is open
/// while one of them is. One that can't be seen counts as it last did: an alarm does not end because its line is lost.
#[derive(Default)]
pub(super) struct Sensors(BTreeMap<(PlaceId, &'static str), BTreeSet<String>>);

impl Sensors {
    /// What the core is to hear, if anything.
    pub(super) fn read(&mut self, event: SensorEvent) -> Option<Input> {
        let SensorEvent { sensor, what, .. } = event;
        match what {
            ToldWhat::Active(active) => self.is_active(&sensor, active),
            ToldWhat::Seen => Some(heard(&sensor, true)),
            ToldWhat::Lost(why) => {
                warn!(place = %sensor.place, line = sensor.name, why, "an input can't be read");
                Some(heard(&sensor, false))
            }
            ToldWhat::Glitches(count) => {
                info!(place = %sensor.place, line = sensor.name, count, "glitches on an input, which are not told");
                None
            }
        }
    }

    fn is_active(&mut self, sensor: &Arc<Sensor>, active: bool) -> Option<Input> {
        let place = sensor.place.clone();
        let any = self.any(sensor, active);
        match sensor.kind {
            InputKind::DoorContact => Some(Input::Door { place, open: any }),
            InputKind::FireAlarm => Some(Input::FireAlarm { on: self.is_on_anywhere(sensor.kind) }),
            InputKind::ExitRequest => active.then_some(Input::ExitRequest { place }),
            InputKind::Panic => active.then_some(Input::Panic { place }),
            InputKind::TurnIn => active.then_some(Input::Passage { place, direction: Direction::In }),
            InputKind::TurnOut => active.then_some(Input::Passage { place, direction: Direction::Out }),
            InputKind::Turned => active.then_some(Input::Turned { place }),
            InputKind::BeamA => Some(Input::Beam { place, beam: Beam::A, broken: any }),
            InputKind::BeamB => Some(Input::Beam { place, beam: Beam::B, broken: any }),
            InputKind::SafetyBeam => Some(Input::SafetyBeam { place, broken: any }),
            InputKind::FullyOpen => Some(Input::FullyOpen { place, open: any }),
            InputKind::Tamper => Some(Input::Tamper { at: Tampered::Place(place), on: any }),
        }
    }

    /// Whether one of this kind is active at this place.
    fn any(&mut self, sensor: &Sensor, active: bool) -> bool {
        let lines = self.0.entry((sensor.place.clone(), sensor.kind.name())).or_default();
        match active {
            true => _ = lines.insert(sensor.name.clone()),
            false => _ = lines.remove(&sensor.name),
        }
        !lines.is_empty()
    }

    fn is_on_anywhere(&self, kind: InputKind) -> bool {
        self.0.iter().any(|((_, name), lines)| *name == kind.name() && !lines.is_empty())
    }
}

fn heard(sensor: &Sensor, heard: bool) -> Input {
    Input::Sensor { place: sensor.place.clone(), line: sensor.name.clone(), heard }
}
