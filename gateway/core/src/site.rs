//! What stands where: the places and readers of this gateway, as its configuration tells.

use alloc::collections::BTreeMap;
use serde::{Deserialize, Serialize};

use crate::{
    gate::Gate,
    id::{PlaceId, ReaderId, SchoolId},
    pass::PassSecret,
    text::Bilingual,
};

/// What a place is for; it decides what a tap there means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceRole {
    /// The border of the campus.
    Gate,
    /// Where sessions are held.
    Classroom,
    /// Where children are handed to their families.
    HandoverDesk,
    /// Where booked dinners are given out.
    Canteen,
    /// A station of the safety patrol.
    PatrolPoint,
    /// Where people gather in an emergency.
    AssemblyPoint,
}

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What it is for.
    pub role: PlaceRole,
    /// What people call it.
    pub name: Bilingual,
}

/// Which way a reader or a beam leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Onto the campus.
    In,
    /// Off the campus.
    Out,
}

/// All places and readers of one gateway, and whose they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The school. A gateway that does not know it takes no pickup passes.
    pub school: Option<SchoolId>,
    /// The secret that the codes of pickup passes are made with; without it no code is taken.
    pub pass_secret: Option<PassSecret>,
    /// Every place, by id.
    pub places: BTreeMap<PlaceId, Place>,
    /// Where each reader stands.
    pub readers: BTreeMap<ReaderId, PlaceId>,
    /// The readers that lead one way only; a tap at any other may mean either.
    pub directions: BTreeMap<ReaderId, Direction>,
    /// What each gate is; one that is not here is a door with the usual times.
    pub gates: BTreeMap<PlaceId, Gate>,
    /// Whether there is a central platform to be reached, and to give a roster that must not grow old.
    pub has_platform: bool,
}

impl Site {
    /// Where that reader stands; nothing for a reader that the configuration does not know.
    pub fn place_of(&self, reader: &ReaderId) -> Option<(&PlaceId, &Place)> {
        let id = self.readers.get(reader)?;
        Some((id, self.places.get(id)?))
    }

    /// Which way that reader leads, if it leads one way only.
    pub fn direction(&self, reader: &ReaderId) -> Option<Direction> {
        self.directions.get(reader).copied()
    }
    /// What the gate at that place is.
    pub fn gate(&self, place: &PlaceId) -> &Gate {
        static USUAL: Gate = Gate::of(crate::gate::GateKind::Door);
        self.gates.get(place).unwrap_or(&USUAL)
    }

    /// The other door of an airlock, whichever of the two names the other.
    pub fn other_door(&self, place: &PlaceId) -> Option<&PlaceId> {
        let named = self.gates.get(place).and_then(|gate| gate.interlock_with.as_ref());
        named.filter(|other| *other != place && self.places.contains_key(*other))
    }
}
