//! A gate's door and beams: held open, forced, tailgating.
//!
//! Who may open a gate is decided by the taps' rules; here is only watched whether what the door and the beams do agrees
//! with what was granted. The exit button opens the door by its own wire, so that nobody is shut in by a gateway that does
//! not work; it is heard here only so that the door that follows is known to be no forced one. While the gates stand open
//! in an emergency nothing is forced, held or tailgating.

use core::time::Duration;

use alloc::collections::{BTreeMap, VecDeque};

use crate::{
    alarm::Alarm,
    entry::{OpenCause, Seq, What},
    id::PlaceId,
    promise::PROMISE_WAIT,
    rules::muster::gates_are_free,
    school::School,
    site::Direction,
    time::{Mono, Stamp},
    timer::{Timeout, Timer},
};

/// Most people who have been granted a gate and not been through.
const MAX_GRANTS: usize = 32;
/// A door that opens late by this much is still the grant's: the entry may take as long to be on disk, and the door's
/// contact to settle (activity of 400 ms must be seen).
const SETTLING: Duration = Duration::from_millis(PROMISE_WAIT.as_millis() as u64 + 400);
/// Levels of the doors come in within this time of the start; a door that is then open may have been so before.
const FIRST_LEVELS: Duration = Duration::from_secs(10);

/// What was granted at the gates and not used yet. No part of the state: it is over within seconds, and after a restart
/// the recent taps tell of it.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    began: Option<Stamp>,
    lanes: BTreeMap<PlaceId, Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    /// By which entry and when; each lets one person through.
    grants: VecDeque<(Seq, Stamp)>,
    exit_request: Option<Stamp>,
    /// Whether the door's level was heard since the start.
    heard: bool,
}

/// The gateway starts: who was let through a moment ago may still be on the way; the doors of gates that the
/// configuration has no longer can't close.
pub(crate) fn begin(school: &mut School) {
    school.lanes = Lanes { began: Some(school.now), lanes: BTreeMap::new() };
    let life = grant_life(school);
    let recent = school.state.recent_grants().filter(|(_, _, at)| school.within(at, life));
    for (place, seq, at) in recent.map(|(place, seq, at)| (place.clone(), seq, *at)).collect::<VecDeque<_>>() {
        lane(school, &place).grants.push_back((seq, at));
    }
    let gone = school.state.doors().keys().filter(|place| !school.site.places.contains_key(*place)).cloned();
    for place in gone.collect::<VecDeque<_>>() {
        closed(school, place);
    }
}

/// Somebody is let through.
pub(crate) fn granted(school: &mut School, seq: Seq, place: &PlaceId) {
    forget_lapsed(school, place);
    let now = school.now;
    let grants = &mut lane(school, place).grants;
    if grants.len() == MAX_GRANTS {
        grants.pop_front();
    }
    grants.push_back((seq, now));
}

/// A door opened or closed. Its level at the start comes in, too; a level that is known already is no news.
pub(crate) fn door(school: &mut School, place: PlaceId, open: bool) {
    if !school.site.places.contains_key(&place) {
        return;
    }
    match (open, school.state.doors().contains_key(&place)) {
        (true, false) => opened(school, &place),
        (false, true) => closed(school, place.clone()),
        (true, true) | (false, false) => {}
    }
    lane(school, &place).heard = true;
}

/// The exit button was pressed.
pub(crate) fn exit_request(school: &mut School, place: PlaceId) {
    if school.site.places.contains_key(&place) {
        let now = school.now;
        lane(school, &place).exit_request = Some(now);
    }
}

/// Somebody went through the beams. Each grant lets one through; whom the exit button lets through, whoever pressed it
/// sees, and a forced door has its own alarm.
pub(crate) fn passage(school: &mut School, place: PlaceId, direction: Direction) {
    if !school.site.places.contains_key(&place) || gates_are_free(school) {
        return;
    }
    let cause = school.state.doors().get(&place).map(|door| &door.cause);
    if cause.is_some_and(|cause| !matches!(cause, OpenCause::Granted(_))) || exit_was_asked_for(school, &place) {
        return;
    }
    forget_lapsed(school, &place);
    if lane(school, &place).grants.pop_front().is_none() {
        let seq = school.record(What::Tailgated { place: place.clone(), direction });
        school.raise(Alarm::Tailgating { place }, Some(seq));
    }
}

/// The next door that will have stood open for too long.
pub(crate) fn next(school: &School) -> Option<Timeout> {
    if gates_are_free(school) {
        return None;
    }
    let unnoticed = school
        .state
        .doors()
        .iter()
        .filter(|(place, _)| !school.state.alarms().contains_key(&Alarm::GateHeld { place: (*place).clone() }));
    unnoticed
        .map(|(place, door)| (held_too_long_at(school, &door.since), place))
        .min()
        .map(|(at, place)| Timeout { at, why: Timer::GateHeld { place: place.clone() } })
}

/// A door has stood open for too long.
pub(crate) fn held(school: &mut School, place: &PlaceId) {
    if let Some(by) = school.state.doors().get(place).map(|door| door.by) {
        school.raise(Alarm::GateHeld { place: place.clone() }, Some(by));
    }
}

/// Time in which the gates stood open for everybody does not count.
fn held_too_long_at(school: &School, since: &Stamp) -> Mono {
    let may_stand = school.policy().gate_held();
    let at = school.deadline(since, may_stand);
    school.state.freed_until().map_or(at, |until| at.max(school.deadline(until, may_stand)))
}

fn opened(school: &mut School, place: &PlaceId) {
    forget_lapsed(school, place);
    let cause = if gates_are_free(school) {
        OpenCause::Free
    } else if let Some((seq, _)) = lane(school, place).grants.front() {
        OpenCause::Granted(*seq)
    } else if exit_was_asked_for(school, place) {
        OpenCause::ExitRequest
    } else if may_have_stood_open(school, place) {
        OpenCause::Unwatched
    } else {
        OpenCause::Forced
    };
    let forced = cause == OpenCause::Forced;
    let seq = school.record(What::GateOpened { place: place.clone(), cause });
    if forced {
        school.raise(Alarm::GateForced { place: place.clone() }, Some(seq));
    }
}

fn closed(school: &mut School, place: PlaceId) {
    school.record(What::GateClosed { place: place.clone() });
    school.end_alarm(&Alarm::GateHeld { place: place.clone() });
    lane(school, &place).exit_request = None;
    forget_lapsed(school, &place);
}

fn may_have_stood_open(school: &mut School, place: &PlaceId) -> bool {
    let just_begun = school.lanes.began.is_some_and(|began| school.within(&began, FIRST_LEVELS));
    just_begun && !lane(school, place).heard
}

fn exit_was_asked_for(school: &mut School, place: &PlaceId) -> bool {
    let life = grant_life(school);
    lane(school, place).exit_request.is_some_and(|at| school.within(&at, life))
}

/// A grant lapses unless the door opens in time; while the door stands open for one, people may take theirs.
fn forget_lapsed(school: &mut School, place: &PlaceId) {
    let stands_open = school.state.doors().get(place).is_some_and(|d| matches!(d.cause, OpenCause::Granted(_)));
    if stands_open {
        return;
    }
    let (now, life) = (school.now, grant_life(school));
    let live = |at: &Stamp| at.elapsed(&now).is_some_and(|gone| gone < life);
    let Some(Lane { grants, .. }) = school.lanes.lanes.get_mut(place) else { return };
    // Those of this boot lapse in their order.
    while grants.front().is_some_and(|(_, at)| at.boot == now.boot && !live(at)) {
        grants.pop_front();
    }
    if grants.front().is_some_and(|(_, at)| at.boot != now.boot) {
        grants.retain(|(_, at)| live(at));
    }
}

fn grant_life(school: &School) -> Duration {
    school.policy().passage() + SETTLING
}

fn lane<'a>(school: &'a mut School, place: &PlaceId) -> &'a mut Lane {
    school.lanes.lanes.entry(place.clone()).or_default()
}
