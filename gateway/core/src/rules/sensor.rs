//! A sensor's line comes and goes.

use alloc::{string::String, vec::Vec};

use crate::{
    alarm::Alarm,
    entry::What,
    id::PlaceId,
    input::Tampered,
    school::School,
    timer::{Timeout, Timer},
};

/// A line is heard, or is not; it becomes an alarm if it stays away.
pub(crate) fn heard(school: &mut School, place: PlaceId, line: String, heard: bool) {
    if !school.site.places.contains_key(&place) {
        return;
    }
    let away = school.state.sensors_away().contains_key(&(place.clone(), line.clone()));
    match (heard, away) {
        (true, true) => is_back(school, place, line),
        (false, false) => {
            school.record(What::SensorDown { place, line });
        }
        (true, false) | (false, true) => {}
    }
}

/// A case was opened, or is closed again. That it was open stays in the ledger.
pub(crate) fn tamper(school: &mut School, at: Tampered, on: bool) {
    let alarm = match at {
        Tampered::Place(place) if school.site.places.contains_key(&place) => Alarm::GateTampered { place },
        Tampered::Place(_) => return,
        Tampered::Reader(reader) => {
            let Some(place) = school.site.readers.get(&reader).cloned() else { return };
            Alarm::ReaderTampered { reader, place }
        }
    };
    if on { school.raise(alarm, None) } else { school.end_alarm(&alarm) }
}

/// The lines of places that the configuration has no longer can't come back.
pub(crate) fn begin(school: &mut School) {
    let gone = school.state.sensors_away().keys().filter(|(place, _)| !school.site.places.contains_key(place));
    for (place, line) in gone.cloned().collect::<Vec<_>>() {
        is_back(school, place, line);
    }
}

/// The next line that will have been away for too long.
pub(crate) fn next(school: &School) -> Option<Timeout> {
    let alarms = school.state.alarms();
    let unnoticed = school.state.sensors_away().iter().filter(|((place, line), _)| {
        !alarms.contains_key(&Alarm::SensorLost { place: place.clone(), line: line.clone() })
    });
    unnoticed
        .map(|(line, away)| (school.deadline(&away.since, school.policy().reader_lost()), line))
        .min()
        .map(|(at, (place, line))| Timeout { at, why: Timer::SensorLost { place: place.clone(), line: line.clone() } })
}

/// A line has been away for too long.
pub(crate) fn lost(school: &mut School, place: PlaceId, line: String) {
    let cause = school.state.sensors_away().get(&(place.clone(), line.clone())).map(|away| away.by);
    school.raise(Alarm::SensorLost { place, line }, cause);
}

fn is_back(school: &mut School, place: PlaceId, line: String) {
    school.record(What::SensorUp { place: place.clone(), line: line.clone() });
    school.end_alarm(&Alarm::SensorLost { place, line });
}
