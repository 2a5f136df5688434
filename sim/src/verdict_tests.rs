use schoolgate_core::entry::Seq;

use super::*;
use crate::rehearsal::Rehearsal;

/// An afternoon after which everything is as it should be.
struct Afterwards {
    school: School,
    campus: Campus,
    afternoon: Afternoon,
    entries: Vec<Entry>,
    messages: Vec<(String, String)>,
    stored: Vec<u64>,
}

impl Afterwards {
    fn new() -> Self {
        let (school, campus) = (School::generate(2, 150), Campus::for_students(150));
        let afternoon = Afternoon::script(&school, &campus, jiff::civil::date(2026, 9, 1), 2);
        let mut rehearsal = Rehearsal::of(&school, &campus, &afternoon);
        for act in &afternoon.acts {
            rehearsal.play(&school, &campus, &afternoon, act).unwrap();
        }
        let entries = rehearsal.entries;
        let due = due(&school, &campus);
        let message = |key: MessageKey| {
            let seq: u64 = key.id.split('-').nth(1).unwrap().parse().unwrap();
            let mut parts = key.id.splitn(4, '-').skip(2);
            let (event, student) = (parts.next(), parts.next().unwrap_or_default());
            let at = "2026-09-01T16:31:05.000+08:00";
            let json = serde_json::json!({
                "v": 1, "id": key.id, "at": at, "seq": seq, "event": event, "student": { "id": student, "name": "x" },
            });
            (key.topic.into_string(), json.to_string())
        };
        let keys = |entry: &Entry| [due.of(entry), due.unless_late(entry)].concat();
        let messages = entries.iter().flat_map(keys).map(message).collect();
        let stored = entries.iter().map(|entry| entry.seq.0).collect();
        Self { school, campus, afternoon, entries, messages, stored }
    }

    fn verdict(&self) -> Verdict {
        let mut inbox = Inbox::default();
        for (topic, payload) in &self.messages {
            inbox.take(topic, payload.as_bytes());
        }
        let evidence = Evidence {
            school: &self.school,
            campus: &self.campus,
            afternoon: &self.afternoon,
            entries: &self.entries,
            inbox: &inbox,
            stored: &self.stored,
            taps: 1,
        };
        Verdict::find(&evidence, &due(&self.school, &self.campus))
    }

    fn position(&self, kind: &str) -> usize {
        self.entries.iter().position(|entry| entry.what.kind() == kind).unwrap()
    }
}

fn due(school: &School, campus: &Campus) -> Due {
    let mut due = Due::new(school, campus);
    due.set_ledger(LedgerId([0xAB; 16]));
    due
}

#[test]
fn a_whole_afternoon_is_found_whole() {
    let verdict = Afterwards::new().verdict();
    assert!(verdict.is_good(), "{verdict}\n{}", verdict.told.join("\n"));
    assert!(verdict.entries > 300 && verdict.notified > verdict.entries && verdict.synced == verdict.entries);
}

#[test]
fn an_entry_that_the_platform_lacks_is_lost_and_one_that_it_has_twice_is_double() {
    let mut after = Afterwards::new();
    let missing = after.stored.remove(10);
    assert_eq!((after.verdict().lost, after.verdict().duplicated), (1, 0));
    after.stored.extend([missing, missing]);
    assert_eq!((after.verdict().lost, after.verdict().duplicated), (0, 1));
}

#[test]
fn what_the_gateway_writes_of_its_stop_may_reach_the_platform_later() {
    let mut after = Afterwards::new();
    let last = after.entries.last().unwrap().clone();
    after.entries.push(Entry { seq: Seq(last.seq.0 + 1), what: What::Stopped {}, ..last });
    assert!(after.verdict().is_good());
    after.stored.pop();
    assert_eq!(after.verdict().lost, 1, "the entry before it may not");
}

#[test]
fn a_message_that_did_not_come_is_lost_and_a_repeat_is_none() {
    let mut after = Afterwards::new();
    let again = after.messages[20].clone();
    after.messages.push(again);
    let verdict = after.verdict();
    assert!(verdict.is_good() && verdict.repeats == 1, "{verdict}");
    let gone = after.messages[20].clone();
    after.messages.retain(|message| *message != gone);
    assert!(after.verdict().lost >= 1);
}

#[test]
fn a_call_that_lost_its_meaning_while_the_line_was_down_is_not_lost() {
    let mut after = Afterwards::new();
    let before = after.messages.len();
    after.messages.retain(|(_, payload)| !payload.contains(r#""event":"called""#));
    assert!(after.messages.len() < before);
    let verdict = after.verdict();
    assert!(verdict.is_good(), "{verdict}");
}

#[test]
fn a_message_without_ground_is_double() {
    let mut after = Afterwards::new();
    let (topic, payload) = after.messages[20].clone();
    after.messages.push((topic, payload.replace("abababab", "cdcdcdcd")));
    let verdict = after.verdict();
    assert!(verdict.duplicated >= 2, "it is not due, and it says again what was said: {verdict}");
}

#[test]
fn a_tap_without_entry_is_lost_though_the_ledger_agrees_with_itself() {
    let mut after = Afterwards::new();
    let refused = after.position("refused");
    after.entries[refused].what = What::Stopped {};
    let verdict = after.verdict();
    assert!(verdict.lost >= 1 && verdict.told.iter().any(|told| told.contains("a card was presented")), "{verdict}");
}

#[test]
fn a_tap_recorded_twice_is_double() {
    let mut after = Afterwards::new();
    let mut again = after.entries[after.position("refused")].clone();
    again.seq = Seq(after.entries.len() as u64 + 1);
    again.at.mono.0 += 9;
    after.stored.push(again.seq.0);
    after.entries.push(again);
    assert!(after.verdict().duplicated >= 1);
}

#[test]
fn a_child_of_whom_something_else_became_is_told() {
    let mut after = Afterwards::new();
    let released = after.position("released");
    let What::Released { to, .. } = &mut after.entries[released].what else { panic!("it is one") };
    *to = schoolgate_core::entry::Recipient::Guardian(crate::school::made(schoolgate_core::id::GuardianId::try_new(
        "G99999",
    )));
    let verdict = after.verdict();
    assert!(verdict.told.iter().any(|told| told.contains("was due")), "{:?}", verdict.told);
}
