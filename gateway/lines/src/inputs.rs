//! All inputs of a backend: what their levels mean, when they change, and which of them can't be seen.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Contact, Debounce};

/// Glitches are told at once when a line begins to have them, and then no more often than this.
pub const GLITCHES_TOLD_EVERY: Duration = Duration::from_secs(60);

/// Something to know about an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which, by its place in the list of inputs.
    pub line: usize,
    /// When.
    pub at: Instant,
    /// What.
    pub what: ToldWhat,
}

/// What there is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToldWhat {
    /// It is active, or is not: at the start, and whenever that changes.
    Active(bool),
    /// It can be seen, for the first time or again.
    Seen,
    /// It can't be seen, and why.
    Lost(String),
    /// So many glitches since the start.
    Glitches(u64),
}

/// The inputs of a backend.
///
/// Call [`level`](Self::level) and [`lost`](Self::lost) with what the backend sees and [`on_timeout`](Self::on_timeout)
/// at [`next_timeout`](Self::next_timeout); after each, take what there is from [`poll_told`](Self::poll_told).
#[derive(Debug, Default)]
pub struct Inputs {
    lines: Vec<Line>,
    told: VecDeque<Told>,
}

#[derive(Debug)]
struct Line {
    contact: Contact,
    debounce: Debounce,
    /// Nothing before the first level or the first failure.
    seen: Option<bool>,
    glitches_told: u64,
    glitches_due: Option<Instant>,
}

impl Inputs {
    /// No inputs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input and gives its number: 0, 1, 2 and so on.
    pub fn add(&mut self, contact: Contact, rest: Duration) -> usize {
        let debounce = Debounce::new(rest);
        self.lines.push(Line { contact, debounce, seen: None, glitches_told: 0, glitches_due: None });
        self.lines.len() - 1
    }

    /// The pin was high, or low, at this moment.
    pub fn level(&mut self, line: usize, at: Instant, high: bool) {
        self.settle(line, at);
        let Some(state) = self.lines.get_mut(line) else { return };
        if state.seen.replace(true) != Some(true) {
            self.told.push_back(Told { line, at, what: ToldWhat::Seen });
        }
        state.debounce.level(at, state.contact.is_active(high));
        self.settle(line, at);
    }

    /// The pin can't be seen.
    pub fn lost(&mut self, line: usize, at: Instant, why: impl Into<String>) {
        let Some(state) = self.lines.get_mut(line) else { return };
        if state.seen.replace(false) != Some(false) {
            state.debounce.forget();
            self.told.push_back(Told { line, at, what: ToldWhat::Lost(why.into()) });
        }
    }

    /// When [`on_timeout`](Self::on_timeout) is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.lines.iter().filter_map(Line::next_timeout).min()
    }

    /// Tells what has come to rest by `now`.
    pub fn on_timeout(&mut self, now: Instant) {
        for line in 0..self.lines.len() {
            self.settle(line, now);
        }
    }

    /// What there is to know next. Of what is known by now, what happened first comes first: the button before the door.
    pub fn poll_told(&mut self) -> Option<Told> {
        let (first, _) = self.told.iter().enumerate().min_by_key(|(_, told)| told.at)?;
        self.told.remove(first)
    }

    fn settle(&mut self, line: usize, now: Instant) {
        let Some(state) = self.lines.get_mut(line) else { return };
        while let Some(change) = state.debounce.advance(now) {
            self.told.push_back(Told { line, at: change.at, what: ToldWhat::Active(change.active) });
        }
        if let Some(glitches) = state.glitches_to_tell(now) {
            self.told.push_back(Told { line, at: now, what: ToldWhat::Glitches(glitches) });
        }
    }
}

impl Line {
    fn next_timeout(&self) -> Option<Instant> {
        let glitches = self.glitches_due.filter(|_| self.debounce.glitches() > self.glitches_told);
        [self.debounce.poll_timeout(), glitches].into_iter().flatten().min()
    }

    fn glitches_to_tell(&mut self, now: Instant) -> Option<u64> {
        let glitches = self.debounce.glitches();
        let is_due = glitches > self.glitches_told && self.glitches_due.is_none_or(|due| due <= now);
        is_due.then(|| {
            (self.glitches_told, self.glitches_due) = (glitches, Some(now + GLITCHES_TOLD_EVERY));
            glitches
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOOR: Contact = Contact { active_low: true, normally_closed: true };

    fn taken(inputs: &mut Inputs) -> Vec<ToldWhat> {
        std::iter::from_fn(|| inputs.poll_told()).map(|told| told.what).collect()
    }

    #[test]
    fn the_first_level_is_told_when_it_has_come_to_rest() {
        let start = Instant::now();
        let mut inputs = Inputs::new();
        let door = inputs.add(DOOR, Duration::from_millis(20));
        inputs.level(door, start, false);
        assert_eq!(taken(&mut inputs), [ToldWhat::Seen]);
        let due = inputs.next_timeout().unwrap();
        assert_eq!(due, start + Duration::from_millis(20));
        inputs.on_timeout(due);
        assert_eq!(taken(&mut inputs), [ToldWhat::Active(false)], "a closed contact is a closed door");
        assert_eq!(inputs.next_timeout(), None);
    }

    #[test]
    fn a_line_that_is_lost_is_told_once_and_its_level_anew_when_it_is_back() {
        let start = Instant::now();
        let mut inputs = Inputs::new();
        let door = inputs.add(DOOR, Duration::ZERO);
        inputs.level(door, start, true);
        assert_eq!(taken(&mut inputs), [ToldWhat::Seen, ToldWhat::Active(true)]);
        inputs.lost(door, start, "unplugged");
        inputs.lost(door, start, "unplugged");
        assert_eq!(taken(&mut inputs), [ToldWhat::Lost("unplugged".into())]);
        assert_eq!(inputs.next_timeout(), None);
        inputs.level(door, start, true);
        assert_eq!(taken(&mut inputs), [ToldWhat::Seen, ToldWhat::Active(true)]);
    }

    #[test]
    fn what_happened_first_is_told_first_however_late_it_is_seen() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut inputs = Inputs::new();
        let [door, button] = [DOOR, Contact { normally_closed: false, ..DOOR }]
            .map(|contact| inputs.add(contact, Duration::from_millis(20)));
        inputs.level(door, start, false);
        inputs.level(button, start, true);
        inputs.on_timeout(at(100));
        taken(&mut inputs);

        inputs.level(door, at(210), true);
        inputs.level(button, at(200), false);
        inputs.on_timeout(at(1_000));
        let order: Vec<_> = std::iter::from_fn(|| inputs.poll_told()).map(|told| (told.line, told.at)).collect();
        assert_eq!(order, [(button, at(200)), (door, at(210))]);
    }

    #[test]
    fn a_line_full_of_glitches_tells_of_them_once_a_minute() {
        let start = Instant::now();
        let mut inputs = Inputs::new();
        let door = inputs.add(DOOR, Duration::from_millis(20));
        inputs.level(door, start, false);
        let mut counts = Vec::new();
        for n in 0..1_300_u64 {
            let at = start + Duration::from_millis(100 * (n + 1));
            inputs.level(door, at, true);
            inputs.level(door, at + Duration::from_millis(5), false);
            inputs.on_timeout(at + Duration::from_millis(50));
            counts.extend(taken(&mut inputs).into_iter().filter(|what| matches!(what, ToldWhat::Glitches(_))));
        }
        assert_eq!(counts, [ToldWhat::Glitches(1), ToldWhat::Glitches(600), ToldWhat::Glitches(1_200)]);
    }
}
