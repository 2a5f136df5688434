//! Pickup passes of the small school, and their readers.

use schoolgate_core::{
    entry::{PassFault, PassId, Reason, What},
    id::PassKeyId,
    pass::Pass,
    policy::Policy,
    roster::{Document, PassKey},
    school::Input,
    state::Whereabouts,
};

use super::{Day, Outcome, PASS_SECRET, guardian, reader, school_id, service, student};

pub const PLATFORM: [u8; 32] = [3; 32];
/// Of the secret above, by RFC 8032 §5.1.5.
pub const PUBLIC: &str = "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1";

pub fn document() -> Document {
    let mut document = service::document();
    document.pass_keys.push(PassKey { id: "k1".into(), public: PUBLIC.into() });
    document
}

/// Ming and Hong have come to school.
pub fn a_day() -> Day {
    a_day_with(Policy::default())
}

pub fn a_day_with(policy: Policy) -> Day {
    // Nothing else is due: who is missing, leaves in a lesson or is not fetched after it is an alarm of its own.
    let mut document = Document { policy, ..document() };
    document.sessions.clear();
    document.patrols.clear();
    let mut day = Day::of(document);
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:42", "hong", "east-gate");
    day
}

pub fn id(who: &str, giver: &str, serial: u8) -> PassId {
    PassId { student: student(who), day: service::day(service::TODAY), serial, guardian: guardian(giver) }
}

pub fn pass(id: PassId) -> Pass {
    let hours = service::hours("16:00", "18:30");
    Pass { key: PassKeyId::try_new("k1").unwrap(), school: school_id(), id, hours }
}

pub fn mothers() -> String {
    text(&pass(id("ming", "mother", 0)))
}

pub fn text(pass: &Pass) -> String {
    pass.sign(&PLATFORM).unwrap()
}

pub fn code(id: &PassId) -> String {
    PASS_SECRET.code(&school_id(), id).expose()
}

pub fn mothers_code() -> String {
    code(&id("ming", "mother", 0))
}

/// Deadlines that pass by then are dealt with first, so that an outcome is that of the one input.
pub trait AtTheReader {
    fn scan(&mut self, time: &str, at: &str, text: &str) -> Outcome;
    fn enter(&mut self, time: &str, at: &str, digits: &str) -> Outcome;
    fn whereabouts(&self, who: &str) -> Whereabouts;
}

impl AtTheReader for Day {
    fn scan(&mut self, time: &str, at: &str, text: &str) -> Outcome {
        self.until(time);
        self.give(time, Input::Pass { reader: reader(at), text: text.into() })
    }

    fn enter(&mut self, time: &str, at: &str, digits: &str) -> Outcome {
        self.until(time);
        self.give(time, Input::Code { reader: reader(at), digits: digits.into() })
    }

    fn whereabouts(&self, who: &str) -> Whereabouts {
        self.school.state().presence(&student(who)).unwrap().whereabouts.clone()
    }
}

pub fn refusal(outcome: &Outcome) -> Option<&Reason> {
    outcome.entries.iter().find_map(|what| match what {
        What::Refused { reason, .. } => Some(reason),
        _ => None,
    })
}

pub fn fault(outcome: &Outcome) -> Option<PassFault> {
    match refusal(outcome)? {
        Reason::Pass(fault) => Some(*fault),
        _ => None,
    }
}
