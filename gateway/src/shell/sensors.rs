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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    struct Gate(Sensors);

    impl Gate {
        fn tell(&mut self, place: &str, kind: InputKind, line: &str, what: ToldWhat) -> Option<Input> {
            let place = PlaceId::try_new(place).unwrap();
            let sensor = Arc::new(Sensor { place, kind, name: format!("{} {line}", kind.name()) });
            self.0.read(SensorEvent { sensor, at: Instant::now(), what })
        }

        fn active(&mut self, kind: InputKind, line: &str, active: bool) -> Option<Input> {
            self.tell("gate", kind, line, ToldWhat::Active(active))
        }
    }

    fn gate() -> Gate {
        Gate(Sensors::default())
    }

    #[test]
    fn a_door_of_two_wings_is_open_while_one_is() {
        let mut gate = gate();
        let mut open = |line: &str, active| match gate.active(InputKind::DoorContact, line, active) {
            Some(Input::Door { open, .. }) => open,
            other => panic!("{other:?}"),
        };
        assert!(!open("left", false));
        assert!(open("right", true));
        assert!(open("left", true));
        assert!(open("right", false), "the left one is still open");
        assert!(!open("left", false));
    }

    #[test]
    fn one_fire_panel_of_two_is_enough_and_a_lost_line_ends_no_alarm() {
        let mut gate = gate();
        let on = |input: Option<Input>| matches!(input, Some(Input::FireAlarm { on: true }));
        assert!(on(gate.tell("east", InputKind::FireAlarm, "a", ToldWhat::Active(true))));
        assert!(on(gate.tell("west", InputKind::FireAlarm, "b", ToldWhat::Active(false))));
        let lost = gate.tell("east", InputKind::FireAlarm, "a", ToldWhat::Lost("unplugged".into()));
        assert!(matches!(lost, Some(Input::Sensor { heard: false, .. })), "{lost:?}");
        assert!(on(gate.tell("west", InputKind::FireAlarm, "b", ToldWhat::Active(false))));
        let over = gate.tell("east", InputKind::FireAlarm, "a", ToldWhat::Active(false));
        assert!(matches!(over, Some(Input::FireAlarm { on: false })), "{over:?}");
    }

    #[test]
    fn buttons_and_turnstiles_say_something_when_they_are_pressed_or_turned_and_nothing_when_they_are_not() {
        let momentary =
            [InputKind::ExitRequest, InputKind::Panic, InputKind::TurnIn, InputKind::TurnOut, InputKind::Turned];
        for kind in momentary {
            assert!(gate().active(kind, "x", true).is_some(), "{kind:?}");
            assert!(gate().active(kind, "x", false).is_none(), "{kind:?}");
        }
    }

    #[test]
    fn beams_and_cases_say_both() {
        let mut gate = gate();
        assert!(matches!(
            gate.active(InputKind::BeamB, "x", true),
            Some(Input::Beam { beam: Beam::B, broken: true, .. })
        ));
        assert!(matches!(
            gate.active(InputKind::BeamA, "y", false),
            Some(Input::Beam { beam: Beam::A, broken: false, .. })
        ));
        assert!(matches!(
            gate.active(InputKind::Tamper, "z", true),
            Some(Input::Tamper { at: Tampered::Place(_), on: true })
        ));
    }

    #[test]
    fn a_line_is_named_by_what_it_is_for() {
        let seen = gate().tell("gate", InputKind::DoorContact, "GPIO27", ToldWhat::Seen);
        let Some(Input::Sensor { line, heard: true, .. }) = seen else { panic!("{seen:?}") };
        assert_eq!(line, "door_contact GPIO27");
        assert!(gate().tell("gate", InputKind::DoorContact, "GPIO27", ToldWhat::Glitches(3)).is_none());
    }
}
