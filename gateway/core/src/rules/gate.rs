//! What happens at the gates: taken to each gate's [`Machine`], and what comes of it written down and done.
//!
//! Who may open a gate is decided by the taps' rules; the machine says whether what door, beams and arms do agrees with what
//! was granted. The exit button opens the door by its own wire, so that nobody is shut in by a gateway that does not work;
//! it is heard here so that the door that follows is known to be no forced one, and where a gate is set up so it releases
//! the gate, too. While the gates stand open in an emergency nothing is forced, held or tailgating.

use core::{mem, time::Duration};

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use crate::{
    action::Act,
    alarm::Alarm,
    entry::{OpenCause, OrderFault, OutCause, ReleasedBy, Seq, Tap, What},
    gate::{Effect, Event, Gate, Machine, Mode, Now, Phase, SETTLING},
    id::{PlaceId, ReaderId, StaffId},
    picture::Picture,
    rules::{agenda, muster::gates_are_free},
    school::School,
    site::{Direction, PlaceRole},
    state::{GateRun, State},
    time::{Day, Mono, Stamp, TimeOfDay},
    timer::{Timeout, Timer},
};

const MINUTE_MS: i64 = 60_000;

/// The gates' machines, and what people who wait are shown when it is their turn. No part of the state: what must be known
/// after a restart is in the ledger.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    began: Mono,
    machines: BTreeMap<PlaceId, Machine>,
    /// Of those machines for which time matters now, when: asked at every input, where it changes with one machine's events.
    due: BTreeMap<PlaceId, Mono>,
    /// Kept for its room.
    todo: VecDeque<Effect>,
    waits: VecDeque<Waits>,
    /// The minute of the school's calendar at which the schedules were last looked at; `None` within: the clock was unset.
    looked_at: Option<Option<i64>>,
    /// When one of them changes next, in milliseconds of the school's calendar.
    next_change: Option<i64>,
}

/// Somebody who was let through and waits for the gate: no more than the machines have waiting.
#[derive(Debug)]
struct Waits {
    seq: Seq,
    shown: Option<(ReaderId, Picture)>,
}

/// The gateway starts: who was let through a moment ago may still be on the way; the gates that the configuration has no
/// longer can't close, and what failed is tried anew.
pub(crate) fn begin(school: &mut School) {
    school.lanes = Lanes { began: school.now.mono, ..Lanes::default() };
    let is_gate = |(id, role): &(&PlaceId, PlaceRole)| *role == PlaceRole::Gate || school.site.gates.contains_key(*id);
    let places = school.site.places.iter().map(|(id, place)| (id, place.role)).filter(is_gate);
    for place in places.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
        machine(school, &place);
    }
    recall_grants(school);
    end_what_is_gone(school);
    let runs: Vec<(PlaceId, GateRun)> =
        school.state.gates().iter().map(|(id, run)| (id.clone(), run.clone())).collect();
    for (place, run) in runs {
        match run.out {
            Some(OutCause::Staff(_)) => give(school, &place, Event::Out(true)),
            Some(_) => back(school, &place, None),
            None => {}
        }
        if run.ordered_by.is_some() {
            give(school, &place, Event::Mode(run.mode));
        }
    }
    let others: Vec<PlaceId> = school.site.gates.keys().cloned().collect();
    others.iter().for_each(|place| tell_other_door(school, place));
}

fn recall_grants(school: &mut School) {
    let recent = school.state.recent_grants().filter_map(|(place, seq, at, direction)| {
        let life = grant_life(school, place);
        school.within(at, life).then(|| (place.clone(), seq, direction, school.deadline(at, life)))
    });
    for (place, seq, direction, until) in recent.collect::<Vec<_>>() {
        machine(school, &place).recall(seq, Some(direction), until);
    }
}

fn end_what_is_gone(school: &mut School) {
    let known = |place: &PlaceId| school.site.places.contains_key(place);
    let doors: Vec<PlaceId> = school.state.doors().keys().filter(|place| !known(place)).cloned().collect();
    let gates: Vec<PlaceId> = school.state.gates().keys().filter(|place| !known(place)).cloned().collect();
    let stale = |alarm: &&Alarm| match alarm {
        Alarm::BeamBlocked { .. } => true, // the beams' levels come in again
        Alarm::GateFailed { place } | Alarm::GateTampered { place } => !known(place),
        Alarm::ReaderTampered { place, reader } => school.site.readers.get(reader) != Some(place),
        _ => false,
    };
    let alarms: Vec<Alarm> = school.state.alarms().keys().filter(stale).cloned().collect();
    doors.into_iter().for_each(|place| closed(school, place));
    for place in gates {
        let run = school.state.gates().get(&place).cloned().unwrap_or_default();
        if run.out.is_some() {
            school.record(What::GateBack { place: place.clone(), by: None });
        }
        if run.mode != Mode::Controlled {
            school.record(What::GateMode { place, mode: Mode::Controlled, by: None, lifted_by: None });
        }
    }
    alarms.iter().for_each(|alarm| school.end_alarm(alarm));
}

/// Somebody is let through, the way that is given if the tap says it.
pub(crate) fn granted(school: &mut School, seq: Seq, place: &PlaceId, direction: Option<Direction>) {
    give(school, place, Event::Granted(seq, direction));
}

/// What happened at a gate that the site has.
pub(crate) fn happened(school: &mut School, place: &PlaceId, event: Event) {
    if school.site.places.contains_key(place) {
        give(school, place, event);
    }
}

/// The line that releases a gate fails, or works again.
pub(crate) fn actuator(school: &mut School, place: &PlaceId, works: bool) {
    if !school.site.places.contains_key(place) {
        return;
    }
    match (works, school.state.gates().get(place).and_then(|run| run.out.as_ref())) {
        (true, Some(OutCause::Line)) => back(school, place, None),
        (false, None) => fails(school, place, OutCause::Line),
        (true, _) | (false, Some(_)) => {}
    }
}

/// An emergency begins or is over.
pub(crate) fn emergency(school: &mut School, on: bool) {
    let places: Vec<PlaceId> = school.lanes.machines.keys().cloned().collect();
    places.iter().for_each(|place| give(school, place, Event::Emergency(on)));
}

/// Whether nobody is let through this gate: it is out of service, and there is no emergency.
pub(crate) fn is_out(school: &School, place: &PlaceId) -> bool {
    let gates = school.state.gates();
    !gates.is_empty() && gates.get(place).is_some_and(|run| run.out.is_some()) && !gates_are_free(school)
}

/// Whether this gate is locked by its schedule or by order, and there is no emergency.
pub(crate) fn is_locked(school: &School, place: &PlaceId) -> bool {
    let gates = school.state.gates();
    !gates.is_empty() && gates.get(place).is_some_and(|run| run.mode == Mode::Locked) && !gates_are_free(school)
}

/// Whoever has to wait for a gate sees so, and sees the rest when it is their turn. Says whether they have to.
pub(crate) fn waits(school: &mut School, seq: Seq, tap: &Tap, picture: &Picture) -> bool {
    let Some(waits) = school.lanes.waits.iter_mut().find(|waits| waits.seq == seq) else { return false };
    waits.shown = Some((tap.reader.clone(), picture.clone()));
    true
}

/// Whether whom this entry lets through waits for the gate.
pub(crate) fn is_waiting(school: &School, seq: Seq) -> bool {
    school.lanes.waits.iter().any(|waits| waits.seq == seq)
}

/// Staff let somebody through.
pub(crate) fn release(school: &mut School, by: StaffId, place: PlaceId) -> Result<(), OrderFault> {
    if !is_gate(school, &place) || is_out(school, &place) {
        return Err(OrderFault::NoSuch);
    }
    let seq = school.record(What::GateReleased { place: place.clone(), by: ReleasedBy::Staff(by) });
    school.let_through(seq, &place, None);
    Ok(())
}

/// Staff say how a gate is run, or that its schedule does.
pub(crate) fn set(school: &mut School, by: StaffId, place: PlaceId, mode: Option<Mode>) -> Result<(), OrderFault> {
    if !is_gate(school, &place) {
        return Err(OrderFault::NoSuch);
    }
    let run = school.state.gates().get(&place).cloned().unwrap_or_default();
    let what = match mode {
        Some(Mode::Free) if school.site.gate(&place).interlock_with.is_some() => return Err(OrderFault::Senseless),
        Some(mode) if run.ordered_by.is_some() && run.mode == mode => return Err(OrderFault::AlreadySo),
        Some(mode) => What::GateMode { place: place.clone(), mode, by: Some(by), lifted_by: None },
        None if run.ordered_by.is_none() => return Err(OrderFault::AlreadySo),
        None => {
            let mode = minute(school).map_or(Mode::Controlled, |minute| scheduled(school, &place, minute));
            What::GateMode { place: place.clone(), mode, by: None, lifted_by: Some(by) }
        }
    };
    let mode = if let What::GateMode { mode, .. } = &what { *mode } else { Mode::Controlled };
    school.record(what);
    give(school, &place, Event::Mode(mode));
    Ok(())
}

/// Staff take a gate out of service or bring it back.
pub(crate) fn serve(school: &mut School, by: StaffId, place: PlaceId, in_service: bool) -> Result<(), OrderFault> {
    if !is_gate(school, &place) {
        return Err(OrderFault::NoSuch);
    }
    let is_out = school.state.gates().get(&place).is_some_and(|run| run.out.is_some());
    match (in_service, is_out) {
        (true, false) | (false, true) => return Err(OrderFault::AlreadySo),
        (true, true) => back(school, &place, Some(by)),
        (false, false) => {
            school.record(What::GateOut { place: place.clone(), cause: OutCause::Staff(by) });
            give(school, &place, Event::Out(true));
        }
    }
    Ok(())
}

/// Looks at every input's moment: does a schedule say something else now? Without a set clock no schedule holds: a gate
/// that stood open then would let children out unseen, and one that were locked would keep families waiting.
pub(crate) fn look(school: &mut School) {
    if school.site.gates.is_empty() || !school.agenda.is_ready() {
        return;
    }
    let minute = minute(school);
    if school.lanes.looked_at == Some(minute) {
        return;
    }
    school.lanes.looked_at = Some(minute);
    school.lanes.next_change = minute.and_then(|minute| next_change(school, minute));
    for place in school.site.gates.keys().cloned().collect::<Vec<_>>() {
        let run = school.state.gates().get(&place);
        if run.is_some_and(|run| run.ordered_by.is_some()) {
            continue;
        }
        let told = run.map(|run| run.mode).unwrap_or_default();
        let mode = minute.map_or(Mode::Controlled, |minute| scheduled(school, &place, minute));
        if mode != told {
            school.record(What::GateMode { place: place.clone(), mode, by: None, lifted_by: None });
        }
        if machine(school, &place).mode() != mode {
            give(school, &place, Event::Mode(mode));
        }
    }
}

/// A roster came: its calendar may say something else of today.
pub(crate) fn calendar_came(school: &mut School) {
    school.lanes.looked_at = None;
    look(school);
}

/// The next thing that is due at a gate.
pub(crate) fn next(school: &School) -> Option<Timeout> {
    let change = school.lanes.next_change.and_then(|at| agenda::mono_of(school, at));
    let change = change.map(|at| Timeout { at, why: Timer::GateSchedule });
    let lane = school.lanes.due.iter().min_by_key(|(_, at)| **at);
    let lane = lane.map(|(place, at)| Timeout { at: *at, why: Timer::Gate { place: place.clone() } });
    [next_held(school), lane, change].into_iter().flatten().min_by_key(|timeout| timeout.at)
}

/// Something is due at a gate.
pub(crate) fn is_time(school: &mut School, place: &PlaceId) {
    give(school, place, Event::Time);
}

/// The next door that will have stood open for too long.
fn next_held(school: &School) -> Option<Timeout> {
    if school.state.doors().is_empty() || gates_are_free(school) {
        return None;
    }
    let unnoticed = school.state.doors().iter().filter(|(place, _)| {
        let is_free = school.state.gates().get(*place).is_some_and(|run| run.mode == Mode::Free);
        !is_free && !school.state.alarms().contains_key(&Alarm::GateHeld { place: (*place).clone() })
    });
    unnoticed
        .map(|(place, door)| (held_too_long_at(school, place, &door.since), place))
        .min()
        .map(|(at, place)| Timeout { at, why: Timer::GateHeld { place: place.clone() } })
}

/// A door has stood open for too long.
pub(crate) fn held(school: &mut School, place: &PlaceId) {
    if let Some(by) = school.state.doors().get(place).map(|door| door.by) {
        school.raise(Alarm::GateHeld { place: place.clone() }, Some(by));
        give(school, place, Event::StoodTooLong);
    }
}

/// Time in which the gates stood open for everybody does not count.
fn held_too_long_at(school: &School, place: &PlaceId, since: &Stamp) -> Mono {
    let may_stand = school.site.gate(place).held_after.unwrap_or_else(|| school.policy().gate_held());
    let own = school.state.gates().get(place).and_then(|run| run.freed_until.as_ref());
    let freed = school.state.freed_until().into_iter().chain(own);
    let starts = core::iter::once(since).chain(freed);
    starts.map(|start| school.deadline(start, may_stand)).max().unwrap_or(school.now.mono)
}

/// Takes an event to its gate and carries out what comes of it.
fn give(school: &mut School, place: &PlaceId, event: Event) {
    let mut todo = mem::take(&mut school.lanes.todo);
    let (at, passage) = (school.now.mono, school.policy().passage());
    let School { lanes, site, state, .. } = school;
    let now = Now { at, gate: site.gate(place), passage };
    let machine = machine_of(lanes, state, place);
    machine.handle(&now, event, &mut todo);
    match machine.next(now.gate) {
        Some(at) => lanes.due.insert(place.clone(), at),
        None => lanes.due.remove(place),
    };
    while let Some(effect) = todo.pop_front() {
        carry_out(school, place, effect);
    }
    school.lanes.todo = todo;
    tell_other_door(school, place);
}

fn carry_out(school: &mut School, place: &PlaceId, effect: Effect) {
    let place = place.clone();
    match effect {
        Effect::Release(seq) => {
            school.act(Some(seq), Act::Release { place: place.clone() });
            its_turn(school, place, seq);
        }
        Effect::Wait(seq) => {
            if school.lanes.waits.iter().all(|waits| waits.seq != seq) {
                school.lanes.waits.push_back(Waits { seq, shown: None });
            }
        }
        Effect::ReleaseExit { again } => {
            if !again {
                school.record(What::GateReleased { place: place.clone(), by: ReleasedBy::ExitButton });
            }
            school.act(None, Act::Release { place }); // the way out waits for no disk
        }
        Effect::Relock(after) => school.act(after, Act::EndRelease { place }),
        Effect::Stand(standing) => school.act(None, Act::Stand { place, standing }),
        Effect::Opened(cause) => {
            let forced = cause == OpenCause::Forced;
            let seq = school.record(What::GateOpened { place: place.clone(), cause });
            if forced {
                school.raise(Alarm::GateForced { place }, Some(seq));
            }
        }
        Effect::Closed => closed(school, place),
        Effect::Tailgated(direction) => {
            let seq = school.record(What::Tailgated { place: place.clone(), direction });
            school.raise(Alarm::Tailgating { place }, Some(seq));
        }
        Effect::NotPassed(grant) => {
            school.lanes.waits.retain(|waits| waits.seq != grant);
            school.record(What::NotPassed { place, grant });
        }
        Effect::Blocked(true) => school.raise(Alarm::BeamBlocked { place }, None),
        Effect::Blocked(false) => school.end_alarm(&Alarm::BeamBlocked { place }),
        Effect::DoesNotOpen => {
            if !is_out(school, &place) {
                fails(school, &place, OutCause::Motor);
            }
        }
    }
}

/// Whoever waited sees what they would have seen at once.
fn its_turn(school: &mut School, place: PlaceId, seq: Seq) {
    let waits = &mut school.lanes.waits;
    let Some(waits) = waits.iter().position(|waits| waits.seq == seq).and_then(|at| waits.remove(at)) else { return };
    if let Some((reader, picture)) = waits.shown {
        let after = picture.promises().then_some(seq);
        school.act(after, Act::Show { place, reader, picture });
    }
}

fn closed(school: &mut School, place: PlaceId) {
    school.record(What::GateClosed { place: place.clone() });
    school.end_alarm(&Alarm::GateHeld { place });
}

fn fails(school: &mut School, place: &PlaceId, cause: OutCause) {
    let seq = school.record(What::GateOut { place: place.clone(), cause });
    school.raise(Alarm::GateFailed { place: place.clone() }, Some(seq));
    give(school, place, Event::Out(true));
}

fn back(school: &mut School, place: &PlaceId, by: Option<StaffId>) {
    school.record(What::GateBack { place: place.clone(), by });
    school.end_alarm(&Alarm::GateFailed { place: place.clone() });
    give(school, place, Event::Out(false));
}

/// An airlock's other door waits until this one is closed and locked. What each is told changes what it is at most once
/// for each who waits, so this ends.
fn tell_other_door(school: &mut School, place: &PlaceId) {
    let Some(other) = school.site.other_door(place).cloned() else { return };
    let at = school.now.mono;
    let secure = machine(school, place).is_secure(at);
    if machine(school, &other).takes_other_for_secure() != secure {
        give(school, &other, Event::OtherSecure(secure));
    }
}

fn machine<'a>(school: &'a mut School, place: &PlaceId) -> &'a mut Machine {
    let School { lanes, state, .. } = school;
    machine_of(lanes, state, place)
}

fn machine_of<'a>(lanes: &'a mut Lanes, state: &State, place: &PlaceId) -> &'a mut Machine {
    let began = lanes.began;
    if !lanes.machines.contains_key(place) {
        let open = state.doors().get(place).map(|door| door.cause.clone());
        let emergency = state.muster().is_some() || state.alarms().contains_key(&Alarm::Fire {});
        lanes.machines.insert(place.clone(), Machine::new(began, open, emergency));
    }
    lanes.machines.entry(place.clone()).or_insert_with(|| Machine::new(began, None, false))
}

impl School {
    /// What the gate at that place is now; nothing for a place where no gate was heard of.
    pub fn gate_phase(&self, place: &PlaceId) -> Option<Phase> {
        self.lanes.machines.get(place).map(|machine| machine.phase(self.now.mono))
    }

    /// How many people that gate has seen since the start.
    pub fn gate_counts(&self, place: &PlaceId) -> Option<crate::gate::Counts> {
        self.lanes.machines.get(place).map(Machine::counts)
    }
}

fn is_gate(school: &School, place: &PlaceId) -> bool {
    school.site.places.get(place).is_some_and(|known| known.role == PlaceRole::Gate)
        || school.site.gates.contains_key(place)
}

fn grant_life(school: &School, place: &PlaceId) -> Duration {
    let Gate { release, opening, .. } = school.site.gate(place);
    school.policy().passage().max(*release) + *opening + SETTLING
}

/// The minute of the school's calendar, if the clock is set.
fn minute(school: &School) -> Option<i64> {
    school.now.clock.is_set().then(|| school.now.wall.local_ms().div_euclid(MINUTE_MS))
}

fn scheduled(school: &School, place: &PlaceId, minute: i64) -> Mode {
    let (day, time) = (minute.div_euclid(24 * 60), minute.rem_euclid(24 * 60));
    let time = TimeOfDay::MIDNIGHT.plus_minutes(u16::try_from(time).unwrap_or_default());
    let gate = school.site.gate(place);
    let mode = Day::from_number(day).map(|on| gate.schedule.mode(on, school.roster.day_kind(day), time));
    // Both doors of an airlock must never stand open.
    mode.filter(|mode| *mode != Mode::Free || gate.interlock_with.is_none()).unwrap_or_default()
}

/// The next end or start of any schedule, or midnight, after this minute.
fn next_change(school: &School, minute: i64) -> Option<i64> {
    let (day, time) = (minute.div_euclid(24 * 60), minute.rem_euclid(24 * 60));
    let now = TimeOfDay::MIDNIGHT.plus_minutes(u16::try_from(time).unwrap_or_default());
    let schedules = || school.site.gates.values().map(|gate| &gate.schedule).filter(|schedule| !schedule.0.is_empty());
    schedules().next()?;
    let today = schedules().filter_map(|schedule| schedule.next_change(now)).min();
    let at = today.map_or(24 * 60, |time| i64::from(time.minute()));
    Some((day * 24 * 60 + at) * MINUTE_MS)
}
