//! A reader comes and goes.

use alloc::string::String;

use crate::{
    alarm::{Alarm, ReaderTrouble},
    entry::What,
    id::ReaderId,
    school::School,
};

/// A reader is heard: the first time since the start, or again.
pub(crate) fn up(school: &mut School, reader: ReaderId) {
    let Some((place, _)) = school.site.place_of(&reader) else { return };
    let alarm = Alarm::ReaderLost { reader: reader.clone(), place: place.clone() };
    if school.state.readers_away().contains_key(&reader) {
        school.record(What::ReaderUp { reader });
    }
    school.end_alarm(&alarm);
}

/// A reader can't be heard; it becomes an alarm if it stays so.
pub(crate) fn down(school: &mut School, reader: ReaderId, reason: String) {
    if school.site.place_of(&reader).is_some() && !school.state.readers_away().contains_key(&reader) {
        school.record(What::ReaderDown { reader, reason });
    }
}

/// Something is wrong with a reader that is heard: it is told at once, and until it is over.
pub(crate) fn trouble(school: &mut School, reader: ReaderId, trouble: ReaderTrouble, on: bool) {
    let Some((place, _)) = school.site.place_of(&reader) else { return };
    let alarm = Alarm::ReaderTrouble { reader, place: place.clone(), trouble };
    match on {
        true => school.raise(alarm, None),
        false => school.end_alarm(&alarm),
    }
}
