//! The messages of one entry: topics and JSON, as the integrator's guide has them.

use bytes::Bytes;
use schoolgate_core::{
    entry::{Entry, Seq},
    id::{GatewayId, GuardianId, GuardianToken, PlaceId, SchoolId, StaffId},
    notice::{ChildStatus, Facts, Matter, Notice},
    text::Bilingual,
    time::{ClockQuality, Wall},
};
use serde::Serialize;

use super::Message;

/// What a place event has besides the entry; an estimate.
const PLACE_EVENT_BYTES: usize = 128;

/// Writes messages for one school and gateway.
#[derive(Clone, Debug)]
pub struct MessageWriter {
    school: SchoolId,
    gateway: GatewayId,
    /// The ledger's short name: message ids begin with it, so that a box whose ledger was replaced never repeats one.
    ledger: String,
}

#[derive(Serialize)]
struct EventPayload<'a> {
    v: u32,
    id: &'a str,
    at: Wall,
    clock: ClockQuality,
    event: &'static str,
    student: StudentPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a PlaceId>,
    #[serde(flatten)]
    facts: &'a Facts,
    text: &'a Bilingual,
    gateway: &'a GatewayId,
    seq: Seq,
}

#[derive(Serialize)]
struct StudentPart<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct StatusPayload<'a> {
    v: u32,
    id: &'a str,
    at: Wall,
    children: &'a [ChildStatus],
}

#[derive(Serialize)]
struct AlertPayload<'a> {
    v: u32,
    id: &'a str,
    at: Wall,
    clock: ClockQuality,
    #[serde(flatten)]
    matter: &'a Matter,
    on: bool,
    raised: Seq,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    whom: Option<&'a StaffId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_by: Option<&'a StaffId>,
    /// Where to say that somebody sees to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledge: Option<String>,
    text: &'a Bilingual,
    gateway: &'a GatewayId,
    seq: Seq,
}

/// All but the entry itself, which comes last.
#[derive(Serialize)]
struct PlacePayload<'a> {
    v: u32,
    id: &'a str,
    at: Wall,
    gateway: &'a GatewayId,
}

impl MessageWriter {
    /// A writer for this school and gateway; `ledger` is the ledger's short name, 8 hex digits.
    pub fn new(school: SchoolId, gateway: GatewayId, ledger: String) -> Self {
        Self { school, gateway, ledger }
    }

    /// The message of a notice; nothing for a status, which [`status`](Self::status) writes.
    pub fn notice(&self, entry: &Entry, notice: &Notice) -> Option<Message> {
        match notice {
            Notice::Event { .. } => self.event(entry, notice),
            Notice::Alert { .. } => self.alert(entry, notice),
            Notice::Status { .. } => None,
        }
    }

    fn event(&self, entry: &Entry, notice: &Notice) -> Option<Message> {
        let Notice::Event { token, event, student, name, place, facts, text } = notice else { return None };
        let (ledger, seq, event) = (&self.ledger, entry.seq, event.name());
        let id = format!("{ledger}-{seq}-{event}-{student}");
        let payload = EventPayload {
            v: 1,
            id: &id,
            at: entry.at.wall,
            clock: entry.at.clock,
            event,
            student: StudentPart { id: student.as_str(), name },
            place: place.as_ref(),
            facts,
            text,
            gateway: &self.gateway,
            seq,
        };
        write(format!("{}/event", self.guardian(token)), &id, &payload, false)
    }

    fn alert(&self, entry: &Entry, notice: &Notice) -> Option<Message> {
        let Notice::Alert { role, whom, matter, raised, on, acknowledged_by, text } = notice else { return None };
        let (school, gateway, seq, role) = (&self.school, &self.gateway, entry.seq, role.name());
        let id = format!("{}-{seq}-alert-{role}", self.ledger);
        let can_be_acknowledged = *on && matches!(matter, Matter::Alarm(_));
        let acknowledge = || format!("schoolgate/{school}/gateway/{gateway}/command/acknowledge");
        let payload = AlertPayload {
            v: 1,
            id: &id,
            at: entry.at.wall,
            clock: entry.at.clock,
            matter,
            on: *on,
            raised: *raised,
            whom: whom.as_ref(),
            acknowledged_by: acknowledged_by.as_ref(),
            acknowledge: can_be_acknowledged.then(acknowledge),
            text,
            gateway,
            seq,
        };
        write(format!("schoolgate/{school}/staff/{role}/alert"), &id, &payload, false)
    }

    /// What a guardian may see of their children, for the broker to keep. `seq` is the entry that it is sent for.
    pub fn status(
        &self,
        seq: Seq,
        at: Wall,
        guardian: (&GuardianId, &GuardianToken),
        children: &[ChildStatus],
    ) -> Option<Message> {
        let (who, token) = guardian;
        let id = format!("{}-{seq}-status-{who}", self.ledger);
        let payload = StatusPayload { v: 1, id: &id, at, children };
        write(format!("{}/status", self.guardian(token)), &id, &payload, true)
    }

    /// The entry itself, for the boards and the other gateways of the campus. `body` is its JSON as the ledger has it,
    /// which is not looked at again.
    pub fn place_event(&self, entry: &Entry, place: &PlaceId, body: &[u8]) -> Option<Message> {
        let id = format!("{}-{}", self.ledger, entry.seq);
        let payload = PlacePayload { v: 1, id: &id, at: entry.at.wall, gateway: &self.gateway };
        let mut json = Vec::with_capacity(body.len() + PLACE_EVENT_BYTES);
        serde_json::to_writer(&mut json, &payload).ok()?;
        json.pop(); // the object's end
        json.extend_from_slice(b",\"entry\":");
        json.extend_from_slice(body);
        json.push(b'}');
        Some(message(format!("schoolgate/{}/place/{place}/event", self.school), &id, json, false))
    }

    fn guardian(&self, token: &GuardianToken) -> String {
        format!("schoolgate/{}/guardian/{token}", self.school)
    }
}

fn write(topic: String, id: &str, payload: &impl Serialize, retain: bool) -> Option<Message> {
    Some(message(topic, id, serde_json::to_vec(payload).ok()?, retain))
}

fn message(topic: String, id: &str, payload: Vec<u8>, retain: bool) -> Message {
    let id = Bytes::copy_from_slice(id.as_bytes());
    Message { topic, payload: Bytes::from(payload), retain, expires_at: None, late_at: None, id }
}
