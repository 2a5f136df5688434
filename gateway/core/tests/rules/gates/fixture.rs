//! The small school with gates of every kind, and short words for what happens at them.

use std::time::Duration;

use schoolgate_core::{
    action::Act,
    entry::{OpenCause, What},
    gate::{Beam, Gate, GateKind, Phase, Schedule},
    roster::{Document, Roster},
    school::{Input, School},
    site::{Direction, Place, PlaceRole, Site},
    text::Bilingual,
    time::{ClockQuality, Stamp},
};

pub use crate::support::{Day, Outcome, at, card, place, reader, service, site, student};

/// The school of the other tests, and the two doors of an airlock.
pub fn site_with(gates: &[(&str, Gate)]) -> Site {
    let mut site = site();
    for id in ["outer", "inner", "drive"] {
        let name = Bilingual { zh: id.into(), en: id.into() };
        site.places.insert(place(id), Place { role: PlaceRole::Gate, name });
        site.readers.insert(reader(id), place(id));
    }
    site.gates = gates.iter().map(|(id, gate)| (place(id), gate.clone())).collect();
    site
}

pub fn school_with(gates: &[(&str, Gate)], document: Document) -> Day {
    let school = School::new(site_with(gates));
    let mut day = Day { school, entries: Vec::new(), clock: ClockQuality::Synchronised };
    day.give("06:00", Input::Started { version: "test".into() });
    day.adopt("06:00", document);
    day
}

pub fn with(gates: &[(&str, Gate)]) -> Day {
    school_with(gates, service::document())
}

pub fn door() -> Gate {
    Gate::of(GateKind::Door)
}

pub fn turnstile() -> Gate {
    Gate::of(GateKind::Turnstile)
}

pub fn motor() -> Gate {
    Gate { opening: Duration::from_secs(8), ..Gate::of(GateKind::Motor) }
}

pub fn airlock() -> [(&'static str, Gate); 2] {
    let door = |other| Gate { interlock_with: Some(place(other)), ..door() };
    [("outer", door("inner")), ("inner", door("outer"))]
}

pub fn scheduled(lines: &[&str]) -> Gate {
    Gate { schedule: Schedule(lines.iter().map(|line| line.parse().unwrap()).collect()), ..door() }
}

pub trait AtGates {
    fn door(&mut self, time: &str, at: &str, open: bool) -> Outcome;
    fn beams(&mut self, time: &str, at: &str, edges: &str) -> Vec<What>;
    fn turned(&mut self, time: &str, at: &str) -> Outcome;
    fn exit(&mut self, time: &str, at: &str) -> Outcome;
    fn phase(&self, at: &str) -> Phase;
    fn restarted(&mut self, stamp: Stamp) -> Outcome;
}

impl AtGates for Day {
    fn door(&mut self, time: &str, at: &str, open: bool) -> Outcome {
        self.give(time, Input::Door { place: place(at), open })
    }

    /// `A` breaks A, `a` clears it, a tenth of a second apart.
    fn beams(&mut self, time: &str, at: &str, edges: &str) -> Vec<What> {
        let mut happened = Vec::new();
        for edge in edges.chars() {
            let beam = if edge.eq_ignore_ascii_case(&'a') { Beam::A } else { Beam::B };
            let level = Input::Beam { place: place(at), beam, broken: edge.is_ascii_uppercase() };
            happened.extend(self.give(time, level).entries);
        }
        happened
    }

    fn turned(&mut self, time: &str, at: &str) -> Outcome {
        self.give(time, Input::Turned { place: place(at) })
    }

    fn exit(&mut self, time: &str, at: &str) -> Outcome {
        self.give(time, Input::ExitRequest { place: place(at) })
    }

    fn phase(&self, at: &str) -> Phase {
        self.school.gate_phase(&place(at)).unwrap()
    }

    fn restarted(&mut self, stamp: Stamp) -> Outcome {
        self.school = School::new(self.school.site().clone());
        self.entries.iter().for_each(|entry| self.school.replay(entry).unwrap());
        let mut outcome = self.give_at(stamp, Input::Started { version: "test".into() });
        let roster = std::sync::Arc::new(Roster::try_new(service::document()).unwrap());
        let adopted = self.give_at(stamp, Input::Roster { roster, digest: "again".into() });
        outcome.entries.extend(adopted.entries);
        outcome.actions.extend(adopted.actions);
        outcome
    }
}

/// What the gates were told, in short.
pub fn acts(outcome: &Outcome) -> Vec<String> {
    let said = outcome.actions.iter().map(|action| match &action.act {
        Act::Show { picture, .. } => format!("show {picture:?}"),
        Act::Release { place } => format!("release {place}"),
        Act::EndRelease { place } => format!("relock {place}"),
        Act::Stand { place, standing } => format!("{place} {standing:?}"),
        Act::Free { on } => format!("free {on}"),
    });
    said.collect()
}

pub fn kinds(happened: &[What]) -> Vec<&'static str> {
    happened.iter().map(What::kind).collect()
}

pub fn cause(outcome: &Outcome) -> OpenCause {
    match &outcome.entries[0] {
        What::GateOpened { cause, .. } => cause.clone(),
        other => panic!("the door did not open: {other:?}"),
    }
}

pub const NOTHING: [&str; 0] = [];
pub const IN: Direction = Direction::In;
