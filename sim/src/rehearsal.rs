//! An afternoon played to the core alone, on virtual time: no process, no reader, no network.

use std::{sync::Arc, time::Duration};

use schoolgate_core::{
    entry::{Entry, What},
    roster::Roster,
    school::{Input, School as Core},
    time::{BootId, ClockQuality, Mono, Stamp},
};

use crate::{
    afternoon::{Act, Afternoon, Deed, Outcome},
    campus::Campus,
    school::School,
};

/// A core without any process around it, played the script on virtual time.
pub(crate) struct Rehearsal {
    core: Core,
    /// The ledger.
    pub(crate) entries: Vec<Entry>,
}

impl Rehearsal {
    pub(crate) fn of(school: &School, campus: &Campus, afternoon: &Afternoon) -> Self {
        let mut rehearsal = Self { core: Core::new(campus.site()), entries: Vec::new() };
        let roster = Arc::new(Roster::try_new(school.document()).unwrap());
        rehearsal.input(afternoon, Duration::ZERO, Input::Started { version: "sim".into() });
        rehearsal.input(afternoon, Duration::ZERO, Input::Roster { roster, digest: "d".into() });
        rehearsal
    }

    /// Hands one input in; what it brings about as entries.
    fn input(&mut self, afternoon: &Afternoon, at: Duration, input: Input) -> Vec<Entry> {
        let mono = Mono(at.as_millis() as u64);
        while let Some(due) = self.core.poll_timeout().filter(|due| due.at < mono) {
            let now = stamp(afternoon, Duration::from_millis(due.at.0));
            self.core.handle(now, Input::Timeout);
            self.entries.extend(std::iter::from_fn(|| self.core.poll_entry()));
        }
        self.core.handle(stamp(afternoon, at), input);
        while self.core.poll_action().is_some() {}
        let new: Vec<Entry> = std::iter::from_fn(|| self.core.poll_entry()).collect();
        self.entries.extend(new.iter().cloned());
        new
    }

    /// Plays one act, and says what is not as the script has it.
    pub(crate) fn play(
        &mut self,
        school: &School,
        campus: &Campus,
        afternoon: &Afternoon,
        act: &Act,
    ) -> Result<(), String> {
        let reader = |n: &usize| campus.readers[*n].id.clone();
        match &act.what {
            Deed::Tap { reader: n, card, outcome, .. } => {
                let tap =
                    Input::Tap { reader: reader(n), credential: school.credential(*card), proof: Default::default() };
                let left = self.input(afternoon, act.at, tap);
                let taps: Vec<&Entry> = left.iter().filter(|entry| entry.what.tap().is_some()).collect();
                check(act, outcome, &taps).map_err(|why| format!("{act:?} left {taps:?}: {why}"))
            }
            Deed::Garble { .. } => Ok(()), // the reader adapter drops it
            Deed::Unplug { reader: n } => {
                let reason = "unplugged".to_owned();
                self.input(afternoon, act.at, Input::ReaderDown { reader: reader(n), reason });
                Ok(())
            }
            Deed::Plug { reader: n } => {
                self.input(afternoon, act.at, Input::ReaderUp { reader: reader(n) });
                Ok(())
            }
        }
    }
}

fn stamp(afternoon: &Afternoon, at: Duration) -> Stamp {
    let mono = Mono(at.as_millis() as u64);
    Stamp { wall: afternoon.wall(at), boot: BootId(1), mono, clock: ClockQuality::Simulated }
}

fn check(act: &Act, outcome: &Outcome, taps: &[&Entry]) -> Result<(), &'static str> {
    let kinds: Vec<_> = taps.iter().map(|entry| entry.what.kind()).collect();
    if kinds != outcome.entry_kinds() {
        return Err("other entries were due");
    }
    for entry in taps {
        let as_told = match (&entry.what, outcome) {
            (What::Refused { holder, reason, .. }, Outcome::Refused(due)) => {
                reason == due && *holder == act.who.holder()
            }
            (What::Called { students, .. }, Outcome::Calls(due)) => students == due,
            (What::Released { student, .. }, Outcome::Releases(due) | Outcome::ReleasesAndLeave(due)) => {
                due.contains(student)
            }
            _ => true,
        };
        if !as_told {
            return Err("something else was due in it");
        }
    }
    Ok(())
}
