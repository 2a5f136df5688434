//! The deadlines: which is next, and what each does when it comes.

use crate::{
    alarm::Alarm,
    entry::CallEnd,
    rules::{closing, day, gate, handover, marks, pass, platform, sensor},
    school::School,
    state::{AlarmOn, Call},
    timer::{Timeout, Timer},
};

/// Most deadlines dealt with at one moment; whatever is left is due at the next call.
const MAX_AT_ONCE: usize = 10_000;

/// Whatever has deadlines tells the earliest of its own.
const EACH: [fn(&School) -> Option<Timeout>; 10] = [
    call,
    quiet_alarm,
    lost_reader,
    marks::timeout,
    day::next,
    handover::next,
    gate::next,
    sensor::next,
    platform::next,
    pass::next,
];

/// The earliest deadline.
pub(crate) fn next(school: &School) -> Option<Timeout> {
    let mut earliest: Option<Timeout> = None;
    for next in EACH {
        if let Some(timeout) = next(school)
            && earliest.as_ref().is_none_or(|earliest| timeout.at < earliest.at)
        {
            earliest = Some(timeout);
        }
    }
    earliest
}

/// Deals with every deadline that has passed.
pub(crate) fn expire(school: &mut School) {
    for _ in 0..MAX_AT_ONCE {
        let Some(due) = next(school).filter(|timeout| timeout.at <= school.now.mono) else { return };
        match due.why {
            Timer::ReleaseWindow { call } => school.end_call(call, CallEnd::Expired),
            Timer::AlarmQuiet { alarm } => school.end_alarm(&alarm),
            Timer::ReaderLost { reader } => {
                let place = school.site.place_of(&reader).map(|(place, _)| place.clone());
                let cause = school.state.readers_away().get(&reader).map(|away| away.by);
                if let Some(place) = place {
                    school.raise(Alarm::ReaderLost { reader, place }, cause);
                }
            }
            Timer::DeliveryMark => marks::write_all(school),
            Timer::Check(check) => day::check(school, check),
            Timer::SessionClose { session } => closing::close(school, &session),
            Timer::DayTurn => day::turn(school),
            Timer::HandoverIncomplete { offer } => handover::incomplete(school, offer),
            Timer::GateHeld { place } => gate::held(school, &place),
            Timer::Gate { place } => gate::is_time(school, &place),
            Timer::GateSchedule => gate::look(school),
            Timer::SensorLost { place, line } => sensor::lost(school, place, line),
            Timer::PlatformUnreached => platform::unreached(school),
            Timer::RosterOld => platform::roster_old(school),
            Timer::CodeLapsed { place } => pass::code_lapsed(school, &place),
        }
    }
}

/// Calls are numbered in the order of their opening and all have the same window, so the first of this boot is the next of
/// them to end. Of those before it each is looked at: by a wall clock that was set, lost or put back, any may be the next.
fn call(school: &School) -> Option<Timeout> {
    let window = school.policy().release_window();
    let is_old = |open: &Call| open.at.boot != school.now.boot;
    let calls = school.state.calls();
    let old = calls.iter().take_while(|(_, open)| is_old(open));
    let first = calls.iter().find(|(_, open)| !is_old(open));
    let (at, call) = old.chain(first).map(|(&call, open)| (school.deadline(&open.at, window), call)).min()?;
    Some(Timeout { at, why: Timer::ReleaseWindow { call } })
}

/// As with calls: the first that last recurred in this boot is the next of them to end.
fn quiet_alarm(school: &School) -> Option<Timeout> {
    let quiet = school.policy().alarm_quiet();
    let is_old = |on: &AlarmOn| on.last.boot != school.now.boot;
    let old = school.state.passing_alarms().take_while(|(_, on)| is_old(on));
    let first = school.state.passing_alarms().find(|(_, on)| !is_old(on));
    old.chain(first)
        .map(|(alarm, on)| (school.deadline(&on.last, quiet), alarm))
        .min()
        .map(|(at, alarm)| Timeout { at, why: Timer::AlarmQuiet { alarm: alarm.clone() } })
}

fn lost_reader(school: &School) -> Option<Timeout> {
    let unnoticed = school.state.readers_away().iter().filter_map(|(reader, away)| {
        let (place, _) = school.site.place_of(reader)?;
        let alarm = Alarm::ReaderLost { reader: reader.clone(), place: place.clone() };
        (!school.state.alarms().contains_key(&alarm)).then_some((reader, away))
    });
    unnoticed
        .map(|(reader, away)| (school.deadline(&away.since, school.policy().reader_lost()), reader))
        .min()
        .map(|(at, reader)| Timeout { at, why: Timer::ReaderLost { reader: reader.clone() } })
}
