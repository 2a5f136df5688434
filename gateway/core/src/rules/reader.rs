//! A reader comes and goes.

use alloc::string::String;

use crate::{alarm::Alarm, entry::What, id::ReaderId, school::School};

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
