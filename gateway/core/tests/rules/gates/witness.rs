//! A second, naive reckoning of the gates, from the inputs, entries and actions alone: it knows nothing of machines and
//! phases, only of relays that hold for a time, of doors, and of reasons.

use std::collections::BTreeMap;

use schoolgate_core::{
    action::{Act, Action},
    entry::{Entry, OpenCause, ReleasedBy, Seq, What},
    gate::{LONGEST_WAIT, Mode, SETTLING, Standing},
    id::PlaceId,
    school::Input,
    site::Site,
};

/// The first levels come within so many milliseconds of the start.
const FIRST_LEVELS: u64 = 10_000;

#[derive(Default)]
struct Gate {
    released_until: u64,
    stands: Standing,
    /// The door as its contact says.
    open: bool,
    explained: Option<OpenCause>,
    mode: Mode,
    out: bool,
    exit_at: Option<u64>,
    /// At a gate of one person a release: whose turn it is, and since when.
    turn: Option<(Seq, u64)>,
}

#[derive(Default)]
pub struct Witness {
    gates: BTreeMap<PlaceId, Gate>,
    emergency: bool,
    fire: bool,
    muster: bool,
    free: bool,
    began: u64,
    /// Since the clock was set back before the last reboot, what was long ago looks as if it had just been: across a reboot
    /// the box has nothing else to go by.
    pub deceived: bool,
    entries: BTreeMap<Seq, (What, u64)>,
    pub opened: u64,
    pub released: u64,
}

impl Witness {
    fn gate(&mut self, place: &PlaceId) -> &mut Gate {
        self.gates.entry(place.clone()).or_default()
    }

    pub fn sees_input(&mut self, now: u64, input: &Input) {
        match input {
            Input::Started { .. } => {
                self.began = now;
                self.free = false;
                for gate in self.gates.values_mut() {
                    // The relays fall back when the process ends.
                    (gate.released_until, gate.stands, gate.turn, gate.exit_at) = (0, Standing::Gate, None, None);
                }
            }
            Input::Door { place, open } => {
                let gate = self.gate(place);
                gate.open = *open;
                // Where nobody is counted, a way that closes was used.
                gate.turn = gate.turn.filter(|_| *open);
            }
            Input::ExitRequest { place } => self.gate(place).exit_at = Some(now),
            Input::Turned { place } => self.gate(place).turn = None,
            _ => {}
        }
    }

    pub fn sees_entry(&mut self, now: u64, entry: &Entry, site: &Site) {
        self.entries.insert(entry.seq, (entry.what.clone(), now));
        match &entry.what {
            What::MusterStarted { .. } => self.muster = true,
            What::MusterEnded { .. } => self.muster = false,
            What::AlarmRaised { alarm: schoolgate_core::alarm::Alarm::Fire {}, .. } => self.fire = true,
            What::AlarmEnded { alarm: schoolgate_core::alarm::Alarm::Fire {}, .. } => self.fire = false,
            What::GateMode { place, mode, .. } => self.gate(place).mode = *mode,
            What::GateOut { place, .. } => self.gate(place).out = true,
            What::GateBack { place, .. } => self.gate(place).out = false,
            What::NotPassed { place, grant } => {
                let gate = self.gate(place);
                gate.turn = gate.turn.filter(|(seq, _)| seq != grant);
            }
            What::GateOpened { place, cause } => {
                self.explains(now, place, cause, site);
                self.gate(place).explained = Some(cause.clone());
                self.opened += 1;
            }
            What::GateClosed { place } => self.gate(place).explained = None,
            _ => {}
        }
        self.emergency = self.fire || self.muster;
    }

    /// The cause that an entry gives for an open door must be true.
    fn explains(&mut self, now: u64, place: &PlaceId, cause: &OpenCause, site: &Site) {
        let life = self.life(place, site);
        let (emergency, began) = (self.emergency, self.began);
        let deceived = self.deceived && now - began <= life;
        let lets = match cause {
            OpenCause::Granted(seq) => self.entries.get(seq).cloned(),
            _ => None,
        };
        let gate = self.gate(place);
        match cause {
            OpenCause::Granted(seq) => {
                let (what, at) = lets.unwrap_or_else(|| panic!("{seq} is no entry"));
                assert!(lets_through(&what, place), "{place} opened by {what:?}");
                let lasts = life + LONGEST_WAIT.as_millis() as u64;
                assert!(now - at <= lasts || deceived, "{place} opened by what had lapsed");
            }
            OpenCause::ExitRequest => {
                let at = gate.exit_at.expect("somebody pressed the button");
                assert!(now - at <= life + LONGEST_WAIT.as_millis() as u64);
            }
            OpenCause::Free => assert!(emergency, "{place} is said to be free and is not"),
            OpenCause::Scheduled => assert_eq!(gate.mode, Mode::Free),
            OpenCause::Unwatched => assert!(now - began < FIRST_LEVELS, "{place}: somebody was watching"),
            OpenCause::Forced => {
                assert!(!emergency && (gate.out || gate.mode != Mode::Free), "{place} stood open for everybody");
            }
        }
    }

    fn life(&self, place: &PlaceId, site: &Site) -> u64 {
        let gate = site.gate(place);
        (gate.release.max(std::time::Duration::from_secs(5)) + gate.opening + SETTLING).as_millis() as u64
    }

    pub fn sees_action(&mut self, now: u64, action: &Action, site: &Site) {
        match &action.act {
            Act::Release { place } => {
                self.has_a_reason(now, place, action.after, site);
                let pulse = site.gate(place).pulse().as_millis() as u64;
                self.gate(place).released_until = now + pulse;
                self.released += 1;
            }
            Act::EndRelease { place } => self.gate(place).released_until = 0,
            Act::Stand { place, standing } => {
                let gate = self.gate(place);
                match standing {
                    Standing::Open => assert_eq!((gate.mode, gate.out), (Mode::Free, false), "{place} stands open"),
                    Standing::Closed => assert!(gate.out, "{place} is in service"),
                    Standing::Held | Standing::Gate => {}
                }
                gate.stands = *standing;
            }
            Act::Free { on } => self.free = *on,
            Act::Show { .. } => {}
        }
    }

    /// Never released without a reason: an entry at this gate that lets somebody through, or the exit button.
    fn has_a_reason(&mut self, now: u64, place: &PlaceId, after: Option<Seq>, site: &Site) {
        let what = after.map(|seq| self.entries.get(&seq).expect("what is promised was written").clone());
        let (emergency, life) = (self.emergency, self.life(place, site));
        let one = site.gate(place).one_person_per_release;
        let gate = self.gate(place);
        match what {
            Some((what, _)) => {
                assert!(lets_through(&what, place), "released by {what:?}");
                assert!(!gate.out || emergency, "{place} is out of service");
                if one && !emergency && gate.mode != Mode::Free {
                    let (seq, turn) = (after.unwrap(), gate.turn);
                    assert!(turn.is_none_or(|(other, since)| other == seq || now - since >= life), "two at a time");
                    gate.turn = Some((seq, now));
                }
            }
            None => {
                assert!(site.gate(place).exit_button_releases, "{place}: a promise without an entry");
                let at = gate.exit_at.expect("somebody pressed the button");
                assert!(now - at <= LONGEST_WAIT.as_millis() as u64, "long after the button");
            }
        }
        let other = site.other_door(place).cloned();
        if let Some(other) = other.filter(|_| !emergency) {
            let other_gate = self.gate(&other);
            assert!(!other_gate.open, "{place} is released while {other} is open");
            assert!(now >= other_gate.released_until, "{place} is released while {other} is");
        }
    }

    /// After everything that one input led to.
    pub fn stands(&self, now: u64, site: &Site) {
        assert_eq!(self.free, self.emergency, "never locked in an emergency, and free in nothing else");
        for (place, gate) in &self.gates {
            assert_eq!(gate.open, gate.explained.is_some(), "{place}: an open door has an entry, a closed one none");
        }
        let opens =
            |id: &PlaceId| self.gates.get(id).is_some_and(|gate| now < gate.released_until || stands_open(gate));
        for (id, gate) in &site.gates {
            let both = gate.interlock_with.as_ref().is_some_and(|other| opens(id) && opens(other));
            assert!(!both || self.emergency, "both doors of an airlock are released");
        }
    }
}

fn stands_open(gate: &Gate) -> bool {
    matches!(gate.stands, Standing::Open | Standing::Held)
}

fn lets_through(what: &What, place: &PlaceId) -> bool {
    match what {
        What::Arrived { tap, .. } | What::Left { tap, .. } | What::Came { tap, .. } | What::Went { tap, .. } => {
            tap.place == *place
        }
        What::GateReleased { place: at, by: ReleasedBy::Staff(_) } => at == place,
        _ => false,
    }
}
