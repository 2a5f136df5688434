//! What the inputs of a gate say.

use std::{sync::Arc, time::Instant};

use schoolgate_core::id::PlaceId;
use schoolgate_lines::{Told, ToldWhat};

use crate::config::{Input, InputKind};

/// An input: where it is and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// Where.
    pub place: PlaceId,
    /// What for.
    pub kind: InputKind,
    /// What entries and alarms call it: its kind and its line, such as `door_contact GPIO27`.
    pub name: String,
}

impl Sensor {
    /// As the configuration has it.
    pub fn new(input: &Input) -> Self {
        let name = format!("{} {}", input.kind.name(), input.line);
        Self { place: input.place.clone(), kind: input.kind, name }
    }
}

/// Something to know about an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensorEvent {
    /// Which.
    pub sensor: Arc<Sensor>,
    /// When.
    pub at: Instant,
    /// What.
    pub what: ToldWhat,
}

impl SensorEvent {
    /// What a backend told of one of these inputs; nothing for a number that none of them has.
    pub fn of(sensors: &[Arc<Sensor>], told: Told) -> Option<Self> {
        Some(Self { sensor: Arc::clone(sensors.get(told.line)?), at: told.at, what: told.what })
    }
}
