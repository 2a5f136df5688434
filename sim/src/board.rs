//! What is known of the afternoon at this moment, for the terminal and the page.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use schoolgate_core::{
    entry::{Entry, Reason, Recipient, What},
    id::{GuardianId, PlaceId, StudentId},
    roster::Holder,
    text,
    text::Bilingual,
};
use serde::Serialize;
use tokio::sync::watch;

use crate::{campus::Campus, network::Weather, school::School};

/// Lines that are kept to be shown to whoever comes later.
pub const MAX_LINES: usize = 200;

/// The board. Writers change it, readers wait for the next version and look.
#[derive(Debug)]
pub struct Board {
    view: Mutex<View>,
    version: watch::Sender<u64>,
}

/// Everything on the board.
#[derive(Clone, Debug, Default, Serialize)]
pub struct View {
    /// Which afternoon since the start, from 1.
    pub afternoon: u32,
    /// The school's day, such as 2026-09-01.
    pub date: String,
    /// The clock on the school's wall.
    pub clock: String,
    /// How much of the afternoon is over, in thousandths.
    pub progress: u32,
    /// How many times faster than life it goes.
    pub speed: u32,
    /// Figures.
    pub counts: Counts,
    /// Whether the line to the outside works.
    pub network_up: bool,
    /// Which lamps are lit at each place, by the place's name.
    pub lamps: Vec<Lamps>,
    /// The last lines, the latest last.
    pub lines: VecDeque<Line>,
    /// Number of the last line.
    pub last_line: u64,
    /// What came of the last afternoon.
    pub verdict: Option<String>,
}

/// The figures on the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Cards presented.
    pub taps: u64,
    /// Students on campus, as the boards were told.
    pub on_campus: u64,
    /// Students fetched by their families.
    pub fetched: u64,
    /// Students gone home alone.
    pub went_alone: u64,
    /// Entries on the gateway's disk.
    pub entries: u64,
    /// Different messages that arrived.
    pub delivered: u64,
    /// Messages that came again under the same id.
    pub repeats: u64,
    /// Messages that the entries on disk must lead to and that have not arrived.
    pub messages_waiting: u64,
    /// Entries that the platform stored.
    pub synced: u64,
    /// Entries on disk that the platform does not have.
    pub entries_waiting: u64,
}

/// The lamps of one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lamps {
    /// The place.
    pub name: Bilingual,
    /// Granted.
    pub green: bool,
    /// Wait.
    pub amber: bool,
    /// Refused.
    pub red: bool,
    /// The gate is open.
    pub release: bool,
}

/// One thing that happened, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// The clock on the school's wall.
    pub at: String,
    /// What kind, for its colour.
    pub kind: LineKind,
    /// The sentence.
    pub text: Bilingual,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Somebody came.
    Came,
    /// Somebody is called or waits.
    Waits,
    /// Somebody was let go.
    Went,
    /// Somebody was refused, or ought to be looked after.
    Alarm,
    /// About the demonstration itself.
    Stage,
}

impl Board {
    /// An empty board.
    pub fn new() -> Self {
        let view = View { network_up: true, ..View::default() };
        Self { view: Mutex::new(view), version: watch::Sender::new(0) }
    }

    /// Changes something.
    pub fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.lock());
        self.version.send_modify(|version| *version += 1);
    }

    /// Adds a line.
    pub fn say(&self, at: &str, kind: LineKind, text: Bilingual) {
        self.change(|view| view.add(at, kind, text));
    }

    /// Everything as it is now.
    pub fn view(&self) -> View {
        self.lock().clone()
    }

    /// The lines after that number, as far as they are kept.
    pub fn lines_after(&self, number: u64) -> Vec<Line> {
        self.lock().lines.iter().filter(|line| line.number > number).cloned().collect()
    }

    /// Moves with every change.
    pub fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}

impl View {
    fn add(&mut self, at: &str, kind: LineKind, text: Bilingual) {
        self.last_line += 1;
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { number: self.last_line, at: at.to_owned(), kind, text });
    }

    /// What the boards of the school were told: counts it and says it in a sentence.
    pub fn tell(&mut self, entry: &Entry, names: &Names) {
        match &entry.what {
            What::Arrived { .. } => self.counts.on_campus += 1,
            What::Released { to: Recipient::Guardian(_), .. } => self.counts.fetched += 1,
            What::Released { to: Recipient::Alone, .. } => self.counts.went_alone += 1,
            What::Left { .. } => self.counts.on_campus = self.counts.on_campus.saturating_sub(1),
            _ => {}
        }
        if let Some((kind, text)) = names.sentence(&entry.what) {
            let at = entry.at.clock_text().unwrap_or_default();
            self.add(&at, kind, text);
        }
    }

    /// Puts the line's state on the board.
    pub fn set_weather(&mut self, weather: Weather) {
        self.network_up = weather == Weather::Fair;
    }
}

/// What people are called; entries know ids only.
#[derive(Debug)]
pub struct Names {
    students: BTreeMap<StudentId, Bilingual>,
    guardians: BTreeMap<GuardianId, Bilingual>,
    places: BTreeMap<PlaceId, Bilingual>,
}

impl Names {
    /// The names of this school's people and places.
    pub fn of(school: &School, campus: &Campus) -> Self {
        let student = |s: &crate::school::Student| {
            let (name, class) = (&s.name, &s.class);
            let text = Bilingual::say(|lang| {
                let class = class.get(lang);
                text!(lang, zh: "{name}（{class}）", en: "{name} ({class})")
            });
            (s.id.clone(), text)
        };
        let guardians = school.families.iter().flat_map(|family| &family.guardians);
        Self {
            students: school.students.iter().map(student).collect(),
            guardians: guardians.map(|guardian| (guardian.id.clone(), guardian.relation.clone())).collect(),
            places: campus.spots.iter().map(|spot| (spot.id.clone(), spot.name.clone())).collect(),
        }
    }

    /// What happened, in a sentence; nothing for what only makes another sentence twice.
    fn sentence(&self, what: &What) -> Option<(LineKind, Bilingual)> {
        use LineKind::{Alarm, Came, Waits, Went};
        Some(match what {
            What::Arrived { student, .. } => {
                let who = self.student(student);
                (Came, say(|lang| (who.get(lang),), |lang, (who,)| text!(lang, zh: "{who} 到校", en: "{who} arrived")))
            }
            What::Waiting { student, tap } => {
                let (who, place) = (self.student(student), self.place(&tap.place));
                let parts = |lang| (who.get(lang), place.get(lang));
                (
                    Waits,
                    say(
                        parts,
                        |lang, (who, place)| text!(lang, zh: "{who} 在{place}等待", en: "{who} waits at the {place}"),
                    ),
                )
            }
            What::Called { guardian, students, tap } => {
                let (by, place) = (self.guardian(guardian), self.place(&tap.place));
                let first = students.first().map(|student| self.student(student)).unwrap_or_default();
                let (all, others) = (students.len(), students.len().saturating_sub(1));
                let parts = |lang| (by.get(lang), place.get(lang), first.get(lang));
                let text = say(parts, |lang, (by, place, who)| match others {
                    0 => text!(lang, zh: "{by}到了{place}，呼叫 {who}", en: "{by} is at the {place}: calling {who}"),
                    _ => {
                        text!(lang, zh: "{by}到了{place}，呼叫 {who} 等{all}人", en: "{by} is at the {place}: calling {who} and {others} more")
                    }
                });
                (Waits, text)
            }
            What::Released { student, to, .. } => {
                let who = self.student(student);
                match to {
                    Recipient::Guardian(guardian) => {
                        let by = self.guardian(guardian);
                        let parts = |lang| (who.get(lang), by.get(lang));
                        (
                            Went,
                            say(
                                parts,
                                |lang, (who, by)| text!(lang, zh: "{who} 由{by}接走", en: "{who} picked up by {by}"),
                            ),
                        )
                    }
                    Recipient::Delegate(_) => {
                        let parts = |lang| (who.get(lang),);
                        (
                            Went,
                            say(
                                parts,
                                |lang, (who,)| text!(lang, zh: "{who} 由持凭证的代接人接走", en: "{who} picked up with a pass"),
                            ),
                        )
                    }
                    Recipient::Alone => {
                        let parts = |lang| (who.get(lang),);
                        (
                            Went,
                            say(
                                parts,
                                |lang, (who,)| text!(lang, zh: "{who} 自行回家", en: "{who} set off home alone"),
                            ),
                        )
                    }
                }
            }
            What::Refused { holder, reason, .. } => {
                let (who, why) = (self.holder(holder.as_ref()), self.reason(reason));
                let parts = |lang| (who.get(lang), why.get(lang));
                (Alarm, say(parts, |lang, (who, why)| text!(lang, zh: "{who}：{why}", en: "{who}: {why}")))
            }
            What::AlarmRaised { alarm, .. } => {
                let place = alarm.place().map(|place| self.place(place)).unwrap_or_default();
                let says = alarm.says(&place);
                let parts = |lang| (says.get(lang),);
                (Alarm, say(parts, |lang, (says,)| text!(lang, zh: "警报 {says}", en: "Alarm: {says}")))
            }
            _ => return None,
        })
    }

    fn student(&self, id: &StudentId) -> Bilingual {
        self.students.get(id).cloned().unwrap_or_else(|| plain(id.as_str()))
    }

    fn guardian(&self, id: &GuardianId) -> Bilingual {
        self.guardians.get(id).cloned().unwrap_or_else(|| plain(id.as_str()))
    }

    fn place(&self, id: &PlaceId) -> Bilingual {
        let name = self.places.get(id).cloned().unwrap_or_else(|| plain(id.as_str()));
        Bilingual { en: name.en.to_lowercase(), ..name }
    }

    fn holder(&self, holder: Option<&Holder>) -> Bilingual {
        match holder {
            Some(Holder::Student(id)) => self.student(id),
            Some(Holder::Guardian(id)) => self.guardian(id),
            Some(Holder::Staff(id)) => plain(id.as_str()),
            Some(Holder::Visitor(id)) => plain(id.as_str()),
            None => Bilingual { zh: "陌生的卡".into(), en: "A strange card".into() },
        }
    }

    fn reason(&self, reason: &Reason) -> Bilingual {
        Bilingual::say(|lang| {
            reason.says_with(lang, |place| {
                let place = self.place(place);
                let place = place.get(lang);
                text!(lang, zh: "{place}", en: "the {place}")
            })
        })
    }
}

/// A sentence whose parts are in the sentence's own language.
fn say<P>(
    parts: impl Fn(schoolgate_core::text::Lang) -> P,
    sentence: impl Fn(schoolgate_core::text::Lang, P) -> String,
) -> Bilingual {
    Bilingual::say(|lang| sentence(lang, parts(lang)))
}

fn plain(id: &str) -> Bilingual {
    Bilingual { zh: id.to_owned(), en: id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_lines_go_and_numbers_go_on() {
        let board = Board::new();
        for n in 0..MAX_LINES + 5 {
            board.say("16:00", LineKind::Stage, plain(&n.to_string()));
        }
        assert_eq!(board.view().lines.len(), MAX_LINES);
        assert_eq!(board.view().last_line, MAX_LINES as u64 + 5);
        assert_eq!(board.lines_after(MAX_LINES as u64 + 3).len(), 2);
    }
}
